#include "scenario/learned_stack.h"

#include <string.h>

#include "synth/flow_draw.h"

enum {
    MOST_PORTS = 4,  /* of a state that are looked at */
    MOST_ROWS = 16,  /* of a service, evenly spread */
    TTLS = 256,
    KINDS = IP_ID_RANDOM + 1,
    TTL_UNKNOWN = 64 /* as sessions have it */
};

/* How much of a host's sessions shows what. */
struct votes {
    double of[TTLS][KINDS];
};

static void add_row(struct votes *votes, const struct session_row *row, enum flow_side side, double weight)
{
    uint8_t ttl = row->ttl[side] ? row->ttl[side] : TTL_UNKNOWN;
    enum ip_id_kind kind = row->ip_id[side] != IP_ID_UNKNOWN ? row->ip_id[side] : IP_ID_COUNTER;

    votes->of[ttl][kind] += weight;
}

static void add_service(struct votes *votes, const struct service_model *service, enum flow_side side, double weight)
{
    size_t rows = service->row_count < MOST_ROWS ? service->row_count : MOST_ROWS;

    for (size_t i = 0; i < rows; i++)
        add_row(votes, &service->rows[i * service->row_count / rows], side, weight / (double)rows);
}

/* A port of the state. */
static uint32_t port_of(const struct state_model *state, uint32_t index)
{
    uint32_t port = PORT_OTHER;

    if (!state_key_has_ports(state->key))
        return state->key.port_feature; /* ICMP: the type */
    if (index < state->responder_ports.size)
        port = discrete_symbol(&state->responder_ports, index);
    return port == PORT_OTHER ? port_feature_first(state->key.port_feature) : port;
}

static void add_state(struct votes *votes, const struct population_group *group, const struct host_model *host,
                      const struct state_model *state)
{
    enum flow_side side = state->key.role == ROLE_INITIATOR ? FLOW_INITIATOR : FLOW_RESPONDER;
    uint32_t label = flow_draw_label(host, state, 0);
    uint32_t ports = state->responder_ports.size;

    if (ports < 1 || !state_key_has_ports(state->key))
        ports = 1;
    for (uint32_t i = 0; i < ports && i < MOST_PORTS; i++) {
        double share = i < state->responder_ports.size ? discrete_share(&state->responder_ports, i) : 1;
        const struct service_model *service =
            group->service(group->service_self, state->key.protocol, port_of(state, i), label, 0);

        if (service)
            add_service(votes, service, side, (double)state->flows * share);
    }
}

static enum host_os guess(uint8_t ttl, enum ip_id_kind ip_id)
{
    if (ttl > 128)
        return HOST_OS_ROUTER;
    if (ttl > 64)
        return HOST_OS_WINDOWS;
    return ip_id == IP_ID_RANDOM ? HOST_OS_MACOS : HOST_OS_LINUX;
}

struct host_stack learned_stack_of(const struct population_group *group, const struct host_model *host)
{
    struct host_stack stack = { HOST_OS_LINUX, TTL_UNKNOWN, IP_ID_COUNTER };
    double most = 0;
    struct votes votes;

    memset(&votes, 0, sizeof votes);
    for (uint32_t i = 0; i < host->state_count; i++)
        add_state(&votes, group, host, &host->states[i]);
    for (int ttl = 1; ttl < TTLS; ttl++) {
        for (int kind = IP_ID_ZERO; kind < KINDS; kind++) {
            if (votes.of[ttl][kind] <= most)
                continue;
            most = votes.of[ttl][kind];
            stack.ttl = (uint8_t)ttl;
            stack.ip_id = (enum ip_id_kind)kind;
        }
    }
    stack.os = guess(stack.ttl, stack.ip_id);
    return stack;
}

struct host_stack learned_stack_default(enum host_os os)
{
    static const struct host_stack stacks[] = {
        [HOST_OS_LEARNED] = { HOST_OS_LINUX, 64, IP_ID_COUNTER },
        [HOST_OS_LINUX] = { HOST_OS_LINUX, 64, IP_ID_COUNTER },
        [HOST_OS_WINDOWS] = { HOST_OS_WINDOWS, 128, IP_ID_COUNTER },
        [HOST_OS_MACOS] = { HOST_OS_MACOS, 64, IP_ID_RANDOM },
        [HOST_OS_ROUTER] = { HOST_OS_ROUTER, 255, IP_ID_RANDOM },
    };

    return stacks[os];
}
