/*
 * mixed_netflow.h - SYNTHESIZE-MIXED-NETFLOW (Song): one virtual host that behaves now as one model, now as another.
 *
 * A switched chain: block by block a model is drawn with the probabilities p, and makes the flows of the block.
 * Song leaves open what becomes of a model that is left: here its chain rests, and goes on where it was when its turn
 * comes again. The time to the next flow is that of the model which made the last one.
 *
 * Where c is the mean length of a block, a flow is the last of its block with probability 1 / c; the model behind it
 * is another with 1 / c (1 - sum of p squared). That is how often a transition may be none of either model's.
 */
#ifndef SYNTH_MIXED_NETFLOW_H
#define SYNTH_MIXED_NETFLOW_H

#include "dayshift/flow_plan.h"
#include "synth/population.h"

enum { MIX_MAX_PARTS = 64, MIX_MAX_BLOCK = 1000000000 };

struct mix_part {
    uint32_t host; /* index in the population: whose model, and whose peers */
    double weight; /* not negative, of the sum of all, which is above 0 */
};

struct mixed_netflow_config {
    const struct population *population; /* borrowed */
    const struct mix_part *parts; /* borrowed for the call; the first one's address is that of the mix */
    uint32_t part_count;          /* 1 to MIX_MAX_PARTS */
    uint32_t block;               /* c: flows of a block, at least 1 */
    bool is_random;               /* lengths are geometric with the mean c; else all are c */
    bool keeps_addresses;         /* each part has its own address, in place of one for all */
    uint64_t seed;
    struct day_time begin;
};

struct mix_counts {
    uint64_t blocks;
    uint64_t switches; /* of one block to the next: the model is another */
    uint64_t flows[MIX_MAX_PARTS];
};

struct mixed_netflow; /* opaque */

/* NULL: one of the hosts has no state. */
struct mixed_netflow *mixed_netflow_new(const struct mixed_netflow_config *config, struct error *err);
void mixed_netflow_free(struct mixed_netflow *mix); /* NULL is fine */

/* A source of flow_plan; `self` is the mix. plan->virtual_host is the part's host. Never 0. */
int mixed_netflow_next(void *self, struct flow_plan *plan, struct error *err);

const struct mix_counts *mixed_netflow_counts(const struct mixed_netflow *mix);

#endif
