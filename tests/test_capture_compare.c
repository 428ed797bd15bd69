#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "eval/capture_compare.h"
#include "eval/distance.h"
#include "net/wire.h"

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance) && !(isnan(actual) && isnan(expected)))
        fail_msg("%.15g is not %.15g", actual, expected);
}

/* ---- distances ---- */

static void test_wasserstein_of_bins(void **state)
{
    static const struct {
        uint64_t a[6], b[6];
        double expected; /* for a width of 0.5 */
    } cases[] = {
        { { 0, 0, 7, 0, 0, 0 }, { 0, 0, 0, 0, 3, 0 }, 1 },
        { { 1, 2, 0, 3, 0, 0 }, { 2, 4, 0, 6, 0, 0 }, 0 },
        { { 0, 4, 0, 0, 0, 0 }, { 2, 0, 0, 0, 0, 2 }, 1.25 },
        { { 0, 0, 0, 0, 0, 0 }, { 1, 0, 0, 0, 0, 0 }, NAN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_near(wasserstein_of_bins(cases[i].a, cases[i].b, 6, 0.5), cases[i].expected, 1e-12);
        assert_near(wasserstein_of_bins(cases[i].b, cases[i].a, 6, 0.5), cases[i].expected, 1e-12);
    }
}

static void fill(struct tally *tally, const uint64_t counts[3])
{
    tally_init(tally);
    for (uint32_t i = 0; i < 3; i++) {
        if (counts[i] > 0)
            tally_add(tally, 0, i, counts[i]);
    }
}

static void test_divergence_of_tallies(void **state)
{
    static const struct {
        uint64_t a[3], b[3];
        double expected;
    } cases[] = {
        { { 1, 2, 0 }, { 10, 20, 0 }, 0 },
        { { 5, 0, 0 }, { 0, 1, 1 }, 1 },
        { { 4, 0, 0 }, { 1, 1, 0 }, 0.31127812445913283 },
        { { 4, 0, 0 }, { 0, 0, 0 }, 1 },
        { { 0, 0, 0 }, { 0, 0, 0 }, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tally a;
        struct tally b;

        fill(&a, cases[i].a);
        fill(&b, cases[i].b);
        assert_near(divergence_of_tallies(&a, &b), cases[i].expected, 1e-12);
        assert_near(divergence_of_tallies(&b, &a), cases[i].expected, 1e-12);
        tally_release(&a);
        tally_release(&b);
    }
}

/* ---- packets over time ---- */

static struct packet_clock *new_clock(void)
{
    struct packet_clock *clock = malloc(sizeof *clock);

    assert_non_null(clock);
    packet_clock_init(clock);
    return clock;
}

static struct clock_sums whole(const struct packet_clock *clock)
{
    return clock_sums_add(&clock->half[0], &clock->half[1]);
}

/* `count` packets spread evenly over each second in turn, for so long, from a slice's begin. */
static void add_steady(struct packet_clock *clock, int64_t slice, int seconds, const int *counts, int period)
{
    for (int s = 0; s < seconds; s++) {
        for (int i = 0; i < counts[s % period]; i++)
            packet_clock_add(clock,
                             (struct day_time){ slice * NS_PER_SLICE + s * NS_PER_SECOND +
                                                i * NS_PER_SECOND / counts[s % period] },
                             i == 0);
    }
}

/* 100 packets a second, one in each hundredth: no variance at any scale. */
static void test_smooth_load(void **state)
{
    static const int counts[] = { 100 };
    struct packet_clock *clock = new_clock();
    struct clock_sums sums;

    (void)state;
    add_steady(clock, 1000, 900, counts, 1);
    packet_clock_end(clock);
    sums = whole(clock);
    for (int scale = 0; scale < CLOCK_SCALES; scale++)
        assert_near(clock_variance(&sums, scale), 0, 1e-9);
    assert_near(sums.bins[0], 90000, 0);
    assert_near(sums.bins[CLOCK_SCALES - 1], 9, 0);
    assert_near(clock_autocorrelation(&sums, 1), NAN, 0);
    assert_near(clock->observed_s[1000 % DAY_SLICES], 300, 1e-9);
    assert_near(clock->flows[1001 % DAY_SLICES], 300, 0);
    assert_near(clock->packets[1002 % DAY_SLICES], 30000, 0);
    free(clock);
}

/* Every other second: by hand. */
static void test_alternating_load(void **state)
{
    static const int counts[] = { 300, 100 };
    struct packet_clock *clock = new_clock();
    struct clock_sums sums;

    (void)state;
    add_steady(clock, 1000, 600, counts, 2);
    packet_clock_end(clock);
    sums = whole(clock);
    assert_near(clock_variance(&sums, 6), 0.25 * 600 / 599, 1e-9); /* at 1 s: mean 200, deviation 100 */
    assert_near(clock_variance(&sums, 7), 0, 1e-9);                /* at 2 s all is the same */
    assert_near(clock_autocorrelation(&sums, 1), -1, 1e-9);
    assert_near(clock_autocorrelation(&sums, 2), 1, 1e-9);
    free(clock);
}

/* Packets at random have no memory: H = 1/2, and a variance of one over the mean. */
static void test_poisson_load(void **state)
{
    struct packet_clock *clock = new_clock();
    struct random_stream stream;
    struct clock_sums sums;
    double at = 0;

    (void)state;
    random_init(&stream, 1, RANDOM_BLIND, 9, 9, 9);
    while (at < 20000) {
        packet_clock_add(clock, (struct day_time){ (int64_t)(at * 1e9) }, false);
        at += random_exponential(&stream, 1.0 / 50);
    }
    packet_clock_end(clock);
    sums = whole(clock);
    assert_near(clock_hurst(&sums), 0.5, 0.05);
    assert_near(clock_variance(&sums, 6) * 50, 1, 0.05);
    assert_near(clock_autocorrelation(&sums, 5), 0, 0.03);
    free(clock);
}

/* Silent slices in between count; those of a long silence do not. */
static void test_silence(void **state)
{
    static const int counts[] = { 10 };
    struct packet_clock *clock = new_clock();
    struct clock_sums sums;

    (void)state;
    add_steady(clock, 100, 300, counts, 1);
    add_steady(clock, 103, 300, counts, 1); /* two silent slices */
    add_steady(clock, 103 + CLOCK_SILENCE_SLICES + 1, 300, counts, 1);
    packet_clock_end(clock);
    sums = whole(clock);
    assert_near(sums.pairs[0], 5 * 300 - 2, 0); /* at both sides of the long silence a second began and ended */
    assert_near(sums.firsts[0], 3 * 3000 - 20, 0);
    assert_near(clock->observed_s[101], 300, 1e-9);
    assert_near(clock->observed_s[104], 0, 0);
    free(clock);
}

/* ---- captures ---- */

/* A flow of `packets` packets of so many bytes, each `gap_ms` after the one before. */
struct pattern {
    uint16_t port;
    uint8_t ttl;
    int packets;
    uint32_t bytes;
    int64_t gap_ms;
    const char *label;
};

static void add_flow(struct capture_profile *profile, const struct pattern *pattern, int64_t start_ms)
{
    struct profiled_flow flow = { .half = 0 };
    struct flow_record record = {
        .protocol = IP_TCP,
        .port = { 40000, pattern->port },
        .packets = { (uint64_t)pattern->packets, 0 },
        .bytes = { (uint64_t)pattern->packets * pattern->bytes, 0 },
        .duration_ns = (pattern->packets - 1) * pattern->gap_ms * NS_PER_MS,
        .rtt_ns = 20 * NS_PER_MS,
        .application = pattern->label,
    };

    for (int i = 0; i < pattern->packets; i++) {
        const struct packet_view packet = {
            .time = { (start_ms + i * pattern->gap_ms) * NS_PER_MS },
            .protocol = IP_TCP,
            .ttl = pattern->ttl,
            .tcp_flags = i == 0 ? TCP_SYN : TCP_ACK,
            .ip_bytes = pattern->bytes,
            .payload_bytes = pattern->bytes - 40,
        };

        capture_profile_packet(profile, &flow, FLOW_INITIATOR, &packet);
    }
    capture_profile_flow(profile, &flow, &record);
}

enum { FLOWS = 400 };

static struct capture_profile *make_capture(const struct pattern *pattern)
{
    struct capture_profile *profile = capture_profile_new();

    for (int i = 0; i < FLOWS; i++)
        add_flow(profile, pattern, INT64_C(1600000200000) + i * 2000);
    capture_profile_end(profile);
    return profile;
}

static const struct pattern plain = { 443, 64, 4, 140, 100, "TLS" };

/* A capture and itself: nothing differs, not even its halves, as all flows are alike. */
static void test_the_same(void **state)
{
    struct capture_profile *a = make_capture(&plain);
    struct capture_comparison c;

    (void)state;
    capture_compare(&c, a, a);
    assert_int_equal(c.flows[0], FLOWS);
    assert_int_equal(c.packets[1], FLOWS * 4);
    for (int i = 0; i < PROFILE_CATEGORIES; i++) {
        assert_near(c.divergence[i].distance, 0, 1e-12);
        assert_near(c.divergence[i].floor, 0, 1e-12);
    }
    for (int i = 0; i < PROFILE_NUMBERS; i++) {
        assert_near(c.distance[i].distance, 0, 1e-12);
        assert_near(c.distance[i].floor, 0, 1e-12);
    }
    assert_near(c.variance_distance.distance, 0, 1e-12);
    assert_near(c.autocorrelation_distance.distance, 0, 1e-12);
    assert_int_equal(c.slices, 3);
    capture_profile_free(a);
}

/* One thing differs at a time, by a factor of 2 where it is a number. */
static void test_what_differs(void **state)
{
    static const struct {
        struct pattern pattern;
        double service, ttl, label;
        double bytes, gap, duration, packets, flow_bytes;
    } cases[] = {
        { { 443, 64, 4, 140, 100, "TLS" }, 0, 0, 0, 0, 0, 0, 0, 0 },
        { { 80, 64, 4, 140, 100, "HTTP" }, 1, 0, 1, 0, 0, 0, 0, 0 },
        { { 443, 63, 4, 140, 100, "TLS" }, 0, 1, 0, 0, 0, 0, 0, 0 },
        { { 443, 64, 4, 280, 100, "TLS" }, 0, 0, 0, M_LN2, 0, 0, 0, M_LN2 },
        { { 443, 64, 4, 140, 200, "TLS" }, 0, 0, 0, 0, M_LN2, M_LN2, 0, 0 },
        { { 443, 64, 8, 140, 100, "TLS" }, 0, 0, 0, 0, 0, 0.8473, M_LN2, M_LN2 }, /* ln (7 / 3) */
        { { 443, 64, 4, 140, 100, NULL }, 0, 0, 1, 0, 0, 0, 0, 0 },
    };
    const double bin = M_LN2 / PROFILE_PER_OCTAVE;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct capture_profile *a = make_capture(&plain);
        struct capture_profile *b = make_capture(&cases[i].pattern);
        struct capture_comparison c;

        capture_compare(&c, a, b);
        assert_near(c.divergence[CATEGORY_SERVICE].distance, cases[i].service, 1e-12);
        assert_near(c.divergence[CATEGORY_TTL].distance, cases[i].ttl, 1e-12);
        assert_near(c.divergence[CATEGORY_LABEL].distance, cases[i].label, 1e-12);
        assert_near(c.distance[NUMBER_PACKET_BYTES].distance, cases[i].bytes, bin);
        assert_near(c.distance[NUMBER_GAP].distance, cases[i].gap, bin);
        assert_near(c.distance[NUMBER_FLOW_DURATION].distance, cases[i].duration, bin);
        assert_near(c.distance[NUMBER_FLOW_PACKETS].distance, cases[i].packets, bin);
        assert_near(c.distance[NUMBER_FLOW_BYTES].distance, cases[i].flow_bytes, bin);
        assert_near(c.distance[NUMBER_RTT].distance, 0, bin);
        capture_profile_free(a);
        capture_profile_free(b);
    }
}

/* The coin is fair, and the floor is what halves of a mixture differ in: about what chance gives. */
static void test_floor(void **state)
{
    static const struct pattern other = { 80, 64, 4, 1400, 100, "HTTP" };
    struct capture_profile *a = capture_profile_new();
    struct capture_comparison c;

    (void)state;
    for (int i = 0; i < FLOWS; i++)
        add_flow(a, i % 2 ? &plain : &other, i * 2000);
    capture_profile_end(a);
    assert_in_range(a->half[0].flows, FLOWS * 2 / 5, FLOWS * 3 / 5);
    capture_compare(&c, a, a);
    assert_true(c.divergence[CATEGORY_SERVICE].floor > 0 && c.divergence[CATEGORY_SERVICE].floor < 0.02);
    assert_true(c.distance[NUMBER_FLOW_BYTES].floor > 0 && c.distance[NUMBER_FLOW_BYTES].floor < 0.35);
    capture_profile_free(a);
}

/* Nothing at all is compared with nothing. */
static void test_empty(void **state)
{
    struct capture_profile *a = capture_profile_new();
    struct capture_comparison c;

    (void)state;
    capture_profile_end(a);
    capture_compare(&c, a, a);
    assert_near(c.divergence[CATEGORY_PROTOCOL].distance, NAN, 0);
    assert_near(c.distance[NUMBER_GAP].floor, NAN, 0);
    assert_near(c.hurst.of[0], NAN, 0);
    assert_near(c.packet_profile.distance, NAN, 0);
    capture_profile_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wasserstein_of_bins), cmocka_unit_test(test_divergence_of_tallies),
        cmocka_unit_test(test_smooth_load),         cmocka_unit_test(test_alternating_load),
        cmocka_unit_test(test_poisson_load),        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_the_same),            cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_floor),               cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
