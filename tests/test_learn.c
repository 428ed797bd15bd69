#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/input_file.h"
#include "base/log_grid.h"
#include "base/time_zone.h"
#include "base/memory.h"
#include "base/random.h"
#include "dayshift/port_feature.h"
#include "learn/address_table.h"
#include "learn/address_tag.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/fit_peers.h"
#include "learn/mixture_fit.h"
#include "learn/peer_fit.h"
#include "learn/row_sample.h"
#include "learn/tag_table.h"
#include "model/model.h"
#include "net/wire.h"

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.9g is not %.9g to within %g", actual, expected, tolerance);
}

/* ---- mixtures ---- */

enum { POINTS = 400, MOST_COMPONENTS = 3 };
#define GRID 0.05
#define FLOOR (GRID / 3.4641)

/* A histogram of `n` draws' expectation: bin masses of the mixture on a grid. */
static size_t histogram(const struct mixture *m, double n, struct weighted_point *points)
{
    size_t used = 0;

    for (int i = 0; i < POINTS; i++) {
        double x = -2 + i * GRID;
        double mass = 0;

        for (uint32_t k = 0; k < m->size; k++) {
            const struct mixture_component *c = &m->components[k];

            mass += c->weight * 0.5 *
                    (erfc((c->mean - x - GRID / 2) / (c->sd * M_SQRT2)) -
                     erfc((c->mean - x + GRID / 2) / (c->sd * M_SQRT2)));
        }
        if (round(n * mass) > 0)
            points[used++] = (struct weighted_point){ x, round(n * mass) };
    }
    return used;
}

static int compare_means(const void *a, const void *b)
{
    const struct mixture_component *x = a;
    const struct mixture_component *y = b;

    return x->mean < y->mean ? -1 : x->mean > y->mean;
}

/* Known mixtures come back: as many components, weights within 0.01, moments within 0.05. */
static void test_mixture_recovered(void **state)
{
    static const struct mixture cases[] = {
        { .size = 1, .components = { { 1.0, 3.0, 0.5 } } },
        { .size = 1, .components = { { 1.0, 8.0, 2.0 } } },
        { .size = 2, .components = { { 0.5, 1.0, 0.3 }, { 0.5, 6.0, 0.6 } } },
        { .size = 2, .components = { { 0.9, 2.0, 0.2 }, { 0.1, 4.0, 0.4 } } },
        { .size = 3, .components = { { 0.2, 0.5, 0.2 }, { 0.5, 4.0, 0.5 }, { 0.3, 9.0, 0.8 } } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weighted_point points[POINTS];
        size_t count = histogram(&cases[i], 10000, points);
        struct mixture fitted = { 0 };

        mixture_fit(&fitted, points, count, FLOOR);
        assert_int_equal(fitted.size, cases[i].size);
        qsort(fitted.components, fitted.size, sizeof *fitted.components, compare_means);
        for (uint32_t k = 0; k < fitted.size; k++) {
            assert_near(fitted.components[k].weight, cases[i].components[k].weight, 0.01);
            assert_near(fitted.components[k].mean, cases[i].components[k].mean, 0.05);
            assert_near(fitted.components[k].sd, cases[i].components[k].sd, 0.05);
        }
    }
}

/* From many bad starts, step by step: never down by more than rounding. */
static void test_likelihood_never_falls(void **state)
{
    struct random_stream random;

    (void)state;
    random_init(&random, 1, RANDOM_FIT, 0, 0, 0);
    for (int trial = 0; trial < 200; trial++) {
        struct weighted_point points[30];
        struct mixture m = { .size = 1 + (uint32_t)random_below(&random, MIXTURE_MAX) };
        double before = -INFINITY;

        for (size_t i = 0; i < 30; i++)
            points[i] = (struct weighted_point){ random_unit(&random) * 10,
                                                  (double)(1 + random_below(&random, 99)) };
        for (uint32_t k = 0; k < m.size; k++)
            m.components[k] = (struct mixture_component){ 1.0 / m.size, random_unit(&random) * 10,
                                                          0.2 + random_unit(&random) };
        for (int i = 0; i < 60; i++) {
            double now = mixture_em_step(&m, points, 30, FLOOR);

            assert_true(now >= before - 1e-9 * fabs(now));
            before = now;
        }
        assert_true(mixture_log_likelihood(&m, points, 30) >= before - 1e-9 * fabs(before));
    }
}

static double total_weight(const struct mixture *m)
{
    double sum = 0;

    for (uint32_t k = 0; k < m->size; k++)
        sum += m->components[k].weight;
    return sum;
}

static void test_mixture_of_few_points(void **state)
{
    const struct weighted_point one[] = { { 2.5, 7 } };
    const struct weighted_point once[] = { { 0, 1 } };
    const struct weighted_point two[] = { { 0, 100 }, { 12, 300 } };
    struct mixture m;

    (void)state;
    mixture_fit(&m, one, 1, FLOOR);
    assert_int_equal(m.size, 1);
    assert_near(m.components[0].weight, 1, 1e-12);
    assert_near(m.components[0].mean, 2.5, 1e-12);
    assert_near(m.components[0].sd, FLOOR, 1e-12); /* what the grid can tell apart */
    mixture_fit(&m, once, 1, FLOOR);
    assert_int_equal(m.size, 1);
    mixture_fit(&m, two, 2, FLOOR);
    qsort(m.components, m.size, sizeof *m.components, compare_means);
    assert_int_equal(m.size, 2);
    assert_near(m.components[0].mean, 0, 1e-9);
    assert_near(m.components[0].weight, 0.25, 1e-9);
    assert_near(m.components[1].mean, 12, 1e-9);
    assert_near(m.components[1].sd, FLOOR, 1e-9);
    assert_near(total_weight(&m), 1, 1e-12);
}

/* States that have all volumes, as a flood of flows of every size makes them, cost no minutes. */
static void test_mixture_of_many_points(void **state)
{
    enum { MANY = 499, STATES = 200 };
    struct weighted_point points[MANY];
    struct random_stream random;
    clock_t begin = clock();

    (void)state;
    random_init(&random, 8, RANDOM_FIT, 0, 0, 0);
    for (int i = 0; i < STATES; i++) {
        struct mixture m = { 0 };

        for (int k = 0; k < MANY; k++)
            points[k] = (struct weighted_point){ k * 0.0433, (double)(1 + random_below(&random, 1000)) };
        mixture_fit(&m, points, MANY, FLOOR);
        assert_true(m.size > 1);
        assert_near(total_weight(&m), 1, 1e-9);
    }
    /* 0.4 s, and 9 s without a bound; with room for sanitizers */
    assert_in_range((clock() - begin) * 10 / CLOCKS_PER_SEC, 0, 30);
}

/* ---- entries that were made to collide ---- */

enum { COLLIDING = 80000 };

/* The inverse of random_mix64(). */
static uint64_t unmix64(uint64_t x)
{
    x = x ^ x >> 31 ^ x >> 62;
    x *= UINT64_C(0x319642b2d24d8ec3);
    x = x ^ x >> 27 ^ x >> 54;
    x *= UINT64_C(0x96de1b173f119089);
    return x ^ x >> 30 ^ x >> 60;
}

/* Numbers whose mix ends in zeros, and that end in zeros themselves: each as an address, a tag, a pair. */
static void test_no_slot_is_foreseen(void **state)
{
    clock_t begin = clock();
    struct address_table addresses;
    struct tag_table tags;
    struct tally tally;

    (void)state;
    assert_true(random_mix64(unmix64(12345)) == 12345);
    address_table_init(&addresses);
    tag_table_init(&tags, COLLIDING);
    tally_init(&tally);
    for (uint64_t i = 0; i < COLLIDING; i++) {
        uint64_t words[2] = { 0x20010db8, unmix64(unmix64(i << 24) ^ 0x20010db8) };
        uint64_t pair = unmix64(i << 24);
        struct ip_address address;

        memcpy(address.bytes, words, sizeof address.bytes);
        assert_int_equal(address_table_put(&addresses, &address), i);
        tag_table_put(&tags, i << 32, i);
        tally_add(&tally, (uint32_t)(pair >> 32), (uint32_t)pair, 1);
    }
    assert_int_equal(tag_table_find(&tags, UINT64_C(77) << 32), 77);
    assert_int_equal(tally.used, COLLIDING);
    address_table_release(&addresses);
    tag_table_release(&tags);
    tally_release(&tally);
    assert_in_range((clock() - begin) / CLOCKS_PER_SEC, 0, 1); /* 20 s where slots can be foreseen */
}

/* ---- ports as features ---- */

static void test_port_features(void **state)
{
    uint32_t sizes[PORT_FEATURES] = { 0 };

    (void)state;
    for (uint32_t port = 0; port <= UINT16_MAX; port++) {
        uint32_t feature = port_feature_of((uint16_t)port);

        assert_in_range(feature, 0, PORT_FEATURES - 1);
        assert_in_range(port, port_feature_first(feature), port_feature_first(feature + 1) - 1);
        assert_int_equal(port_feature_is_exact(feature), port <= 1024);
        sizes[feature]++;
    }
    assert_int_equal(PORT_FEATURES, 1046);
    for (uint32_t feature = 0; feature < PORT_FEATURES; feature++) {
        assert_int_equal(sizes[feature], port_feature_first(feature + 1) - port_feature_first(feature));
        if (feature < PORT_REGISTERED_FIRST)
            assert_int_equal(sizes[feature], 1);
        else if (feature < PORT_FEATURES - 1)
            assert_in_range(sizes[feature], 2406, 2407); /* 48,127 / 20 = 2406.35 */
    }
    assert_int_equal(sizes[PORT_FEATURES - 1], 16384);
}

/* ---- samples of flows ---- */

static void add_rows(struct row_sample *sample, uint64_t first, uint64_t end, uint64_t step)
{
    for (uint64_t i = first; i < end; i += step) {
        struct session_row row = { .packets = { i, 1 } };

        row_sample_add(sample, random_mix64(i), &row);
    }
}

static void assert_same_sample(const struct row_sample *a, const struct row_sample *b)
{
    assert_int_equal(a->used, b->used);
    for (size_t i = 0; i < a->used; i++) {
        assert_true(a->rows[i].key == b->rows[i].key);
        assert_int_equal(a->rows[i].row.packets[0], b->rows[i].row.packets[0]);
    }
}

/* However the flows are cut and ordered, the sample of all is the sample of the parts' samples. */
static void test_sample_of_union(void **state)
{
    static const struct {
        uint64_t all;
        size_t kept;
    } cases[] = { { 1, 1 }, { SERVICE_MAX_ROWS - 1, SERVICE_MAX_ROWS - 1 }, { SERVICE_MAX_ROWS, SERVICE_MAX_ROWS },
                  { SERVICE_MAX_ROWS + 1, SERVICE_MAX_ROWS }, { 5000, SERVICE_MAX_ROWS } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t half = (cases[i].all + 1) / 2;
        struct row_sample whole = { 0 };
        struct row_sample parts[2] = { { 0 } };
        struct row_sample joined = { 0 };

        add_rows(&whole, 0, cases[i].all, 1);
        row_sample_finish(&whole);
        assert_int_equal(whole.used, cases[i].kept);
        add_rows(&parts[0], half, cases[i].all, 1);
        add_rows(&parts[1], 0, half, 2); /* and the even before the odd */
        add_rows(&parts[1], 1, half, 2);
        for (int part = 0; part < 2; part++) {
            row_sample_finish(&parts[part]);
            for (size_t j = 0; j < parts[part].used; j++)
                row_sample_add(&joined, parts[part].rows[j].key, &parts[part].rows[j].row);
            free(parts[part].rows);
        }
        row_sample_finish(&joined);
        assert_same_sample(&whole, &joined);
        for (size_t j = 1; j < whole.used; j++)
            assert_true(session_row_packets(&whole.rows[j].row) >=
                        session_row_packets(&whole.rows[j - 1].row));
        free(whole.rows);
        free(joined.rows);
    }
}

/* ---- sequences of sampled flows ---- */

/* A row with key and length from a number; its packets tell whose they are. */
static void add_sequence(struct row_sample *sample, uint64_t number)
{
    struct flow_packet packets[FLOW_MAX_SEQUENCE];
    struct flow_record record = {
        .packets = { number + FLOW_MAX_SEQUENCE, 1 },
        .sequence = packets,
        .sequence_length = (uint32_t)(random_mix64(number + 77) % (FLOW_MAX_SEQUENCE + 1)),
    };
    struct session_row row;

    memset(packets, 0, sizeof packets);
    for (uint32_t i = 0; i < record.sequence_length; i++)
        packets[i].payload_bytes = (uint16_t)(number * 31 + i);
    row = session_row_of(&record, true);
    row_sample_add(sample, random_mix64(number), &row);
}

static void assert_same_sequences(const struct row_sample *a, const struct row_sample *b)
{
    assert_same_sample(a, b);
    assert_int_equal(a->packets, b->packets);
    for (size_t i = 0; i < a->used; i++) {
        assert_int_equal(a->rows[i].row.sequence_length, b->rows[i].row.sequence_length);
        if (a->rows[i].row.sequence_length > 0)
            assert_memory_equal(a->rows[i].row.sequence, b->rows[i].row.sequence,
                                a->rows[i].row.sequence_length * sizeof *a->rows[i].row.sequence);
        else
            assert_null(a->rows[i].row.sequence);
    }
}

/* What a sample should be, from all rows at once: the rule, without a heap or a cut on the way. */
static void assert_rule(const struct row_sample *sample, uint64_t flows)
{
    uint64_t packets = 0;
    size_t kept = 0;

    for (size_t i = 0; i < sample->used; i++) {
        const struct keyed_row *r = &sample->rows[i];
        uint64_t number = r->row.packets[0] - FLOW_MAX_SEQUENCE;
        uint64_t length = random_mix64(number + 77) % (FLOW_MAX_SEQUENCE + 1);
        uint64_t before = 0;
        uint64_t smaller = 0;
        uint64_t left;

        for (uint64_t other = 0; other < flows; other++) {
            if (random_mix64(other) < r->key) {
                before += random_mix64(other + 77) % (FLOW_MAX_SEQUENCE + 1);
                smaller++;
            }
        }
        left = before < SERVICE_MAX_PACKETS ? SERVICE_MAX_PACKETS - before : 0;
        assert_in_range(smaller, 0, SERVICE_MAX_ROWS - 1);
        assert_int_equal(r->row.sequence_length, length < left ? length : left);
        assert_int_equal(r->row.sequence_head,
                         r->row.sequence_length < FLOW_SEQUENCE_HEAD ? r->row.sequence_length : FLOW_SEQUENCE_HEAD);
        packets += r->row.sequence_length;
        kept += r->row.sequence_length > 0;
    }
    assert_int_equal(packets, sample->packets);
    assert_in_range(packets, 0, SERVICE_MAX_PACKETS);
    assert_true(kept > 0);
}

/* Flows dealt to three samples at random; these merged in either nesting are the sample of all. */
static void test_sequences_of_union(void **state)
{
    static const uint64_t flows[] = { 20, 100, 200, 300, 2000 };
    struct random_stream random;

    (void)state;
    random_init(&random, 3, RANDOM_FIT, 0, 0, 0);
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        for (int trial = 0; trial < 10; trial++) {
            struct row_sample whole = { 0 };
            struct row_sample left[3] = { { 0 } };
            struct row_sample right[3] = { { 0 } };

            for (uint64_t n = 0; n < flows[i]; n++) {
                uint64_t part = random_below(&random, 4) * (1 + random_below(&random, 2)) % 3;

                add_sequence(&whole, n);
                add_sequence(&left[part], n);
                add_sequence(&right[part], n);
                assert_in_range(whole.packets, 0, SERVICE_MAX_PACKETS + SERVICE_SLACK_PACKETS);
            }
            row_sample_finish(&whole);
            assert_rule(&whole, flows[i]);
            for (int part = 0; part < 3; part++) {
                row_sample_finish(&left[part]);
                row_sample_finish(&right[part]);
            }
            row_sample_merge(&left[0], &left[1]);
            row_sample_merge(&left[0], &left[2]);
            row_sample_merge(&right[2], &right[1]);
            row_sample_merge(&right[0], &right[2]);
            assert_same_sequences(&whole, &left[0]);
            assert_same_sequences(&whole, &right[0]);
            row_sample_release(&whole);
            for (int part = 0; part < 3; part++) {
                row_sample_release(&left[part]);
                row_sample_release(&right[part]);
            }
        }
    }
}

/* ---- who the peers are ---- */

enum { MOST_PEERS = 5000 };

/* Flows to peers, one after the other. */
struct restaurant {
    uint64_t flows[MOST_PEERS];
    uint32_t peers;
    uint64_t all;
};

/* The probability of the next flow, to a known peer or (peer == peers) to a new one; and the flow. */
static double go_to(struct restaurant *r, uint32_t peer, const struct peer_process *p)
{
    double flows = (double)r->all + p->concentration;
    double mass = peer < r->peers ? (double)r->flows[peer] - p->discount
                                  : p->concentration + p->discount * r->peers;

    if (peer == r->peers)
        r->flows[r->peers++] = 0;
    r->flows[peer]++;
    return r->all++ == 0 ? 1 : mass / flows;
}

static struct peer_partition partition_of(const struct restaurant *r, uint32_t limit,
                                          struct peer_group *groups)
{
    struct peer_partition partition = { .groups = groups };

    for (uint32_t i = 0; i < r->peers; i++) {
        if (i < limit)
            groups[partition.group_count++] = (struct peer_group){ r->flows[i], 1 };
        else
            partition.unlisted += r->flows[i];
    }
    return partition;
}

/* Every sequence of so many flows, of which the first `limit` peers are listed: probabilities sum to 1. */
static double all_sequences(struct restaurant *r, int flows, uint32_t limit, double before,
                            const struct peer_process *p, double *worst)
{
    double sum = 0;

    if (flows == 0) {
        struct peer_group groups[8];
        struct peer_partition partition = partition_of(r, limit, groups);

        if (r->peers <= limit) /* beyond, one partition stands for several sequences */
            *worst = fmax(*worst, fabs(peer_fit_log_probability(&partition, p) - log(before)));
        return before;
    }
    for (uint32_t peer = 0; peer <= r->peers; peer++) {
        struct restaurant next = *r;
        double chance = go_to(&next, peer, p);

        sum += all_sequences(&next, flows - 1, limit, before * chance, p, worst);
    }
    return sum;
}

static void test_peer_probability(void **state)
{
    static const struct peer_process cases[] = { { 0.5, 1 }, { 0.001, 3 }, { 0.9, 0.2 }, { 0.3, 40 } };
    static struct restaurant empty;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double worst = 0;

        assert_near(all_sequences(&empty, 5, 5, 1, &cases[i], &worst), 1, 1e-12);
        assert_true(worst < 1e-9);
    }
}

/* Two peers are listed, what follows is one lump: its sequences together have the probability given. */
static void test_peer_probability_of_unlisted(void **state)
{
    static const struct peer_process process = { 0.4, 1.5 };
    const struct peer_group groups[] = { { 2, 1 }, { 1, 1 } };
    const struct peer_partition partition = { groups, 2, 3 };
    static struct restaurant r;
    double all = 0;

    (void)state;
    for (uint32_t a = 2; a < 3; a++) { /* 0 0 1, then to peers beyond: 2, then 2 or 3, then 2, 3 or 4 */
        for (uint32_t b = 2; b < 4; b++) {
            for (uint32_t c = 2; c <= (b == 2 ? 3U : 4U); c++) {
                const uint32_t sequence[] = { 0, 0, 1, a, b, c };
                double chance = 1;

                r = (struct restaurant){ .peers = 0 };
                for (size_t i = 0; i < sizeof sequence / sizeof *sequence; i++)
                    chance *= go_to(&r, sequence[i], &process);
                all += chance;
            }
        }
    }
    assert_near(peer_fit_log_probability(&partition, &process), log(all), 1e-9);
}

static void draw_restaurant(struct restaurant *r, uint64_t flows, const struct peer_process *p,
                            struct random_stream *random)
{
    *r = (struct restaurant){ .peers = 0 };
    while (r->all < flows) {
        double at = random_unit(random) * ((double)r->all + p->concentration);
        uint32_t peer = 0;

        while (peer < r->peers && at >= (double)r->flows[peer] - p->discount)
            at -= (double)r->flows[peer++] - p->discount;
        go_to(r, peer, p);
    }
}

/* From twenty states of 2000 flows: discount within 0.04, concentration within a quarter. With 256 listed. */
static void test_peer_fit_recovers(void **state)
{
    static const struct peer_process cases[] = { { 0.2, 10 }, { 0.5, 1 }, { 0.5, 20 }, { 0.8, 5 } };
    static const struct peer_process prior = { 0.5, 1 };
    static struct restaurant r;
    struct random_stream random;

    (void)state;
    random_init(&random, 5, RANDOM_FIT, 0, 0, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct peer_group groups[20][LEARN_MAX_PEERS];
        struct peer_partition partitions[20];
        struct peer_process fitted;

        for (int k = 0; k < 20; k++) {
            draw_restaurant(&r, 2000, &cases[i], &random);
            partitions[k] = partition_of(&r, LEARN_MAX_PEERS, groups[k]);
        }
        fitted = peer_fit(partitions, 20, &prior);
        assert_near(fitted.discount, cases[i].discount, 0.04);
        assert_near(log(fitted.concentration), log(cases[i].concentration), 0.25);
    }
}

/* A flow says nothing: as the prior. Many flows outweigh it. */
static void test_peer_fit_backs_off(void **state)
{
    static const struct peer_process prior = { 0.3, 2 };
    const struct peer_group one = { 1, 1 };
    const struct peer_group often = { 5000, 1 };
    const struct peer_group singles = { 1, 250 };
    const struct peer_partition partitions[] = { { &one, 1, 0 }, { &often, 1, 0 }, { &singles, 1, 0 } };
    struct peer_process fitted = peer_fit(&partitions[0], 1, &prior);

    (void)state;
    assert_near(fitted.discount, 0.3, 1e-9);
    assert_near(fitted.concentration, 2, 1e-9);
    fitted = peer_fit(&partitions[1], 1, &prior);
    assert_true(fitted.discount < 0.2 && fitted.concentration < 0.5);
    fitted = peer_fit(&partitions[2], 1, &prior);
    assert_true(fitted.discount > 0.5 && fitted.concentration > 10);
}

/* ---- the learner, record by record ---- */

#define A "10.0.0.1"
#define B "10.0.0.2"
#define OUT "192.0.2.7"

static const struct ip_network ten = { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10 } }, 104 };

static const struct learner_config in_ten = { .local = &ten, .local_count = 1 };

static const struct day_time morning = { INT64_C(20000) * NS_PER_DAY + 100 * NS_PER_SLICE };

static struct ip_address address(const char *text)
{
    struct ip_address a;

    assert_int_equal(ip_address_parse(&a, text), 0);
    return a;
}

/* A flow of three packets one way and two the other. */
static struct flow_record flow(int64_t ms, const char *from, const char *to, uint8_t protocol,
                               uint16_t port)
{
    return (struct flow_record){
        .address = { address(from), address(to) },
        .port = { 50000, port },
        .protocol = protocol,
        .start = { morning.ns + ms * NS_PER_MS },
        .duration_ns = NS_PER_MS,
        .packets = { 3, 2 },
        .bytes = { 300, 2000 },
    };
}

static struct learner *learner_of(const struct flow_record *records, size_t count)
{
    struct learner *learner = learner_new(&(struct learner_config){ 0 });

    for (size_t i = 0; i < count; i++)
        learner_add(learner, &records[i]);
    return learner;
}

static uint32_t state_of(const struct network_stats *stats, uint32_t host, enum host_role role,
                         uint8_t protocol, uint32_t feature)
{
    struct state_key key = { role, protocol, feature };
    uint32_t state = tally_find(&stats->states, host, state_key_pack(key));

    assert_int_not_equal(state, TALLY_NONE);
    return state;
}

static uint32_t packed(enum peer_kind kind, uint32_t id)
{
    return peer_pack((struct peer){ kind, id });
}

/* A asks B twice and the world once; B asks a group. */
static void test_learner_counts(void **state)
{
    const struct flow_record records[] = {
        flow(0, A, B, IP_TCP, 445),
        flow(1000, A, OUT, IP_TCP, 443),
        flow(3000, A, B, IP_TCP, 445),
        flow(4000, B, "224.0.0.251", IP_UDP, 5353),
    };
    struct learner *learner = learner_of(records, 4);
    const struct network_stats *stats = learner_finish(learner);
    uint32_t asks_b = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 445);
    uint32_t asks_out = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    uint32_t answers = state_of(stats, 1, ROLE_RESPONDER, IP_TCP, 445);
    uint32_t asks_group = state_of(stats, 1, ROLE_INITIATOR, IP_UDP, port_feature_of(5353));
    uint32_t transition = tally_find(&stats->transitions, asks_b, asks_out);
    uint32_t slice = slice_number(morning);
    const struct activity *a;

    (void)state;
    assert_int_equal(stats->host_count, 2);
    assert_int_equal(stats->states.used, 4);
    assert_int_equal(stats->flows, 4);
    assert_int_equal(stats->packets, 20);
    assert_int_equal(stats->states.entries[asks_b].count, 2);
    assert_int_equal(tally_count(&stats->initial, 0, asks_b), 1);
    assert_int_equal(tally_count(&stats->initial, 1, answers), 1);
    assert_int_equal(stats->transitions.used, 4);
    assert_int_equal(tally_count(&stats->transitions, asks_out, asks_b), 1);
    assert_int_equal(tally_count(&stats->transitions, answers, answers), 1);
    assert_int_equal(tally_count(&stats->transitions, answers, asks_group), 1);
    assert_int_equal(tally_count(&stats->gaps, transition, log_grid_bin(1e9, GAP_GRID_PER_OCTAVE)), 1);
    assert_int_equal(tally_count(&stats->volumes, asks_b, log_grid_bin(5, VOLUME_GRID_PER_OCTAVE)), 2);
    assert_int_equal(tally_count(&stats->initiator_ports, asks_b, PORT_FEATURES - 1), 2);
    assert_int_equal(tally_count(&stats->responder_ports, asks_group, 5353), 1);
    assert_int_equal(stats->responder_ports.used, 1); /* the others' features are one port each */
    assert_int_equal(tally_count(&stats->peers, asks_b, packed(PEER_LOCAL, 1)), 2);
    assert_int_equal(tally_count(&stats->peers, answers, packed(PEER_LOCAL, 0)), 2);
    assert_int_equal(tally_count(&stats->peers, asks_group, packed(PEER_GROUP, 0)), 1);
    a = &stats->activity[tally_find(&stats->active, 0, slice)];
    assert_int_equal(a->packets_sent, 9);
    assert_int_equal(a->packets_received, 6);
    assert_int_equal(a->flows_initiated, 3);
    a = &stats->activity[tally_find(&stats->active, 1, slice)];
    assert_int_equal(a->packets_sent, 7);
    assert_int_equal(a->bytes_sent, 4300);
    assert_int_equal(a->flows_answered, 2);
    learner_free(learner);
}

/* A host is who sends, not who is only asked; what 0.0.0.0 asks comes from no group. */
static void test_who_is_a_host(void **state)
{
    struct flow_record records[] = {
        flow(0, A, B, IP_TCP, 445),           /* no answer */
        flow(1000, OUT, A, IP_TCP, 22),       /* asked from outside */
        flow(2000, OUT, "198.51.100.1", IP_TCP, 80), /* none of ours */
        flow(3000, "0.0.0.0", A, IP_UDP, 67),
    };
    struct learner *learner;
    const struct network_stats *stats;
    struct ip_address expected = address(A);
    struct ip_network local;

    (void)state;
    records[0].packets[FLOW_RESPONDER] = 0;
    assert_int_equal(ip_network_parse(&local, "10.0.0.0/8"), 0);
    learner = learner_new(&(struct learner_config){ .local = &local, .local_count = 1 });
    for (size_t i = 0; i < 4; i++)
        learner_add(learner, &records[i]);
    stats = learner_finish(learner);
    assert_int_equal(stats->host_count, 1);
    assert_true(ip_address_equal(learner_host_address(learner, 0), &expected));
    assert_int_equal(learner_foreign_flows(learner), 1);
    assert_int_equal(stats->flows, 4);
    assert_int_equal(stats->states.used, 3);
    for (size_t i = 0; i < stats->peers.used; i++)
        assert_int_equal(peer_unpack(stats->peers.entries[i].symbol).kind, PEER_OUTSIDE);
    assert_int_equal(stats->services.used, 3); /* a foreign flow is no sample */
    learner_free(learner);
}

/* With a list: these hosts in this order, seen or not, and no others. */
static void test_listed_hosts(void **state)
{
    const struct ip_address hosts[] = { address("10.9.9.9"), address(B), address(OUT) };
    struct learner *learner = learner_new(&(struct learner_config){ .hosts = hosts, .host_count = 3 });
    const struct flow_record record = flow(0, A, B, IP_TCP, 445);
    const struct network_stats *stats;

    (void)state;
    learner_add(learner, &record);
    stats = learner_finish(learner);
    assert_int_equal(stats->host_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(ip_address_equal(learner_host_address(learner, i), &hosts[i]));
    assert_int_equal(stats->states.used, 1);
    state_of(stats, 1, ROLE_RESPONDER, IP_TCP, 445);
    learner_free(learner);
}

static void test_local_networks(void **state)
{
    struct ip_network local;
    struct learner *learner;
    const struct flow_record record = flow(0, A, OUT, IP_TCP, 443);

    (void)state;
    assert_int_equal(ip_network_parse(&local, "192.0.2.0/24"), 0);
    learner = learner_new(&(struct learner_config){ .local = &local, .local_count = 1 });
    learner_add(learner, &record);
    assert_int_equal(learner_finish(learner)->host_count, 1);
    state_of(learner_finish(learner), 0, ROLE_RESPONDER, IP_TCP, 443);
    learner_free(learner);
}

/* After an hour without a packet a sequence begins anew, and the hour is not covered. */
static void test_silence_is_a_hole(void **state)
{
    static const struct {
        int64_t silence_s;
        uint64_t initial, transitions;
        uint32_t covered;
    } cases[] = { { 300, 1, 1, 2 }, { 3600, 1, 1, 13 }, { 3602, 2, 0, 2 }, { 86400, 2, 0, 2 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct flow_record records[] = {
            flow(0, A, OUT, IP_TCP, 443),
            flow(cases[i].silence_s * 1000, A, OUT, IP_TCP, 443),
        };
        struct learner *learner = learner_of(records, 2);
        const struct network_stats *stats = learner_finish(learner);

        assert_int_equal(tally_count(&stats->initial, 0, 0), cases[i].initial);
        assert_int_equal(tally_count(&stats->transitions, 0, 0), cases[i].transitions);
        assert_int_equal(stats->coverage.used, cases[i].covered);
        learner_free(learner);
    }
}

/* Beyond the limit peers are counted together and ports are not, but nothing is lost of the flows. */
static void test_limits(void **state)
{
    enum { FLOWS = 3 * SERVICE_MAX };
    struct learner *learner = learner_new(&(struct learner_config){ 0 });
    const struct network_stats *stats;
    struct tally_entry *ports;
    uint32_t http;
    uint64_t others;

    (void)state;
    for (int i = 0; i < FLOWS; i++) {
        struct flow_record record = flow(i, A, OUT, IP_TCP, 443);

        record.address[FLOW_RESPONDER] = ip_address_from_v4(UINT32_C(0xc0000000) + (uint32_t)i);
        learner_add(learner, &record);
        record.port[FLOW_RESPONDER] = (uint16_t)(50000 + i);
        learner_add(learner, &record);
    }
    stats = learner_finish(learner);
    http = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    assert_int_equal(tally_count(&stats->peers, http, packed(PEER_OUTSIDE, PEER_ID_OTHER)),
                     FLOWS - LEARN_MAX_PEERS);
    ports = tally_sorted(&stats->responder_ports);
    assert_int_equal(stats->responder_ports.used, LEARN_MAX_PORTS + 1);
    assert_int_equal(ports[0].symbol, 50000);
    assert_int_equal(ports[LEARN_MAX_PORTS].symbol, PORT_OTHER);
    assert_int_equal(ports[LEARN_MAX_PORTS].count, FLOWS - LEARN_MAX_PORTS);
    free(ports);
    assert_int_equal(stats->services.used, SERVICE_MAX + 1);
    others = tally_count(&stats->services, IP_TCP, SERVICE_OTHER_PORTS);
    assert_int_equal(others, FLOWS + 1 - SERVICE_MAX);
    assert_int_equal(stats->samples[tally_find(&stats->services, IP_TCP, SERVICE_OTHER_PORTS)].used,
                     SERVICE_MAX_ROWS);
    learner_free(learner);
}

/* The service of a number: one flow each of a scan. */
static struct flow_record scanned(uint32_t n, uint32_t port)
{
    struct flow_record record = flow(n, A, OUT, IP_TCP, (uint16_t)port);

    record.is_measured = true;
    record.application = "scan";
    return record;
}

/* Who scans ports, before, between or after, costs no service that is used its place. */
static void test_scan_costs_no_service(void **state)
{
    enum { SCANNED = 20000, USED = 40, FLOWS = 10 };
    static const uint32_t begins[] = { 0, SCANNED / 2, SCANNED }; /* of what is used, among the scan */

    (void)state;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct learner *learner = learner_new(&in_ten);
        const struct network_stats *stats;
        uint64_t flows = 0;
        uint64_t measured = 0;
        uint64_t labelled = 0;
        uint32_t n = 0;

        for (uint32_t k = 0; k <= SCANNED; k++) {
            struct flow_record record = scanned(n++, 20000 + k);

            learner_add(learner, &record);
            for (uint32_t used = 0; k == begins[i] && used < USED * FLOWS; used++) {
                record = scanned(n++, 100 + used % USED);
                record.application = "used";
                learner_add(learner, &record);
            }
        }
        stats = learner_finish(learner);
        assert_int_equal(stats->services.used, SERVICE_MAX + 1);
        for (uint32_t used = 0; used < USED; used++) {
            uint32_t service = tally_find(&stats->services, service_owner_pack(IP_TCP, 2), 100 + used);

            assert_string_equal(network_stats_label(stats, 2), "used");
            assert_int_not_equal(service, TALLY_NONE);
            assert_int_equal(stats->services.entries[service].count, FLOWS);
            assert_int_equal(stats->samples[service].used, FLOWS);
            assert_int_equal(stats->conditions[service].flows, FLOWS);
        }
        for (size_t k = 0; k < stats->services.used; k++) {
            flows += stats->services.entries[k].count;
            measured += stats->conditions[k].flows;
        }
        for (size_t k = 0; k < stats->state_labels.used; k++)
            labelled += stats->state_labels.entries[k].count;
        assert_int_equal(flows, n);
        assert_int_equal(measured, n);
        assert_int_equal(labelled, n);
        assert_int_equal(learner_given_up(learner)->services, SCANNED + 1 - (SERVICE_MAX - USED));
        assert_int_equal(stats->samples[tally_find(&stats->services, IP_TCP, SERVICE_OTHER_PORTS)].used,
                         SERVICE_MAX_ROWS);
        learner_free(learner);
    }
}

/* A ping in IPv6 is the service that a ping in IPv4 is. */
static void test_pings_are_alike(void **state)
{
    struct flow_record records[] = { flow(0, A, B, IP_ICMP, 8 << 8),
                                     flow(1000, "fd00::1", "fd00::2", IP_ICMPV6, 128 << 8) };
    struct learner *learner = learner_of(records, 2);
    const struct network_stats *stats = learner_finish(learner);

    (void)state;
    assert_int_equal(tally_count(&stats->services, IP_ICMP, 8), 2);
    state_of(stats, 0, ROLE_INITIATOR, IP_ICMP, 8);
    state_of(stats, 2, ROLE_INITIATOR, IP_ICMP, 8);
    assert_int_equal(stats->initiator_ports.used, 0);
    learner_free(learner);
}

/* ---- what a record brings beside its counts ---- */

static void test_bytes_conditions_labels(void **state)
{
    const struct flow_packet packets[] = { { 0x02, 0, 0, 0, 0 }, { 0x92, 40, 0, 9, 0 }, { 0x10, 41, 512, 255, 0 } };
    struct flow_record measured = flow(0, A, OUT, IP_TCP, 443);
    struct flow_record logged = flow(1000, A, OUT, IP_TCP, 443);
    struct flow_record attempt = flow(2000, A, OUT, IP_TCP, 443);
    struct learner *learner = learner_new(&in_ten);
    const struct network_stats *stats;
    const struct service_conditions *c;
    const struct keyed_row *row;
    uint32_t web;
    uint32_t google;
    uint32_t tls;

    (void)state;
    measured.is_measured = true;
    measured.opening = FLOW_OPENING_HANDSHAKE;
    measured.ending = FLOW_ENDING_RESET;
    measured.retransmitted[0] = 1;
    measured.retransmitted[1] = 2;
    measured.reordered[1] = 4;
    measured.duplicated[0] = 8;
    measured.fragments[1] = 16;
    measured.window[0] = 64240;
    measured.tcp_options[1] = 5;
    measured.window_scale[1] = 7;
    measured.application = "TLS.Google";
    measured.sequence = packets;
    measured.sequence_length = 3;
    measured.unreachable = 2;
    measured.open_window[1] = 501;
    measured.timestamp_hz[0] = 250;
    measured.ip_id[0] = IP_ID_COUNTER;
    logged.application = "TLS";
    attempt.is_measured = true;
    attempt.opening = FLOW_OPENING_ATTEMPT;
    attempt.packets[FLOW_RESPONDER] = 0;
    attempt.application = "TLS";
    learner_add(learner, &measured);
    learner_add(learner, &logged);
    learner_add(learner, &attempt);
    stats = learner_finish(learner);
    web = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    assert_int_equal(tally_count(&stats->bytes, web,
                                 flow_size_pack(log_grid_bin(5, VOLUME_GRID_PER_OCTAVE),
                                                log_grid_bin(2300, VOLUME_GRID_PER_OCTAVE))), 2);
    google = tally_find(&stats->services, service_owner_pack(IP_TCP, 1), 443);
    tls = tally_find(&stats->services, service_owner_pack(IP_TCP, 2), 443);
    assert_int_equal(stats->services.used, 2);
    assert_int_equal(stats->services.entries[google].count, 1);
    assert_int_equal(stats->services.entries[tls].count, 2);
    c = &stats->conditions[tls];
    assert_int_equal(c->flows, 1);
    assert_int_equal(c->attempts, 1);
    assert_int_equal(c->unanswered, 1);
    c = &stats->conditions[google];
    assert_int_equal(c->flows, 1);
    assert_int_equal(c->packets, 5);
    assert_int_equal(c->unreachable, 2);
    assert_int_equal(c->retransmitted, 3);
    assert_int_equal(c->reordered, 4);
    assert_int_equal(c->duplicated, 8);
    assert_int_equal(c->fragments, 16);
    assert_int_equal(c->resets, 1);
    assert_int_equal(c->attempts, 1);
    assert_int_equal(c->unanswered, 0);
    assert_int_equal(stats->label_count, 2);
    assert_string_equal(network_stats_label(stats, 1), "TLS.Google");
    assert_string_equal(network_stats_label(stats, 2), "TLS");
    assert_int_equal(tally_count(&stats->state_labels, web, 1), 1);
    assert_int_equal(tally_count(&stats->state_labels, web, 2), 2);
    assert_int_equal(stats->samples[tls].used, 2);
    assert_int_equal(stats->samples[google].used, 1);
    row = &stats->samples[google].rows[0];
    assert_true(row->row.is_measured);
    assert_int_equal(row->row.window[0], 64240);
    assert_int_equal(row->row.tcp_options[1], 5);
    assert_int_equal(row->row.window_scale[1], 7);
    assert_int_equal(row->row.open_window[1], 501);
    assert_int_equal(row->row.timestamp_hz[0], 250);
    assert_int_equal(row->row.ip_id[0], IP_ID_COUNTER);
    assert_int_equal(row->row.retransmitted[1], 2);
    assert_int_equal(row->row.reordered[1], 4);
    assert_int_equal(row->row.duplicated[0], 8);
    assert_int_equal(row->row.fragments[1], 16);
    assert_int_equal(row->row.sequence_length, 3);
    assert_memory_equal(row->row.sequence, packets, sizeof packets);
    assert_int_equal(stats->outside_count, 1);
    assert_false(stats->has_tags);
    learner_free(learner);
}

/*
 * Of more classes than services find room, those of few flows are counted with the port, which stays; of a port
 * without room, with the other ports.
 */
static void test_rare_classes(void **state)
{
    enum { CLASSES = 1500, FLOWS_OF_EVEN = 3 };
    static char class_names[CLASSES][24];
    struct learner *learner = learner_new(&in_ten);
    const struct network_stats *stats;
    uint64_t without;
    uint64_t all = 0;
    int64_t ms = 0;

    (void)state;
    for (int i = 0; i < CLASSES; i++) {
        struct flow_record record = flow(0, A, OUT, IP_TCP, 443);

        snprintf(class_names[i], sizeof class_names[i], "class%d", i);
        record.application = class_names[i];
        for (int k = 0; k < (i % 2 ? 1 : FLOWS_OF_EVEN); k++) {
            record.start.ns = ms++ * NS_PER_MS;
            learner_add(learner, &record);
        }
    }
    stats = learner_finish(learner);
    assert_int_equal(stats->services.used, SERVICE_MAX);
    for (size_t i = 0; i < stats->services.used; i++)
        all += stats->services.entries[i].count;
    assert_int_equal(all, CLASSES / 2 * (1 + FLOWS_OF_EVEN));
    without = tally_count(&stats->services, service_owner_pack(IP_TCP, LABEL_NONE), 443);
    assert_int_equal(without, CLASSES - (SERVICE_MAX - 1)); /* one flow each; the port itself takes a place */
    assert_int_equal(stats->samples[tally_find(&stats->services, IP_TCP, 443)].used, without);
    assert_int_equal(learner_given_up(learner)->services, 0);
    assert_int_equal(stats->state_labels.used, CLASSES);
    learner_free(learner);
}

/* Samples leave three quarters of the memory to hosts; every service has a few rows all the same. */
static void test_room_for_samples(void **state)
{
    enum { SERVICES = 600, FLOWS = 100, MOST = 16 << 20, LEAST_ROWS = 16 };
    struct flow_packet packets[200] = { { 0x02, 0, 0, 0, 0 } };
    struct learner_config config = in_ten;
    struct learner *learner;
    const struct network_stats *stats;
    size_t bytes = 0;

    (void)state;
    config.max_bytes = MOST;
    learner = learner_new(&config);
    for (int i = 0; i < SERVICES * FLOWS; i++) {
        struct flow_record record = flow(i, A, OUT, IP_TCP, (uint16_t)(1 + i % SERVICES));

        record.packets[0] = 200;
        record.sequence = packets;
        record.sequence_length = 200;
        learner_add(learner, &record);
    }
    stats = learner_finish(learner);
    for (size_t i = 0; i < stats->services.used; i++) {
        assert_in_range(stats->samples[i].used, LEAST_ROWS, FLOWS);
        bytes += stats->samples[i].used * SAMPLED_ROW_BYTES + stats->samples[i].packets * sizeof *packets;
    }
    assert_int_equal(stats->services.used, SERVICES);
    assert_in_range(bytes, MOST / 4, MOST / 4 + SERVICES * LEAST_ROWS * SAMPLED_ROW_BYTES);
    assert_true(learner_given_up(learner)->samples > 0);
    assert_int_equal(learner_given_up(learner)->states, 0);
    learner_free(learner);
}

/* Names beyond the limits are counted as given up, and nothing else is lost of the flow. */
static void test_label_limits(void **state)
{
    static char names[5000][16];
    struct learner *learner = learner_new(&in_ten);
    const struct network_stats *stats;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct flow_record record = flow(i, A, OUT, IP_TCP, 443);

        snprintf(names[i], sizeof names[i], "app%d", i);
        record.application = names[i];
        learner_add(learner, &record);
        learner_add(learner, &record);
    }
    stats = learner_finish(learner);
    assert_int_equal(stats->label_count, LABELS_MAX);
    assert_int_equal(tally_count(&stats->state_labels, 0, LABELS_MAX), 2);
    assert_int_equal(learner_given_up(learner)->labels, 2 * (5000 - LABELS_MAX));
    assert_int_equal(stats->flows, 10000);
    learner_free(learner);
}

/* No flow has these; a model would not take them. */
static void test_impossible_records(void **state)
{
    struct flow_record records[9];
    struct learner *learner = learner_new(&in_ten);

    (void)state;
    for (int i = 0; i < 9; i++)
        records[i] = flow(i, A, OUT, IP_TCP, 443);
    records[0].packets[0] = records[0].packets[1] = 0;
    records[1].start.ns = -1;
    records[2].duration_ns = -1;
    records[3].duration_ns = INT64_MAX;
    records[4].start.ns = INT64_MAX;
    records[5].packets[1] = UINT64_MAX;
    records[6].bytes[0] = UINT64_MAX;
    records[7].address[1] = records[7].address[0]; /* LAND: to itself */
    for (int i = 0; i < 9; i++)
        learner_add(learner, &records[i]);
    assert_int_equal(learner_finish(learner)->flows, 1);
    assert_int_equal(learner_refused_flows(learner), 8);
    learner_free(learner);
}

/* ---- order ---- */

/* A late flow of a host is no step of its sequence; it counts everywhere else. */
static void test_late_flow(void **state)
{
    const struct flow_record records[] = {
        flow(10000, A, OUT, IP_TCP, 443),
        flow(12000, A, OUT, IP_TCP, 80),
        flow(5000, A, OUT, IP_UDP, 53), /* late */
        flow(11000, B, OUT, IP_UDP, 53), /* behind A's, but B's first */
        flow(13000, A, OUT, IP_TCP, 443),
    };
    struct learner *learner = learner_new(&in_ten);
    const struct network_stats *stats;
    uint32_t https;
    uint32_t http;
    uint32_t dns;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        learner_add(learner, &records[i]);
    stats = learner_finish(learner);
    https = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 443);
    http = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 80);
    dns = state_of(stats, 0, ROLE_INITIATOR, IP_UDP, 53);
    assert_int_equal(learner_late_flows(learner), 1);
    assert_int_equal(stats->states.entries[dns].count, 1);
    assert_int_equal(tally_count(&stats->transitions, https, http), 1);
    assert_int_equal(tally_count(&stats->transitions, http, https), 1);
    assert_int_equal(stats->transitions.used, 2);
    assert_int_equal(stats->initial.used, 2);
    assert_int_equal(tally_count(&stats->gaps, 1, log_grid_bin(1e9, GAP_GRID_PER_OCTAVE)), 1);
    assert_int_equal(stats->flows, 5);
    assert_true(stats->first.ns == records[2].start.ns);
    learner_free(learner);
}

/* So many flows, an hour and more behind all before them: one is late, many are a new stretch. */
static void test_step_back(void **state)
{
    static const struct {
        int flows;
        uint64_t late, initial;
        uint32_t covered;
    } cases[] = {
        { 1, 1, 1, 1 },
        { LEARN_STEP_BACK_FLOWS - 1, LEARN_STEP_BACK_FLOWS - 1, 1, 1 },
        { LEARN_STEP_BACK_FLOWS, LEARN_STEP_BACK_FLOWS - 1, 2, 2 },
        { 100, LEARN_STEP_BACK_FLOWS - 1, 2, 2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct learner *learner = learner_new(&in_ten);
        struct flow_record record = flow(10 * 3600 * 1000, A, OUT, IP_TCP, 443);
        const struct network_stats *stats;
        uint64_t transitions = 0;

        learner_add(learner, &record);
        for (int k = 0; k < cases[i].flows; k++) {
            record = flow(3600 * 1000 + k, A, OUT, IP_TCP, 443);
            learner_add(learner, &record);
        }
        stats = learner_finish(learner);
        for (size_t k = 0; k < stats->transitions.used; k++)
            transitions += stats->transitions.entries[k].count;
        assert_int_equal(learner_late_flows(learner), cases[i].late);
        assert_int_equal(tally_count(&stats->initial, 0, 0), cases[i].initial);
        assert_int_equal(transitions + cases[i].late + cases[i].initial, cases[i].flows + 1);
        assert_int_equal(stats->coverage.used, cases[i].covered);
        for (size_t k = 0; k < stats->gaps.used; k++)
            assert_true(stats->gaps.entries[k].symbol <= log_grid_bin(1e6, GAP_GRID_PER_OCTAVE));
        learner_free(learner);
    }
}

/* ---- halves ---- */

static uint64_t total(const struct tally *tally)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tally->used; i++)
        sum += tally->entries[i].count;
    return sum;
}

/* Six slices, of which B sends in the last alone; each half has its slices, and all hosts. */
static void test_halves(void **state)
{
    static const struct {
        enum observed_half half;
        uint64_t flows, transitions, initial, covered;
    } cases[] = {
        { OBSERVE_ALL, 13, 12, 1, 1501 },
        { OBSERVE_EVEN, 6, 3, 3, 900 },
        { OBSERVE_ODD, 7, 4, 3, 601 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct learner_config config = in_ten;
        const struct network_stats *stats;
        struct learner *learner;
        struct flow_record record;

        config.half = cases[i].half;
        learner = learner_new(&config);
        for (int64_t n = 0; n < 12; n++) { /* at 0 and 100 s of each slice */
            record = flow((n / 2 * 300 + n % 2 * 100) * 1000, A, OUT, IP_TCP, 443);
            learner_add(learner, &record);
        }
        record = flow(1500000, B, A, IP_TCP, 22);
        record.start.ns += 100 * NS_PER_SECOND;
        learner_add(learner, &record);
        stats = learner_finish(learner);
        assert_int_equal(stats->host_count, 2);
        assert_int_equal(stats->flows, cases[i].flows);
        assert_int_equal(total(&stats->transitions), cases[i].transitions);
        assert_int_equal(tally_count(&stats->initial, 0, 0), cases[i].initial);
        for (size_t k = 0; k < stats->coverage.used; k++)
            assert_true(cases[i].half == OBSERVE_ALL ||
                        stats->coverage.entries[k].symbol % 2 == (cases[i].half == OBSERVE_ODD));
        assert_int_equal(total(&stats->coverage), cases[i].covered + (i == 1 ? 0 : 100));
        learner_free(learner);
    }
}

/* ---- tags ---- */

static const uint8_t key_one[ADDRESS_TAG_KEY_BYTES] = "thirty-two bytes that are secret";
static const uint8_t key_two[ADDRESS_TAG_KEY_BYTES] = "thirty-two bytes of another kind";

static void test_tags(void **state)
{
    const struct flow_record record = flow(0, A, OUT, IP_TCP, 443);
    struct learner_config config = in_ten;
    const struct ip_address a = address(A);
    const struct ip_address out = address(OUT);
    struct learner *learner;
    const struct network_stats *stats;

    (void)state;
    config.key = key_one;
    learner = learner_new(&config);
    learner_add(learner, &record);
    stats = learner_finish(learner);
    assert_true(stats->has_tags);
    assert_true(stats->key_check == address_tag_key_check(key_one));
    assert_true(stats->host_tags[0] == address_tag(key_one, &a));
    assert_true(stats->outside_tags[0] == address_tag(key_one, &out));
    /* The same on every machine: BLAKE2b-128 of the text and 16 bytes, its first 8. */
    assert_true(address_tag(key_one, &a) == UINT64_C(0x02b3ace2904d6d5c));
    assert_true(address_tag(key_one, &a) != address_tag(key_two, &a));
    assert_true(address_tag(key_one, &a) != address_tag(key_one, &out));
    assert_true(address_tag_key_check(key_one) != address_tag_key_check(key_two));
    learner_free(learner);
}

/* ---- statistics as a list that does not depend on the order of anything ---- */

enum { FACT_WORDS = 7 };

/* A count, and what it is of, by tags of addresses, keys of states and names instead of indices. */
struct fact {
    uint64_t words[FACT_WORDS];
    uint64_t count;
};

struct facts {
    struct fact *facts;
    size_t used, capacity;
};

enum fact_kind { STATE = 1, INITIAL, TRANSITION, GAP, VOLUME, BYTES, INITIATOR_PORT, RESPONDER_PORT,
                 PEER, ACTIVE, COVERAGE, SERVICE, ROW, LABEL, TOTAL };

static void add_fact(struct facts *facts, uint64_t count, const uint64_t words[FACT_WORDS])
{
    facts->facts = memory_grow(facts->facts, &facts->capacity, facts->used + 1, sizeof *facts->facts);
    memcpy(facts->facts[facts->used].words, words, FACT_WORDS * sizeof *words);
    facts->facts[facts->used++].count = count;
}

#define FACT(facts, count, ...) add_fact(facts, count, (const uint64_t[FACT_WORDS]){ __VA_ARGS__ })

static int compare_facts(const void *a, const void *b)
{
    const struct fact *x = a;
    const struct fact *y = b;

    for (int i = 0; i < FACT_WORDS; i++) {
        if (x->words[i] != y->words[i])
            return x->words[i] < y->words[i] ? -1 : 1;
    }
    return 0;
}

static uint64_t state_host(const struct network_stats *stats, uint32_t state)
{
    return stats->host_tags[stats->states.entries[state].owner];
}

static uint64_t state_key_of(const struct network_stats *stats, uint32_t state)
{
    return stats->states.entries[state].symbol;
}

static void add_state_facts(struct facts *facts, enum fact_kind kind,
                            const struct network_stats *stats, const struct tally *tally)
{
    for (size_t i = 0; i < tally->used; i++) {
        const struct tally_entry *e = &tally->entries[i];

        FACT(facts, e->count, kind, state_host(stats, e->owner), state_key_of(stats, e->owner),
             e->symbol);
    }
}

static void add_peer_facts(struct facts *facts, const struct network_stats *stats)
{
    for (size_t i = 0; i < stats->peers.used; i++) {
        const struct tally_entry *e = &stats->peers.entries[i];
        struct peer peer = peer_unpack(e->symbol);
        uint64_t who = 0;

        if (peer.kind == PEER_LOCAL)
            who = stats->host_tags[peer.id];
        else if (peer.kind == PEER_OUTSIDE && peer.id != PEER_ID_OTHER)
            who = stats->outside_tags[peer.id];
        FACT(facts, e->count, PEER, state_host(stats, e->owner), state_key_of(stats, e->owner),
             peer.kind, who);
    }
}

static void add_transition_facts(struct facts *facts, const struct network_stats *stats)
{
    const struct tally_entry *t = stats->transitions.entries;

    for (size_t i = 0; i < stats->transitions.used; i++)
        FACT(facts, t[i].count, TRANSITION, state_host(stats, t[i].owner),
             state_key_of(stats, t[i].owner), state_key_of(stats, t[i].symbol));
    for (size_t i = 0; i < stats->gaps.used; i++) {
        const struct tally_entry *e = &stats->gaps.entries[i];

        FACT(facts, e->count, GAP, state_host(stats, t[e->owner].owner),
             state_key_of(stats, t[e->owner].owner), state_key_of(stats, t[e->owner].symbol),
             e->symbol);
    }
}

static uint64_t mix_bytes(const void *bytes, size_t size)
{
    uint64_t hash = size;

    for (size_t i = 0; i < size; i++)
        hash = random_mix64(hash ^ ((const uint8_t *)bytes)[i]);
    return hash;
}

/* Of a class, whatever its number is. */
static uint64_t label_fact(const struct network_stats *stats, uint32_t label)
{
    const char *name = label == LABEL_NONE ? "" : network_stats_label(stats, label);

    return mix_bytes(name, strlen(name)) & ~UINT64_C(0xff);
}

static void add_label_facts(struct facts *facts, const struct network_stats *stats)
{
    for (size_t i = 0; i < stats->state_labels.used; i++) {
        const struct tally_entry *e = &stats->state_labels.entries[i];

        FACT(facts, e->count, LABEL, state_host(stats, e->owner), state_key_of(stats, e->owner),
             label_fact(stats, e->symbol));
    }
}

static void add_service_facts(struct facts *facts, const struct network_stats *stats)
{
    for (size_t i = 0; i < stats->services.used; i++) {
        const struct tally_entry *e = &stats->services.entries[i];
        const struct row_sample *sample = &stats->samples[i];

        uint64_t owner = service_owner_protocol(e->owner) ^ label_fact(stats, service_owner_label(e->owner));

        FACT(facts, e->count, SERVICE, owner, e->symbol);
        FACT(facts, 1, SERVICE, owner, e->symbol, 1,
             mix_bytes(&stats->conditions[i], sizeof stats->conditions[i]), sample->packets);
        for (size_t k = 0; k < sample->used; k++) {
            const struct keyed_row *r = &sample->rows[k];

            FACT(facts, 1, ROW, owner, e->symbol, r->key, session_row_packets(&r->row),
                 r->row.sequence_length,
                 r->row.sequence ? mix_bytes(r->row.sequence, r->row.sequence_length * sizeof *r->row.sequence) : 0);
        }
    }
}

static struct facts facts_of(const struct network_stats *stats)
{
    struct facts facts = { 0 };

    assert_true(stats->has_tags);
    for (size_t i = 0; i < stats->states.used; i++)
        FACT(&facts, stats->states.entries[i].count, STATE, state_host(stats, (uint32_t)i),
             state_key_of(stats, (uint32_t)i));
    for (size_t i = 0; i < stats->initial.used; i++) {
        const struct tally_entry *e = &stats->initial.entries[i];

        assert_int_equal(stats->states.entries[e->symbol].owner, e->owner);
        FACT(&facts, e->count, INITIAL, stats->host_tags[e->owner], state_key_of(stats, e->symbol));
    }
    add_transition_facts(&facts, stats);
    add_state_facts(&facts, VOLUME, stats, &stats->volumes);
    add_state_facts(&facts, BYTES, stats, &stats->bytes);
    add_state_facts(&facts, INITIATOR_PORT, stats, &stats->initiator_ports);
    add_state_facts(&facts, RESPONDER_PORT, stats, &stats->responder_ports);
    add_peer_facts(&facts, stats);
    for (size_t i = 0; i < stats->active.used; i++) {
        const struct tally_entry *e = &stats->active.entries[i];

        FACT(&facts, e->count, ACTIVE, stats->host_tags[e->owner], e->symbol,
             mix_bytes(&stats->activity[i], sizeof stats->activity[i]));
    }
    for (size_t i = 0; i < stats->coverage.used; i++)
        FACT(&facts, stats->coverage.entries[i].count, COVERAGE, stats->coverage.entries[i].symbol);
    add_label_facts(&facts, stats);
    add_service_facts(&facts, stats);
    FACT(&facts, stats->flows, TOTAL, 1);
    FACT(&facts, stats->packets, TOTAL, 2);
    FACT(&facts, (uint64_t)stats->first.ns, TOTAL, 3);
    FACT(&facts, (uint64_t)stats->last.ns, TOTAL, 4);
    FACT(&facts, stats->host_count, TOTAL, 5);
    FACT(&facts, stats->outside_count, TOTAL, 6);
    qsort(facts.facts, facts.used, sizeof *facts.facts, compare_facts);
    return facts;
}

static void assert_same_facts(const struct facts *a, const struct facts *b)
{
    for (size_t i = 0; i < a->used && i < b->used; i++) {
        if (compare_facts(&a->facts[i], &b->facts[i]) != 0 ||
            a->facts[i].count != b->facts[i].count)
            fail_msg("fact %zu of kind %d: %d", i, (int)a->facts[i].words[0],
                     (int)b->facts[i].words[0]);
    }
    assert_int_equal(a->used, b->used);
}

static void assert_same_stats(const struct network_stats *a, const struct network_stats *b)
{
    struct facts of_a = facts_of(a);
    struct facts of_b = facts_of(b);

    assert_same_facts(&of_a, &of_b);
    free(of_a.facts);
    free(of_b.facts);
}

/* ---- streams of made-up flows ---- */

enum { STREAM_HOSTS = 12, STREAM_OUTSIDE = 40 };

static const char *const applications[] = { "TLS", "TLS.Google", "DNS", "HTTP" };

static const struct flow_packet stream_packets[FLOW_MAX_SEQUENCE] = { { 0x02, 0, 0, 0, 0 }, { 0x92, 9, 7, 128, 0 } };

/* Hosts ask each other and the world, and answer; what comes from outside is answered. */
static struct flow_record random_record(struct random_stream *random, int64_t ms)
{
    static const uint16_t ports[] = { 22, 53, 80, 443, 445, 5353, 8080, 30000, 50001 };
    struct flow_record r = flow(ms, A, OUT, IP_TCP, ports[random_below(random, 9)]);
    uint64_t kind = random_below(random, 10);

    r.address[0] = ip_address_from_v4(0x0a000001 + (uint32_t)random_below(random, STREAM_HOSTS));
    r.address[1] = ip_address_from_v4(0xc6336400 + (uint32_t)random_below(random, STREAM_OUTSIDE));
    r.protocol = random_below(random, 3) ? IP_TCP : IP_UDP;
    r.port[0] = (uint16_t)random_below(random, 65536);
    r.packets[0] = 1 + random_below(random, 30);
    r.packets[1] = random_below(random, 3) ? 1 + random_below(random, 1000) : 0;
    r.bytes[0] = 40 * r.packets[0] + random_below(random, 5000);
    r.bytes[1] = 40 * r.packets[1];
    r.duration_ns = (int64_t)random_below(random, 3000) * NS_PER_MS;
    if (kind < 3) {
        r.address[1] = ip_address_from_v4(0x0a000001 + (uint32_t)random_below(random, STREAM_HOSTS));
        if (ip_address_equal(&r.address[0], &r.address[1]))
            r.address[1] = ip_address_from_v4(0xc6336400);
    } else if (kind == 3) {
        r.address[1] = r.address[0];
        r.address[0] = ip_address_from_v4(0xc6336400 + (uint32_t)random_below(random, STREAM_OUTSIDE));
        r.packets[1] = 1 + random_below(random, 9);
    } else if (kind == 4) {
        r.address[1] = address("224.0.0.251");
        r.packets[1] = 0;
    }
    r.is_measured = random_below(random, 4) > 0;
    r.opening = (enum flow_opening)random_below(random, 3);
    r.ending = (enum flow_ending)random_below(random, 3);
    r.retransmitted[random_below(random, 2)] = (uint32_t)random_below(random, 5);
    r.application = random_below(random, 3) ? applications[random_below(random, 4)] : NULL;
    r.sequence = r.is_measured ? stream_packets : NULL;
    r.sequence_length = (uint32_t)random_below(random, FLOW_MAX_SEQUENCE + 1);
    return r;
}

static struct flow_record *random_stream_of(uint32_t number, size_t count)
{
    struct flow_record *records = memory_alloc_array(count, sizeof *records);
    struct random_stream random;
    int64_t ms = 0;

    random_init(&random, 11, RANDOM_FIT, number, 0, 0);
    for (size_t i = 0; i < count; i++) {
        ms += (int64_t)random_below(&random, 2000);
        records[i] = random_record(&random, ms);
    }
    return records;
}

static struct learner *learn_records(const struct learner_config *config,
                                     const struct flow_record *records, size_t count)
{
    struct learner *learner = learner_new(config);

    for (size_t i = 0; i < count; i++)
        learner_add(learner, &records[i]);
    learner_finish(learner);
    return learner;
}

static void assert_loads(const struct network_stats *stats)
{
    const char *path = scratch_path("bounded.dsm");
    struct network_fit fit;
    struct model *model;
    struct error err = { "" };

    network_fit_init(&fit, stats);
    assert_int_equal(model_save(path, stats, &fit, &err), 0);
    model = model_load(path, &err);
    if (model == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(model->host_count, stats->host_count);
    model_free(model);
    network_fit_release(&fit);
}

/* ---- merging ---- */

static struct learner_config tagged(const struct ip_network *local)
{
    return (struct learner_config){ .local = local, .local_count = 1, .key = key_one };
}

static void merge(struct network_stats *into, const struct network_stats *from)
{
    struct error err;

    assert_int_equal(network_stats_merge(into, from, &err), 0);
}

/* Merges in the given order, nested as ((0, 1), 2) or (0, (1, 2)). */
static struct network_stats merged(struct learner *const *learners, const int order[3], bool is_right)
{
    struct network_stats sum;
    struct network_stats inner;

    network_stats_init(&sum);
    network_stats_init(&inner);
    merge(&sum, learner_finish(learners[order[0]]));
    if (is_right) {
        merge(&inner, learner_finish(learners[order[1]]));
        merge(&inner, learner_finish(learners[order[2]]));
        merge(&sum, &inner);
    } else {
        merge(&sum, learner_finish(learners[order[1]]));
        merge(&sum, learner_finish(learners[order[2]]));
    }
    network_stats_release(&inner);
    return sum;
}

/*
 * Three captures of three parts of one network: who is a host in one is outside in another. In any
 * order and nesting the statistics are the same.
 */
static void test_merge_order(void **state)
{
    static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
                                     { 2, 1, 0 } };
    static const char *const networks[] = { "10.0.0.0/30", "10.0.0.4/30", "10.0.0.0/8" };
    struct learner *learners[3];
    struct network_stats first;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct flow_record *records = random_stream_of(i, 3000);
        struct ip_network local;
        struct learner_config config = tagged(&local);

        assert_int_equal(ip_network_parse(&local, networks[i]), 0);
        learners[i] = learn_records(&config, records, 3000);
        free(records);
    }
    assert_int_equal(learner_finish(learners[0])->host_count, 3); /* .1, .2, .3 */
    assert_int_equal(learner_finish(learners[1])->host_count, 4);
    first = merged(learners, orders[0], false);
    assert_int_equal(first.host_count, STREAM_HOSTS);
    assert_int_equal(first.outside_count, STREAM_OUTSIDE); /* no host is outside any more */
    for (int i = 1; i < 12; i++) {
        struct network_stats other = merged(learners, orders[i / 2], i % 2);

        assert_same_stats(&first, &other);
        network_stats_release(&other);
    }
    network_stats_release(&first);
    for (int i = 0; i < 3; i++)
        learner_free(learners[i]);
}

/* Without tags of one key nobody is the same: all stand side by side, and no tag is left. */
static void test_merge_without_tags(void **state)
{
    static const struct {
        const uint8_t *keys[2];
        bool has_tags;
        uint32_t hosts, outside;
    } cases[] = {
        { { NULL, NULL }, false, 2 * STREAM_HOSTS, 2 * STREAM_OUTSIDE },
        { { key_one, NULL }, false, 2 * STREAM_HOSTS, 2 * STREAM_OUTSIDE },
        { { NULL, key_one }, false, 2 * STREAM_HOSTS, 2 * STREAM_OUTSIDE },
        { { key_one, key_two }, false, 2 * STREAM_HOSTS, 2 * STREAM_OUTSIDE },
        { { key_one, key_one }, true, STREAM_HOSTS, STREAM_OUTSIDE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network_stats sum;
        uint64_t flows = 0;
        uint64_t peers = 0;

        network_stats_init(&sum);
        for (uint32_t part = 0; part < 2; part++) {
            struct flow_record *records = random_stream_of(part, 2000);
            struct learner_config config = in_ten;
            struct learner *learner;

            config.key = cases[i].keys[part];
            learner = learn_records(&config, records, 2000);
            merge(&sum, learner_finish(learner));
            learner_free(learner);
            free(records);
        }
        assert_int_equal(sum.has_tags, cases[i].has_tags);
        assert_int_equal(sum.host_count, cases[i].hosts);
        assert_int_equal(sum.outside_count, cases[i].outside);
        assert_int_equal(sum.flows, 4000);
        for (size_t k = 0; k < sum.states.used; k++)
            flows += sum.states.entries[k].count;
        for (size_t k = 0; k < sum.peers.used; k++) {
            struct peer peer = peer_unpack(sum.peers.entries[k].symbol);

            peers += sum.peers.entries[k].count;
            assert_in_range(sum.peers.entries[k].owner, 0, sum.states.used - 1);
            if (peer.kind == PEER_LOCAL)
                assert_in_range(peer.id, 0, sum.host_count - 1);
            if (peer.kind == PEER_OUTSIDE && peer.id != PEER_ID_OTHER)
                assert_in_range(peer.id, 0, sum.outside_count - 1);
        }
        assert_int_equal(flows, peers); /* nothing is lost, nothing counted twice */
        network_stats_release(&sum);
    }
}

/* The services of most flows stay, whichever side is first. */
static void test_merge_services(void **state)
{
    enum { EACH = 900 };
    struct learner_config config = in_ten;
    struct learner *learners[2];
    struct network_stats sums[2];

    (void)state;
    config.key = key_one;
    for (uint32_t part = 0; part < 2; part++) {
        learners[part] = learner_new(&config);
        for (uint32_t i = 0; i < EACH * 2; i++) { /* of every fourth service two flows, of the others one */
            struct flow_record record = scanned(i, 20000 + 1000 * part + i % EACH);

            record.packets[0] = 1 + i % 7;
            if (i < EACH || i % 4 == 0)
                learner_add(learners[part], &record);
        }
    }
    for (int first = 0; first < 2; first++) {
        network_stats_init(&sums[first]);
        merge(&sums[first], learner_finish(learners[first]));
        merge(&sums[first], learner_finish(learners[!first]));
        assert_int_equal(sums[first].services.used, SERVICE_MAX + 1);
        for (uint32_t i = 0; i < 2 * EACH; i += 4) {
            uint32_t port = 20000 + i / EACH * 1000 + i % EACH;

            assert_int_equal(tally_count(&sums[first].services, service_owner_pack(IP_TCP, 1), port), 2);
        }
    }
    for (size_t i = 0; i < sums[0].services.used; i++) {
        const struct tally_entry *entry = &sums[0].services.entries[i];
        uint32_t other = tally_find(&sums[1].services, entry->owner, entry->symbol);

        assert_int_not_equal(other, TALLY_NONE);
        assert_int_equal(entry->count, sums[1].services.entries[other].count);
        assert_same_sequences(&sums[0].samples[i], &sums[1].samples[other]);
        assert_memory_equal(&sums[0].conditions[i], &sums[1].conditions[other],
                            sizeof *sums[0].conditions);
    }
    for (int i = 0; i < 2; i++) { /* as full as can be, and nothing to give up */
        struct network_stats again;

        network_stats_init(&again);
        merge(&again, &sums[i]);
        assert_int_equal(again.services.used, SERVICE_MAX + 1);
        assert_loads(&again);
        network_stats_release(&again);
    }
    for (int i = 0; i < 2; i++) {
        network_stats_release(&sums[i]);
        learner_free(learners[i]);
    }
}

/* Limits hold after merging as they do in learning. */
static void test_merge_limits(void **state)
{
    struct network_stats sum;
    uint64_t others;

    (void)state;
    network_stats_init(&sum);
    for (uint32_t part = 0; part < 2; part++) {
        struct learner_config config = in_ten;
        struct learner *learner;

        config.key = key_one;
        learner = learner_new(&config);
        for (uint32_t i = 0; i < 900; i++) {
            struct flow_record record = flow(i, A, OUT, IP_TCP, (uint16_t)(50000 + 600 * part + i));

            record.address[1] = ip_address_from_v4(0xc6330000 + 200 * part + i % 200);
            learner_add(learner, &record);
        }
        merge(&sum, learner_finish(learner));
        learner_free(learner);
    }
    assert_int_equal(sum.states.used, 1);
    assert_int_equal(sum.peers.used, LEARN_MAX_PEERS + 1);
    others = tally_count(&sum.peers, 0, packed(PEER_OUTSIDE, PEER_ID_OTHER));
    assert_int_equal(others, 900 - 56 * 5); /* 200 and the first 56 of 200 more, five times each */
    assert_int_equal(sum.outside_count, LEARN_MAX_PEERS); /* who is not listed has no number, and no tag */
    assert_int_equal(sum.responder_ports.used, LEARN_MAX_PORTS + 1);
    assert_int_equal(sum.services.used, SERVICE_MAX + 1);
    assert_int_equal(sum.services.entries[SERVICE_MAX].symbol, SERVICE_OTHER_PORTS);
    network_stats_release(&sum);
}

/* Hosts of one key were observed together, others were not; no part of a slice counts beyond it. */
static void test_merge_observations(void **state)
{
    static const struct {
        const uint8_t *keys[3];
        uint32_t observations;
        uint64_t seconds; /* of the first observation in its first slice */
    } cases[] = {
        { { NULL, NULL, NULL }, 3, 200 },
        { { key_one, key_one, NULL }, 2, 300 },
        { { key_one, key_one, key_one }, 1, 300 },
        { { key_one, key_two, key_one }, 3, 200 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network_stats sum;

        network_stats_init(&sum);
        for (int part = 0; part < 3; part++) {
            const struct flow_record records[] = { flow(0, A, OUT, IP_TCP, 443),
                                                   flow(199000, A, OUT, IP_TCP, 443) };
            struct learner_config config = in_ten;
            struct learner *learner;

            config.key = cases[i].keys[part];
            learner = learn_records(&config, records, 2);
            assert_int_equal(learner_finish(learner)->observation_count, 1);
            merge(&sum, learner_finish(learner));
            learner_free(learner);
        }
        assert_int_equal(sum.observation_count, cases[i].observations);
        assert_int_equal(tally_count(&sum.coverage, 0, slice_number(morning)), cases[i].seconds);
        assert_int_equal(sum.host_observations[sum.host_count - 1], cases[i].observations - 1);
        network_stats_release(&sum);
    }
}

/* What a step back covers again was covered already. */
static void test_step_back_covers_once(void **state)
{
    struct learner *learner = learner_new(&in_ten);
    const struct network_stats *stats;

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3 * LEARN_STEP_BACK_FLOWS; i++) {
            struct flow_record record = flow(i * 10000, A, OUT, IP_TCP, 443);

            learner_add(learner, &record);
        }
        for (int i = 0; i < 3; i++) {
            struct flow_record record = flow(i * 3000000, A, OUT, IP_TCP, 443);

            learner_add(learner, &record);
        }
    }
    stats = learner_finish(learner);
    assert_true(stats->coverage.used > 10);
    for (size_t i = 0; i < stats->coverage.used; i++)
        assert_in_range(stats->coverage.entries[i].count, 1, SLICE_SECONDS);
    learner_free(learner);
}

static void test_merge_too_much(void **state)
{
    static const struct {
        uint64_t a, b;
        const char *needle;
    } cases[] = {
        { NETWORK_MAX_SUM / 2, NETWORK_MAX_SUM / 2 + 1, "4503599627370497 flows are more" },
        { NETWORK_MAX_SUM, 1, "9007199254740992 and 1 flows" },
        { NETWORK_MAX_SUM + 1, 1, "9007199254740993 and 1 flows" },
        { 1, NETWORK_MAX_SUM + 1, "1 and 9007199254740993 flows" },
        { UINT64_MAX, UINT64_MAX, "18446744073709551615 flows" },
    };
    struct network_stats a;
    struct network_stats b;
    struct error err = { "" };

    (void)state;
    network_stats_init(&a);
    network_stats_init(&b);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        a.flows = cases[i].a;
        b.flows = cases[i].b;
        assert_int_equal(network_stats_merge(&a, &b, &err), -1);
        assert_non_null(strstr(err.text, cases[i].needle));
        assert_true(a.flows == cases[i].a);
    }
    a.flows = NETWORK_MAX_SUM - 5;
    b.flows = 5;
    merge(&a, &b);
    assert_true(a.flows == NETWORK_MAX_SUM);
    network_stats_release(&a);
    network_stats_release(&b);
}

/* ---- a stream in one piece, and cut ---- */

/* Changes the count of a fact, which may be new, or gone when nothing is left. */
static void adjust(struct facts *facts, int64_t change, const uint64_t words[FACT_WORDS])
{
    struct fact key;

    memcpy(key.words, words, sizeof key.words);
    for (size_t i = 0; i < facts->used; i++) {
        if (compare_facts(&facts->facts[i], &key) == 0) {
            facts->facts[i].count += (uint64_t)change;
            if (facts->facts[i].count == 0)
                facts->facts[i] = facts->facts[--facts->used];
            return;
        }
    }
    assert_true(change > 0);
    add_fact(facts, (uint64_t)change, words);
}

#define ADJUST(facts, change, ...) adjust(facts, change, (const uint64_t[FACT_WORDS]){ __VA_ARGS__ })

static uint64_t remove_coverage(struct facts *facts)
{
    uint64_t seconds = 0;
    size_t kept = 0;

    for (size_t i = 0; i < facts->used; i++) {
        if (facts->facts[i].words[0] == COVERAGE)
            seconds += facts->facts[i].count;
        else
            facts->facts[kept++] = facts->facts[i];
    }
    facts->used = kept;
    return seconds;
}

/*
 * What a cut before record `at` loses: the first step of every host behind it. Where the whole stream
 * has a transition and its gap, the pieces have a sequence that begins.
 */
static void lose_at_cut(struct facts *facts, const struct flow_record *records, size_t count, size_t at)
{
    for (uint32_t h = 0; h < STREAM_HOSTS; h++) {
        struct ip_address host = ip_address_from_v4(0x0a000001 + h);
        uint64_t tag = address_tag(key_one, &host);
        uint64_t before = 0;
        int64_t before_ns = -1;

        for (size_t i = 0; i < count; i++) {
            const struct flow_record *r = &records[i];

            for (int side = 0; side < 2; side++) {
                uint64_t key = state_key_pack((struct state_key){
                    side ? ROLE_RESPONDER : ROLE_INITIATOR, r->protocol, port_feature_of(r->port[1]) });

                if (!ip_address_equal(&r->address[side], &host) || r->packets[side] == 0)
                    continue;
                if (i >= at) {
                    if (before_ns < 0)
                        goto next_host; /* it begins here anyway */
                    assert_true(r->start.ns - before_ns <= LEARN_MAX_SILENCE_NS);
                    ADJUST(facts, 1, INITIAL, tag, key);
                    ADJUST(facts, -1, TRANSITION, tag, before, key);
                    ADJUST(facts, -1, GAP, tag, before, key,
                           log_grid_bin((double)(r->start.ns - before_ns), GAP_GRID_PER_OCTAVE));
                    goto next_host;
                }
                before = key;
                before_ns = r->start.ns;
            }
        }
    next_host:;
    }
}

/* The statistics of a piece, as they are or by way of a file. */
static void merge_piece(struct network_stats *sum, const struct network_stats *piece, bool by_file)
{
    const char *path = scratch_path("piece.dsm");
    struct network_stats loaded;
    struct network_fit fit;
    struct error err = { "" };

    if (!by_file) {
        merge(sum, piece);
        return;
    }
    network_stats_init(&loaded);
    network_fit_init(&fit, piece);
    assert_int_equal(model_save(path, piece, &fit, &err), 0);
    if (model_load_stats(path, &loaded, &err) < 0)
        fail_msg("%s", err.text);
    assert_same_stats(&loaded, piece);
    merge(sum, &loaded);
    network_fit_release(&fit);
    network_stats_release(&loaded);
}

static void cut_in_seven(bool by_file)
{
    enum { RECORDS = 7000, PIECES = 7 };
    struct flow_record *records = random_stream_of(99, RECORDS);
    struct learner_config config = tagged(&ten);
    struct learner *whole = learn_records(&config, records, RECORDS);
    const struct network_stats *uncut = learner_finish(whole);
    struct facts expected = facts_of(uncut);
    uint64_t covered = remove_coverage(&expected);
    struct network_stats sum;
    struct facts got;
    uint64_t got_covered;

    network_stats_init(&sum);
    for (size_t piece = 0; piece < PIECES; piece++) {
        size_t at = piece * RECORDS / PIECES;
        size_t end = (piece + 1) * RECORDS / PIECES;
        struct learner *part = learn_records(&config, records + at, end - at);

        merge_piece(&sum, learner_finish(part), by_file);
        learner_free(part);
        if (piece > 0)
            lose_at_cut(&expected, records, RECORDS, at);
    }
    qsort(expected.facts, expected.used, sizeof *expected.facts, compare_facts);
    got = facts_of(&sum);
    got_covered = remove_coverage(&got);
    assert_same_facts(&expected, &got);
    /* A cut covers a second or two less, or those in which flows of both pieces were open twice. */
    assert_in_range(got_covered, covered - 2 * PIECES, covered + 5 * PIECES);
    assert_int_equal(sum.host_count, uncut->host_count);
    assert_memory_equal(sum.host_tags, uncut->host_tags, uncut->host_count * sizeof *uncut->host_tags);
    assert_int_equal(sum.outside_count, uncut->outside_count);
    assert_memory_equal(sum.outside_tags, uncut->outside_tags,
                        uncut->outside_count * sizeof *uncut->outside_tags);
    assert_int_equal(sum.states.used, uncut->states.used);
    assert_memory_equal(sum.states.entries, uncut->states.entries,
                        uncut->states.used * sizeof *uncut->states.entries);
    network_stats_release(&sum);
    free(expected.facts);
    free(got.facts);
    free(records);
    learner_free(whole);
}

static void test_cut_in_seven(void **state)
{
    (void)state;
    cut_in_seven(false);
    cut_in_seven(true);
}

/* ---- memory ---- */

/* What hostile input may bring: its i-th record. */
typedef struct flow_record make_record(uint32_t i);

static struct flow_record scan_of_addresses(uint32_t i)
{
    struct flow_record record = flow(i / 100, A, OUT, IP_TCP, 445);

    record.address[1] = ip_address_from_v4(0xc0000000 + i);
    record.packets[1] = 0;
    return record;
}

static struct flow_record spoofed_sources(uint32_t i)
{
    struct flow_record record = flow(i / 100, A, OUT, IP_UDP, 53);

    record.address[0] = ip_address_from_v4(0x0a000000 + (uint32_t)random_mix64(i) % (1 << 24));
    return record;
}

/* Every source asks every port of every host: states, transitions, services, all at once. */
static struct flow_record everything(uint32_t i)
{
    uint64_t mixed = random_mix64(i);
    struct flow_record record = flow(i * 5, A, OUT, i % 3 ? IP_TCP : IP_UDP, (uint16_t)(mixed >> 16));

    record.address[0] = ip_address_from_v4(0x0a000000 + (uint32_t)(mixed >> 32) % 4096);
    record.address[1] = ip_address_from_v4((mixed >> 8 & 1 ? 0x0a000000 : 0xc0000000) +
                                           (uint32_t)(mixed >> 44) % 8192);
    if (ip_address_equal(&record.address[0], &record.address[1]))
        record.address[1] = address(OUT);
    record.port[0] = (uint16_t)mixed;
    record.packets[0] = 1 + (mixed >> 20) % 5000;
    record.is_measured = true;
    record.sequence = stream_packets;
    record.sequence_length = FLOW_MAX_SEQUENCE;
    return record;
}

static struct flow_record services(uint32_t i)
{
    struct flow_record record = flow(i / 100, A, B, i % 2 ? IP_TCP : IP_UDP, (uint16_t)i);

    record.sequence = stream_packets;
    record.sequence_length = FLOW_MAX_SEQUENCE;
    return record;
}

/* Flows of hours, one an hour: nothing but time. */
static struct flow_record long_silences(uint32_t i)
{
    return flow((int64_t)i * 3500 * 1000, i % 2 ? A : B, OUT, IP_TCP, 443);
}

static uint64_t given_up_in_all(const struct learner_given_up *g)
{
    return g->hosts + g->states + g->transitions + g->gaps + g->volumes + g->ports + g->peers +
           g->activity + g->services + g->samples;
}

/* The largest flows, so many that sums stop growing, twice: what is written is read. */
static void test_largest_sums(void **state)
{
    struct learner_config config = tagged(&ten);
    struct learner *learner = learner_new(&config);
    struct network_stats sum;

    (void)state;
    for (int i = 0; i < 40; i++) {
        struct flow_record record = flow(i, A, B, IP_TCP, 443);

        for (int side = 0; side < 2; side++) {
            record.packets[side] = FLOW_MAX_PACKETS;
            record.bytes[side] = FLOW_MAX_BYTES;
            record.payload_bytes[side] = FLOW_MAX_BYTES;
            record.data_packets[side] = FLOW_MAX_PACKETS;
            record.retransmitted[side] = UINT32_MAX;
        }
        record.start.ns = i < 20 ? record.start.ns : NETWORK_MAX_DATE * NS_PER_DAY - NS_PER_DAY;
        record.duration_ns = INT64_MAX / 4;
        record.is_measured = true;
        learner_add(learner, &record);
    }
    assert_int_equal(learner_finish(learner)->flows, 40);
    assert_loads(learner_finish(learner));
    network_stats_init(&sum);
    merge(&sum, learner_finish(learner));
    merge(&sum, learner_finish(learner));
    assert_true(sum.activity[0].bytes_sent == NETWORK_MAX_SUM);
    assert_loads(&sum);
    sum.packets = NETWORK_MAX_SUM;
    merge(&sum, learner_finish(learner));
    assert_true(sum.packets == NETWORK_MAX_SUM);
    assert_loads(&sum);
    network_stats_release(&sum);
    learner_free(learner);
}

/* At every bound: the accounting holds after every record, the model loads, and all comes out again. */
static void test_budgets(void **state)
{
    static make_record *const makers[] = { spoofed_sources, everything, services };
    static const size_t budgets[] = { 1, 1 << 20, 3 << 19, 2 << 20, 3 << 20, 5 << 20, 8 << 20,
                                      13 << 20, 64 << 20 };
    enum { RECORDS = 30000 };

    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        for (size_t k = 0; k < sizeof budgets / sizeof *budgets; k++) {
            struct learner_config config = { .local = &ten, .local_count = 1, .key = key_one,
                                             .max_bytes = budgets[k] };
            size_t most = budgets[k] < LEARN_MIN_BYTES ? LEARN_MIN_BYTES : budgets[k];
            struct learner *learners[2] = { learner_new(&config), learner_new(&config) };
            const struct network_stats *stats = learner_finish(learners[0]);

            learner_free(learners[0]);
            learners[0] = learner_new(&config);
            for (uint32_t n = 0; n < RECORDS; n++) {
                struct flow_record record = makers[i](n);

                for (int twin = 0; twin < 2; twin++)
                    learner_add(learners[twin], &record);
                assert_in_range(learner_bytes(learners[0]), 1, most);
            }
            stats = learner_finish(learners[0]);
            assert_int_equal(stats->flows, RECORDS);
            assert_in_range(learner_bytes(learners[0]), 1, most);
            assert_in_range(network_stats_bytes(stats), 1, most);
            if (most <= 2 << 20)
                assert_true(given_up_in_all(learner_given_up(learners[0])) > 0);
            assert_same_stats(stats, learner_finish(learners[1]));
            assert_loads(stats);
            learner_free(learners[0]);
            learner_free(learners[1]);
        }
    }
}

/* Peak of resident memory, in a process of its own that learns a million records. */
static int64_t peak_of(make_record *make, uint32_t records, size_t max_bytes)
{
    int64_t peak = 0;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct learner_config config = { .local = &ten, .local_count = 1, .key = key_one,
                                         .max_bytes = max_bytes };
        struct learner *learner = learner_new(&config);
        struct rusage before;
        struct rusage after;

        getrusage(RUSAGE_SELF, &before);
        for (uint32_t i = 0; i < records; i++) {
            struct flow_record record = make(i);

            learner_add(learner, &record);
        }
        learner_finish(learner);
        getrusage(RUSAGE_SELF, &after);
        peak = (int64_t)(after.ru_maxrss - before.ru_maxrss) * 1024;
        if (learner_bytes(learner) > max_bytes || write(ends[1], &peak, sizeof peak) != sizeof peak)
            _exit(1);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &peak, sizeof peak), sizeof peak);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return peak;
}

#if defined(__SANITIZE_ADDRESS__)
static const bool has_sanitizer = true;
#elif defined(__has_feature)
static const bool has_sanitizer = __has_feature(address_sanitizer);
#else
static const bool has_sanitizer = false;
#endif

static void test_memory_of_floods(void **state)
{
    static const struct {
        const char *name;
        make_record *make;
        uint32_t records;
        size_t max_bytes;
    } cases[] = {
        { "a scan of a million addresses", scan_of_addresses, 1000000, 16 << 20 },
        { "a million spoofed sources", spoofed_sources, 1000000, 64 << 20 },
        { "a million spoofed sources", spoofed_sources, 1000000, 16 << 20 },
        { "a million of everything", everything, 1000000, 64 << 20 },
        { "a million of everything", everything, 1000000, 16 << 20 },
        { "a million services", services, 1000000, 64 << 20 },
        { "a million hours", long_silences, 200000, 16 << 20 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t peak = peak_of(cases[i].make, cases[i].records, cases[i].max_bytes);

        print_message("%s: %.1f of %.1f MB\n", cases[i].name, (double)peak / 0x1p20,
                      (double)cases[i].max_bytes / 0x1p20);
        if (!has_sanitizer) /* which holds on to what was freed */
            assert_in_range(peak, 0, cases[i].max_bytes);
    }
}

/* When there is no room for slices, the rest of the day is unknown, not silent. */
static void test_end_of_observation(void **state)
{
    struct learner_config config = { .local = &ten, .local_count = 1, .max_bytes = 1 << 20 };
    struct learner *learner = learner_new(&config);
    const struct network_stats *stats;
    uint32_t covered = 0;
    uint32_t active = 0;

    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        struct flow_record record = flow((int64_t)i * 1000, A, OUT, IP_TCP, 443);

        record.address[0] = ip_address_from_v4(0x0a000000 + i % 64);
        learner_add(learner, &record);
    }
    stats = learner_finish(learner);
    for (size_t i = 0; i < stats->coverage.used; i++)
        covered = stats->coverage.entries[i].symbol > covered ? stats->coverage.entries[i].symbol : covered;
    for (size_t i = 0; i < stats->active.used; i++)
        active = stats->active.entries[i].symbol > active ? stats->active.entries[i].symbol : active;
    assert_int_equal(covered, active);
    assert_true(covered < slice_number((struct day_time){ morning.ns + 200000 * NS_PER_SECOND }));
    assert_true(learner_given_up(learner)->activity > 0);
    assert_int_equal(learner_given_up(learner)->hosts, 0);
    learner_free(learner);
}

/* ---- which networks are local ---- */

enum { MOST_NETWORKS = 8 };

/* `share` percent of a thousand flows go between two networks, spread over `spread` addresses each. */
struct mix {
    const char *from, *to;
    int share;
    uint32_t spread[2];
};

static void spread_out(struct ip_address *address, uint32_t n)
{
    for (int i = 15; n > 0; i--, n >>= 8)
        address->bytes[i] = (uint8_t)(address->bytes[i] + n);
}

static void test_networks_found(void **state)
{
    static const struct {
        struct mix mixes[4];
        enum local_basis basis;
        bool is_private;
        const char *networks[MOST_NETWORKS];
    } cases[] = {
        { { { "192.168.1.10", "8.0.0.0", 90, { 20, 1 << 24 } },
            { "192.168.1.10", "192.168.1.10", 10, { 20, 20 } } },
          LOCAL_FOUND, true, { "192.168.0.0/16" } },
        { { { "1.0.0.0", "64.225.56.201", 97, { 1 << 24, 1 } },
            { "64.225.56.201", "9.9.9.9", 3, { 1, 1 } } },
          LOCAL_FOUND, false, { "64.225.56.201" } },
        { { { "42.219.152.0", "1.0.0.0", 100, { 2048, 1 << 24 } } },
          LOCAL_FOUND, false, { "42.219.152.0/21" } },
        { { { "42.219.152.0", "1.0.0.0", 99, { 2048, 1 << 24 } }, /* nobody may fall out */
            { "42.219.100.0", "1.0.0.0", 1, { 256, 1 << 24 } } },
          LOCAL_FOUND, false, { "42.219.0.0/16" } },
        { { { "2001:db8:1:2::1", "2a00::", 60, { 200, 1 << 24 } },
            { "fe80::1", "2001:db8:1:2::1", 15, { 9, 9 } },
            { "fe80::1", "ff02::fb", 25, { 9, 1 } } },
          LOCAL_FOUND, true, { "fe80::/10", "2001:db8:1:2::/120" } },
        { { { "10.1.0.1", "1.0.0.0", 50, { 50, 1 << 24 } },
            { "130.1.2.0", "1.0.0.0", 50, { 256, 1 << 24 } } },
          LOCAL_FOUND, true, { "10.0.0.0/8", "130.1.2.0/24" } },
        { { { "5.5.0.1", "6.6.0.1", 100, { 1, 1 } } }, LOCAL_FOUND, false, { "5.5.0.1" } },
        { { { "100::1:0:1", "100::2:0:1", 100, { 500, 40 } } },
          LOCAL_FOUND, false, { "100::1:0:0/96" } },
        { { { "100::1:0:1", "100::2:0:1", 99, { 5, 1 } }, { "100::1:0:1", "100::3:0:1", 1, { 5, 9 } } },
          LOCAL_FOUND, false, { "100::1:0:0/96" } },
        { { { "100::1:0:7", "100::2:0:1", 100, { 1, 40 } } }, LOCAL_FOUND, false, { "100::1:0:7" } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct learner *learner = learner_new(&(struct learner_config){ 0 });
        const struct ip_network *networks;
        struct random_stream random;
        size_t count;
        int64_t ms = 0;

        random_init(&random, 5, RANDOM_FIT, (uint32_t)i, 0, 0);
        for (int k = 0; k < 4 && cases[i].mixes[k].share > 0; k++) {
            const struct mix *mix = &cases[i].mixes[k];

            for (int n = 0; n < mix->share * 10; n++) {
                struct flow_record record = flow(ms++, mix->from, mix->to, IP_TCP, 443);

                for (int side = 0; side < 2; side++)
                    spread_out(&record.address[side],
                               (uint32_t)random_below(&random, mix->spread[side]));
                learner_add(learner, &record);
            }
        }
        learner_finish(learner);
        networks = learner_local_networks(learner, &count);
        for (size_t k = 0; k < count; k++) {
            struct ip_network expected;

            assert_non_null(cases[i].networks[k]);
            assert_int_equal(ip_network_parse(&expected, cases[i].networks[k]), 0);
            assert_int_equal(networks[k].prefix, expected.prefix);
            assert_true(ip_address_equal(&networks[k].base, &expected.base));
        }
        assert_null(cases[i].networks[count]);
        assert_int_equal(learner_local_basis(learner), cases[i].basis);
        learner_free(learner);
    }
}

/* Where no network stands out, those that initiate are taken, and it is said that this is a guess. */
static void test_networks_guessed(void **state)
{
    static const bool is_names[] = { false, true };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct learner *learner = learner_new(&(struct learner_config){ 0 });
        const struct ip_network *networks;
        size_t count;

        for (uint32_t n = 0; n < 2000; n++) {
            struct flow_record record = flow(n, A, OUT, IP_TCP, 443);

            for (uint32_t side = 0; side < 2; side++) {
                uint32_t class = n % 40 + 100 * side;

                record.address[side] = ip_address_from_v4(0x20000000 + (class << 16) + n % 7);
                if (is_names[i])
                    record.address[side] =
                        (struct ip_address){ { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)class, 0, 0, 0, 7 } };
            }
            learner_add(learner, &record);
        }
        learner_finish(learner);
        networks = learner_local_networks(learner, &count);
        assert_int_equal(learner_local_basis(learner), LOCAL_GUESSED);
        if (is_names[i]) {
            assert_int_equal(count, 1);
            assert_int_equal(networks[0].prefix, 64);
        } else {
            assert_int_equal(count, LOCAL_MAX_GUESSED);
            assert_int_equal(networks[0].base.bytes[13], 0); /* initiators: 32.0 to 32.39 */
            assert_int_equal(networks[15].base.bytes[13], 15);
        }
        learner_free(learner);
    }
}

/* Records held back are learned as if the networks had been known: to the last packet. */
static void test_held_records(void **state)
{
    static const size_t counts[] = { 0, 1, 5000, LEARN_HELD_RECORDS, LEARN_HELD_RECORDS + 5000 };
    struct flow_record *records = random_stream_of(5, LEARN_HELD_RECORDS + 5000);

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct learner_config found = { .key = key_one };
        struct learner_config given = tagged(&ten);
        struct learner *a = learn_records(&found, records, counts[i]);
        struct learner *b = learn_records(&given, records, counts[i]);

        assert_same_stats(learner_finish(a), learner_finish(b));
        learner_free(a);
        learner_free(b);
    }
    free(records);
}

/* ---- a provider's day ---- */

static bool number_until(const char **text, char end, long *number)
{
    char *stop;

    *number = strtol(*text, &stop, 10);
    *text = stop + (*stop == end);
    return *stop == end;
}

/* The addresses of a line of UGR'16: te,td,sa,da,... */
static bool ugr_addresses(const char *line, size_t size, struct ip_address addresses[2])
{
    const char *end = line + size;
    const char *at = line;

    for (int comma = 0; comma < 2 && at; comma++) {
        at = memchr(at, ',', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (int side = 0; side < 2 && at; side++) {
        uint32_t v4 = 0;

        for (int i = 0; i < 4; i++) {
            long byte;

            if (!number_until(&at, i < 3 ? '.' : ',', &byte))
                return false;
            v4 = v4 << 8 | (uint32_t)byte;
        }
        addresses[side] = ip_address_from_v4(v4);
    }
    return at != NULL;
}

static struct local_networks ugr_networks(const char *path)
{
    struct flow_record *records = memory_alloc_array(LEARN_HELD_RECORDS, sizeof *records);
    struct error err = { "" };
    struct input_file *file = input_file_open(path, &err);
    struct local_networks found = { 0 };
    size_t count = 0;
    size_t size;
    const char *line;

    assert_non_null(file);
    while (count < LEARN_HELD_RECORDS && (line = input_file_line(file, 1024, &size)) != NULL) {
        records[count] = flow(0, A, A, IP_TCP, 80);
        count += ugr_addresses(line, size, records[count].address);
    }
    assert_int_equal(count, LEARN_HELD_RECORDS);
    local_networks_find(&found, records, count);
    input_file_close(file);
    free(records);
    return found;
}

static void test_network_of_a_provider(void **state)
{
    const char *captures = getenv("DAYSHIFT_CAPTURES");
    struct local_networks found;
    char path[1024];
    char line[256];
    int hosts = 0;
    int inside = 0;
    FILE *file;

    (void)state;
    if (captures == NULL)
        skip_because("DAYSHIFT_CAPTURES names no folder of captures");
    snprintf(path, sizeof path, "%s/ugr16_isp_20160411_A.csv.xz", captures);
    found = ugr_networks(path);
    assert_int_equal(found.count, 1);
    assert_in_range(found.networks[0].prefix, 96 + 19, 96 + 22);
    snprintf(path, sizeof path, "%s/ugr16_isp_20160411_A.hosts.tsv", captures);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        struct ip_address host;

        line[strcspn(line, "\t\n")] = '\0';
        if (ip_address_parse(&host, line) < 0)
            continue; /* the heading */
        hosts++;
        inside += local_networks_contain(&found, &host);
    }
    fclose(file);
    assert_int_equal(hosts, 113);
    assert_int_equal(inside, 112); /* one is in another network, with a thousandth of the flows */
    local_networks_release(&found);
}

/* ---- the wall clock ---- */

/*
 * A flow in the middle of each slice from 22:00 UTC on, for six hours: slices of the learned network's date and hour,
 * those that come twice once.
 */
static void test_slices_by_the_wall_clock(void **state)
{
    enum { SLICES = 72 };
    static const struct {
        const char *zone;
        int32_t date;            /* of 22:00 UTC */
        uint32_t first, slices;  /* slice of the wall clock; how many of them there are */
        uint32_t hour[7];        /* slices of 23:00, 00:00, ... of the wall clock */
    } cases[] = {
        { "UTC", 20540, 264, 72, { 12, 12, 12, 12, 12, 0, 0 } },
        { "Europe/Madrid", 20540, 276, 72, { 12, 12, 12, 0, 12, 12, 12 } }, /* 2026-03-29, 02:00 becomes 03:00 */
        { "Europe/Madrid", 20541, 0, 72, { 0, 12, 12, 12, 12, 12, 12 } },
        { "Europe/Madrid", 20750, 0, 60, { 0, 12, 12, 12, 12, 12, 0 } },    /* 2026-10-25, 03:00 becomes 02:00 */
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flow_record records[SLICES];
        const struct network_stats *stats;
        struct learner *learner;
        uint32_t hours[24] = { 0 };

        if (time_zone_set(cases[i].zone, &err) < 0)
            skip(); /* no time zone database here */
        for (int k = 0; k < SLICES; k++) {
            records[k] = flow(0, "10.0.0.1", "192.0.2.1", IP_TCP, 80);
            records[k].start.ns = cases[i].date * NS_PER_DAY + (22 * 12 + k) * NS_PER_SLICE + NS_PER_SLICE / 2;
        }
        learner = learner_of(records, SLICES);
        stats = learner_finish(learner);
        assert_int_equal(stats->flows, SLICES); /* none is lost but for the profile */
        assert_int_equal(stats->transitions.entries[0].count, SLICES - 1);
        assert_int_equal(stats->active.used, cases[i].slices);
        assert_int_equal(stats->active.entries[0].symbol % DAY_SLICES, cases[i].first);
        assert_int_equal(stats->first.ns, time_zone_wall(records[0].start).ns);
        for (size_t k = 0; k < stats->active.used; k++) {
            assert_int_equal(stats->active.entries[k].count, 1);
            hours[stats->active.entries[k].symbol % DAY_SLICES / 12]++;
        }
        for (int k = 0; k < 7; k++)
            assert_int_equal(hours[(23 + k) % 24], cases[i].hour[k]);
        for (size_t k = 0; k < stats->coverage.used; k++)
            assert_in_range(stats->coverage.entries[k].count, 1, SLICE_SECONDS);
        assert_int_equal(stats->coverage.used, cases[i].slices);
        learner_free(learner);
    }
    assert_int_equal(time_zone_set("UTC", &err), 0);
}

/* ---- clocks ---- */

/* Times between flows of one state, whatever is in between; not across an hour of silence, nor below a second. */
static void test_beats(void **state)
{
    static const struct {
        int64_t ms;
        uint16_t port;
    } flows[] = {
        { 0, 53 },     { 5, 80 },     { 8000, 53 }, { 8005, 80 }, { 8500, 53 }, { 16000, 53 },
        { 24000, 53 }, { 30000, 80 }, { 8000000, 53 }, { 8008000, 53 },
    };
    struct flow_record records[10];
    struct learner *learner;
    const struct network_stats *stats;
    uint32_t names;
    uint32_t web;

    (void)state;
    for (int i = 0; i < 10; i++)
        records[i] = flow(flows[i].ms, "10.0.0.1", "192.0.2.1", IP_TCP, flows[i].port);
    learner = learner_of(records, 10);
    stats = learner_finish(learner);
    names = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 53);
    web = state_of(stats, 0, ROLE_INITIATOR, IP_TCP, 80);
    assert_int_equal(tally_count(&stats->beats, names, log_grid_bin(8e9, BEAT_GRID_PER_OCTAVE)), 3);
    assert_int_equal(tally_count(&stats->beats, names, log_grid_bin(7.5e9, BEAT_GRID_PER_OCTAVE)), 1);
    assert_int_equal(tally_count(&stats->beats, web, log_grid_bin(8e9, BEAT_GRID_PER_OCTAVE)), 1);
    assert_int_equal(tally_count(&stats->beats, web, log_grid_bin(21.995e9, BEAT_GRID_PER_OCTAVE)), 1);
    assert_int_equal(stats->beats.used, 4);
    learner_free(learner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_of_floods), /* first: before this process has grown */
        cmocka_unit_test(test_mixture_recovered),
        cmocka_unit_test(test_likelihood_never_falls),
        cmocka_unit_test(test_mixture_of_few_points),
        cmocka_unit_test(test_mixture_of_many_points),
        cmocka_unit_test(test_no_slot_is_foreseen),
        cmocka_unit_test(test_port_features),
        cmocka_unit_test(test_sample_of_union),
        cmocka_unit_test(test_sequences_of_union),
        cmocka_unit_test(test_learner_counts),
        cmocka_unit_test(test_who_is_a_host),
        cmocka_unit_test(test_listed_hosts),
        cmocka_unit_test(test_local_networks),
        cmocka_unit_test(test_silence_is_a_hole),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_scan_costs_no_service),
        cmocka_unit_test(test_pings_are_alike),
        cmocka_unit_test(test_bytes_conditions_labels),
        cmocka_unit_test(test_label_limits),
        cmocka_unit_test(test_rare_classes),
        cmocka_unit_test(test_room_for_samples),
        cmocka_unit_test(test_impossible_records),
        cmocka_unit_test(test_late_flow),
        cmocka_unit_test(test_step_back),
        cmocka_unit_test(test_peer_probability),
        cmocka_unit_test(test_peer_probability_of_unlisted),
        cmocka_unit_test(test_peer_fit_recovers),
        cmocka_unit_test(test_peer_fit_backs_off),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_merge_order),
        cmocka_unit_test(test_merge_without_tags),
        cmocka_unit_test(test_merge_services),
        cmocka_unit_test(test_merge_limits),
        cmocka_unit_test(test_merge_observations),
        cmocka_unit_test(test_step_back_covers_once),
        cmocka_unit_test(test_merge_too_much),
        cmocka_unit_test(test_cut_in_seven),
        cmocka_unit_test(test_largest_sums),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_end_of_observation),
        cmocka_unit_test(test_networks_found),
        cmocka_unit_test(test_networks_guessed),
        cmocka_unit_test(test_held_records),
        cmocka_unit_test(test_slices_by_the_wall_clock),
        cmocka_unit_test(test_beats),
        cmocka_unit_test(test_network_of_a_provider),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
