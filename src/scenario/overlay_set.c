#include "scenario/overlay_set.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/memory.h"

struct overlay_set {
    struct overlay_set_config config;
    struct overlay_addresses addresses[OVERLAY_SET_MAX];
    struct overlay_strangers strangers;
    struct overlay overlays[OVERLAY_SET_MAX];
    size_t count;
    struct overlay_counts counts;
    struct run_time now; /* due time of the frame that was taken last */
    struct run_time end;
    struct overlay *chosen; /* whose frame was peeked at last; NULL: the background's */
    struct run_time chosen_due;
};

static void lose(struct overlay_set *set, struct overlay *overlay, const struct error *why)
{
    overlay_fail(overlay, why);
    counter_add(&set->counts.failed, 1);
}

static int add(struct overlay_set *set, const struct overlay_config *config, struct error *err)
{
    struct overlay_addresses *addresses = &set->addresses[set->count];
    struct overlay *overlay = &set->overlays[set->count];
    const struct overlay_rewriting rewriting = { addresses, set->config.population, &set->strangers };

    *addresses = (struct overlay_addresses){ config->map, config->map_count, set->config.networks,
                                             set->config.network_count, set->config.population };
    if (overlay_addresses_check(addresses, err) < 0)
        return -1;
    if (overlay_init(overlay, config, &rewriting, set->config.keeper, set->config.before_ns, err) < 0) {
        if (!set->config.may_fail)
            return config->place ? error_prefix(err, "%s", config->place) : -1;
        lose(set, overlay, err);
    }
    set->count++;
    return 0;
}

struct overlay_set *overlay_set_new(const struct overlay_set_config *config, struct error *err)
{
    struct overlay_set *set = memory_alloc(sizeof *set);

    set->config = *config;
    set->now = config->schedule->begin;
    set->end = config->end;
    overlay_strangers_init(&set->strangers);
    for (size_t i = 0; i < config->count; i++) {
        if (add(set, &config->overlays[i], err) < 0) {
            overlay_set_free(set);
            return NULL;
        }
    }
    overlay_set_seek(set, config->schedule->origin);
    return set;
}

void overlay_set_free(struct overlay_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++)
        overlay_release(&set->overlays[i]);
    overlay_strangers_release(&set->strangers);
    free(set);
}

bool overlay_set_brings(const struct overlay_set *set, const struct ip_address *address)
{
    return overlay_strangers_have(&set->strangers, address);
}

/* ---- frames ---- */

/* When the overlay has its next frame; false: never, or not before `limit`, which is not behind the end. */
static bool is_due_before(struct overlay_set *set, struct overlay *overlay, struct run_time limit, struct run_time *due)
{
    if (!overlay_due(overlay, set->config.schedule, due))
        return false;
    if (due->ns >= set->end.ns && overlay->has_begun)
        overlay_cut(overlay);
    if (due->ns >= set->end.ns)
        return false;
    if (due->ns < set->now.ns)
        *due = set->now;
    return due->ns < limit.ns;
}

/* The overlay that comes first, before `limit`, if any. */
static void find_first(struct overlay_set *set, struct run_time limit)
{
    struct error why;
    struct run_time due;

    set->chosen = NULL;
    set->chosen_due = limit;
    for (size_t i = 0; i < set->count; i++) {
        if (overlay_fetch(&set->overlays[i], &why) < 0)
            lose(set, &set->overlays[i], &why);
        if (is_due_before(set, &set->overlays[i], set->chosen_due, &due)) {
            set->chosen = &set->overlays[i];
            set->chosen_due = due;
        }
    }
}

/* The same, and its frame is ready. */
static void choose(struct overlay_set *set, struct run_time limit)
{
    struct error why;

    find_first(set, limit);
    while (set->chosen && overlay_prepare(set->chosen, set->chosen_due, &why) < 0) {
        lose(set, set->chosen, &why);
        find_first(set, limit);
    }
}

static int peek(void *self, struct frame *next, struct error *err)
{
    struct overlay_set *set = self;
    struct frame_source *background = &set->config.background;
    int got = background->peek(background->self, next, err);

    if (got > 0 && next->due.ns < set->now.ns)
        next->due = set->now;
    if (got < 0)
        return -1;
    choose(set, got > 0 && next->due.ns < set->end.ns ? next->due : set->end);
    if (set->chosen == NULL) {
        set->chosen_due = got > 0 ? next->due : set->now;
        return got;
    }
    next->due = set->chosen_due;
    next->link = set->chosen->head->link;
    next->to_link = set->chosen->head->to_link;
    next->flow = set->chosen->mark;
    return 1;
}

/* Begins whose time has come with the frame that is taken; those behind it may still be steered away. */
static void leave_out(struct overlay_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        while (overlay_leave_out(&set->overlays[i], set->config.schedule, set->now))
            counter_add(&set->counts.left_out, 1);
    }
}

static uint32_t take_overlay(struct overlay_set *set, uint8_t *room)
{
    uint32_t length = set->chosen->head->length;

    memcpy(room, set->chosen->head->bytes, length);
    counter_add(&set->counts.frames, 1);
    if (overlay_take(set->chosen, set->chosen_due))
        counter_add(&set->counts.begun, 1);
    set->chosen = NULL;
    return length;
}

static uint32_t take(void *self, uint8_t *room)
{
    struct overlay_set *set = self;

    set->now = set->chosen_due;
    leave_out(set);
    return set->chosen ? take_overlay(set, room) : set->config.background.take(set->config.background.self, room);
}

struct frame_source overlay_set_frames(struct overlay_set *set)
{
    return (struct frame_source){ peek, take, set };
}

const struct overlay_counts *overlay_set_counts(const struct overlay_set *set)
{
    return &set->counts;
}

size_t overlay_set_count(const struct overlay_set *set)
{
    return set->count;
}

const struct overlay *overlay_set_at(const struct overlay_set *set, size_t i)
{
    return &set->overlays[i];
}

bool overlay_set_comes(const struct overlay_set *set, size_t i)
{
    struct run_time due;

    return overlay_due(&set->overlays[i], set->config.schedule, &due) && due.ns < set->end.ns;
}

/* ---- steering ---- */

struct run_time overlay_set_position(const struct overlay_set *set, struct run_time now)
{
    return now.ns > set->now.ns ? now : set->now;
}

void overlay_set_seek(struct overlay_set *set, struct day_time from)
{
    for (size_t i = 0; i < set->count; i++)
        overlay_seek(&set->overlays[i], from);
}

void overlay_set_finish(struct overlay_set *set, struct run_time latest)
{
    for (size_t i = 0; i < set->count; i++)
        overlay_stop(&set->overlays[i]);
    if (set->end.ns > latest.ns)
        set->end = latest;
}
