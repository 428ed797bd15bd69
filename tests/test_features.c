#include "support.h"

#include <math.h>
#include <string.h>

#include "base/moments.h"
#include "eval/flow_vector.h"
#include "flow/flow_table.h"
#include "net/wire.h"

enum { MAX_PACKETS = 8, KEPT = 4 };

/* ---- moments ---- */

static void test_moments(void **state)
{
    const struct {
        uint64_t numbers[MAX_PACKETS];
        size_t count;
        uint64_t least, most;
        double mean, deviation;
    } rows[] = {
        { { 0 }, 0, 0, 0, 0, 0 },
        { { 7 }, 1, 7, 7, 7, 0 },
        { { 0, 0, 0 }, 3, 0, 0, 0, 0 },
        { { 2, 4, 4, 4, 5, 5, 7, 9 }, 8, 2, 9, 5, 2 },
        { { 9, 7, 5, 5, 4, 4, 4, 2 }, 8, 2, 9, 5, 2 }, /* order does not matter */
        { { 1, 2 }, 2, 1, 2, 1.5, 0.5 },
        /* A day, and one nanosecond more: a sum of squares in doubles has nothing left of it. */
        { { 86400000000000, 86400000000001 }, 2, 86400000000000, 86400000000001, 86400000000000.5, 0.5 },
        /* The largest that is allowed. */
        { { INT64_MAX, 0 }, 2, 0, INT64_MAX, 0x1p62, 0x1p62 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct moments moments = { 0 };

        for (size_t k = 0; k < rows[i].count; k++)
            moments_add(&moments, rows[i].numbers[k]);
        assert_int_equal(moments.count, rows[i].count);
        assert_int_equal(moments.least, rows[i].least);
        assert_int_equal(moments.most, rows[i].most);
        if (moments_mean(&moments) != rows[i].mean || moments_deviation(&moments) != rows[i].deviation)
            fail_msg("row %zu: mean %.17g, deviation %.17g", i, moments_mean(&moments),
                     moments_deviation(&moments));
    }
}

/* ---- flows ---- */

/* A packet of a scripted flow of UDP; side '>' is the initiator, 0 ends. */
struct step {
    int64_t us;
    char side;
    uint32_t payload;
};

struct seen {
    struct flow_statistics statistics;
    double vector[FLOW_NUMBERS];
};

struct watch {
    struct seen flows[KEPT];
    size_t count;
};

static void add_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    (void)self;
    flow_statistics_add(state, side, packet->time, packet->payload_bytes);
}

static void end_flow(void *self, void *state, const struct flow_record *record)
{
    struct watch *watch = self;
    struct seen *seen = &watch->flows[watch->count];

    assert_true(watch->count++ < KEPT);
    seen->statistics = *(const struct flow_statistics *)state;
    flow_vector_of(record, &seen->statistics, seen->vector);
}

static void pass_record(void *self, const struct flow_record *record)
{
    (void)self;
    (void)record;
}

static struct packet_view packet_of(const struct step *step)
{
    struct ip_address ends[2] = { ip_address_from_v4(0x0a000001), ip_address_from_v4(0x0a000002) };
    const uint16_t ports[2] = { 40000, 53 };
    int from = step->side == '>' ? 0 : 1;

    return (struct packet_view){
        .time = { step->us * NS_PER_US }, .source = ends[from], .destination = ends[!from],
        .source_port = ports[from], .destination_port = ports[!from], .protocol = IP_UDP,
        .payload_bytes = step->payload, .ip_bytes = 28 + step->payload,
    };
}

static struct watch play(const struct step *steps)
{
    struct watch watch = { .count = 0 };
    const struct flow_observer observer = { &watch, sizeof(struct flow_statistics), add_packet, end_flow, NULL };
    const struct flow_table_options options = { .max_flows = 100, .observer = &observer };
    struct flow_table *table = flow_table_new(&options, pass_record, NULL);

    for (; steps->side; steps++) {
        struct packet_view packet = packet_of(steps);

        flow_table_add(table, &packet);
    }
    flow_table_flush(table);
    flow_table_free(table);
    return watch;
}

/* By hand; in the order of the columns. */
static const struct {
    const char *name;
    struct step steps[MAX_PACKETS];
    double vector[FLOW_NUMBERS];
    uint64_t data_packets;
} flows[] = {
    { "one packet: all that needs two is 0",
      { { 5, '>', 30 } },
      { 0, 1, 0, 30, 0, 30, 30, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 1 },
    { "one empty packet",
      { { 5, '>', 0 } },
      { 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0 },
    { "question and answer: no gap of either side",
      { { 0, '>', 40 }, { 500000, '<', 120 } },
      { 0.5, 1, 1, 40, 120, 40, 40, 40, 0, 120, 120, 120, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 }, 2 },
    { "two packets at once",
      { { 0, '>', 10 }, { 0, '>', 20 } },
      { 0, 2, 0, 30, 0, 10, 15, 20, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 2 },
    /* Initiator at 0, 1, 4 s: gaps 1, 3; responder at 0.5, 3.5, 3.75 s: gaps 3, 0.25. */
    { "gaps are of one side, empty packets count as lengths",
      { { 0, '>', 100 }, { 500000, '<', 0 }, { 1000000, '>', 0 }, { 3500000, '<', 1000 },
        { 3750000, '<', 500 }, { 4000000, '>', 200 } },
      { 4, 3, 3, 300, 1500, 0, 100, 200, 81.6496580927726, 0, 500, 1000, 408.248290463863, 1, 2, 3, 1, 0.25,
        1.625, 3, 1.375, 1.5 }, 4 },
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flows / sizeof *flows; i++) {
        struct watch watch = play(flows[i].steps);

        assert_int_equal(watch.count, 1);
        assert_int_equal(watch.flows[0].statistics.data_packets, flows[i].data_packets);
        for (int k = 0; k < FLOW_NUMBERS; k++) {
            double found = watch.flows[0].vector[k];

            if (fabs(found - flows[i].vector[k]) > 1e-13 * flows[i].vector[k])
                fail_msg("%s: %s is %.15g, not %.15g", flows[i].name, flow_number_name((enum flow_number)k),
                         found, flows[i].vector[k]);
        }
    }
}

/* Both of a duration and of gaps: where the clock's microseconds begin, not where the flow does. */
static void test_whole_microseconds(void **state)
{
    const int64_t times_ns[] = { -1, 0, 1999, 2000 };
    const struct flow_record record = { .start = { -1 }, .duration_ns = 2001, .packets = { 4, 0 } };
    struct flow_statistics statistics = { .data_packets = 0 };
    double vector[FLOW_NUMBERS];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        flow_statistics_add(&statistics, FLOW_INITIATOR, (struct day_time){ times_ns[i] }, 1);
    flow_vector_of(&record, &statistics, vector);
    assert_float_equal(vector[FLOW_DURATION], 3e-6, 1e-15);
    assert_float_equal(vector[FLOW_GAP_INITIATOR], 1e-6, 1e-15);
    assert_float_equal(vector[FLOW_GAP_INITIATOR + 2], 1e-6, 1e-15);
}

/* A flow begins with nothing of the one before it, whose room it may have. */
static void test_flow_after_flow(void **state)
{
    const struct step steps[] = {
        { 0, '>', 10 }, { 1, '>', 20 }, { 200000000, '>', 30 }, { 400000000, '<', 40 }, { 0 },
    };
    struct watch watch = play(steps);

    (void)state;
    assert_int_equal(watch.count, 3);
    assert_true(watch.flows[0].vector[FLOW_PACKETS_INITIATOR] == 2);
    assert_true(watch.flows[1].vector[FLOW_PACKETS_INITIATOR] == 1);
    assert_true(watch.flows[1].vector[FLOW_LENGTH_INITIATOR + 2] == 30);
    assert_int_equal(watch.flows[1].statistics.gaps_us[0].count, 0);
    assert_true(watch.flows[2].vector[FLOW_PACKETS_RESPONDER] == 1);
    assert_true(watch.flows[2].vector[FLOW_PACKETS_INITIATOR] == 0);
}

/* Which flows are copies of each other: those of one letter. */
static void test_sequences(void **state)
{
    const struct {
        char letter;
        struct step steps[MAX_PACKETS];
    } rows[] = {
        { 'a', { { 0, '>', 10 }, { 1, '<', 20 }, { 2, '>', 30 } } },
        { 'a', { { 0, '>', 10 }, { 7, '>', 0 }, { 80, '<', 20 }, { 99, '>', 30 } } }, /* other times, no data */
        { 'b', { { 0, '>', 10 }, { 1, '>', 30 }, { 2, '<', 20 } } }, /* order */
        { 'c', { { 0, '>', 10 }, { 1, '>', 20 }, { 2, '>', 30 } } }, /* direction */
        { 'd', { { 0, '>', 10 }, { 1, '<', 21 }, { 2, '>', 30 } } }, /* length */
        { 'e', { { 0, '>', 10 }, { 1, '<', 20 } } },
        { 'f', { { 0, '>', 30 }, { 1, '<', 30 } } },
        { 'g', { { 0, '>', 0 } } },
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    uint64_t found[ROWS];

    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        found[i] = play(rows[i].steps).flows[0].statistics.data_sequence;
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(found[i] == found[k], rows[i].letter == rows[k].letter);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < FLOW_NUMBERS; i++) {
        assert_non_null(flow_number_name((enum flow_number)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(flow_number_name((enum flow_number)i), flow_number_name((enum flow_number)k));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),   cmocka_unit_test(test_vectors), cmocka_unit_test(test_flow_after_flow),
        cmocka_unit_test(test_sequences), cmocka_unit_test(test_names),    cmocka_unit_test(test_whole_microseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
