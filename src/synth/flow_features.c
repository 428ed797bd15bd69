#include "synth/flow_features.h"

#include "net/wire.h"
#include "synth/flow_draw.h"
#include "synth/flow_ends.h"
#include "synth/peer_draw.h"

/* The end that the peer becomes; its port is set later. */
static struct flow_end other_end(const struct flow_features *f, const struct population *population,
                                 const struct virtual_host *self, bool *is_virtual)
{
    *is_virtual = false;
    if (f->peer.kind == PEER_GROUP)
        return flow_ends_group(self, f->ports[!flow_features_side(f)]);
    return flow_ends_peer(population, self, f->peer, f->peer_name, is_virtual);
}

/* Whether the virtual host that is asked answers. */
static enum flow_answer answer_of(const struct flow_features *f, const struct virtual_host *asks,
                                  const struct virtual_host *asked)
{
    if (!peer_answers(f->state, (uint32_t)(asks->model - asks->group->models),
                      (uint32_t)(asked->model - asked->group->models), asked->model, f->key))
        return ANSWER_NONE;
    return f->packets > 1 ? ANSWER_SURE : ANSWER_LIKELY;
}

uint32_t flow_features_plan(const struct flow_features *f, const struct population *population, uint32_t host,
                            struct flow_plan *plan)
{
    const struct virtual_host *self = &population->hosts[host];
    enum flow_side side = flow_features_side(f);
    uint8_t protocol = f->state->key.protocol;
    const struct virtual_host *other;
    bool is_virtual;

    *plan = (struct flow_plan){ .key = f->key, .virtual_host = host,
                                .protocol = protocol == IP_ICMPV6 ? IP_ICMP : protocol, .packets = f->packets, .to_group = f->peer.kind == PEER_GROUP };
    plan->ends[!side] = other_end(f, population, self, &is_virtual);
    plan->ends[side] = flow_ends_own(population, self, &plan->ends[!side]);
    plan->mtu = flow_ends_mtu(population, self, !is_virtual && !plan->to_group);
    plan->ends[FLOW_INITIATOR].port = f->ports[FLOW_INITIATOR];
    plan->ends[FLOW_RESPONDER].port = f->ports[FLOW_RESPONDER];
    plan->service = self->group->service(self->group->service_self, protocol,
                                         protocol == IP_ICMP ? f->state->key.port_feature
                                                             : f->ports[FLOW_RESPONDER],
                                         flow_draw_label(self->model, f->state, f->key), random_mix64(f->key));
    if (!is_virtual)
        return FLOW_FEATURES_NO_HOST;
    other = population_find(population, &plan->ends[!side].address);
    if (side == FLOW_INITIATOR)
        plan->answer = answer_of(f, self, other);
    return (uint32_t)(other - population->hosts);
}
