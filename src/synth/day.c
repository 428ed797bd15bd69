#include "synth/day.h"

#include <stdlib.h>

#include "base/memory.h"

enum { MAX_PLANS = 1 << 24 }; /* of one slice: bounds memory at 1.9 GB, twice that while it is sorted, twice that while they are sorted */

struct day {
    struct day_config config;
    struct plan_list plans; /* of the current slice, in order */
    size_t next;
    struct day_time next_slice; /* the beginning of the slice to come */
};

struct day *day_new(const struct day_config *config)
{
    struct day *day = memory_alloc(sizeof *day);

    day->config = *config;
    day->next_slice = day_time_of_slice(day_time_date(config->begin), day_time_slice(config->begin));
    return day;
}

void day_free(struct day *day)
{
    if (day == NULL)
        return;
    free(day->plans.plans);
    free(day);
}

/* By start; ties by host, then by key: an order that no sorting algorithm can change. */
static int compare_plans(const void *a, const void *b)
{
    const struct flow_plan *x = a;
    const struct flow_plan *y = b;

    if (x->start.ns != y->start.ns)
        return x->start.ns < y->start.ns ? -1 : 1;
    if (x->virtual_host != y->virtual_host)
        return x->virtual_host < y->virtual_host ? -1 : 1;
    return x->key == y->key ? 0 : x->key < y->key ? -1 : 1;
}

static bool is_stopped(const struct day *day)
{
    return day->config.stop && atomic_load_explicit(day->config.stop, memory_order_relaxed);
}

enum { SLICE_PARTS = 300 };

/* A plan outside its slice belongs to the first or the last part: parts stay in order. */
static size_t part_of(const struct day *day, const struct flow_plan *plan)
{
    int64_t part = (plan->start.ns - day->next_slice.ns) / (NS_PER_SLICE / SLICE_PARTS);

    return part < 0 ? 0 : part >= SLICE_PARTS ? SLICE_PARTS - 1 : (size_t)part;
}

/* Part by part: to sort millions at once takes seconds, in which a stop would not be seen. */
static void sort_plans(struct day *day)
{
    struct plan_list *list = &day->plans;
    struct flow_plan *parted = memory_alloc_array(list->used, sizeof *parted);
    size_t ends[SLICE_PARTS + 1] = { 0 }; /* of the part before; then, while filled, of the part */

    for (size_t i = 0; i < list->used; i++)
        ends[part_of(day, &list->plans[i]) + 1]++;
    for (size_t part = 0; part < SLICE_PARTS; part++)
        ends[part + 1] += ends[part];
    for (size_t i = 0; i < list->used; i++)
        parted[ends[part_of(day, &list->plans[i])]++] = list->plans[i];
    free(list->plans);
    list->plans = parted;
    list->capacity = list->used;
    for (size_t part = 0, begin = 0; part < SLICE_PARTS && !is_stopped(day); begin = ends[part++])
        qsort(parted + begin, ends[part] - begin, sizeof *parted, compare_plans);
}

/* A stop leaves it half filled, and in no order. */
static int fill_slice(struct day *day, struct error *err)
{
    struct slice_request request = {
        .population = day->config.population,
        .seed = day->config.seed,
        .date = day_time_date(day->next_slice),
        .slice = day_time_slice(day->next_slice),
        .fallback = day->config.fallback,
    };

    day->plans.used = 0;
    day->next = 0;
    for (; request.host < request.population->host_count && !is_stopped(day); request.host++) {
        slice_synthesize(&request, &day->plans);
        if (day->plans.used > MAX_PLANS)
            return error_set(err, "more than %d flows in five minutes: fewer hosts, or another model",
                             MAX_PLANS);
    }
    if (day->plans.used > 0 && !is_stopped(day))
        sort_plans(day);
    day->next_slice.ns += NS_PER_SLICE;
    return 0;
}

int day_next(void *self, struct flow_plan *plan, struct error *err)
{
    struct day *day = self;

    while (!is_stopped(day)) {
        while (day->next < day->plans.used) {
            const struct flow_plan *candidate = &day->plans.plans[day->next++];

            if (candidate->start.ns < day->config.begin.ns)
                continue;
            if (candidate->start.ns >= day->config.end.ns)
                return 0;
            *plan = *candidate;
            return 1;
        }
        if (day->next_slice.ns >= day->config.end.ns)
            return 0;
        if (fill_slice(day, err) < 0)
            return -1;
    }
    return 0;
}
