#include "learn/observation.h"

#include "base/time_zone.h"
#include "learn/stats_private.h"

static bool is_of_half(const struct observation *o, uint32_t slice_number)
{
    return o->half == OBSERVE_ALL || (slice_number % 2 == 0) == (o->half == OBSERVE_EVEN);
}

bool observation_slice(struct observation *o, struct day_time t, uint32_t *number)
{
    int64_t index = t.ns / NS_PER_SLICE + 1;

    if (o->wall.index != index)
        o->wall = (struct wall_slice){ index, slice_number(time_zone_wall(t)), time_zone_is_repeat(t) };
    *number = o->wall.number;
    return !o->wall.is_repeat;
}

bool observation_has(struct observation *o, struct day_time t)
{
    uint32_t number;

    observation_slice(o, t, &number);
    return is_of_half(o, number);
}

void observation_cover(struct observation *o, struct network_stats *stats)
{
    int64_t at = o->from.ns;

    while (at < o->to.ns) {
        int64_t slice_end = (at / NS_PER_SLICE + 1) * NS_PER_SLICE;
        int64_t until = slice_end < o->to.ns ? slice_end : o->to.ns;
        uint32_t number;

        if (observation_slice(o, (struct day_time){ at }, &number) && is_of_half(o, number))
            stats_cover(stats, 0, number, (uint64_t)((until - at + NS_PER_SECOND - 1) / NS_PER_SECOND));
        at = until;
    }
    o->from = o->to;
}

static void begin_stretch(struct observation *o, struct network_stats *stats, struct day_time from,
                          struct day_time newest)
{
    observation_cover(o, stats);
    o->from = from;
    o->to = from;
    o->newest = newest;
}

/* Flows far behind are late, unless so many follow one another that the stream has stepped back. */
static void observe_order(struct observation *o, struct network_stats *stats,
                          const struct flow_record *record)
{
    if (record->start.ns >= o->newest.ns - LEARN_MAX_SILENCE_NS) {
        o->behind = 0;
        o->newest.ns = record->start.ns > o->newest.ns ? record->start.ns : o->newest.ns;
        return;
    }
    if (o->behind++ == 0 || record->start.ns < o->step_begin.ns)
        o->step_begin = record->start;
    if (o->behind == LEARN_STEP_BACK_FLOWS) {
        begin_stretch(o, stats, o->step_begin, record->start);
        o->stretch++;
        o->behind = 0;
    }
}

void observation_break(struct observation *o, struct day_time from)
{
    o->is_broken = o->stretch > 0;
    if (o->to.ns > from.ns)
        o->to.ns = from.ns > o->from.ns ? from.ns : o->from.ns;
}

static void observe_span(struct network_stats *stats, const struct flow_record *record)
{
    int64_t seen_ns = record->duration_ns > NS_PER_SECOND ? record->duration_ns : NS_PER_SECOND;
    struct day_time start = time_zone_wall(record->start);
    struct day_time end = { start.ns + seen_ns };

    if (stats->flows == 0 || start.ns < stats->first.ns)
        stats->first = start;
    if (end.ns > stats->last.ns)
        stats->last = end;
}

void observation_add(struct observation *o, struct network_stats *stats,
                     const struct flow_record *record, bool has_room)
{
    int64_t seen_ns = record->duration_ns > NS_PER_SECOND ? record->duration_ns : NS_PER_SECOND;
    struct day_time end = { record->start.ns + (seen_ns < MAX_OBSERVED_NS ? seen_ns : MAX_OBSERVED_NS) };

    observe_span(stats, record);
    o->has_ended = o->has_ended || !has_room;
    if (o->has_ended)
        return;
    if (o->stretch == 0) {
        o->stretch = 1;
        begin_stretch(o, stats, record->start, record->start);
    } else if (o->is_broken || record->start.ns - o->to.ns > LEARN_MAX_SILENCE_NS) {
        o->stretch += o->is_broken;
        begin_stretch(o, stats, record->start, record->start);
        o->is_broken = false;
    }
    observe_order(o, stats, record);
    if (end.ns > o->to.ns)
        o->to = end;
}
