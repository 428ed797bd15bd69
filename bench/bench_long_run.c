/*
 * bench_long_run - a month of a run: weekends and the change to winter time and to summer time, pauses, stalls, clocks
 * that are set, changes of speed and activity, with the renderer and the emitter of a live run and a clock that jumps;
 * then more than 2^32 frames through the emitter.
 *
 * usage: bench_long_run MODEL [HOSTS [DAYS]]
 * Fails when frames are not accounted for, come early, in disorder or in a burst, or when memory grows: the most of the
 * second half of the days may exceed the most of the first by a tenth and 4 MiB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time_zone.h"
#include "bench.h"
#include "net/wire.h"
#include "../tests/long_run.h"

#define HOUR_S 3600.0
#define DAY_S 86400.0
#define BEGIN_DATE 20746 /* 2026-10-20: winter time comes on the sixth day */
#define BULK_FRAMES ((UINT64_C(1) << 32) + 1000000)
#define TO_MARCH_S (142 * DAY_S) /* from early November to a week before summer time */

enum { DAYS = 30, BULK_BYTES = 60, LEAST_BYTES = 4 << 20 };

static double resident_mib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* ---- a month ---- */

struct memory_watch {
    int64_t days;
    double first_mib; /* after the first day */
    double most_mib[2]; /* by half of the days */
};

static void look_at_memory(void *self, int64_t day)
{
    struct memory_watch *watch = self;
    double mib = resident_mib();
    double *most = &watch->most_mib[day * 2 > watch->days];

    if (day == 1)
        watch->first_mib = mib;
    if (mib > *most)
        *most = mib;
}

static int play_month(struct model *model, uint32_t hosts, int64_t days)
{
    static const struct long_run_event events[] = {
        { 0.30 * DAY_S, DAY_S, LONG_RUN_PAUSE, 2 * HOUR_S },
        { 0.40 * DAY_S, DAY_S, LONG_RUN_STALL, 30 },
        { 0.45 * DAY_S, HOUR_S, LONG_RUN_STALL, 0.8 },
        { 0.50 * DAY_S, DAY_S, LONG_RUN_ACTIVITY, 3 },
        { 0.55 * DAY_S, DAY_S, LONG_RUN_ACTIVITY, 1 },
        { 0.60 * DAY_S, DAY_S, LONG_RUN_SPEED, 20 },
        { 0.61 * DAY_S, DAY_S, LONG_RUN_SPEED, 1 },
        { 0.70 * DAY_S, 3 * DAY_S, LONG_RUN_STEP, 1800 },
        { 0.80 * DAY_S, 3 * DAY_S, LONG_RUN_STEP, -1800 },
        { 0.90 * DAY_S, 4 * DAY_S, LONG_RUN_SLEEP, 6 * HOUR_S },
        { 15.0 * DAY_S, 0, LONG_RUN_STEP, TO_MARCH_S },
    };
    struct memory_watch watch = { .days = days };
    const struct long_run_config config = {
        .model = model, .hosts = hosts, .days = (double)days, .events = events,
        .event_count = sizeof events / sizeof *events, .is_rough = true,
        .begin = time_zone_instant((struct day_time){ BEGIN_DATE * NS_PER_DAY }),
        .each_day = look_at_memory, .each_day_self = &watch,
    };
    struct long_run_result *result = calloc(1, sizeof *result);
    double seconds = bench_cpu_seconds();
    struct error err = { "" };
    char text[TEXT_NUMBER];
    uint64_t wrong;

    if (result == NULL || long_run_play(&config, result, &err) < 0) {
        fprintf(stderr, "bench_long_run: %s\n", err.text);
        free(result);
        return -1;
    }
    seconds = bench_cpu_seconds() - seconds;
    printf("%" PRId64 " days in %.0f s of CPU: %s flows, ", days, seconds, text_from_count(result->flows, text));
    printf("%s frames, %.0f ns a frame\n", text_from_count(result->frames, text),
           seconds * 1e9 / (double)result->frames);
    printf("sent %" PRIu64 " + dropped %" PRIu64 " + refused %" PRIu64 " = planned %" PRIu64 "; %" PRIu64
           " events, %" PRIu64 " stalls\n",
           result->sent, result->dropped, result->refused, result->planned, result->events, result->stalls);
    wrong = result->unbalanced + result->disordered + result->early + result->crowded;
    printf("unbalanced %" PRIu64 ", disordered %" PRIu64 ", early %" PRIu64 ", crowded %" PRIu64 "\n",
           result->unbalanced, result->disordered, result->early, result->crowded);
    printf("memory: %.1f MiB after a day; at most %.1f MiB in the first half, %.1f MiB in the second\n",
           watch.first_mib, watch.most_mib[0], watch.most_mib[1]);
    if (result->planned != result->frames || result->sent != result->given)
        wrong++;
    free(result);
    if (days > 1 && watch.most_mib[1] > 1.1 * watch.most_mib[0] + (double)LEAST_BYTES / (1 << 20)) {
        fprintf(stderr, "bench_long_run: memory grew\n");
        return -1;
    }
    return wrong > 0 ? -1 : 0;
}

/* ---- more frames than 32 bits can count ---- */

struct bulk {
    uint64_t taken;
    uint8_t bytes[BULK_BYTES];
};

static int peek_bulk(void *self, struct frame *next, struct error *err)
{
    const struct bulk *bulk = self;

    (void)err;
    *next = (struct frame){ .due = { (int64_t)bulk->taken * 100 } };
    return bulk->taken < BULK_FRAMES;
}

static uint32_t take_bulk(void *self, uint8_t *room)
{
    struct bulk *bulk = self;

    bulk->taken++;
    memcpy(room, bulk->bytes, BULK_BYTES);
    return BULK_BYTES;
}

static int send_bulk(void)
{
    struct bulk bulk = { .bytes = { [12] = 0x08, [14] = 0x45 } };
    const struct frame_source source = { peek_bulk, take_bulk, &bulk };
    struct gate_network allowed;
    struct ip_network network;
    const struct gate gate = { .networks = &allowed, .network_count = 1 };
    struct emit_clock clock = emit_clock_simulated();
    atomic_bool stop = false;
    static struct emit_counts counts;
    struct emit_link link = { .gate = &gate, .sink = sink_open(SINK_NULL, NULL, NULL, NULL, NULL), .counts = &counts };
    struct emitter emitter = { .links = { &link }, .clock = &clock, .stop = &stop };
    double before_mib = resident_mib();
    double seconds = bench_cpu_seconds();
    struct error err = { "" };
    int status;

    ip_network_parse(&network, "198.18.0.0/16");
    allowed = gate_network_of(&network);
    wire_put_u32(bulk.bytes + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
    wire_put_u32(bulk.bytes + 30, UINT32_C(0xc6120002));
    status = emitter_run_source(&emitter, &source, &err);
    seconds = bench_cpu_seconds() - seconds;
    sink_close(link.sink);
    printf("bulk: %" PRIu64 " frames planned, %" PRIu64 " sent, %.1f ns a frame; %.1f MiB before, %.1f MiB after\n",
           counts.planned, counts.sent, seconds * 1e9 / (double)counts.planned, before_mib, resident_mib());
    return status < 0 || counts.sent != BULK_FRAMES || counts.planned != BULK_FRAMES ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct error err = { "" };
    struct model *model = argc > 1 ? model_load(argv[1], &err) : NULL;
    uint32_t hosts = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    int64_t days = argc > 3 ? atoi(argv[3]) : DAYS;
    int status;

    if (model == NULL || time_zone_set("Europe/Madrid", &err) < 0) {
        fprintf(stderr, "bench_long_run: %s\n", argc > 1 ? err.text : "usage: bench_long_run MODEL [HOSTS [DAYS]]");
        return 1;
    }
    status = play_month(model, hosts, days);
    model_free(model);
    if (status < 0 || send_bulk() < 0) {
        fprintf(stderr, "bench_long_run: failed\n");
        return 1;
    }
    return 0;
}
