/*
 * peer_novelty.h - what a state needs to draw new peers, derived from its process and from who was met.
 */
#ifndef MODEL_PEER_NOVELTY_H
#define MODEL_PEER_NOVELTY_H

#include "base/tally.h"
#include "dayshift/host_model.h"

/* From all peers of a state, of which `unlisted` flows went to those beyond the list. */
void peer_novelty_init(struct peer_novelty *novelty, const struct peer_process *process,
                       const struct tally_entry *entries, uint32_t size, uint64_t unlisted);

/*
 * How many of its new peers a state shares with other states of its role. Of a peer that m states of the
 * host have listed, the first met it new and the others did not: 1 - 1/m each, on average.
 */
void peer_novelty_share(struct host_model *host);

#endif
