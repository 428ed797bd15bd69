#include "daemon/live_link.h"

#include <string.h>
#include <time.h>

#include "base/counter.h"

#define RING_BYTES ((size_t)16 << 20) /* frames rendered ahead: 10,000 full ones or more */

/* While there is one thread, and the right to. */
static void lock_memory(struct live_link *l)
{
    size_t bytes;
    void *memory = frame_ring_memory(l->ring, &bytes);

    emit_thread_lock(memory, bytes);
    emit_thread_lock(l, sizeof *l);
}

int live_link_open(struct live_link *l, const struct configuration *configuration,
                   const struct configuration_link *config, const struct emit_clock *clock, struct error *err)
{
    memset(l, 0, sizeof *l);
    l->config = config;
    if (link_open(&l->link, config->interface, configuration->allow_default_route, err) < 0)
        return error_prefix(err, "%s: interface", configuration->path);
    l->ring = frame_ring_new(RING_BYTES);
    if (l->ring == NULL) {
        link_close(&l->link);
        return error_set(err, "%s: not enough memory for a ring of %zu bytes", config->interface, RING_BYTES);
    }
    l->state = (struct link_state){ true, true, l->link.mtu };
    transmit_stamps_init(&l->stamps, clock);
    l->sink = sink_open(config->sink, &l->link, l->ring, &l->stamps, err);
    if (l->sink == NULL) {
        live_link_close(l);
        return -1;
    }
    rate_ceiling_init(&l->ceiling, config->max_packets_per_second, config->max_bits_per_second);
    l->options = (struct emit_thread_options){ config->cpu, config->priority };
    lock_memory(l);
    return 0;
}

void live_link_close(struct live_link *l)
{
    sink_close(l->sink);
    frame_ring_free(l->ring);
    link_close(&l->link);
}

static struct rate_ceiling *ceiling_of(struct live_link *l)
{
    return l->config->max_packets_per_second > 0 || l->config->max_bits_per_second > 0 ? &l->ceiling : NULL;
}

int live_link_answer(struct live_link *l, const struct scenario_link *hosts, struct error *err)
{
    l->hosts = *hosts;
    l->responder.link = &l->link;
    l->responder.ceiling = ceiling_of(l);
    l->responder.lookup = scenario_link_lookup;
    l->responder.lookup_self = &l->hosts;
    l->responding = responder_start(&l->responder, err) == 0;
    return l->responding ? 0 : -1;
}

static void *emit_thread(void *argument)
{
    struct live_link *l = argument;

    l->status = emit_thread_prepare(&l->options, &l->err);
    if (l->status < 0)
        atomic_store(l->stop, true);
    atomic_store(&l->is_prepared, true);
    if (l->status == 0)
        l->status = emitter_run_ring(&l->emitter, l->ring, &l->err);
    if (l->status < 0)
        atomic_store(l->stop, true);
    atomic_store(&l->done, true);
    return NULL;
}

int live_link_start(struct live_link *l, const struct live_link_run *run, const struct gate *gate,
                    struct emit_counts *counts, struct error *err)
{
    const struct timespec nap = { .tv_nsec = 100 * NS_PER_US };
    const struct configuration *c = run->configuration;
    int status;

    l->stop = run->stop;
    l->gate = *gate;
    l->gate.max_frame_bytes = (uint32_t)l->link.mtu + 14;
    l->emitter = (struct emitter){ .clock = run->clock, .gate = &l->gate, .ceiling = ceiling_of(l),
                                   .sink = l->sink, .stop = run->stop, .counts = counts, .pace.timing = c->timing,
                                   .late = c->late, .max_late_ns = c->max_late_ns, .tallies = run->tallies };
    status = pthread_create(&l->thread, NULL, emit_thread, l);
    if (status != 0)
        return error_set(err, "cannot start a thread: %s", strerror(status));
    l->started = true;
    /* What it cannot have is to be known before the run begins. */
    while (!atomic_load(&l->is_prepared))
        nanosleep(&nap, NULL);
    return 0;
}

uint32_t live_links_identity(const struct live_link *links, size_t count)
{
    uint32_t identity = 1;

    for (size_t i = 0; i < count; i++)
        identity = identity * 31 + (uint32_t)links[i].link.index;
    return identity;
}

bool live_links_count(const struct live_link *links, size_t count, uint64_t *packets)
{
    struct error ignored;
    uint64_t counted;

    *packets = 0;
    for (size_t i = 0; i < count; i++) {
        if (link_sent_packets(&links[i].link, &counted, &ignored) < 0)
            return false;
        *packets += counted;
    }
    return true;
}

/* With no thread left: what was rendered and never came to the emitter is dropped. */
static void count_leftovers(struct live_link *l)
{
    struct emit_counts *counts = l->emitter.counts;
    struct frame frame;

    while (frame_ring_take(l->ring, &frame, 1) > 0) {
        counter_add(&counts->planned, 1);
        counter_add(&counts->dropped, 1);
        counter_add(&counts->unsent, 1);
    }
}

int live_link_end(struct live_link *l, struct error *err)
{
    if (l->responding)
        responder_stop(&l->responder);
    l->responding = false;
    if (!l->started)
        return 0;
    pthread_join(l->thread, NULL);
    l->started = false;
    count_leftovers(l);
    if (l->status < 0)
        *err = l->err;
    return l->status < 0 ? error_prefix(err, "%s", l->config->interface) : 0;
}
