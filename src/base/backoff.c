#include "base/backoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define FIRST_WEIGHT 8.0 /* until it is fitted, and where nothing speaks for another */
#define LEAST_WEIGHT 0x1p-7
#define MOST_WEIGHT 0x1p20

enum {
    HOST_FLOWS = 300,   /* of one host that count */
    HOST_EVENTS = 1024, /* of one host that are looked at */
    FIT_ROUNDS = 8      /* at most; two or three are usual */
};

void backoff_init(struct backoff *backoff, uint32_t depth, const enum backoff_scope *scopes,
                  const uint32_t *crowds)
{
    memset(backoff, 0, sizeof *backoff);
    backoff->crowds = crowds;
    backoff->depth = depth;
    for (uint32_t l = 0; l < depth; l++) {
        backoff->levels[l].scope = scopes[l];
        backoff->levels[l].weight = FIRST_WEIGHT;
        tally_init(&backoff->levels[l].contexts);
        tally_init(&backoff->levels[l].symbols);
    }
}

void backoff_release(struct backoff *backoff)
{
    for (uint32_t l = 0; l < backoff->depth; l++) {
        tally_release(&backoff->levels[l].contexts);
        tally_release(&backoff->levels[l].symbols);
    }
    free(backoff->events);
    memset(backoff, 0, sizeof *backoff);
}

/* Whose counts a level has for a host, BACKOFF_NO_CONTEXT where the level says nothing of it. */
static uint32_t owner_of(const struct backoff *backoff, uint32_t level, uint32_t host)
{
    switch (backoff->levels[level].scope) {
    case BACKOFF_OF_ALL: return 0;
    case BACKOFF_OF_CROWD: return backoff->crowds ? backoff->crowds[host] : BACKOFF_NO_CONTEXT;
    default: return host;
    }
}

void backoff_add(struct backoff *backoff, uint32_t host, const uint32_t *contexts, uint32_t symbol,
                 uint64_t times, double base, bool is_kept)
{
    struct backoff_event event = { .host = host, .times = times, .base = base };

    for (uint32_t l = 0; l < backoff->depth; l++) {
        struct backoff_level *level = &backoff->levels[l];
        uint32_t owner = owner_of(backoff, l, host);

        event.contexts[l] = BACKOFF_NO_CONTEXT;
        if (contexts[l] == BACKOFF_NO_CONTEXT || owner == BACKOFF_NO_CONTEXT)
            continue;
        event.contexts[l] = tally_add(&level->contexts, owner, contexts[l], times);
        event.symbols[l] = tally_add(&level->symbols, event.contexts[l], symbol, times);
    }
    if (!is_kept || symbol == BACKOFF_ESCAPE)
        return;
    backoff->events = memory_grow(backoff->events, &backoff->event_capacity, backoff->event_count + 1,
                                  sizeof *backoff->events);
    backoff->events[backoff->event_count++] = event;
}

static double shrink(double seen, double total, double escaped, double weight, double before)
{
    return (seen + (weight + escaped) * before) / (total + weight);
}

double backoff_apply(const struct backoff *backoff, uint32_t number, uint32_t host, uint32_t context,
                     uint32_t symbol, double before)
{
    const struct backoff_level *level = &backoff->levels[number];
    uint32_t owner = owner_of(backoff, number, host);
    uint32_t index = context == BACKOFF_NO_CONTEXT || owner == BACKOFF_NO_CONTEXT
                         ? TALLY_NONE
                         : tally_find(&level->contexts, owner, context);

    if (index == TALLY_NONE)
        return before;
    return shrink((double)tally_count(&level->symbols, index, symbol),
                  (double)level->contexts.entries[index].count,
                  (double)tally_count(&level->symbols, index, BACKOFF_ESCAPE), level->weight, before);
}

/* ---- leaving one out ---- */

/* What the others say of an event, by level. */
struct left_out {
    double seen[BACKOFF_LEVELS], total[BACKOFF_LEVELS], escaped[BACKOFF_LEVELS];
    bool is_there[BACKOFF_LEVELS];
    double base;
    double share; /* of the sum */
};

/* Counts of one host at the levels of crowds and of all. */
struct own_counts {
    uint64_t *contexts[BACKOFF_LEVELS], *symbols[BACKOFF_LEVELS];
};

static void own_add(const struct backoff *backoff, struct own_counts *own,
                    const struct backoff_event *event, bool is_added)
{
    for (uint32_t l = 0; l < backoff->depth; l++) {
        if (backoff->levels[l].scope == BACKOFF_OF_HOST || event->contexts[l] == BACKOFF_NO_CONTEXT)
            continue;
        own->contexts[l][event->contexts[l]] += is_added ? event->times : 0 - event->times;
        own->symbols[l][event->symbols[l]] += is_added ? event->times : 0 - event->times;
    }
}

static struct left_out leave_out(const struct backoff *backoff, const struct own_counts *own,
                                 const struct backoff_event *event)
{
    struct left_out left = { .base = event->base };

    for (uint32_t l = 0; l < backoff->depth; l++) {
        const struct backoff_level *level = &backoff->levels[l];
        uint32_t context = event->contexts[l];
        uint64_t own_total, own_seen;

        if (context == BACKOFF_NO_CONTEXT)
            continue;
        own_total = level->scope == BACKOFF_OF_HOST ? 1 : own->contexts[l][context];
        own_seen = level->scope == BACKOFF_OF_HOST ? 1 : own->symbols[l][event->symbols[l]];
        left.is_there[l] = true;
        left.total[l] = (double)(level->contexts.entries[context].count - own_total);
        left.seen[l] = (double)(level->symbols.entries[event->symbols[l]].count - own_seen);
        left.escaped[l] = fmin((double)tally_count(&level->symbols, context, BACKOFF_ESCAPE),
                               left.total[l] - left.seen[l]);
    }
    return left;
}

/* Appends the events of one host: all, or evenly chosen ones. */
static size_t leave_out_host(const struct backoff *backoff, struct own_counts *own, size_t first,
                             size_t end, struct left_out *left)
{
    size_t step = (end - first + HOST_EVENTS - 1) / HOST_EVENTS;
    uint64_t flows = 0;
    size_t used = 0;

    for (size_t i = first; i < end; i++) {
        own_add(backoff, own, &backoff->events[i], true);
        flows += backoff->events[i].times;
    }
    for (size_t i = first; i < end; i += step) {
        left[used] = leave_out(backoff, own, &backoff->events[i]);
        left[used++].share = (double)backoff->events[i].times * (double)step *
                             fmin(1.0, (double)HOST_FLOWS / (double)flows);
    }
    for (size_t i = first; i < end; i++)
        own_add(backoff, own, &backoff->events[i], false);
    return used;
}

/* Host by host; then in an order that depends on the counts alone. */
static int compare_events(const void *x, const void *y)
{
    const struct backoff_event *a = x;
    const struct backoff_event *b = y;

    if (a->host != b->host)
        return a->host < b->host ? -1 : 1;
    for (int l = BACKOFF_LEVELS - 1; l >= 0; l--) {
        if (a->contexts[l] != b->contexts[l])
            return a->contexts[l] < b->contexts[l] ? -1 : 1;
        if (a->symbols[l] != b->symbols[l])
            return a->symbols[l] < b->symbols[l] ? -1 : 1;
    }
    return 0;
}

static struct left_out *leave_all_out(const struct backoff *backoff, size_t *count)
{
    struct left_out *left = memory_alloc_array(backoff->event_count, sizeof *left);
    struct own_counts own = { 0 };
    size_t end;

    for (uint32_t l = 0; l < backoff->depth; l++) {
        own.contexts[l] = memory_alloc_array(backoff->levels[l].contexts.used, sizeof *own.contexts[l]);
        own.symbols[l] = memory_alloc_array(backoff->levels[l].symbols.used, sizeof *own.symbols[l]);
    }
    *count = 0;
    for (size_t first = 0; first < backoff->event_count; first = end) {
        end = first + 1;
        while (end < backoff->event_count && backoff->events[end].host == backoff->events[first].host)
            end++;
        *count += leave_out_host(backoff, &own, first, end, left + *count);
    }
    for (uint32_t l = 0; l < backoff->depth; l++) {
        free(own.contexts[l]);
        free(own.symbols[l]);
    }
    return left;
}

static double log_likelihood(const struct backoff *backoff, const struct left_out *left, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        double p = left[i].base;

        for (uint32_t l = 0; l < backoff->depth; l++) {
            if (left[i].is_there[l])
                p = shrink(left[i].seen[l], left[i].total[l], left[i].escaped[l],
                           backoff->levels[l].weight, p);
        }
        sum += left[i].share * log(p);
    }
    return sum;
}

/* Moves one weight by a factor for as long as that helps. */
static double climb(struct backoff *backoff, double *weight, double factor, const struct left_out *left,
                    size_t count, double best)
{
    for (;;) {
        double before = *weight;
        double found;

        *weight *= factor;
        if (*weight < LEAST_WEIGHT || *weight > MOST_WEIGHT) {
            *weight = before;
            return best;
        }
        found = log_likelihood(backoff, left, count);
        if (found <= best + 1e-9 * fabs(best)) {
            *weight = before;
            return best;
        }
        best = found;
    }
}

void backoff_fit(struct backoff *backoff)
{
    /* two octaves, a half, and an eighth up or down */
    static const double factors[] = { 4, 0.25, M_SQRT2, M_SQRT1_2, 0x1.172b83c7d517bp+0, 0x1.d5818dcfba487p-1 };
    double before = -INFINITY;
    struct left_out *left;
    size_t count;
    double best;

    if (backoff->event_count > 0)
        qsort(backoff->events, backoff->event_count, sizeof *backoff->events, compare_events);
    left = leave_all_out(backoff, &count);
    best = log_likelihood(backoff, left, count);
    for (int round = 0; round < FIT_ROUNDS && best > before; round++) {
        before = best;
        for (uint32_t l = 0; l < backoff->depth; l++) {
            for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
                best = climb(backoff, &backoff->levels[l].weight, factors[i], left, count, best);
        }
    }
    free(left);
    free(backoff->events);
    backoff->events = NULL;
    backoff->event_count = 0;
    backoff->event_capacity = 0;
}
