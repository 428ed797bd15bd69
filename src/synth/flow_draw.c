#include "synth/flow_draw.h"

#include <math.h>

#include "dayshift/flow_plan.h"

uint64_t flow_draw_packets(const struct volume_model *mixture, struct random_stream *random)
{
    double at = random_unit(random);
    uint32_t k = 0;
    double x;

    while (k + 1 < mixture->size && at >= mixture->components[k].weight)
        at -= mixture->components[k++].weight;
    x = random_normal(random, mixture->components[k].mean, mixture->components[k].sd);
    return (uint64_t)fmax(1.0, round(exp(fmin(x, mixture->log_max))));
}

uint16_t flow_draw_port(uint32_t feature, struct random_stream *random)
{
    uint32_t first = port_feature_first(feature);

    return (uint16_t)(first + random_below(random, port_feature_first(feature + 1) - first));
}

void flow_draw_ports(const struct state_model *state, uint16_t ports[2], struct random_stream *random)
{
    uint16_t responder = flow_draw_port(state->key.port_feature, random);
    uint16_t initiator = (uint16_t)random_u32(random); /* ICMP: the identifier */

    if (state->responder_ports.size) {
        uint32_t i = discrete_draw(&state->responder_ports, random);

        if (discrete_symbol(&state->responder_ports, i) != PORT_OTHER)
            responder = (uint16_t)discrete_symbol(&state->responder_ports, i);
    }
    if (state->initiator_ports.size) {
        uint32_t i = discrete_draw(&state->initiator_ports, random);

        initiator = flow_draw_port(discrete_symbol(&state->initiator_ports, i), random);
    } else { /* not TCP or UDP: the feature is the ICMP type */
        responder = (uint16_t)(state->key.port_feature << 8);
    }
    ports[FLOW_INITIATOR] = initiator;
    ports[FLOW_RESPONDER] = responder;
}
