/*
 * Threads share nothing but the number of the next host and of plans so far. Each has a list of its own, in order;
 * the lists are merged as they are taken. So who planned what does not show.
 */
#include "synth/day.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/time_zone.h"

enum {
    MAX_PLANS = 1 << 24, /* of one slice: bounds memory at 1.9 GB, twice that while they are sorted */
    HOSTS_AT_ONCE = 32   /* that a thread takes */
};

/* The plans of one slice, and their making. */
struct slice_work {
    struct day *day;
    struct slice_request request; /* but for the host */
    unsigned workers;
    struct worker {
        struct slice_work *work;
        struct plan_list plans; /* in order, once made */
        size_t next;
        pthread_t thread;
        bool is_started;
    } *worker;
    atomic_uint next_host;
    atomic_size_t planned;
};

struct day {
    struct day_config config;
    struct slice_work work[2];
    unsigned current; /* which of both is being taken; the other one is the slice ahead, where that is planned */
    bool is_ahead;    /* the other one is made, or in the making by `thread` */
    pthread_t thread;
    struct day_time next_slice; /* the beginning of the slice to come */
    double activity;
    struct flow_plan after; /* when has_after: flows up to this one are passed over */
    bool has_after;
    atomic_bool is_abandoned;
};

static void init_work(struct slice_work *work, struct day *day)
{
    unsigned threads = day->config.threads;

    work->day = day;
    work->workers = threads > 1 ? threads : 1;
    work->worker = memory_alloc_array(work->workers, sizeof *work->worker);
    for (unsigned i = 0; i < work->workers; i++)
        work->worker[i].work = work;
    atomic_init(&work->next_host, 0);
    atomic_init(&work->planned, 0);
}

static void free_work(struct slice_work *work)
{
    for (unsigned i = 0; i < work->workers; i++)
        free(work->worker[i].plans.plans);
    free(work->worker);
}

static struct day_time slice_begin(struct day_time t)
{
    return day_time_of_slice(day_time_date(t), day_time_slice(t));
}

struct day *day_new(const struct day_config *config)
{
    struct day *day = memory_alloc(sizeof *day);

    day->config = *config;
    day->next_slice = slice_begin(config->begin);
    day->activity = 1;
    atomic_init(&day->is_abandoned, false);
    for (int i = 0; i < 2; i++)
        init_work(&day->work[i], day);
    return day;
}

/* What is planned ahead, if anything is, is left half made. */
static void abandon_ahead(struct day *day)
{
    if (!day->is_ahead)
        return;
    atomic_store(&day->is_abandoned, true);
    pthread_join(day->thread, NULL);
    atomic_store(&day->is_abandoned, false);
    day->is_ahead = false;
}

void day_free(struct day *day)
{
    if (day == NULL)
        return;
    abandon_ahead(day);
    for (int i = 0; i < 2; i++)
        free_work(&day->work[i]);
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
    return (day->config.stop && atomic_load_explicit(day->config.stop, memory_order_relaxed)) ||
           atomic_load_explicit(&day->is_abandoned, memory_order_relaxed);
}

/* ---- one slice ---- */

enum { SLICE_PARTS = 300 };

static size_t part_of(const struct slice_work *work, const struct flow_plan *plan)
{
    int64_t part = (plan->start.ns - work->request.begin.ns) / (NS_PER_SLICE / SLICE_PARTS);

    return part < 0 ? 0 : part >= SLICE_PARTS ? SLICE_PARTS - 1 : (size_t)part;
}

/* Part by part: to sort millions at once takes seconds, in which a stop would not be seen. */
static void sort_plans(const struct slice_work *work, struct plan_list *list)
{
    struct flow_plan *parted = memory_alloc_array(list->used, sizeof *parted);
    size_t ends[SLICE_PARTS + 1] = { 0 }; /* of the part before; then, while filled, of the part */

    for (size_t i = 0; i < list->used; i++)
        ends[part_of(work, &list->plans[i]) + 1]++;
    for (size_t part = 0; part < SLICE_PARTS; part++)
        ends[part + 1] += ends[part];
    for (size_t i = 0; i < list->used; i++)
        parted[ends[part_of(work, &list->plans[i])]++] = list->plans[i];
    free(list->plans);
    list->plans = parted;
    list->capacity = list->used;
    for (size_t part = 0, begin = 0; part < SLICE_PARTS && !is_stopped(work->day); begin = ends[part++])
        qsort(parted + begin, ends[part] - begin, sizeof *parted, compare_plans);
}

/* A thread's part of a slice. A stop leaves it half made, and in no order. */
static void *make_plans(void *argument)
{
    struct worker *worker = argument;
    struct slice_work *work = worker->work;
    struct slice_request request = work->request;
    uint32_t hosts = request.population->host_count;
    uint32_t first;

    while ((first = atomic_fetch_add(&work->next_host, HOSTS_AT_ONCE)) < hosts) {
        for (request.host = first; request.host < hosts && request.host - first < HOSTS_AT_ONCE; request.host++) {
            size_t before = worker->plans.used;

            if (is_stopped(work->day) || atomic_load(&work->planned) > MAX_PLANS)
                return NULL;
            slice_synthesize(&request, &worker->plans);
            atomic_fetch_add(&work->planned, worker->plans.used - before);
        }
    }
    if (worker->plans.used > 0 && !is_stopped(work->day))
        sort_plans(work, &worker->plans);
    return NULL;
}

/* Signals are for the thread that was there before. */
static bool start_thread(pthread_t *thread, void *(*function)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    bool is_started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    is_started = pthread_create(thread, NULL, function, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

/* What no thread could be started for, the first worker does. */
static void *make_slice(void *argument)
{
    struct slice_work *work = argument;

    for (unsigned i = 1; i < work->workers; i++)
        work->worker[i].is_started = start_thread(&work->worker[i].thread, make_plans, &work->worker[i]);
    make_plans(&work->worker[0]);
    for (unsigned i = 1; i < work->workers; i++) {
        if (work->worker[i].is_started)
            pthread_join(work->worker[i].thread, NULL);
    }
    return NULL;
}

static void forget_plans(struct slice_work *work)
{
    for (unsigned i = 0; i < work->workers; i++) {
        work->worker[i].plans.used = 0;
        work->worker[i].next = 0;
    }
}

static void prepare_slice(struct slice_work *work)
{
    struct day *day = work->day;
    struct day_time wall = time_zone_wall(day->next_slice);

    work->request = (struct slice_request){
        .population = day->config.population,
        .seed = day->config.seed,
        .date = day_time_date(wall),
        .slice = day_time_slice(wall),
        .begin = day->next_slice,
        .fallback = day->config.fallback,
        .activity = day->activity,
    };
    forget_plans(work);
    atomic_store(&work->next_host, 0);
    atomic_store(&work->planned, 0);
    day->next_slice.ns += NS_PER_SLICE;
}

/* Lets a thread plan the slice to come, where that is wanted. */
static void look_ahead(struct day *day)
{
    struct slice_work *other = &day->work[!day->current];

    bool is_wanted = day->config.plan_ahead || day->config.threads > 1;

    if (!is_wanted || day->next_slice.ns >= day->config.end.ns)
        return;
    prepare_slice(other);
    day->is_ahead = start_thread(&day->thread, make_slice, other);
    if (!day->is_ahead)
        day->next_slice.ns -= NS_PER_SLICE;
}

static int fill_slice(struct day *day, struct error *err)
{
    if (day->is_ahead) {
        pthread_join(day->thread, NULL);
        day->is_ahead = false;
        day->current = !day->current;
    } else {
        prepare_slice(&day->work[day->current]);
        make_slice(&day->work[day->current]);
    }
    if (atomic_load(&day->work[day->current].planned) > MAX_PLANS)
        return error_set(err, "more than %d flows in five minutes: fewer hosts, or another model",
                         MAX_PLANS);
    look_ahead(day);
    return 0;
}

/* ---- plans in order ---- */

/* Whose list has the first plan of all; or NULL. */
static struct worker *find_first(struct slice_work *work)
{
    struct worker *best = NULL;

    for (unsigned i = 0; i < work->workers; i++) {
        struct worker *worker = &work->worker[i];

        if (worker->next < worker->plans.used &&
            (best == NULL ||
             compare_plans(&worker->plans.plans[worker->next], &best->plans.plans[best->next]) < 0))
            best = worker;
    }
    return best;
}

/* It is before what is asked for, or was given before. */
static bool is_passed_over(struct day *day, const struct flow_plan *plan)
{
    if (plan->start.ns < day->config.begin.ns)
        return true;
    day->has_after = day->has_after && compare_plans(plan, &day->after) <= 0;
    return day->has_after;
}

int day_next(void *self, struct flow_plan *plan, struct error *err)
{
    struct day *day = self;
    struct worker *first;

    while (!is_stopped(day)) {
        while ((first = find_first(&day->work[day->current]))) {
            const struct flow_plan *candidate = &first->plans.plans[first->next];

            if (candidate->start.ns >= day->config.end.ns)
                return 0; /* it stays: the end may move */
            first->next++;
            if (is_passed_over(day, candidate))
                continue;
            *plan = *candidate;
            return 1;
        }
        if (day->next_slice.ns >= day->config.end.ns && !day->is_ahead)
            return 0;
        if (fill_slice(day, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- steering ---- */

void day_set_end(struct day *day, struct day_time end)
{
    day->config.end = end;
}

void day_replan(struct day *day, struct day_time from, const struct flow_plan *after, double activity)
{
    abandon_ahead(day);
    forget_plans(&day->work[day->current]);
    day->config.begin = from;
    day->next_slice = slice_begin(from);
    day->activity = activity;
    day->has_after = after != NULL;
    if (after)
        day->after = *after;
}
