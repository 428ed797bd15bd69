#include "model/model_read_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/wire.h"

#define MAX_LOG_MEAN 46.0 /* a flow has less than e^29 packets: what is fitted stays below, */
#define MAX_LOG_SD 16.0   /* and below half of that; exp(mean + sd^2 / 2) is a number */

static bool has_ports(const struct model_state *state)
{
    return state->key.protocol == IP_TCP || state->key.protocol == IP_UDP;
}

static void read_state(struct reader *r, struct rows *rows, struct model_state *state)
{
    rows_integer(rows, 0, r->shape.state_count, r->shape.state_count);
    state->host = (uint32_t)rows_integer(rows, 1, 0, (int64_t)r->shape.host_count - 1);
    state->key.role = (enum host_role)rows_integer(rows, 2, ROLE_INITIATOR, ROLE_RESPONDER);
    state->key.protocol = (uint8_t)rows_integer(rows, 3, 0, UINT8_MAX);
    state->key.port_feature = (uint32_t)rows_integer(rows, 4, 0, PORT_FEATURES - 1);
    state->flows = (uint64_t)rows_integer(rows, 5, 1, MAX_COUNT);
    if (state->key.protocol != IP_ICMP && !has_ports(state))
        rows_fail(rows, "a protocol that no flow can be made of");
    if (r->shape.state_count == NETWORK_MAX_STATES)
        rows_fail(rows, "there are too many");
}

/* A host has each state once, and not more than its indices can count. */
static void check_hosts(struct reader *r)
{
    const struct model_shape *shape = &r->shape;
    uint64_t *keys = memory_alloc_array(shape->state_count, sizeof *keys);
    uint64_t *flows = memory_alloc_array(shape->host_count, sizeof *flows);

    for (uint32_t i = 0; i < shape->state_count && !r->db.failed; i++) {
        const struct model_state *state = &shape->states[i];

        keys[i] = (uint64_t)state->host << 32 | state_key_pack(state->key);
        flows[state->host] += state->flows;
        if (++shape->host_states[state->host] > HOST_MAX_STATES ||
            flows[state->host] > reader_host_flows(r, state->host))
            database_fail(&r->db, "table state: host %" PRIu32 " has too many states or flows",
                          state->host);
    }
    if (!r->db.failed && reader_has_twice(keys, shape->state_count))
        database_fail(&r->db, "table state: a host has the same state twice");
    free(keys);
    free(flows);
}

void read_states(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_STATE, "SELECT id, host, role, protocol, port_feature, flows"
                                                  " FROM state ORDER BY id");
    struct model_shape *shape = &r->shape;

    while (rows_next(&rows)) {
        shape->states = memory_grow(shape->states, &r->state_capacity,
                                    (size_t)shape->state_count + 1, sizeof *shape->states);
        read_state(r, &rows, &shape->states[shape->state_count]);
        shape->state_count++;
    }
    table_close(r, TABLE_STATE, &rows);
    shape->host_states = memory_alloc_array(shape->host_count, sizeof *shape->host_states);
    r->seen = memory_alloc_array(shape->state_count, sizeof *r->seen);
    check_hosts(r);
}

/* ---- mixtures ---- */

static void end_mixture(struct reader *r, uint32_t state, const struct mixture *mixture)
{
    double sum = 0;

    for (uint32_t k = 0; k < mixture->size; k++)
        sum += mixture->components[k].weight;
    if (!(fabs(sum - 1) < 1e-6))
        database_fail(&r->db, "table mixture: state %" PRIu32 " has no weights that sum to 1", state);
    if (r->db.failed)
        return;
    r->seen[state] |= SEEN_MIXTURE;
    if (r->sink->mixture)
        r->sink->mixture(r->sink->self, state, mixture);
}

void read_mixtures(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_MIXTURE, "SELECT state, component, weight, mean, sd"
                                                    " FROM mixture ORDER BY state, component");
    struct mixture mixture = { 0 };
    uint32_t state = 0;

    while (rows_next(&rows)) {
        uint32_t owner = (uint32_t)rows_integer(&rows, 0, state, (int64_t)r->shape.state_count - 1);

        if (owner != state && mixture.size > 0) {
            end_mixture(r, state, &mixture);
            mixture.size = 0;
        }
        state = owner;
        rows_integer(&rows, 1, mixture.size, mixture.size);
        if (mixture.size == MIXTURE_MAX)
            rows_fail(&rows, "there are too many");
        if (r->db.failed)
            break;
        mixture.components[mixture.size++] =
            (struct mixture_component){ rows_real(&rows, 2, 0, 1), rows_real(&rows, 3, 0, MAX_LOG_MEAN),
                                        rows_real(&rows, 4, 1e-6, MAX_LOG_SD) };
    }
    if (mixture.size > 0 && !r->db.failed)
        end_mixture(r, state, &mixture);
    table_close(r, TABLE_MIXTURE, &rows);
}

/* ---- how new peers are met ---- */

void read_peer_processes(struct reader *r)
{
    struct rows rows = table_open(r, TABLE_PEER_PROCESS, "SELECT state, discount, concentration"
                                                         " FROM peer_process ORDER BY state");

    while (rows_next(&rows)) {
        uint32_t state = (uint32_t)rows_integer(&rows, 0, 0, (int64_t)r->shape.state_count - 1);
        const struct peer_process process = {
            rows_real(&rows, 1, PEER_DISCOUNT_LEAST, PEER_DISCOUNT_MOST),
            rows_real(&rows, 2, PEER_CONCENTRATION_LEAST, PEER_CONCENTRATION_MOST),
        };

        if (r->db.failed)
            break;
        r->seen[state] |= SEEN_PROCESS;
        if (r->sink->peer_process)
            r->sink->peer_process(r->sink->self, state, &process);
    }
    table_close(r, TABLE_PEER_PROCESS, &rows);
}

/* ---- what a state must have ---- */

void check_states(struct reader *r)
{
    for (uint32_t i = 0; i < r->shape.state_count && !r->db.failed; i++) {
        unsigned seen = r->seen[i];
        const char *missing =
            !(seen & SEEN_MIXTURE)                     ? "mixture"
            : !(seen & SEEN_VOLUME)                    ? "volume"
            : !(seen & SEEN_PEER)                      ? "peer"
            : (seen & SEEN_NEXT) && !(seen & SEEN_GAP) ? "gap"
            : (seen & SEEN_OUTSIDE) && !(seen & SEEN_PROCESS) ? "peer_process"
            : has_ports(&r->shape.states[i]) && !(seen & SEEN_INITIATOR_PORT)
                ? "initiator_port"
                : NULL;

        if (missing)
            database_fail(&r->db, "state %" PRIu32 " of host %" PRIu32 " has no %s", i,
                          r->shape.states[i].host, missing);
        if ((seen & SEEN_PROCESS) && !(seen & SEEN_OUTSIDE))
            database_fail(&r->db, "table peer_process: state %" PRIu32 " has no peer outside", i);
    }
}
