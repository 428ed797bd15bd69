/*
 * Crowds through all rooms: learned, merged into crowds, saved, loaded, merged again.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "learn/crowd_stats.h"
#include "learn/fit.h"
#include "learn/host_behaviours.h"
#include "learn/learner.h"
#include "model/day_profile.h"
#include "model/model.h"
#include "net/wire.h"
#include "synth/flow_ends.h"
#include "synth/population.h"

/* ---- a network: two kinds of hosts, in which everyone also does something of his own ---- */

enum { HOSTS = 14, WEB_HOSTS = 8, LEAST = 3, RECORDS = 6000 };

static struct ip_address address_of(const char *network, uint32_t number)
{
    struct ip_address address;
    char text[64];

    snprintf(text, sizeof text, "%s%u", network, number);
    assert_int_equal(ip_address_parse(&address, text), 0);
    return address;
}

/* What all of a kind do, what half of them do, and what one does alone. */
static uint16_t draw_port(uint32_t host, struct random_stream *random)
{
    uint64_t what = random_below(random, 20);

    if (what < 12)
        return host < WEB_HOSTS ? 443 : 25;
    if (what < 16)
        return (uint16_t)(host < WEB_HOSTS ? 8000 + what : 5000 + what);
    if (what < 18)
        return (uint16_t)(host % 2 ? 22 : 53);
    return what == 18 ? (uint16_t)(100 + host) : (uint16_t)(20000 + host);
}

static struct ip_address draw_peer(uint32_t host, struct random_stream *random)
{
    uint64_t who = random_below(random, 10);

    if (who < 4)
        return address_of("203.0.113.", 1 + (uint32_t)who);
    if (who < 6)
        return address_of("198.51.100.", 1 + host); /* nobody else knows it */
    return address_of("10.0.0.", 1 + (host + 1 + (uint32_t)random_below(random, HOSTS - 1)) % HOSTS);
}

static struct flow_record draw_record(uint32_t i, struct random_stream *random)
{
    uint32_t host = (uint32_t)random_below(random, HOSTS);
    int64_t date = 20000 + i / (RECORDS / 3);

    return (struct flow_record){
        .start = { date * NS_PER_DAY + (int64_t)(i % (RECORDS / 3)) * 30 * NS_PER_SECOND },
        .address = { address_of("10.0.0.", 1 + host), draw_peer(host, random) },
        .port = { (uint16_t)(49152 + random_below(random, 9000)), draw_port(host, random) },
        .protocol = IP_TCP,
        .packets = { 1 + random_below(random, 40), 1 + random_below(random, 40) },
        .bytes = { 100 + random_below(random, 5000), 4000 },
        .payload_bytes = { 1000, 1000 },
        .data_packets = { 1, 1 },
        .turns = 2,
        .duration_ns = (int64_t)random_below(random, NS_PER_SECOND),
        .opening = FLOW_OPENING_HANDSHAKE,
        .ending = FLOW_ENDING_FIN,
    };
}

struct network {
    struct learner *learner;
    const struct network_stats *hosts;
    uint32_t crowd[HOSTS];
    uint32_t count;
    struct network_stats crowds;
    struct crowd_stats_counts counts;
};

static void learn(struct network *n)
{
    const struct ip_network local = { .base = address_of("10.0.0.", 0), .prefix = 96 + 24 };
    const struct learner_config config = { .local = &local, .local_count = 1 };
    struct random_stream random;

    n->learner = learner_new(&config);
    random_init(&random, 11, RANDOM_FIT, 0, 0, 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct flow_record record = draw_record(i, &random);

        learner_add(n->learner, &record);
    }
    n->hosts = learner_finish(n->learner);
    assert_int_equal(n->hosts->host_count, HOSTS);
}

static struct network *make_network(void)
{
    struct network *n = memory_alloc(sizeof *n);
    struct network_fit fit;
    struct behaviour *behaviours;
    struct error err = { "" };
    int count;

    learn(n);
    network_fit_init(&fit, n->hosts);
    behaviours = host_behaviours_new(n->hosts, fit.packets);
    count = host_behaviours_crowds(n->hosts, behaviours, LEAST, n->crowd, &err);
    assert_true(count > 0);
    n->count = (uint32_t)count;
    network_stats_init(&n->crowds);
    if (crowd_stats_add(&n->crowds, n->hosts, n->crowd, n->count, LEAST, &n->counts, &err) < 0)
        fail_msg("%s", err.text);
    host_behaviours_free(behaviours, HOSTS);
    network_fit_release(&fit);
    return n;
}

static void free_network(struct network *n)
{
    network_stats_release(&n->crowds);
    learner_free(n->learner);
    free(n);
}

/* ---- what is told, at least LEAST members did ---- */

/* The state of a host that has the key of a crowd's state, or TALLY_NONE. */
static uint32_t state_of(const struct network *n, uint32_t host, uint32_t crowd_state)
{
    const struct tally_entry *state = &n->crowds.states.entries[crowd_state];

    return n->crowd[host] == state->owner ? tally_find(&n->hosts->states, host, state->symbol) : TALLY_NONE;
}

/* How many members have the symbol in that table of a state. */
static uint32_t members_with(const struct network *n, const struct tally *table, uint32_t crowd_state,
                             uint32_t symbol)
{
    uint32_t members = 0;

    for (uint32_t h = 0; h < HOSTS; h++) {
        uint32_t state = state_of(n, h, crowd_state);

        members += state != TALLY_NONE && tally_find(table, state, symbol) != TALLY_NONE;
    }
    return members;
}

static void test_states_of_many(void **state)
{
    struct network *n = make_network();
    uint64_t kept = 0;
    uint64_t all = 0;

    (void)state;
    assert_true(n->count >= 2);
    for (size_t i = 0; i < n->crowds.states.used; i++) {
        uint32_t members = 0;
        uint64_t flows = 0;

        for (uint32_t h = 0; h < HOSTS; h++) {
            uint32_t s = state_of(n, h, (uint32_t)i);

            members += s != TALLY_NONE;
            flows += s != TALLY_NONE ? n->hosts->states.entries[s].count : 0;
        }
        assert_true(members >= LEAST);
        assert_int_equal(flows, n->crowds.states.entries[i].count);
        kept += flows;
    }
    for (size_t i = 0; i < n->hosts->states.used; i++)
        all += n->hosts->states.entries[i].count;
    assert_int_equal(n->counts.kept_flows, kept);
    assert_int_equal(n->counts.flows, all);
    assert_int_equal(n->counts.kept_states, n->crowds.states.used);
    assert_true(kept < all && n->counts.kept_states < n->counts.states);
    for (uint32_t h = 0; h < HOSTS; h++) { /* what one does alone */
        struct state_key key = { ROLE_INITIATOR, IP_TCP, 100 + h };

        for (uint32_t c = 0; c < n->count; c++)
            assert_int_equal(tally_find(&n->crowds.states, c, state_key_pack(key)), TALLY_NONE);
    }
    free_network(n);
}

static void test_ports_of_many(void **state)
{
    struct network *n = make_network();
    uint32_t listed = 0;
    uint32_t others = 0;

    (void)state;
    for (size_t i = 0; i < n->crowds.responder_ports.used; i++) {
        const struct tally_entry *entry = &n->crowds.responder_ports.entries[i];

        others += entry->symbol == PORT_OTHER;
        if (entry->symbol == PORT_OTHER)
            continue;
        listed++;
        assert_true(members_with(n, &n->hosts->responder_ports, entry->owner, entry->symbol) >= LEAST);
    }
    assert_true(listed > 0 && others > 0);
    free_network(n);
}

/* Outside peers have other numbers: 203.0.113.1 to 4 are known to all, the rest to one each. */
static void test_peers_of_many(void **state)
{
    struct network *n = make_network();
    uint32_t local = 0;

    (void)state;
    assert_int_equal(n->crowds.outside_count, 4);
    for (size_t i = 0; i < n->crowds.peers.used; i++) {
        struct peer peer = peer_unpack(n->crowds.peers.entries[i].symbol);

        assert_true(peer.kind != PEER_LOCAL || peer.id < n->count);
        assert_true(peer.kind != PEER_OUTSIDE || peer.id < 4 || peer.id == PEER_ID_OTHER);
        local += peer.kind == PEER_LOCAL;
    }
    assert_true(local > 0);
    free_network(n);
}

static void test_transitions_of_many(void **state)
{
    struct network *n = make_network();

    (void)state;
    for (size_t i = 0; i < n->crowds.transitions.used; i++) {
        const struct tally_entry *entry = &n->crowds.transitions.entries[i];
        uint32_t members = 0;
        uint64_t times = 0;

        for (uint32_t h = 0; h < HOSTS; h++) {
            uint32_t from = state_of(n, h, entry->owner);
            uint32_t to = state_of(n, h, entry->symbol);
            uint64_t count =
                from != TALLY_NONE && to != TALLY_NONE ? tally_count(&n->hosts->transitions, from, to) : 0;

            members += count > 0;
            times += count;
        }
        assert_true(members >= LEAST);
        assert_int_equal(times, entry->count);
    }
    free_network(n);
}

static uint64_t sum_of(const struct tally *table, uint32_t owner)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < table->used; i++)
        sum += table->entries[i].owner == owner ? table->entries[i].count : 0;
    return sum;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/*
 * Nothing is lost from the bins of a state. Between two bins that are told, as many members as in a
 * crowd have something: a bin stands for LEAST of them, wherever its neighbours end.
 */
static void check_bins(const struct network *n, const struct tally *hosts, const struct tally *crowds)
{
    for (uint32_t s = 0; s < n->crowds.states.used; s++) {
        uint32_t bins[1024];
        size_t count = 0;

        assert_int_equal(sum_of(crowds, s), n->crowds.states.entries[s].count);
        for (size_t i = 0; i < crowds->used; i++) {
            if (crowds->entries[i].owner == s)
                bins[count++] = crowds->entries[i].symbol;
        }
        qsort(bins, count, sizeof *bins, compare_numbers);
        for (size_t b = 0; b < count; b++) {
            uint32_t least = b > 0 ? bins[b - 1] + 1 : 0;
            uint32_t most = b + 1 < count ? bins[b + 1] - 1 : UINT32_MAX;
            uint32_t members = 0;

            for (uint32_t h = 0; h < HOSTS; h++) {
                uint32_t state = state_of(n, h, s);
                bool found = false;

                for (size_t i = 0; state != TALLY_NONE && i < hosts->used; i++)
                    found = found || (hosts->entries[i].owner == state && hosts->entries[i].symbol >= least &&
                                      hosts->entries[i].symbol <= most);
                members += found;
            }
            assert_true(members >= LEAST);
        }
    }
}

static void test_bins_of_many(void **state)
{
    struct network *n = make_network();

    (void)state;
    check_bins(n, &n->hosts->volumes, &n->crowds.volumes);
    check_bins(n, &n->hosts->bytes, &n->crowds.bytes);
    check_bins(n, &n->hosts->initiator_ports, &n->crowds.initiator_ports);
    free_network(n);
}

/* Records come every 30 s: some times between two of a state are those of many, some of one. */
static void test_beats_of_many(void **state)
{
    struct network *n = make_network();
    uint32_t left_out = 0;

    (void)state;
    assert_true(n->crowds.beats.used > 0);
    for (size_t i = 0; i < n->crowds.beats.used; i++) {
        const struct tally_entry *entry = &n->crowds.beats.entries[i];
        uint64_t times = 0;

        for (uint32_t h = 0; h < HOSTS; h++) {
            uint32_t s = state_of(n, h, entry->owner);

            times += s != TALLY_NONE ? tally_count(&n->hosts->beats, s, entry->symbol) : 0;
        }
        assert_int_equal(times, entry->count);
        assert_true(members_with(n, &n->hosts->beats, entry->owner, entry->symbol) >= LEAST);
    }
    for (uint32_t s = 0; s < n->crowds.states.used; s++) {
        for (uint32_t bin = 0; bin < BEAT_BINS; bin++) {
            uint32_t members = members_with(n, &n->hosts->beats, s, bin);

            left_out += members > 0 && members < LEAST;
            assert_int_equal(tally_find(&n->crowds.beats, s, bin) != TALLY_NONE, members >= LEAST);
        }
    }
    assert_true(left_out > 0);
    free_network(n);
}

/* ---- days ---- */

/* Packets, flows, members and logarithms of a host, or of all members of a crowd. */
struct day_sum {
    uint64_t packets, flows, members;
    double logs;
};

static struct day_sum sum_hosts(const struct network *n, uint32_t crowd)
{
    struct day_sum sum = { 0 };

    for (size_t i = 0; i < n->hosts->active.used; i++) {
        const struct activity *a = &n->hosts->activity[i];

        if (n->crowd[n->hosts->active.entries[i].owner] != crowd)
            continue;
        sum.packets += a->packets_sent + a->packets_received;
        sum.flows += a->flows_initiated + a->flows_answered;
        sum.logs += log((double)(a->packets_sent + a->packets_received));
        sum.members++;
    }
    return sum;
}

static struct day_sum sum_crowd(const struct network *n, uint32_t crowd)
{
    struct day_sum sum = { 0 };

    for (size_t i = 0; i < n->crowds.active.used; i++) {
        const struct activity *a = &n->crowds.activity[i];
        const struct crowd_activity *c = &n->crowds.crowd_activity[i];

        if (n->crowds.active.entries[i].owner != crowd)
            continue;
        assert_true(a->flows_initiated + a->flows_answered >= c->members);
        assert_true(a->packets_sent + a->packets_received >= c->members);
        assert_true(c->members >= 1 && c->members <= n->crowds.host_members[crowd]);
        assert_int_equal(n->crowds.active.entries[i].count, a->flows_initiated + a->flows_answered);
        sum.packets += a->packets_sent + a->packets_received;
        sum.flows += a->flows_initiated + a->flows_answered;
        sum.logs += ldexp((double)c->log_sum, -ACTIVITY_LOG_BITS);
        sum.members += c->members;
    }
    return sum;
}

/* All members are active on every date, so nothing is left out. */
static void test_days_add_up(void **state)
{
    struct network *n = make_network();

    (void)state;
    for (uint32_t c = 0; c < n->count; c++) {
        struct day_sum hosts = sum_hosts(n, c);
        struct day_sum crowd = sum_crowd(n, c);

        assert_int_equal(crowd.packets, hosts.packets);
        assert_int_equal(crowd.flows, hosts.flows);
        assert_int_equal(crowd.members, hosts.members);
        assert_true(fabs(crowd.logs - hosts.logs) < 1e-3);
    }
    free_network(n);
}

/* Mean and sd of a crowd's slice are those over all days of all members. */
static void test_profile_of_crowd(void **state)
{
    static const uint64_t packets[] = { 100, 400, 1600, 50, 50 };
    struct crowd_activity days[2] = { { 0 } };
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;
    struct day_profile day;
    struct tally seconds;
    double mean = 0;
    double squares = 0;

    (void)state;
    tally_init(&seconds);
    for (uint32_t i = 0; i < 5; i++) {
        double x = log((double)packets[i]);

        days[i < 3 ? 0 : 1].members++;
        days[i < 3 ? 0 : 1].log_sum += (uint64_t)llround(ldexp(x, ACTIVITY_LOG_BITS));
        days[i < 3 ? 0 : 1].log_square_sum += (uint64_t)llround(ldexp(x * x, ACTIVITY_LOG_BITS));
        mean += (x + (i < 3 ? 0 : log(2))) / 5; /* half of the second slice was covered */
    }
    for (uint32_t i = 0; i < 5; i++) {
        double d = log((double)packets[i]) + (i < 3 ? 0 : log(2)) - mean;

        squares += d * d;
    }
    tally_add(&seconds, 0, 20000 * DAY_SLICES + 10, 300);
    tally_add(&seconds, 0, 20001 * DAY_SLICES + 10, 150);
    day_coverage_init(&coverage, &seconds);
    day_profile_init(&day);
    for (uint32_t i = 0; i < 2; i++) {
        struct activity activity = { .packets_sent = i == 0 ? 2100 : 100, .flows_initiated = i == 0 ? 30 : 20 };
        struct slice_volume volume = slice_volume_of(&activity, &days[i]);

        day_profile_add(&day, &coverage, (20000 + i) * DAY_SLICES + 10, &volume);
    }
    assert_true(fabs(day.slices[DAY_WEEKDAY][10].log_mean - mean) < 1e-5);
    assert_true(fabs(day.slices[DAY_WEEKDAY][10].log_squares - squares) < 1e-4);
    assert_int_equal(day_profile_finish(&day, &coverage, DAY_WEEKDAY, 4, slices), 1);
    assert_int_equal(slices[0].active, 159); /* 5 of 2 days of 4 members, in 1/255 */
    assert_true(fabs(slice_profile_log_packets(&slices[0]) - log((2100 + 2 * 100) / 5.0)) < 1.0 / 1024);
    assert_true(fabs(slice_profile_log_flows(&slices[0]) - log((30 + 2 * 20) / 5.0)) < 1.0 / 1024);
    tally_release(&seconds);
}

/* ---- the file ---- */

static const char *save(const char *name, const struct network_stats *stats)
{
    const char *path = scratch_path(name);
    struct network_fit fit;
    struct error err = { "" };

    network_fit_init(&fit, stats);
    if (model_save(path, stats, &fit, &err) < 0)
        fail_msg("%s", err.text);
    network_fit_release(&fit);
    return path;
}

static struct model *load(const char *path)
{
    struct error err = { "" };
    struct model *model = model_load(path, &err);

    if (model == NULL)
        fail_msg("%s", err.text);
    return model;
}

static void load_stats(const char *path, struct network_stats *stats)
{
    struct error err = { "" };

    network_stats_init(stats);
    if (model_load_stats(path, stats, &err) < 0)
        fail_msg("%s", err.text);
}

static char *bytes_of(const char *path, long *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    bytes = memory_alloc((size_t)*size);
    assert_int_equal(fread(bytes, 1, (size_t)*size, file), *size);
    fclose(file);
    return bytes;
}

static void test_file_of_crowds(void **state)
{
    struct network *n = make_network();
    const char *path = save("crowds", &n->crowds);
    struct model *model = load(path);
    struct network_stats again;
    long sizes[2];
    char *first;
    char *second;

    (void)state;
    assert_int_equal(model->host_count, n->count);
    assert_int_equal(model->member_count, HOSTS);
    for (uint32_t c = 0; c < n->count; c++)
        assert_int_equal(model->hosts[c].members, n->crowds.host_members[c]);
    assert_true(model->hosts[0].days[DAY_WEEKDAY].size > 0);
    load_stats(path, &again);
    first = bytes_of(path, &sizes[0]);
    second = bytes_of(save("crowds-again", &again), &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(first, second, (size_t)sizes[0]);
    free(first);
    free(second);
    network_stats_release(&again);
    model_free(model);
    free_network(n);
}

/* Crowds stand beside hosts and crowds of other files, and keep their days. */
static void test_crowds_merge(void **state)
{
    struct network *n = make_network();
    struct network_stats sum;
    struct crowd_stats_counts counts;
    struct network_stats more;
    struct error err = { "" };
    struct model *model;

    (void)state;
    network_stats_init(&sum);
    assert_int_equal(network_stats_merge(&sum, n->hosts, &err), 0);
    assert_int_equal(network_stats_merge(&sum, &n->crowds, &err), 0);
    assert_int_equal(network_stats_merge(&sum, &n->crowds, &err), 0);
    assert_int_equal(sum.host_count, HOSTS + 2 * n->count);
    model = load(save("merged", &sum));
    assert_int_equal(model->member_count, 3 * HOSTS);
    for (uint32_t c = 0; c < n->count; c++) {
        const struct host_model *one = &model->hosts[HOSTS + c];
        const struct host_model *other = &model->hosts[HOSTS + n->count + c];

        assert_int_equal(one->members, n->crowds.host_members[c]);
        assert_int_equal(one->days[DAY_WEEKDAY].size, other->days[DAY_WEEKDAY].size);
        assert_memory_equal(one->days[DAY_WEEKDAY].slices, other->days[DAY_WEEKDAY].slices,
                            one->days[DAY_WEEKDAY].size * sizeof *one->days[DAY_WEEKDAY].slices);
    }
    network_stats_init(&more);
    assert_int_equal(crowd_stats_add(&more, &sum, n->crowd, n->count, LEAST, &counts, &err), -1);
    assert_non_null(strstr(err.text, "is a crowd of"));
    sum.host_members[0] = NETWORK_MAX_HOSTS - sum.host_count;
    assert_int_equal(network_stats_merge(&sum, &n->crowds, &err), -1);
    assert_non_null(strstr(err.text, "hosts together are more than a model takes"));
    network_stats_release(&more);
    network_stats_release(&sum);
    model_free(model);
    free_network(n);
}

/* ---- playing ---- */

static const struct service_model *no_service(const void *self, uint8_t protocol, uint32_t port, uint32_t label,
                                              uint64_t choice)
{
    (void)self;
    (void)protocol;
    (void)port;
    (void)label;
    (void)choice;
    return NULL;
}

/* Two copies of a network of crowds of 3 and 2: a local peer is a member of the right crowd, never oneself. */
static void test_population_of_crowds(void **state)
{
    enum { PLACES = 5, COPIES = 2 };
    const struct host_model models[] = { { .members = 3 }, { .id = 1, .members = 2 } };
    const struct population_group group = {
        .models = models, .model_count = 2, .service = no_service,
        .addresses.networks = { { .base = address_of("198.18.0.", 0), .prefix = 96 + 24 } },
        .host_count = PLACES * COPIES,
    };
    const struct population_outside outside = {
        .networks = { { .base = address_of("198.19.0.", 0), .prefix = 96 + 24 } },
    };
    struct population population;
    struct error err = { "" };
    uint32_t played[2] = { 0 };

    (void)state;
    if (population_init(&population, &group, 1, &outside, &err) < 0)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < population.host_count; i++) {
        const struct virtual_host *host = &population.hosts[i];

        played[host->model->id]++;
        for (uint32_t crowd = 0; crowd < 2; crowd++) {
            bool is_virtual;
            struct flow_end end =
                flow_ends_peer(&population, host, (struct peer){ PEER_LOCAL, crowd }, 1, &is_virtual);
            const struct virtual_host *peer = population_find(&population, &end.address);

            assert_true(is_virtual && peer != NULL && peer != host);
            assert_int_equal(peer->model->id, crowd);
            assert_int_equal(peer->number / PLACES, host->number / PLACES);
        }
    }
    assert_int_equal(played[0], 3 * COPIES);
    assert_int_equal(played[1], 2 * COPIES);
    population_release(&population);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_of_many),
        cmocka_unit_test(test_ports_of_many),
        cmocka_unit_test(test_peers_of_many),
        cmocka_unit_test(test_transitions_of_many),
        cmocka_unit_test(test_bins_of_many),
        cmocka_unit_test(test_beats_of_many),
        cmocka_unit_test(test_days_add_up),
        cmocka_unit_test(test_profile_of_crowd),
        cmocka_unit_test(test_file_of_crowds),
        cmocka_unit_test(test_crowds_merge),
        cmocka_unit_test(test_population_of_crowds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
