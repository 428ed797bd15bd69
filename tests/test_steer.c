/*
 * A run that is steered while it plays: speed, activity, jumps of the day, an early end. The frames are taken as a
 * renderer's thread would, by a clock that goes from frame to frame; what is steered comes at times of that clock.
 */
#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/time_zone.h"
#include "emit/sent_count.h"
#include "eval/legality.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "net/wire.h"
#include "records/flow_ledger.h"
#include "scenario/scenario.h"
#include "toy_model.h"

#define SEED 20261122
#define DATE INT64_C(20780) /* a Monday */
#define BEGIN_NS (DATE * NS_PER_DAY + 7 * 3600 * NS_PER_SECOND)
#define HOUR_NS (3600 * NS_PER_SECOND)

enum { HOSTS = 3 * TOY_HOSTS, MOST_FLOWS = 100000 };

/* ---- a run ---- */

enum order_kind { ORDER_SPEED, ORDER_ACTIVITY, ORDER_SKIP, ORDER_FINISH };

struct order {
    int64_t at_ns; /* on the clock */
    enum order_kind kind;
    double value; /* speed, factor; or seconds */
};

/* A flow that began. */
struct begin {
    uint64_t key;
    int64_t start_ns; /* in the day */
    int64_t due_ns;
};

struct run {
    struct toy_model *toy;
    struct scenario *scenario;
    struct frame_source frames;
    struct begin *begins;
    size_t count, capacity;
    uint64_t frame_count;
    int64_t late_ns; /* the clock is ahead of what is ordered and taken by so much */
    int64_t now_ns, last_due_ns;
    bool finishing;
    struct flow_ledger *ledger; /* of the ground truth */
    struct sent_flow_keeper keeper;
    struct flow_table *table; /* NULL: nobody judges packets */
    struct flow_observer observer;
    struct legality_counts legality;
    uint64_t ended;      /* sessions, since the end was ordered ... */
    uint64_t not_closed; /* ... and TCP connections of these that have neither FINs nor a reset */
};

static void count_end(struct run *run, const struct flow_record *record)
{
    bool is_reset = (record->tcp_flags[0] | record->tcp_flags[1]) & TCP_RST;
    bool is_closed = record->tcp_flags[0] & record->tcp_flags[1] & TCP_FIN;

    if (!run->finishing)
        return;
    run->ended++;
    if (record->protocol != IP_TCP || record->opening == FLOW_OPENING_ATTEMPT)
        return;
    run->not_closed += !is_reset && !is_closed;
}

/* What the frame does to the ground truth. */
static void count_frame(struct run *run, const struct frame *frame)
{
    struct sent_record record;
    uint32_t slot;

    sent_count_frame(flow_ledger_tallies(run->ledger), frame, frame->due.ns);
    sent_count_handled(flow_ledger_tallies(run->ledger), frame, 1);
    while (flow_ledger_over(run->ledger, 0, &slot)) {
        if (flow_ledger_record(run->ledger, slot, BEGIN_NS, &record))
            count_end(run, &record.flow);
        flow_ledger_give_back(run->ledger, 1);
    }
}

/* ---- packets, judged by the rules of TCP ---- */

static void judge_packet(void *self, void *flow, enum flow_side side, const struct packet_view *packet)
{
    (void)self;
    legality_add(flow, side, packet);
}

static void judge_flow(void *self, void *flow, const struct flow_record *record)
{
    struct run *run = self;

    if (record->protocol == IP_TCP)
        legality_counts_add(&run->legality, flow);
}

static void ignore_record(void *self, const struct flow_record *record)
{
    (void)self;
    (void)record;
}

static void begin_judging(struct run *run)
{
    struct flow_table_options options = { .max_flows = MOST_FLOWS, .observer = &run->observer };

    run->observer = (struct flow_observer){ run, sizeof(struct legality), judge_packet, judge_flow, NULL };
    run->table = flow_table_new(&options, ignore_record, NULL);
}

static void judge_frame(struct run *run, const struct frame *frame)
{
    struct packet_view view;

    assert_int_equal(decode_frame(DECODE_ETHERNET, frame->bytes, frame->length, frame->length, false, &view),
                     DECODE_OK);
    view.time.ns = BEGIN_NS + frame->due.ns;
    flow_table_add(run->table, &view);
}

static void check_legal(struct run *run)
{
    flow_table_flush(run->table);
    if (run->legality.legal != run->legality.flows)
        fail_msg("%" PRIu64 " of %" PRIu64 " TCP flows are legal", run->legality.legal, run->legality.flows);
}

static struct scenario_config config_of(int64_t begin_ns, int64_t day_ns, double speed)
{
    struct scenario_config config = {
        .seed = SEED, .begin = { begin_ns }, .day_ns = day_ns, .speed = speed,
    };

    assert_int_equal(ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE), 0);
    return config;
}

static void run_begin(struct run *run, struct scenario_config *config)
{
    struct scenario_group group = { .hosts = HOSTS };
    struct error err = { "" };

    memset(run, 0, sizeof *run);
    run->toy = toy_model_new();
    run->last_due_ns = INT64_MIN;
    group.model = toy_model_of(run->toy);
    assert_int_equal(ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK), 0);
    config->groups = &group;
    config->group_count = 1;
    run->ledger = flow_ledger_new(&err);
    assert_non_null(run->ledger);
    run->keeper = flow_ledger_keeper(run->ledger);
    config->how.keeper = &run->keeper;
    run->scenario = scenario_new(config, &err);
    if (run->scenario == NULL)
        fail_msg("%s", err.text);
    run->frames = scenario_frames(run->scenario);
}

static void run_end(struct run *run)
{
    scenario_free(run->scenario);
    flow_ledger_free(run->ledger);
    toy_model_free(run->toy);
    flow_table_free(run->table);
    free(run->begins);
}

static void give_order(struct run *run, const struct order *order)
{
    struct run_time now = { order->at_ns + run->late_ns };

    run->now_ns = order->at_ns;
    switch (order->kind) {
    case ORDER_SPEED: scenario_set_speed(run->scenario, order->value, now); break;
    case ORDER_ACTIVITY: scenario_set_activity(run->scenario, order->value, now); break;
    case ORDER_SKIP: scenario_skip(run->scenario, (int64_t)order->value * NS_PER_SECOND, now); break;
    case ORDER_FINISH:
        run->finishing = true;
        scenario_finish(run->scenario, now, (int64_t)(order->value * (double)NS_PER_SECOND));
    }
}

static void note_begin(struct run *run, int64_t due_ns)
{
    const struct flow_plan *plan = scenario_begun(run->scenario);

    run->begins = memory_grow(run->begins, &run->capacity, run->count + 1, sizeof *run->begins);
    run->begins[run->count++] = (struct begin){ plan->key, plan->start.ns, due_ns };
}

/* False: there is none. Frames are in order, and none is before what the clock had come to. */
static bool take_frame(struct run *run)
{
    uint64_t flows = scenario_counts(run->scenario)->flows;
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;
    int got = frame_source_next(&run->frames, room, &frame, &err);

    if (got < 0)
        fail_msg("%s", err.text);
    if (got == 0)
        return false;
    assert_true(frame.due.ns >= run->last_due_ns && frame.due.ns >= run->now_ns);
    run->last_due_ns = run->now_ns = frame.due.ns;
    run->frame_count++;
    count_frame(run, &frame);
    if (run->table)
        judge_frame(run, &frame);
    if (scenario_counts(run->scenario)->flows > flows)
        note_begin(run, frame.due.ns);
    return true;
}

/* To the end, or until a flow begins that starts at `until_ns` of the day or later. */
static void play(struct run *run, const struct order *orders, size_t count, int64_t until_ns)
{
    struct error err = { "" };
    struct frame next;
    size_t at = 0;

    for (;;) {
        int got = run->frames.peek(run->frames.self, &next, &err);

        if (at < count && (got == 0 || orders[at].at_ns <= next.due.ns)) {
            give_order(run, &orders[at++]);
            continue;
        }
        if (!take_frame(run) || (run->count > 0 && run->begins[run->count - 1].start_ns >= until_ns))
            return;
    }
}

/* The flows of the day from `begin_ns` on, as planned without a clock. */
static struct begin *plans_of(struct scenario_config config, size_t *count)
{
    struct run run;
    struct flow_plan_source plans;
    struct begin *list = NULL;
    struct flow_plan plan;
    struct error err;
    size_t capacity = 0;

    run_begin(&run, &config);
    plans = scenario_plans(run.scenario);
    for (*count = 0; plans.next(plans.self, &plan, &err) > 0; ++*count) {
        list = memory_grow(list, &capacity, *count + 1, sizeof *list);
        list[*count] = (struct begin){ plan.key, plan.start.ns, 0 };
    }
    run_end(&run);
    return list;
}

/* The begins from `first` on are the plans from `from_ns` on, one by one, as far as they go. */
static void check_same(const struct run *run, size_t first, size_t end, const struct begin *plans, size_t count,
                       int64_t from_ns)
{
    size_t at = 0;

    while (at < count && plans[at].start_ns < from_ns)
        at++;
    assert_true(end - first <= count - at);
    for (size_t i = first; i < end; i++, at++) {
        if (run->begins[i].key != plans[at].key || run->begins[i].start_ns != plans[at].start_ns)
            fail_msg("flow %zu begins %016" PRIx64 " of %" PRId64 ", not %016" PRIx64 " of %" PRId64, i,
                     run->begins[i].key, run->begins[i].start_ns, plans[at].key, plans[at].start_ns);
    }
}

/* ---- no flow is lost or doubled ---- */

enum { MOST_ORDERS = 40 };

/* Speeds, and an activity that stays what it is, at random times. */
static size_t draw_orders(struct order *orders, uint32_t number, int64_t until_ns)
{
    static const double speeds[] = { 0.25, 1, 1, 2, 7.3, 60, 1000 };
    struct random_stream random;
    size_t count;
    int64_t at_ns = 0;

    random_init(&random, SEED, RANDOM_SLICE, number, 0, 0);
    count = random_below(&random, MOST_ORDERS);
    for (size_t i = 0; i < count; i++) {
        bool is_speed = random_below(&random, 2);

        at_ns += (int64_t)random_below(&random, (uint64_t)until_ns / MOST_ORDERS);
        orders[i] = (struct order){ at_ns, is_speed ? ORDER_SPEED : ORDER_ACTIVITY,
                                    is_speed ? speeds[random_below(&random, sizeof speeds / sizeof *speeds)] : 1 };
    }
    return count;
}

/* Also when the renderer is behind its clock. */
static void test_flows_stay_the_same(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, 4 * HOUR_NS, 1);
    size_t count;
    struct begin *plans = plans_of(config, &count);
    const int64_t until_ns = BEGIN_NS + 4 * HOUR_NS - NS_PER_SLICE;

    (void)state;
    assert_in_range(count, 1000, 20000);
    for (uint32_t i = 0; i < 20; i++) {
        struct order orders[MOST_ORDERS];
        size_t order_count = draw_orders(orders, i, HOUR_NS);
        struct run run;

        config = config_of(BEGIN_NS, 100000 * HOUR_NS, i % 3 == 0 ? 60 : 1);
        config.threads = 1 + i % 3;
        run_begin(&run, &config);
        run.late_ns = i % 4 == 3 ? 20 * NS_PER_SECOND : 0;
        play(&run, orders, order_count, until_ns);
        assert_true(run.begins[run.count - 1].start_ns >= until_ns);
        check_same(&run, 0, run.count, plans, count, 0);
        run_end(&run);
    }
    free(plans);
}

/* Between any two frames, whatever is due next. */
static void test_replanned_at_every_frame(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, HOUR_NS / 4, 1);
    size_t count;
    struct begin *plans = plans_of(config, &count);
    struct run run;
    struct error err;
    struct frame next;

    (void)state;
    run_begin(&run, &config);
    do {
        struct order order = { run.now_ns, run.frame_count % 2 ? ORDER_ACTIVITY : ORDER_SPEED, 1 };

        if (run.frame_count % 3)
            run.frames.peek(run.frames.self, &next, &err);
        give_order(&run, &order);
    } while (take_frame(&run));
    assert_int_equal(run.count, count);
    check_same(&run, 0, run.count, plans, count, 0);
    run_end(&run);
    free(plans);
}

/* ---- speed ---- */

/* From the order on flows begin so much closer together; when the run ends stays what it is. */
static void test_speed(void **state)
{
    static const double speeds[] = { 2, 0.5, 60, 200, 1 };
    const int64_t at_ns = 600 * NS_PER_SECOND;
    const int64_t end_ns = HOUR_NS;

    (void)state;
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        struct scenario_config config = config_of(BEGIN_NS, end_ns, 1);
        const struct order order = { at_ns, ORDER_SPEED, speeds[i] };
        struct run run;

        run_begin(&run, &config);
        play(&run, &order, 1, INT64_MAX);
        assert_int_equal(scenario_end(run.scenario).ns, end_ns);
        for (size_t b = 0; b < run.count; b++) {
            const struct begin *begin = &run.begins[b];
            double later_ns = (double)(begin->start_ns - BEGIN_NS - at_ns);
            double due_ns = (double)at_ns + (later_ns < 0 ? later_ns : later_ns / speeds[i]);

            assert_true(fabs((double)begin->due_ns - due_ns) <= 2);
            assert_true(begin->due_ns < end_ns);
        }
        /* The day went on to where the speed led, with flows until shortly before the end. */
        assert_true((double)(end_ns - run.begins[run.count - 1].due_ns) < 120e9);
        assert_true(run.last_due_ns < end_ns + NS_PER_SECOND);
        run_end(&run);
    }
}

/* When the last flow has begun and none would come any more. */
static void test_orders_shortly_before_the_end(void **state)
{
    static const struct order orders[] = { { 0, ORDER_SPEED, 5000 }, { 0, ORDER_ACTIVITY, 1000 },
                                           { 0, ORDER_SPEED, 0.001 } };
    const int64_t end_ns = HOUR_NS / 4;

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct scenario_config config = config_of(BEGIN_NS, end_ns, 1);
        struct order order = orders[i];
        size_t before;
        struct run run;

        run_begin(&run, &config);
        play(&run, NULL, 0, INT64_MAX);
        before = run.count;
        order.at_ns = (run.begins[before - 1].due_ns + end_ns) / 2;
        run_end(&run);
        config = config_of(BEGIN_NS, end_ns, 1);
        run_begin(&run, &config);
        play(&run, &order, 1, INT64_MAX);
        if (order.kind == ORDER_SPEED && order.value < 1)
            assert_int_equal(run.count, before);
        else
            assert_true(run.count > before);
        assert_true(run.begins[run.count - 1].due_ns < end_ns);
        run_end(&run);
    }
}

/* What is played at a time of the run, and back. */
static void test_schedule(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, HOUR_NS, 1);
    const struct order orders[] = { { 100 * NS_PER_SECOND, ORDER_SPEED, 3 }, { 200 * NS_PER_SECOND, ORDER_SKIP, -50 },
                                    { 300 * NS_PER_SECOND, ORDER_SPEED, 0.5 } };
    struct run run;

    (void)state;
    run_begin(&run, &config);
    play(&run, orders, 3, INT64_MAX);
    assert_int_equal(schedule_day_time(scenario_schedule(run.scenario), (struct run_time){ 400 * NS_PER_SECOND }).ns,
                     BEGIN_NS + (100 + 300 - 50 + 300 + 50) * NS_PER_SECOND);
    run_end(&run);
}

/* ---- activity ---- */

/* Flows of a run that start in the day from `from_ns` to `to_ns`. */
static size_t count_starts(const struct run *run, int64_t from_ns, int64_t to_ns)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++)
        count += run->begins[i].start_ns >= from_ns && run->begins[i].start_ns < to_ns;
    return count;
}

static void test_activity(void **state)
{
    static const double factors[] = { 1, 2, 0.5, 10, 0.1 };
    const int64_t at_ns = BEGIN_NS + HOUR_NS + 100 * NS_PER_SECOND;
    const int64_t slice_ns = BEGIN_NS + HOUR_NS + NS_PER_SLICE;
    const int64_t back_ns = BEGIN_NS + 3 * HOUR_NS;
    double usual[4] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        struct scenario_config config = config_of(BEGIN_NS, 4 * HOUR_NS, 1);
        const struct order orders[] = { { at_ns - BEGIN_NS, ORDER_ACTIVITY, factors[i] },
                                        { back_ns - BEGIN_NS, ORDER_ACTIVITY, 1 } };
        const int64_t parts[][2] = { { BEGIN_NS, at_ns }, { at_ns, slice_ns }, { slice_ns, back_ns },
                                     { back_ns, back_ns + HOUR_NS } };
        struct run run;

        run_begin(&run, &config);
        play(&run, orders, 2, INT64_MAX);
        for (int part = 0; part < 4; part++) {
            double flows = (double)count_starts(&run, parts[part][0], parts[part][1]);
            double expected = usual[part] * (part == 1 || part == 2 ? factors[i] : 1);

            if (i == 0)
                usual[part] = flows;
            else if (fabs(flows - expected) > 0.08 * expected + 2 * sqrt(expected))
                fail_msg("activity %g, part %d: %g flows, not %g", factors[i], part, flows, expected);
        }
        run_end(&run);
    }
}

static void test_activity_is_checked(void **state)
{
    static const struct {
        double factor;
        bool is_allowed;
    } cases[] = { { 1, true }, { 1000, true }, { 0.001, true }, { 1001, false }, { 0.0009, false }, { 0, false },
                  { -1, false }, { NAN, false }, { INFINITY, false } };
    struct scenario_config config = config_of(BEGIN_NS, HOUR_NS, 1);
    struct run run;

    (void)state;
    run_begin(&run, &config);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { "" };

        assert_int_equal(scenario_check_activity(run.scenario, cases[i].factor, &err),
                         cases[i].is_allowed ? 0 : -1);
        assert_int_equal(strstr(err.text, "population 1") != NULL, !cases[i].is_allowed);
    }
    run_end(&run);
}

/* ---- jumps of the day ---- */

static void test_skip(void **state)
{
    static const double jumps_s[] = { 3600, 1, 299, 300, 86400, -1, -300, -3600, -7200 };
    const int64_t at_ns = HOUR_NS + 12345;
    struct scenario_config config = config_of(BEGIN_NS - 3 * HOUR_NS, 36 * HOUR_NS, 1);
    size_t count;
    struct begin *plans = plans_of(config, &count);

    (void)state;
    for (size_t i = 0; i < sizeof jumps_s / sizeof *jumps_s; i++) {
        const struct order order = { at_ns, ORDER_SKIP, jumps_s[i] };
        const int64_t to_ns = BEGIN_NS + at_ns + (int64_t)jumps_s[i] * NS_PER_SECOND;
        size_t before = 0;
        struct run run;

        config = config_of(BEGIN_NS, 2 * HOUR_NS, 1);
        run_begin(&run, &config);
        play(&run, &order, 1, INT64_MAX);
        while (before < run.count && run.begins[before].due_ns < at_ns)
            before++;
        check_same(&run, 0, before, plans, count, BEGIN_NS);
        check_same(&run, before, run.count, plans, count, to_ns);
        assert_true(run.begins[run.count - 1].due_ns > 2 * HOUR_NS - 60 * NS_PER_SECOND);
        for (size_t b = before; b < run.count; b++)
            assert_int_equal(run.begins[b].due_ns - at_ns, run.begins[b].start_ns - to_ns);
        run_end(&run);
    }
    free(plans);
}

/* ---- an early end ---- */

/* All that was open is closed in time, and nothing comes after it. */
static void test_finish(void **state)
{
    static const double bounds_s[] = { 0, 0.001, 0.3, 2, 30 };
    static const double times_s[] = { 0, 0.001, 613.7, 1800, 3599.9 };

    (void)state;
    for (size_t i = 0; i < sizeof bounds_s / sizeof *bounds_s * (sizeof times_s / sizeof *times_s); i++) {
        double bound_s = bounds_s[i % 5];
        struct scenario_config config = config_of(BEGIN_NS + 2 * HOUR_NS, HOUR_NS, 1);
        struct order order = { (int64_t)(times_s[i / 5] * 1e9), ORDER_FINISH, bound_s };
        const struct renderer_counts *counts;
        uint64_t live;
        size_t begun;
        struct run run;
        struct frame next;
        struct error err;

        config.how.impairments.learned = i % 2;
        config.how.impairments.retransmission = 0.05;
        config.how.impairments.reordering = 0.02;
        run_begin(&run, &config);
        begin_judging(&run);
        counts = scenario_counts(run.scenario);
        while (run.frames.peek(run.frames.self, &next, &err) > 0 && next.due.ns < order.at_ns)
            take_frame(&run);
        live = counts->live;
        begun = run.count;
        give_order(&run, &order);
        play(&run, NULL, 0, INT64_MAX);
        assert_int_equal(run.count, begun);
        assert_int_equal(run.ended, live);
        assert_int_equal(run.not_closed, 0);
        assert_int_equal(counts->live, 0);
        assert_true(run.last_due_ns <= order.at_ns + (int64_t)(bound_s * 1e9));
        assert_int_equal(run.frames.peek(run.frames.self, &next, &err), 0);
        check_legal(&run);
        if (times_s[i / 5] > 60)
            assert_true(live > 2 && run.legality.flows > 100);
        run_end(&run);
    }
}

/* What is ordered after the end changes nothing. */
static void test_orders_after_the_end(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, HOUR_NS, 1);
    const struct order orders[] = {
        { 60 * NS_PER_SECOND, ORDER_FINISH, 1 },   { 60 * NS_PER_SECOND, ORDER_ACTIVITY, 3 },
        { 61 * NS_PER_SECOND, ORDER_SPEED, 100 },  { 61 * NS_PER_SECOND, ORDER_SKIP, -30 },
        { 100 * NS_PER_SECOND, ORDER_FINISH, 1 },
    };
    struct run run;

    (void)state;
    run_begin(&run, &config);
    play(&run, orders, sizeof orders / sizeof *orders, INT64_MAX);
    assert_true(run.begins[run.count - 1].due_ns < 60 * NS_PER_SECOND);
    assert_true(run.last_due_ns <= 61 * NS_PER_SECOND);
    assert_int_equal(run.not_closed, 0);
    run_end(&run);
}

/* ---- a run that goes on for another ---- */

/* Also in the hours that come twice or not at all. */
static void test_begins_anywhere(void **state)
{
    static const int64_t days[] = { DATE, 20751 /* 2026-10-25 */, 20541 /* 2026-03-29 */ };
    static const int64_t offsets_ns[] = { 1, 299 * NS_PER_SECOND, NS_PER_SLICE, HOUR_NS + 17, 3 * HOUR_NS - 1 };
    struct error err;

    (void)state;
    assert_int_equal(time_zone_set("Europe/Madrid", &err), 0);
    for (size_t d = 0; d < sizeof days / sizeof *days; d++) {
        struct scenario_config config = config_of(days[d] * NS_PER_DAY - HOUR_NS, 5 * HOUR_NS, 1);
        size_t count;
        struct begin *plans = plans_of(config, &count);

        for (size_t i = 0; i < sizeof offsets_ns / sizeof *offsets_ns; i++) {
            int64_t begin_ns = days[d] * NS_PER_DAY - HOUR_NS + offsets_ns[i];
            struct run run;

            config = config_of(begin_ns, HOUR_NS, 3);
            run_begin(&run, &config);
            play(&run, NULL, 0, INT64_MAX);
            assert_true(run.count > 50);
            check_same(&run, 0, run.count, plans, count, begin_ns);
            run_end(&run);
        }
        free(plans);
    }
    assert_int_equal(time_zone_set("UTC", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_stay_the_same),
        cmocka_unit_test(test_replanned_at_every_frame),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_orders_shortly_before_the_end),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_activity),
        cmocka_unit_test(test_activity_is_checked),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_orders_after_the_end),
        cmocka_unit_test(test_begins_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
