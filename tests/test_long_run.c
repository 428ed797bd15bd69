/*
 * Days of a run, with what happens in them: weekends, clocks that are set, pauses, stalls, steering, and counters that
 * pass 2^32. bench/bench_long_run.c does the same for a month.
 */
#include "support.h"

#include "base/time_zone.h"
#include "long_run.h"
#include "toy_model.h"

#define HOUR_S 3600.0
#define DAY_S 86400.0
#define COUNTED_BEFORE ((UINT64_C(1) << 32) - 100000)

enum { HOURS_A_DAY = 24 };

/* By the wall clock of Madrid. */
static struct day_time begin_of(int64_t date, int64_t hour)
{
    return time_zone_instant((struct day_time){ date * NS_PER_DAY + hour * 3600 * NS_PER_SECOND });
}

static void play(struct long_run_config config, struct long_run_result *result)
{
    struct toy_model *toy = toy_model_new();
    struct error err = { "" };

    config.model = toy_model_of(toy);
    config.hosts = 2 * TOY_HOSTS;
    config.counted_before = COUNTED_BEFORE;
    if (long_run_play(&config, result, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(result->unbalanced, 0);
    assert_int_equal(result->disordered, 0);
    assert_int_equal(result->early, 0);
    assert_int_equal(result->crowded, 0);
    assert_int_equal(result->planned - COUNTED_BEFORE, result->frames);
    assert_int_equal(result->sent - COUNTED_BEFORE, result->given);
    assert_true(result->sent > UINT64_C(1) << 32);
    assert_true(result->put_off_s <= result->stalled_s); /* pauses are no stalls */
    toy_model_free(toy);
}

static uint64_t flows_between(const struct long_run_result *result, int from_hour, int to_hour)
{
    uint64_t flows = 0;

    for (int hour = from_hour; hour < to_hour; hour++)
        flows += result->flows_of_hour[hour];
    return flows;
}

/* Saturday, a Sunday of 25 hours, Monday. Pauses and stalls put all of it off, and change nothing else. */
static void test_autumn(void **state)
{
    static const struct long_run_event events[] = {
        { 0.1 * DAY_S, 0.3 * DAY_S, LONG_RUN_PAUSE, 7 * HOUR_S },
        { 0.2 * DAY_S, HOUR_S, LONG_RUN_STALL, 5 },
        { 0.25 * DAY_S, HOUR_S, LONG_RUN_STALL, 0.9 }, /* allowed: what is due meanwhile goes out together */
    };
    const struct long_run_config config = {
        .begin = begin_of(20750, 0), .days = 73.0 / 24, .events = events, .event_count = 3,
    };
    struct long_run_result result;
    struct long_run_result calm;
    uint64_t saturday;
    uint64_t monday;

    (void)state;
    play(config, &result);
    assert_true(result.events > 100);
    assert_true(result.stalls > 50);
    assert_true(result.most_late_s < 1);
    assert_int_equal(result.dropped + result.refused, 0);
    /* From 02:00 to 03:00 twice, the same. */
    assert_true(result.flows_of_hour[HOURS_A_DAY + 2] > 50);
    assert_int_equal(result.flows_of_hour[HOURS_A_DAY + 2], result.flows_of_hour[HOURS_A_DAY + 3]);
    assert_true(result.flows_of_hour[HOURS_A_DAY + 1] != result.flows_of_hour[HOURS_A_DAY + 2]);
    saturday = flows_between(&result, 0, HOURS_A_DAY);
    monday = flows_between(&result, 2 * HOURS_A_DAY + 1, 3 * HOURS_A_DAY + 1);
    assert_true(monday > 2 * saturday);
    /* All that the run was put off is in the machine's clock and nowhere else. */
    assert_true(result.machine_s - result.run_s > result.paused_s + 5 * 60);
    assert_true(result.machine_s - result.run_s <= result.paused_s + result.stalled_s + 1);
    play((struct long_run_config){ .begin = config.begin, .days = config.days }, &calm);
    assert_memory_equal(calm.flows_of_hour, result.flows_of_hour, sizeof calm.flows_of_hour);
    assert_int_equal(calm.frames, result.frames);
    assert_true(calm.machine_s - calm.run_s < 1);
}

/* The night that lacks an hour, and a machine whose clock is set and whose network has its bad moments. */
static void test_spring(void **state)
{
    static const struct long_run_event events[] = {
        { 2 * HOUR_S, 0, LONG_RUN_STEP, 2 * HOUR_S },    { 3 * HOUR_S, 0, LONG_RUN_STEP, -3 * HOUR_S },
        { 4 * HOUR_S, 5 * HOUR_S, LONG_RUN_SLEEP, 700 }, { 5 * HOUR_S, 0, LONG_RUN_SPEED, 30 },
        { 6 * HOUR_S, 0, LONG_RUN_SPEED, 0.5 },          { 7 * HOUR_S, 0, LONG_RUN_ACTIVITY, 5 },
        { 9 * HOUR_S, 0, LONG_RUN_SPEED, 1 },            { 10 * HOUR_S, 0, LONG_RUN_ACTIVITY, 1 },
        { 11 * HOUR_S, 500, LONG_RUN_STALL, 20 },        { 1000, 1777, LONG_RUN_PAUSE, 60 },
    };
    static const enum late_policy policies[] = { LATE_SEND, LATE_DROP };

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct long_run_config config = {
            .begin = begin_of(20540, 20), .days = 0.75, .events = events, .late = policies[i], .is_rough = true,
            .event_count = sizeof events / sizeof *events,
        };
        struct long_run_result result;

        play(config, &result);
        assert_true(result.events > 30);
        assert_true(result.refused > 100);
        assert_true(result.lost > 100);
        assert_int_equal(result.late > 0, policies[i] == LATE_DROP);
        assert_int_equal(result.stalls > 0, policies[i] == LATE_SEND);
        assert_int_equal(result.dropped, result.late + result.lost);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_autumn),
        cmocka_unit_test(test_spring),
    };
    struct error err = { "" };

    if (time_zone_set("Europe/Madrid", &err) < 0) {
        print_message("%s\n", err.text);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
