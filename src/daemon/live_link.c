#include "daemon/live_link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/answer_filter.h"
#include "daemon/crossing_filter.h"
#include "daemon/say.h"
#include "net/ethernet_header.h"

static int open_answers(struct live_link *l, const struct configuration *c, struct error *err)
{
    struct receive_filter filter;

    answer_filter(c, (size_t)(l->config - c->links), &filter);
    if (receive_filter_attach(&filter, l->link.receive_fd) == 0)
        return 0;
    return error_set(err, "%s: cannot attach the receive filter: %s", l->link.name, strerror(errno));
}

static int open_crossing(struct live_link *l, const struct configuration *c, struct error *err)
{
    char *filter = crossing_filter(c, (size_t)(l->config - c->links));
    int status = filter ? crossing_open(&l->crossing, &l->link, filter, err) : 0;

    free(filter);
    return status;
}

/* Or the first full frame would wait for ever, and all that is behind it. */
static int check_ceiling(const struct live_link *l, struct error *err)
{
    uint64_t bits = l->config->max_bits_per_second;
    uint32_t frame = (uint32_t)l->link.mtu + ETHERNET_BYTES + ETHERNET_TAG_BYTES;
    uint64_t least = rate_ceiling_least_bits(frame < FRAME_MAX_BYTES ? frame : FRAME_MAX_BYTES);

    if (bits == 0 || bits >= least)
        return 0;
    return error_set(err, "max_bits_per_second %" PRIu64 ": for the MTU of %s, %d, it is to be %" PRIu64 " at least", bits,
                     l->link.name, (int)l->link.mtu, least);
}

int live_link_open(struct live_link *l, const struct configuration *configuration,
                   const struct configuration_link *config, const struct live_emitter *emitter, struct error *err)
{
    memset(l, 0, sizeof *l);
    address_claims_init(&l->claims);
    l->config = config;
    l->crossing.fd = -1;
    if (link_open(&l->link, config->interface, configuration->allow_default_route, err) < 0)
        return error_prefix(err, "%s", config->place);
    l->state = (struct link_state){ true, true, l->link.mtu };
    transmit_stamps_init(&l->stamps, &emitter->clock);
    if (check_ceiling(l, err) < 0) {
        live_link_close(l);
        return error_prefix(err, "%s", config->place);
    }
    l->sink = sink_open(config->sink, &l->link, emitter->ring, &l->stamps, err);
    if (l->sink == NULL || open_answers(l, configuration, err) < 0 || open_crossing(l, configuration, err) < 0) {
        live_link_close(l);
        return -1;
    }
    rate_ceiling_init(&l->ceiling, config->max_packets_per_second, config->max_bits_per_second);
    emit_thread_lock(l, sizeof *l);
    return 0;
}

void live_link_close(struct live_link *l)
{
    address_claims_release(&l->claims);
    crossing_close(&l->crossing);
    sink_close(l->sink);
    link_close(&l->link);
}

static struct rate_ceiling *ceiling_of(struct live_link *l)
{
    return l->config->max_packets_per_second > 0 || l->config->max_bits_per_second > 0 ? &l->ceiling : NULL;
}

void live_link_populate(struct live_link *l, const struct configuration *configuration,
                        const struct scenario *scenario, uint16_t number)
{
    enum host_os systems[SCENARIO_MAX_GROUPS];

    for (size_t i = 0; i < configuration->population_count; i++)
        systems[i] = configuration->populations[i].os;
    l->hosts = scenario_hosts_new(scenario_population(scenario), scenario_overlays(scenario), systems, number);
    l->link_hosts = scenario_hosts_of(l->hosts);
}

struct probed_link live_link_probed(struct live_link *l)
{
    return (struct probed_link){ &l->link, &l->link_hosts, ceiling_of(l), &l->answers, &l->claims, NULL, 0 };
}

int live_link_answer(struct live_link *l, struct error *err)
{
    const struct responder_config config = { &l->link, l->link_hosts, ceiling_of(l), &l->answers, &l->claims };

    l->responder = responder_new(&config);
    if (responder_start(l->responder, err) == 0)
        return 0;
    responder_free(l->responder);
    l->responder = NULL;
    return -1;
}

static void say_claims(struct live_link *l, enum claim_kind kind)
{
    char text[ADDRESS_CLAIM_TEXT], number[TEXT_NUMBER];
    struct address_claim first;
    uint64_t count;

    if (l->said_claims[kind].ns != 0 && mono_time_seconds_since(l->said_claims[kind]) < 1)
        return;
    count = address_claims_take_untold(&l->claims, kind, &first);
    if (count == 0)
        return;
    l->said_claims[kind] = mono_time_now();
    say("%s: somebody else has the address %s%s%s%s%s", l->link.name, address_claim_format(&first, text),
        kind == CLAIM_VIRTUAL ? " of a virtual host" : ", for which nothing is answered any more",
        count > 1 ? ", and " : "", count > 1 ? text_from_count(count - 1, number) : "", count > 1 ? " more" : "");
}

void live_link_say_claims(struct live_link *l)
{
    for (int kind = 0; kind < CLAIM_KINDS; kind++)
        say_claims(l, (enum claim_kind)kind);
}

struct emit_link live_link_for_emitter(struct live_link *l, const struct gate *gate, struct emit_counts *counts)
{
    l->gate = *gate;
    l->gate.max_frame_bytes = (uint32_t)l->link.mtu + ETHERNET_BYTES;
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
    if (l->responder)
        responder_stop(l->responder);
    responder_free(l->responder);
    l->responder = NULL;
    scenario_hosts_free(l->hosts);
    l->hosts = NULL;
}
