#include "cli/write_records.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "scenario/scenario.h"

enum {
    BATCH_PLANS = 1024, /* 100 KB of plans become some 150 KB of text */
    BATCHES_A_THREAD = 3
};

/* A batch on its way round: filled by the caller's thread, encoded by any, written by the caller's. */
struct slot {
    struct flow_plan *plans;
    uint32_t count;
    bool is_encoded; /* under the lock */
    struct record_batch batch;
};

/* Batches have numbers in their order; a batch is in slot number % slot_count. */
struct pipeline {
    const struct write_records_config *config;
    struct slot *slots;
    uint64_t slot_count;
    uint64_t written; /* the caller's thread alone */
    uint64_t plans;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for threads: a batch was filled, or all is over */
    pthread_cond_t done; /* for the caller's: a batch was encoded */
    uint64_t filled, taken; /* under the lock */
    bool is_over;
};

static struct slot *slot_of(struct pipeline *p, uint64_t number)
{
    return &p->slots[number % p->slot_count];
}

/* ---- encoding ---- */

/* What still lives at the end has its packets in the time that is left. */
static void end_with_window(struct flow_record *record, struct day_time end)
{
    if (record->duration_ns > end.ns - record->start.ns)
        record->duration_ns = end.ns - record->start.ns;
}

static void encode(const struct pipeline *p, struct slot *slot)
{
    struct flow_record record;

    record_batch_clear(&slot->batch);
    for (uint32_t i = 0; i < slot->count; i++) {
        scenario_record(&slot->plans[i], p->config->seed, &record);
        end_with_window(&record, p->config->end);
        if (flow_record_packets(&record) > 0)
            record_batch_add(&slot->batch, p->config->encoding, &record);
    }
}

/* Takes the next batch and encodes it, with the lock held before and after. */
static void work_once(struct pipeline *p)
{
    struct slot *slot = slot_of(p, p->taken++);

    pthread_mutex_unlock(&p->lock);
    encode(p, slot);
    pthread_mutex_lock(&p->lock);
    slot->is_encoded = true;
    pthread_cond_signal(&p->done);
}

static void *run_thread(void *self)
{
    struct pipeline *p = self;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->taken == p->filled && !p->is_over)
            pthread_cond_wait(&p->work, &p->lock);
        if (p->taken == p->filled)
            break;
        work_once(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- the caller's thread ---- */

/* 1: there is more; 0: the source is at its end, or the limit is reached. */
static int fill(struct pipeline *p, struct error *err)
{
    const struct write_records_config *config = p->config;
    struct slot *slot = slot_of(p, p->filled);
    int got = 1;

    slot->count = 0;
    slot->is_encoded = false;
    while (slot->count < BATCH_PLANS && (config->limit == 0 || p->plans < config->limit)) {
        got = config->plans.next(config->plans.self, &slot->plans[slot->count], err);
        if (got <= 0)
            break;
        slot->count++;
        p->plans++;
    }
    pthread_mutex_lock(&p->lock);
    p->filled++;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    return got > 0 && p->plans == config->limit ? 0 : got;
}

/* Writes the oldest batch, once it is encoded; if nobody has taken it yet, this thread does. */
static int write_oldest(struct pipeline *p, struct error *err)
{
    struct slot *slot = slot_of(p, p->written);

    pthread_mutex_lock(&p->lock);
    while (!slot->is_encoded) {
        if (p->taken < p->filled)
            work_once(p);
        else
            pthread_cond_wait(&p->done, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    p->written++;
    return record_writer_add_batch(p->config->writer, &slot->batch, err);
}

static int run(struct pipeline *p, struct error *err)
{
    int more = 1;

    while (more > 0) {
        if (atomic_load_explicit(p->config->stop, memory_order_relaxed))
            return -1;
        if (p->filled - p->written == p->slot_count && write_oldest(p, err) < 0)
            return -1;
        more = fill(p, err);
        progress_update(p->config->progress, "records", p->plans, p->config->limit, "records");
    }
    while (more == 0 && p->written < p->filled)
        more = write_oldest(p, err);
    return more;
}

static void end_threads(struct pipeline *p, const pthread_t *threads, uint32_t count)
{
    pthread_mutex_lock(&p->lock);
    p->is_over = true;
    p->taken = p->filled; /* after a failure nobody encodes what nobody writes */
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

int write_records(const struct write_records_config *config, struct error *err)
{
    struct pipeline p = { .config = config, .slot_count = (uint64_t)BATCHES_A_THREAD * config->threads };
    pthread_t *threads = memory_alloc_array(config->threads, sizeof *threads);
    uint32_t started = 0;
    int status;

    p.slots = memory_alloc_array(p.slot_count, sizeof *p.slots);
    for (uint64_t i = 0; i < p.slot_count; i++)
        p.slots[i].plans = memory_alloc_array(BATCH_PLANS, sizeof *p.slots[i].plans);
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.work, NULL);
    pthread_cond_init(&p.done, NULL);
    while (started + 1 < config->threads && pthread_create(&threads[started], NULL, run_thread, &p) == 0)
        started++; /* the caller's thread does what others do not */
    status = run(&p, err);
    end_threads(&p, threads, started);
    pthread_cond_destroy(&p.done);
    pthread_cond_destroy(&p.work);
    pthread_mutex_destroy(&p.lock);
    for (uint64_t i = 0; i < p.slot_count; i++) {
        record_batch_release(&p.slots[i].batch);
        free(p.slots[i].plans);
    }
    free(p.slots);
    free(threads);
    return status;
}
