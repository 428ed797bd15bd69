#include "synth/flow_draw.h"

#include <math.h>
#include <stdlib.h>

#include "dayshift/flow_plan.h"
#include "dayshift/port_feature.h"

static uint32_t draw_component(const struct volume_model *mixture, struct random_stream *random)
{
    double at;
    uint32_t k = 0;

    if (mixture->size == 1)
        return 0;
    at = random_short_unit(random);
    while (k + 1 < mixture->size && at >= mixture->components[k].weight)
        at -= mixture->components[k++].weight;
    return k;
}

uint64_t flow_draw_packets(const struct volume_model *mixture, struct random_stream *random)
{
    const struct mixture_component *component = &mixture->components[draw_component(mixture, random)];
    double x = random_normal(random, component->mean, component->sd);

    return x > 0 ? (uint64_t)(exp(fmin(x, mixture->log_max)) + 0.5) : 1;
}

uint16_t flow_draw_port(uint32_t feature, struct random_stream *random)
{
    uint32_t first = port_feature_first(feature);
    uint32_t ports = port_feature_first(feature + 1) - first;

    return (uint16_t)(ports > 1 ? first + random_below_u32(random, ports) : first);
}

/* Of those listed, or else any of the feature. */
static uint16_t draw_responder_port(const struct state_model *state, struct random_stream *random)
{
    uint32_t port = PORT_OTHER;

    if (state->responder_ports.size)
        port = discrete_symbol(&state->responder_ports, discrete_draw(&state->responder_ports, random));
    return port == PORT_OTHER ? flow_draw_port(state->key.port_feature, random) : (uint16_t)port;
}

void flow_draw_ports(const struct state_model *state, uint16_t ports[2], struct random_stream *random)
{
    if (state->initiator_ports.size == 0) { /* not TCP or UDP: the feature is the ICMP type */
        ports[FLOW_INITIATOR] = (uint16_t)random_u32(random);
        ports[FLOW_RESPONDER] = (uint16_t)(state->key.port_feature << 8);
        return;
    }
    ports[FLOW_RESPONDER] = draw_responder_port(state, random);
    ports[FLOW_INITIATOR] = flow_draw_port(
        discrete_symbol(&state->initiator_ports, discrete_draw(&state->initiator_ports, random)), random);
}

static int compare_state(const void *state, const void *mix)
{
    uint32_t x = *(const uint32_t *)state;
    uint32_t y = ((const struct state_labels *)mix)->state;

    return x == y ? 0 : x < y ? -1 : 1;
}

uint32_t flow_draw_label(const struct host_model *host, const struct state_model *state, uint64_t key)
{
    uint32_t index = (uint32_t)(state - host->states);
    const struct state_labels *mix;
    struct random_stream random;

    if (state->label != STATE_LABELS_MIXED)
        return state->label;
    mix = bsearch(&index, host->mixes, host->mix_count, sizeof *host->mixes, compare_state);
    random_init(&random, key, RANDOM_LABEL, 0, 0, 0);
    return discrete_symbol(&mix->labels, discrete_draw(&mix->labels, &random));
}
