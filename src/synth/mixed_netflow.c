#include "synth/mixed_netflow.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "synth/flow_ends.h"
#include "synth/netflow.h"

struct mixed_netflow {
    struct mixed_netflow_config config;
    struct mix_counts counts;
    struct random_stream random; /* of blocks */
    struct flow_sequence sequences[MIX_MAX_PARTS];
    struct mix_part parts[MIX_MAX_PARTS];
    double shares[MIX_MAX_PARTS]; /* up to and with each part, of 1 */
    uint32_t part;
    uint32_t left; /* flows of the block */
    struct day_time now; /* start of the flow to come */
};

static uint32_t draw_part(struct mixed_netflow *m)
{
    double at = random_unit(&m->random);
    uint32_t part = 0;

    while (part + 1 < m->config.part_count && at >= m->shares[part])
        part++;
    return part;
}

/* Geometric: every flow is the last with the same probability. */
static uint32_t draw_length(struct mixed_netflow *m)
{
    double goes_on = 1.0 - 1.0 / m->config.block;

    if (!m->config.is_random || m->config.block == 1)
        return m->config.block;
    return 1 + (uint32_t)fmin(floor(log(1.0 - random_unit(&m->random)) / log(goes_on)), MIX_MAX_BLOCK);
}

static void begin_block(struct mixed_netflow *m)
{
    uint32_t part = draw_part(m);

    m->counts.switches += m->counts.blocks > 0 && part != m->part;
    m->counts.blocks++;
    m->part = part;
    m->left = draw_length(m);
}

static int begin_part(struct mixed_netflow *m, uint32_t part, struct error *err)
{
    const struct population *population = m->config.population;
    uint32_t host = m->parts[part].host;
    struct random_stream random;

    if (population->hosts[host].model->state_count == 0)
        return error_set(err, "host %" PRIu32 ": no flow of it was learned", population->hosts[host].model->id);
    netflow_stream(population, host, m->config.seed, &random);
    (void)flow_sequence_begin(&m->sequences[part], population->hosts[host].model, m->config.seed,
                              population->hosts[host].end.name, &random);
    return 0;
}

struct mixed_netflow *mixed_netflow_new(const struct mixed_netflow_config *config, struct error *err)
{
    struct mixed_netflow *m = memory_alloc(sizeof *m);
    double sum = 0;
    double share = 0;

    m->config = *config;
    memcpy(m->parts, config->parts, config->part_count * sizeof *m->parts);
    m->config.parts = m->parts;
    m->now = config->begin;
    random_init(&m->random, config->seed, RANDOM_MIX, config->population->hosts[m->parts[0].host].end.name,
                0, 0);
    for (uint32_t i = 0; i < config->part_count; i++)
        sum += m->parts[i].weight;
    for (uint32_t i = 0; i < config->part_count; i++) {
        share += m->parts[i].weight / sum;
        m->shares[i] = share;
        if (begin_part(m, i, err) < 0) {
            mixed_netflow_free(m);
            return NULL;
        }
    }
    return m;
}

void mixed_netflow_free(struct mixed_netflow *m)
{
    free(m);
}

const struct mix_counts *mixed_netflow_counts(const struct mixed_netflow *m)
{
    return &m->counts;
}

/* One address for all; a peer that would be the mix itself is somebody outside, always the same. */
static void take_address(const struct mixed_netflow *m, enum flow_side side, uint32_t other,
                         struct flow_plan *plan)
{
    const struct population *population = m->config.population;
    const struct virtual_host *self = &population->hosts[m->parts[0].host];
    const struct peer stranger = { PEER_OUTSIDE, PEER_ID_OTHER };
    uint64_t name = peer_pack((struct peer){ PEER_LOCAL, self->model->id });
    uint16_t ports[2] = { plan->ends[0].port, plan->ends[1].port };
    bool ignored;

    if (other == m->parts[0].host)
        plan->ends[!side] = flow_ends_peer(population, self, stranger, name, &ignored);
    plan->ends[side] = flow_ends_own(population, self, &plan->ends[!side]);
    plan->ends[0].port = ports[0];
    plan->ends[1].port = ports[1];
}

int mixed_netflow_next(void *self, struct flow_plan *plan, struct error *err)
{
    struct mixed_netflow *m = self;
    struct flow_features features;
    uint32_t other;
    double gap_ns;

    if (m->now.ns >= NETFLOW_END_NS)
        return error_set(err, "the flows last until after 2199: fewer of them, or an earlier date");
    if (m->left == 0)
        begin_block(m);
    m->left--;
    m->counts.flows[m->part]++;
    gap_ns = flow_sequence_next(&m->sequences[m->part], &features);
    other = flow_features_plan(&features, m->config.population, m->parts[m->part].host, plan);
    if (!m->config.keeps_addresses)
        take_address(m, flow_features_side(&features), other, plan);
    plan->start = m->now;
    m->now.ns += (int64_t)gap_ns;
    return 1;
}
