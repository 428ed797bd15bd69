/*
 * A run that begins amid the day: what is under way at its begin is what would be if it had begun earlier.
 */
#include "support.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scenario/scenario.h"
#include "toy_model.h"

#define SEED 20261122
#define DATE INT64_C(20780) /* a Monday */
#define MINUTE_NS (60 * NS_PER_SECOND)
#define HOUR_NS (60 * MINUTE_NS)
#define BEGIN_NS (DATE * NS_PER_DAY + 9 * HOUR_NS)

enum { HOSTS = 3 * TOY_HOSTS };

/* ---- the ground truth ---- */

struct kept {
    uint32_t begun, ended;
    uint32_t played; /* with a frame */
    uint64_t frames;
};

static uint32_t begin_kept(void *self, const struct sent_flow *flow)
{
    struct kept *kept = self;

    assert_true(flow->protocol == IP_TCP || flow->protocol == IP_UDP || flow->protocol == IP_ICMP);
    return kept->begun++;
}

static void end_kept(void *self, uint32_t slot, uint64_t frames)
{
    struct kept *kept = self;

    if (slot == FRAME_NO_FLOW) { /* before the run: nobody was told of it */
        assert_int_equal(frames, 0);
        return;
    }
    assert_in_range(slot, 0, kept->begun - 1);
    kept->ended++;
    kept->played += frames > 0;
    kept->frames += frames;
}

/* ---- a run ---- */

struct run {
    struct toy_model *toy;
    struct scenario *scenario;
    struct frame_source frames;
    struct kept kept;
    struct sent_flow_keeper keeper;
};

static struct scenario_config config_of(int64_t begin_ns, int64_t run_ns, double speed)
{
    struct scenario_config config = {
        .seed = SEED, .begin = { begin_ns }, .day_ns = (int64_t)((double)run_ns * speed), .speed = speed,
    };

    assert_int_equal(ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE), 0);
    return config;
}

static void run_begin(struct run *run, struct scenario_config config)
{
    struct scenario_group group = { .hosts = HOSTS };
    struct error err = { "" };

    memset(run, 0, sizeof *run);
    run->toy = toy_model_new();
    group.model = toy_model_of(run->toy);
    assert_int_equal(ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK), 0);
    config.groups = &group;
    config.group_count = 1;
    run->keeper = (struct sent_flow_keeper){ begin_kept, end_kept, &run->kept };
    config.how.keeper = &run->keeper;
    run->scenario = scenario_new(&config, &err);
    if (run->scenario == NULL)
        fail_msg("%s", err.text);
    run->frames = scenario_frames(run->scenario);
}

static void run_end(struct run *run)
{
    scenario_free(run->scenario);
    toy_model_free(run->toy);
}

/* False: there is none. */
static bool next_frame(struct run *run, uint8_t *room, struct frame *frame)
{
    struct error err = { "" };
    int got = frame_source_next(&run->frames, room, frame, &err);

    if (got < 0)
        fail_msg("%s", err.text);
    return got > 0;
}

/* ---- tests ---- */

/* The frames of a run that began `lead_ns` earlier, but for those that it has before the other one begins. */
static void check_as_if_begun_earlier(int64_t lead_ns, double speed)
{
    struct scenario_config config = config_of(BEGIN_NS, 20 * MINUTE_NS, speed);
    int64_t earlier_ns = BEGIN_NS - (int64_t)((double)lead_ns * speed);
    uint8_t rooms[2][FRAME_MAX_BYTES];
    struct frame earlier, led;
    struct run runs[2];
    uint64_t count = 0;

    run_begin(&runs[0], config_of(earlier_ns, lead_ns + 20 * MINUTE_NS, speed));
    config.lead_ns = lead_ns;
    run_begin(&runs[1], config);
    while (next_frame(&runs[0], rooms[0], &earlier)) {
        if (earlier.due.ns < lead_ns)
            continue;
        assert_true(next_frame(&runs[1], rooms[1], &led));
        assert_int_equal(led.due.ns, earlier.due.ns - lead_ns);
        assert_int_equal(led.length, earlier.length);
        assert_memory_equal(led.bytes, earlier.bytes, led.length);
        count++;
    }
    assert_false(next_frame(&runs[1], rooms[1], &led));
    assert_true(count > 1000);
    assert_int_equal(scenario_counts(runs[1].scenario)->frames, count);
    run_end(&runs[0]);
    run_end(&runs[1]);
}

static void test_as_if_begun_earlier(void **state)
{
    (void)state;
    check_as_if_begun_earlier(1, 1);
    check_as_if_begun_earlier(5 * MINUTE_NS, 1);
    check_as_if_begun_earlier(3 * HOUR_NS, 1);
    check_as_if_begun_earlier(2 * HOUR_NS, 8);
    check_as_if_begun_earlier(26 * HOUR_NS, 0.5);
}

/* What was over before the run is in no count, and nobody is told of it. */
static void test_counts(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, 20 * MINUTE_NS, 1);
    const struct renderer_counts *counts;
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;
    uint64_t frames = 0;
    uint64_t under_way;
    struct run run;

    (void)state;
    config.lead_ns = HOUR_NS;
    run_begin(&run, config);
    counts = scenario_counts(run.scenario);
    assert_int_equal(run.frames.peek(run.frames.self, &frame, &err), 1);
    assert_true(frame.due.ns >= 0);
    under_way = counts->under_way;
    assert_in_range(under_way, 2, 1000);
    assert_int_equal(counts->flows, under_way);
    assert_int_equal(counts->live, under_way);
    assert_int_equal(counts->most_live, under_way);
    assert_int_equal(counts->frames + counts->complete_tcp + counts->repeated_syns + counts->left_out, 0);
    assert_in_range(run.kept.begun, under_way, under_way + 1); /* the next one may be ready */
    for (; next_frame(&run, room, &frame); frames++)
        assert_true(frame.due.ns >= 0);
    assert_int_equal(counts->frames, frames);
    assert_int_equal(counts->under_way, under_way);
    assert_int_equal(counts->live, 0);
    assert_int_equal(run.kept.frames, frames);
    assert_int_equal(run.kept.ended, run.kept.begun);
    assert_in_range(counts->flows, run.kept.played, run.kept.begun);
    run_end(&run);
}

/* A connection whose handshake was before the run is none that was played from open to close. */
static void test_complete_connections(void **state)
{
    struct scenario_config config = config_of(BEGIN_NS, 20 * MINUTE_NS, 1);
    uint64_t complete[3];

    (void)state;
    for (int i = 0; i < 3; i++) { /* from the begin, led in, and all of the time that leads in */
        uint8_t room[FRAME_MAX_BYTES];
        struct frame frame;
        struct run run;

        if (i == 1)
            config.lead_ns = HOUR_NS;
        if (i == 2)
            config = config_of(BEGIN_NS - HOUR_NS, HOUR_NS + 20 * MINUTE_NS, 1);
        run_begin(&run, config);
        while (next_frame(&run, room, &frame)) {
        }
        complete[i] = scenario_counts(run.scenario)->complete_tcp;
        run_end(&run);
    }
    assert_true(complete[0] > 0);
    assert_true(complete[1] <= complete[0]); /* ports that are in use can make another session of one */
    assert_true(complete[1] < complete[2]);
}

/* Of a lead-in that would begin before 1970 there is what comes after; of one before a run that begins then nothing. */
static void test_calendar_begins(void **state)
{
    static const int64_t begins_ns[] = { HOUR_NS, 0, -HOUR_NS };

    (void)state;
    for (size_t i = 0; i < sizeof begins_ns / sizeof *begins_ns; i++) {
        struct scenario_config config = config_of(begins_ns[i], 2 * HOUR_NS, 1);
        struct flow_plan_source plans;
        struct error err = { "" };
        struct flow_plan plan;
        struct run run;

        config.lead_ns = SCENARIO_MOST_LEAD_NS;
        run_begin(&run, config);
        plans = scenario_plans(run.scenario);
        assert_int_equal(plans.next(plans.self, &plan, &err), 1);
        assert_true(plan.start.ns >= (begins_ns[i] < 0 ? begins_ns[i] : 0));
        assert_true(plan.start.ns < begins_ns[i] + HOUR_NS / 2);
        run_end(&run);
    }
}

static void test_text(void **state)
{
    static const char *const wrong[] = { "", "-1s", "30.1d", "31d", "1x", "0s", "00", "forever", "1e300d" };
    int64_t ns = -1;

    (void)state;
    assert_int_equal(scenario_lead_parse("0", &ns), 0);
    assert_int_equal(ns, 0);
    assert_int_equal(scenario_lead_parse("90m", &ns), 0);
    assert_int_equal(ns, 90 * MINUTE_NS);
    assert_int_equal(scenario_lead_parse("30d", &ns), 0);
    assert_int_equal(ns, SCENARIO_MOST_LEAD_NS);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (scenario_lead_parse(wrong[i], &ns) == 0)
            fail_msg("\"%s\" is taken for a duration", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_if_begun_earlier),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_complete_connections),
        cmocka_unit_test(test_calendar_begins),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
