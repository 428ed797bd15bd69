#include "daemon/live_link.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/crossing_filter.h"

static int open_crossing(struct live_link *l, const struct configuration *c, struct error *err)
{
    char *filter = crossing_filter(c, (size_t)(l->config - c->links));
    int status = filter ? crossing_open(&l->crossing, &l->link, filter, err) : 0;

    free(filter);
    return status;
}

int live_link_open(struct live_link *l, const struct configuration *configuration,
                   const struct configuration_link *config, const struct live_emitter *emitter, struct error *err)
{
    memset(l, 0, sizeof *l);
    l->config = config;
    l->crossing.fd = -1;
    if (link_open(&l->link, config->interface, configuration->allow_default_route, err) < 0)
        return error_prefix(err, "%s: interface", configuration->path);
    l->state = (struct link_state){ true, true, l->link.mtu };
    transmit_stamps_init(&l->stamps, &emitter->clock);
    l->sink = sink_open(config->sink, &l->link, emitter->ring, &l->stamps, err);
    if (l->sink == NULL || open_crossing(l, configuration, err) < 0) {
        live_link_close(l);
        return -1;
    }
    rate_ceiling_init(&l->ceiling, config->max_packets_per_second, config->max_bits_per_second);
    emit_thread_lock(l, sizeof *l);
    return 0;
}

void live_link_close(struct live_link *l)
{
    crossing_close(&l->crossing);
    sink_close(l->sink);
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

struct emit_link live_link_for_emitter(struct live_link *l, const struct gate *gate, struct emit_counts *counts)
{
    l->gate = *gate;
    l->gate.max_frame_bytes = (uint32_t)l->link.mtu + 14;
    return (struct emit_link){ .name = l->config->interface, .gate = &l->gate, .ceiling = ceiling_of(l),
                               .sink = l->sink, .counts = counts };
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

void live_link_end(struct live_link *l)
{
    if (l->responding)
        responder_stop(&l->responder);
    l->responding = false;
}
