#include "synth/netflow.h"

#include <stdlib.h>

#include "base/memory.h"

enum { MAX_IDLE = 1 << 20 }; /* steps in a row that make no flow */

/* A chosen host and its next flow; a heap of them has the earliest first. */
struct player {
    int64_t start_ns; /* of the flow to come */
    uint32_t host;
    struct flow_sequence sequence;
};

struct netflow {
    const struct population *population;
    struct player *players;
    struct player **heap;
    uint32_t count;
    uint8_t *is_chosen; /* by host, one bit each */
};

void netflow_stream(const struct population *population, uint32_t host, uint64_t seed,
                    struct random_stream *random)
{
    random_init(random, seed, RANDOM_NETFLOW, population->hosts[host].end.name, 0, 0);
}

static bool is_before(const struct player *a, const struct player *b)
{
    return a->start_ns != b->start_ns ? a->start_ns < b->start_ns : a->host < b->host;
}

static void sift_down(struct netflow *n, uint32_t at)
{
    struct player *player = n->heap[at];

    for (uint32_t child = 2 * at + 1; child < n->count; child = 2 * at + 1) {
        if (child + 1 < n->count && is_before(n->heap[child + 1], n->heap[child]))
            child++;
        if (!is_before(n->heap[child], player))
            break;
        n->heap[at] = n->heap[child];
        at = child;
    }
    n->heap[at] = player;
}

static bool is_chosen(const struct netflow *n, uint32_t host)
{
    return host != FLOW_FEATURES_NO_HOST && n->is_chosen[host / 8] >> host % 8 & 1;
}

static void add_player(struct netflow *n, uint32_t host, const struct netflow_config *config)
{
    const struct host_model *model = config->population->hosts[host].model;
    struct player *player = &n->players[n->count];
    struct random_stream random;

    n->is_chosen[host / 8] |= (uint8_t)(1u << host % 8);
    if (model->state_count == 0)
        return;
    netflow_stream(config->population, host, config->seed, &random);
    player->host = host;
    player->start_ns = config->begin.ns + (int64_t)flow_sequence_begin(&player->sequence, model, config->seed,
                                                                  config->population->hosts[host].end.name,
                                                                  &random);
    n->heap[n->count++] = player;
}

struct netflow *netflow_new(const struct netflow_config *config, struct error *err)
{
    struct netflow *n = memory_alloc(sizeof *n);

    n->population = config->population;
    n->players = memory_alloc_array(config->host_count, sizeof *n->players);
    n->heap = memory_alloc_array(config->host_count, sizeof *n->heap);
    n->is_chosen = memory_alloc_array(config->population->host_count / 8 + 1, 1);
    for (uint32_t i = 0; i < config->host_count; i++)
        add_player(n, config->hosts[i], config);
    for (uint32_t i = n->count / 2; i-- > 0;)
        sift_down(n, i);
    if (n->count > 0)
        return n;
    error_set(err, "no flow of these hosts was learned");
    netflow_free(n);
    return NULL;
}

void netflow_free(struct netflow *n)
{
    if (n == NULL)
        return;
    free(n->players);
    free(n->heap);
    free(n->is_chosen);
    free(n);
}

int netflow_next(void *self, struct flow_plan *plan, struct error *err)
{
    struct netflow *n = self;

    for (uint32_t idle = 0; idle < MAX_IDLE; idle++) {
        struct player *player = n->heap[0];
        struct flow_features features;
        int64_t start_ns = player->start_ns;
        uint32_t other;

        if (start_ns >= NETFLOW_END_NS)
            return error_set(err, "the flows last until after 2199: fewer of them, or an earlier date");
        player->start_ns += (int64_t)flow_sequence_next(&player->sequence, &features);
        other = flow_features_plan(&features, n->population, player->host, plan);
        sift_down(n, 0);
        plan->start.ns = start_ns;
        /* Between two hosts that are both played the initiator's own sequence makes the flow. */
        if (features.state->key.role == ROLE_INITIATOR || !is_chosen(n, other))
            return 1;
    }
    return error_set(err, "these hosts only answer one another: none begins a flow");
}
