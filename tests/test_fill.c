/*
 * Gaps of recordings: found, learned around, filled.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/flow_state.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/silence.h"
#include "net/wire.h"
#include "scenario/gap_fill.h"
#include "scenario/recording.h"

enum { SEED = 5, HOSTS = 3, GAP_COUNT = 40 };

#define BEGIN_NS (INT64_C(1772445600) * NS_PER_SECOND) /* 2026-03-02T10:00 */
#define GAP_FROM_NS (BEGIN_NS + 1000 * NS_PER_SECOND)
#define GAP_TO_NS (BEGIN_NS + 1300 * NS_PER_SECOND)

/* ---- silences ---- */

static void test_silences(void **state)
{
    enum { COUNT = 2000 };
    int64_t *pauses = memory_alloc_array(COUNT + 4, sizeof *pauses);
    struct random_stream random;

    (void)state;
    for (uint32_t run = 0; run < 50; run++) {
        int64_t found;

        random_init(&random, SEED, RANDOM_FILL, run, 0, 0);
        for (int i = 0; i < COUNT; i++) /* exponential in half of the runs, Pareto of index 2 in the others */
            pauses[i] = run % 2 ? (int64_t)random_exponential(&random, 2e9)
                                : (int64_t)(1e9 / sqrt(1 - random_unit(&random)));
        assert_true(silence_threshold(pauses, COUNT) == INT64_MAX);
        pauses[COUNT] = 3 * 3600 * NS_PER_SECOND;
        found = silence_threshold(pauses, COUNT + 1);
        assert_true(found == 3 * 3600 * NS_PER_SECOND);
        pauses[0] = 4 * 3600 * NS_PER_SECOND; /* two do not excuse one another */
        assert_true(silence_threshold(pauses, COUNT + 1) == found);
    }
    free(pauses);
}

/* Too few; a clock of long pauses that come again and again; one beat of a regular clock left out. */
static void test_no_silences(void **state)
{
    int64_t pauses[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        pauses[i] = i % 40 ? 20 * NS_PER_MS : 120 * NS_PER_SECOND;
    assert_true(silence_threshold(pauses, 1000) == INT64_MAX);
    for (int i = 0; i < 1000; i++)
        pauses[i] = i == 500 ? 600 * NS_PER_SECOND : 300 * NS_PER_SECOND;
    assert_true(silence_threshold(pauses, 1000) == INT64_MAX);
    for (int i = 0; i < 100; i++)
        pauses[i] = i == 50 ? 86400 * NS_PER_SECOND : NS_PER_SECOND;
    assert_true(silence_threshold(pauses, 100) == INT64_MAX);
    assert_true(silence_threshold(pauses, 0) == INT64_MAX);
}

/* ---- a recording: two clients ask the name server, then the web ---- */

static struct ip_address address_of(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(&address, text), 0);
    return address;
}

static const char *const host_names[HOSTS] = { "10.0.0.1", "10.0.0.2", "10.0.0.53" };

static struct flow_record flow(int64_t start_ns, const char *from, const char *to, uint8_t protocol,
                               uint16_t initiator_port, uint16_t responder_port, uint64_t packets)
{
    return (struct flow_record){
        .start = { start_ns }, .duration_ns = NS_PER_MS, .address = { address_of(from), address_of(to) },
        .port = { initiator_port, responder_port }, .protocol = protocol, .packets = { packets, packets },
        .bytes = { 60 * packets, 400 * packets },
    };
}

static void record_sample(struct recording *recording, bool with_gap)
{
    struct random_stream random;
    double at = BEGIN_NS;

    memset(recording, 0, sizeof *recording);
    random_init(&random, SEED, RANDOM_FILL, 7, 0, 0);
    while (at < BEGIN_NS + 2400.0 * NS_PER_SECOND) {
        const char *client = host_names[random_below(&random, 2)];
        struct flow_record asks = flow((int64_t)at, client, "10.0.0.53", IP_UDP,
                                       (uint16_t)(50000 + random_below(&random, 999)), 53, 1);
        struct flow_record gets = flow((int64_t)at + 30 * NS_PER_MS, client,
                                       random_below(&random, 4) ? "192.0.2.80" : "198.51.100.7", IP_TCP,
                                       (uint16_t)(50000 + random_below(&random, 999)), 8080,
                                       5 + random_below(&random, 20));

        if (!with_gap || at < GAP_FROM_NS || at > GAP_TO_NS) {
            recording_add(recording, &asks);
            recording_add(recording, &gets);
        }
        at += random_exponential(&random, 4e9);
    }
    recording_sort(recording);
}

static void set_hosts(struct recording *recording)
{
    struct ip_address addresses[HOSTS];

    for (int i = 0; i < HOSTS; i++)
        addresses[i] = address_of(host_names[i]);
    recording_set_hosts(recording, addresses, HOSTS);
}

static void test_recording(void **state)
{
    const bool all[HOSTS] = { true, true, true };
    const bool second[HOSTS] = { false, true, false };
    struct flow_record late = flow(BEGIN_NS + NS_PER_SECOND, host_names[0], host_names[2], IP_UDP, 1, 53, 1);
    struct flow_record scan = flow(BEGIN_NS + NS_PER_SECOND, "203.0.113.1", host_names[1], IP_TCP, 1, 22, 1);
    const struct day_time from = { GAP_FROM_NS };
    const struct day_time to = { GAP_TO_NS };
    struct recording r;
    size_t own;

    (void)state;
    record_sample(&r, false);
    scan.packets[FLOW_RESPONDER] = 0; /* nobody answers: a step of nobody */
    recording_add(&r, &scan);
    recording_add(&r, &late);
    recording_sort(&r);
    set_hosts(&r);
    for (size_t i = 1; i < r.used; i++)
        assert_true(r.records[i - 1].start.ns <= r.records[i].start.ns);
    for (uint32_t i = 0; i < HOSTS; i++) {
        assert_int_equal(recording_find(&r, &r.hosts[i].address), i);
        for (size_t k = 0; k < r.hosts[i].step_count; k++) {
            const struct recorded_step *step = &r.hosts[i].steps[k];

            assert_true(ip_address_equal(&recording_step(&r, i, k)->address[step->role], &r.hosts[i].address));
        }
    }
    assert_true(recording_find(&r, &scan.address[0]) == RECORDING_NOBODY);
    assert_int_equal(r.hosts[0].step_count + r.hosts[1].step_count + 1, r.used); /* all but the scan */
    assert_int_equal(r.hosts[2].step_count * 2, r.used); /* each name, each page, one late, one scan */
    own = recording_first_step(&r, 1, to) - recording_first_step(&r, 1, from);
    assert_int_equal(recording_hide(&r, second, from, to), own);
    assert_int_equal(recording_hide(&r, second, from, to), 0);
    assert_true(recording_hide(&r, all, from, to) > 0);
    recording_release(&r);
}

/* ---- learning around a gap ---- */

static struct model *learn(const struct recording *recording, bool with_break)
{
    struct ip_address addresses[HOSTS];
    const struct learner_config config = { .hosts = addresses, .host_count = HOSTS };
    struct learner *learner;
    struct network_fit fit;
    struct model_image image;
    struct model *model;
    struct error err;
    bool is_broken = !with_break;

    for (int i = 0; i < HOSTS; i++)
        addresses[i] = address_of(host_names[i]);
    learner = learner_new(&config);
    for (size_t i = 0; i < recording->used; i++) {
        if (!is_broken && recording->records[i].start.ns >= GAP_TO_NS) {
            learner_break(learner, (struct day_time){ GAP_FROM_NS });
            is_broken = true;
        }
        learner_add(learner, &recording->records[i]);
    }
    network_fit_init(&fit, learner_finish(learner));
    assert_int_equal(model_image_make(&image, learner_finish(learner), &fit, &err), 0);
    model = model_from_image(&image, &err);
    assert_non_null(model);
    model_image_release(&image);
    network_fit_release(&fit);
    learner_free(learner);
    return model;
}

static uint64_t transitions_of(const struct host_model *host)
{
    uint64_t sum = 0;

    for (uint32_t s = 0; s < host->state_count; s++)
        sum += discrete_total(&host->states[s].next);
    return sum;
}

/* Across a break there is one transition less for each host, and the gap's slice counts as unobserved. */
static void test_break(void **state)
{
    struct recording r;
    struct model *whole;
    struct model *broken;

    (void)state;
    record_sample(&r, true);
    whole = learn(&r, false);
    broken = learn(&r, true);
    for (int i = 0; i < HOSTS; i++) {
        assert_int_equal(transitions_of(&broken->hosts[i]) + 1, transitions_of(&whole->hosts[i]));
        assert_int_equal(discrete_total(&broken->hosts[i].initial), 2);
    }
    assert_int_equal(whole->covered_slices, 8);
    assert_int_equal(broken->covered_slices, 7); /* of 10:15 to 10:20 100 s are there */
    model_free(whole);
    model_free(broken);
    recording_release(&r);
}

/* ---- filling ---- */

struct filled {
    struct recording recording;
    struct model *model;
    struct gap_fill fills[HOSTS];
};

static void fill_all(struct filled *f, const struct fill_options *options)
{
    static const bool all[HOSTS] = { true, true, true };

    record_sample(&f->recording, true);
    set_hosts(&f->recording);
    f->model = learn(&f->recording, true);
    for (uint32_t host = 0; host < HOSTS; host++) {
        const struct fill_request request = {
            .recording = &f->recording, .host = host, .fills = all, .model = f->model, .model_host = host,
            .from = { GAP_FROM_NS }, .to = { GAP_TO_NS }, .options = options,
        };

        gap_fill_make(&f->fills[host], &request);
    }
}

static void filled_release(struct filled *f)
{
    for (int host = 0; host < HOSTS; host++)
        gap_fill_release(&f->fills[host]);
    model_free(f->model);
    recording_release(&f->recording);
}

/* Clients' records have the peers and ports of their genuine ones; the server's are made by the clients. */
static void test_records_of_fillings(void **state)
{
    struct fill_options options = { .draws = 20, .length = 2000, .count = GAP_COUNT, .seed = SEED };
    const struct ip_address server = address_of("10.0.0.53");

    (void)state;
    for (int method = FILL_EXACT; method <= FILL_SEARCH; method++) {
        struct filled f;
        size_t usual = 0;

        options.method = (enum fill_method)method;
        fill_all(&f, &options);
        for (int host = 0; host < 2; host++) {
            const struct gap_fill *fill = &f.fills[host];

            assert_int_equal(fill->record_count, GAP_COUNT);
            assert_true(isfinite(fill->log_before) && isfinite(fill->log_after));
            for (size_t i = 0; i < fill->record_count; i++) {
                const struct flow_record *r = &fill->records[i];

                assert_true(r->is_synthetic);
                assert_true(r->start.ns > GAP_FROM_NS && r->start.ns < GAP_TO_NS);
                assert_true(ip_address_equal(&r->address[FLOW_INITIATOR], &f.recording.hosts[host].address));
                assert_int_equal(r->port[FLOW_RESPONDER], r->protocol == IP_UDP ? 53 : 8080);
                assert_int_equal(ip_address_equal(&r->address[FLOW_RESPONDER], &server), r->protocol == IP_UDP);
                assert_int_equal(flow_record_packets(r), fill->filling.packets[i]);
                usual += r->protocol == IP_TCP && r->address[FLOW_RESPONDER].bytes[12] == 192;
            }
        }
        assert_in_range(usual, GAP_COUNT * 3 / 5, GAP_COUNT * 9 / 10); /* three of four pages, of 40 */
        assert_int_equal(f.fills[2].filling.count, GAP_COUNT);
        assert_int_equal(f.fills[2].record_count, 0);
        filled_release(&f);
    }
}

/* In the mean as many as the gap took away: 300 s of a pair of records every four seconds, of two clients. */
static void test_drawn_count(void **state)
{
    enum { RUNS = 60 };
    struct fill_options options = { .draws = 1, .count = FILL_DRAW_COUNT };
    double sum = 0;

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        struct filled f;

        options.seed = (uint64_t)run;
        fill_all(&f, &options);
        sum += f.fills[0].filling.count + f.fills[1].filling.count;
        filled_release(&f);
    }
    assert_true(fabs(sum / RUNS - 150) < 20); /* the pace around the gap is itself known to a tenth */
}

/* A host's filling is the same, whoever else is filled. */
static void test_filling_is_of_its_host(void **state)
{
    const struct fill_options options = { .draws = 5, .count = FILL_DRAW_COUNT, .seed = SEED };
    const bool alone[HOSTS] = { true, false, false };
    struct gap_fill again;
    struct filled f;
    struct fill_request request;

    (void)state;
    fill_all(&f, &options);
    request = (struct fill_request){
        .recording = &f.recording, .host = 0, .fills = alone, .model = f.model, .model_host = 0,
        .from = { GAP_FROM_NS }, .to = { GAP_TO_NS }, .options = &options,
    };
    gap_fill_make(&again, &request);
    assert_int_equal(again.record_count, f.fills[0].record_count);
    for (size_t i = 0; i < again.record_count; i++) {
        assert_true(again.records[i].start.ns == f.fills[0].records[i].start.ns);
        assert_int_equal(again.records[i].bytes[0], f.fills[0].records[i].bytes[0]);
    }
    gap_fill_release(&again);
    request.host = 2; /* alone, the server makes its conversations itself */
    request.model_host = 2;
    gap_fill_make(&again, &request);
    assert_true(again.record_count < again.filling.count); /* but for those of the client that is filled */
    assert_true(again.record_count > 0);
    gap_fill_release(&again);
    filled_release(&f);
}

/* A model from elsewhere has states that the host never had: peers are those of its role, or any. */
static void test_foreign_model(void **state)
{
    const struct fill_options options = { .draws = 5, .count = 10, .seed = SEED };
    const bool alone[HOSTS] = { true, false, false };
    struct filled f;
    struct gap_fill fill;

    (void)state;
    fill_all(&f, &options);
    for (uint32_t model_host = 0; model_host < HOSTS; model_host++) {
        const struct fill_request request = {
            .recording = &f.recording, .host = 0, .fills = alone, .model = f.model, .model_host = model_host,
            .from = { GAP_FROM_NS }, .to = { GAP_TO_NS }, .options = &options,
        };

        gap_fill_make(&fill, &request);
        assert_int_equal(fill.filling.count, 10);
        assert_int_equal(fill.record_count, 10);
        for (size_t i = 0; i < fill.record_count; i++) {
            enum flow_side own = model_host == 2 ? FLOW_RESPONDER : FLOW_INITIATOR;

            assert_true(ip_address_equal(&fill.records[i].address[own], &f.recording.hosts[0].address));
            assert_false(ip_address_equal(&fill.records[i].address[!own], &f.recording.hosts[0].address));
        }
        gap_fill_release(&fill);
    }
    filled_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silences),
        cmocka_unit_test(test_no_silences),
        cmocka_unit_test(test_recording),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_records_of_fillings),
        cmocka_unit_test(test_drawn_count),
        cmocka_unit_test(test_filling_is_of_its_host),
        cmocka_unit_test(test_foreign_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
