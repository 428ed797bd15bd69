/*
 * bench_scale - what hosts and sessions take: bytes of each, time of a frame with few and with many sessions live, and
 * whether memory grows from day to day.
 *
 * usage: bench_scale MODEL [HOSTS [LIVE]]
 *        bench_scale --days DAYS MODEL [HOSTS]
 * So many sessions live at once are those of a model's flows that have many packets, one begun for each that ends.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "model/model.h"
#include "scenario/scenario.h"
#include "scenario/service_list.h"
#include "session/renderer.h"
#include "bench.h"

enum {
    LONG_PACKETS = 50, /* of a session that lives for long */
    PATTERNS = 4096,   /* flows that sessions are made of, of other hosts each time */
    FEW_LIVE = 1000,
    WARM_FRAMES = 500000,
    MEASURED_FRAMES = 1000000
};

#define DEFAULT_HOSTS 10000
#define DEFAULT_LIVE 200000
#define DEFAULT_HOSTS_OF_DAYS 100

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "bench_scale: %s\n", why);
    exit(1);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        give_up("cannot read /proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct scenario *new_scenario(struct model *model, uint32_t hosts, double speed)
{
    struct scenario_group group = { .model = model, .hosts = hosts };
    struct scenario_config config = {
        .groups = &group, .group_count = 1, .seed = 1, .day_ns = SCENARIO_FOREVER, .speed = speed,
        .begin = model->first,
    };
    struct error err = { "" };
    struct scenario *scenario;

    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    scenario = scenario_new(&config, &err);
    if (scenario == NULL)
        give_up(err.text);
    return scenario;
}

/* ---- hosts ---- */

static void take_frame(const struct frame_source *source, struct frame *frame)
{
    static uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };

    if (frame_source_next(source, room, frame, &err) <= 0)
        give_up(err.text[0] ? err.text : "the day is over");
}

static void measure_hosts(struct model *model, uint32_t hosts)
{
    size_t before = heap_bytes();
    struct scenario *scenario = new_scenario(model, hosts, 1);
    struct frame_source source = scenario_frames(scenario);
    size_t made = heap_bytes();
    struct frame frame;

    take_frame(&source, &frame);
    printf("%" PRIu32 " hosts: %zu bytes each, and %zu for the plans of five minutes\n", hosts, (made - before) / hosts,
           (heap_bytes() - made) / hosts);
    fflush(stdout);
    scenario_free(scenario);
}

/* ---- sessions ---- */

/* Long flows, one whenever fewer than `live` are played. */
struct crowd {
    struct flow_plan *patterns;
    uint64_t begun, live;
    const struct renderer *renderer;
    struct run_time now; /* of the latest frame */
};

static int next_of_crowd(void *self, struct flow_plan *plan, struct error *err)
{
    struct crowd *crowd = self;
    uint64_t round = crowd->begun / PATTERNS;
    bool is_full = renderer_counts(crowd->renderer)->live >= crowd->live;

    (void)err;
    *plan = crowd->patterns[crowd->begun++ % PATTERNS];
    plan->start.ns = crowd->now.ns + (is_full ? NS_PER_MS : 0);
    plan->key += round;
    plan->ends[FLOW_INITIATOR].name += (uint32_t)round << 16;
    plan->ends[FLOW_INITIATOR].address = ip_address_from_v4(plan->ends[FLOW_INITIATOR].name);
    return 1;
}

static struct flow_plan *find_patterns(struct model *model, uint32_t hosts)
{
    struct flow_plan *patterns = malloc(PATTERNS * sizeof *patterns);
    struct scenario *scenario = new_scenario(model, hosts, 1);
    struct flow_plan_source plans = scenario_plans(scenario);
    struct error err = { "" };

    for (size_t found = 0; patterns && found < PATTERNS;) {
        if (plans.next(plans.self, &patterns[found], &err) <= 0)
            give_up("the model has too few long flows");
        found += patterns[found].packets >= LONG_PACKETS;
    }
    scenario_free(scenario);
    if (patterns == NULL)
        give_up("no memory");
    return patterns;
}

static void take_frames(const struct frame_source *source, struct crowd *crowd, uint64_t count)
{
    struct frame frame;

    while (count-- > 0) {
        take_frame(source, &frame);
        crowd->now = frame.due;
    }
}

static void measure_live(struct model *model, struct flow_plan *patterns, uint64_t live)
{
    struct crowd crowd = { .patterns = patterns, .live = live };
    struct service_list services = { 0 };
    struct renderer_config config = {
        .plans = { next_of_crowd, &crowd }, .schedule = { .speed = 1 }, .end = { INT64_MAX }, .seed = 1,
    };
    struct error err = { "" };
    struct frame_source source;
    struct renderer *renderer;
    size_t before = 0;
    double seconds;

    service_list_add(&services, model);
    config.services = services.services;
    config.service_count = services.count;
    crowd.renderer = renderer = renderer_new(&config, &err);
    if (renderer == NULL)
        give_up(err.text);
    source = renderer_frames(renderer);
    for (uint64_t frames = 0; frames < WARM_FRAMES || renderer_counts(renderer)->most_live < live; frames++) {
        if (frames == PATTERNS) /* the packet model is fitted to the services */
            before = heap_bytes();
        take_frames(&source, &crowd, 1);
    }
    printf("%" PRIu64 " sessions live: %zu bytes each", (uint64_t)renderer_counts(renderer)->live,
           (heap_bytes() - before) / (renderer_counts(renderer)->live));
    seconds = bench_cpu_seconds();
    take_frames(&source, &crowd, MEASURED_FRAMES);
    seconds = bench_cpu_seconds() - seconds;
    printf(", %.0f ns a frame, %zu MB resident\n", seconds * 1e9 / MEASURED_FRAMES, resident_bytes() >> 20);
    fflush(stdout);
    renderer_free(renderer);
    service_list_release(&services);
}

/* ---- days ---- */

static bool begins_before(const struct scenario *scenario, struct day_time end)
{
    const struct flow_plan *begun = scenario_begun(scenario);

    return begun == NULL || begun->start.ns < end.ns;
}

static void measure_days(struct model *model, uint32_t hosts, uint64_t days)
{
    struct scenario *scenario = new_scenario(model, hosts, 1);
    const struct renderer_counts *counts = scenario_counts(scenario);
    struct frame_source source = scenario_frames(scenario);
    struct frame frame;

    for (uint64_t day = 1; day <= days; day++) {
        struct day_time end = { model->first.ns + (int64_t)day * 24 * 3600 * NS_PER_SECOND };

        while (begins_before(scenario, end))
            take_frame(&source, &frame);
        printf("day %2" PRIu64 ": %11" PRIu64 " flows, %12" PRIu64 " frames so far, %5" PRIu64
               " sessions live, %zu KB in use, %zu KB resident\n",
               day, (uint64_t)counts->flows, (uint64_t)counts->frames, (uint64_t)counts->live, heap_bytes() >> 10,
               resident_bytes() >> 10);
        fflush(stdout);
    }
    scenario_free(scenario);
}

/* A whole number above 0, or `otherwise` where there is none. */
static uint32_t number_of(const char *text, uint32_t otherwise)
{
    uint64_t number = otherwise;

    if (text && (text_to_u64(text, &number) < 0 || number == 0 || number > UINT32_MAX))
        give_up("not a whole number above 0");
    return (uint32_t)number;
}

int main(int argc, char **argv)
{
    bool is_days = argc > 2 && strcmp(argv[1], "--days") == 0;
    int at = is_days ? 3 : 1;
    struct error err = { "" };
    struct model *model = argc > at ? model_load(argv[at], &err) : NULL;
    const char *first = argc > at + 1 ? argv[at + 1] : NULL;
    const char *second = argc > at + 2 ? argv[at + 2] : NULL;

    if (model == NULL)
        give_up(argc > at ? err.text : "usage: bench_scale MODEL [HOSTS [LIVE]], or --days DAYS MODEL [HOSTS]");
    if (is_days) {
        measure_days(model, number_of(first, DEFAULT_HOSTS_OF_DAYS), number_of(argv[2], 1));
    } else {
        struct flow_plan *patterns = find_patterns(model, number_of(first, DEFAULT_HOSTS));

        measure_hosts(model, number_of(first, DEFAULT_HOSTS));
        measure_live(model, patterns, FEW_LIVE);
        measure_live(model, patterns, number_of(second, DEFAULT_LIVE));
        free(patterns);
    }
    model_free(model);
    return 0;
}
