/*
 * likelihood.h - how likely a host makes a sequence of flows, in natural logarithms.
 *
 * Song (8) and (9), with the terms that SPEC adds; the probability of a record is the product of
 *
 *   the state, given the state before it             row, then the states, of the host -> of the crowd -> of all
 *   its packets, given the state                     host -> crowd -> all -> all states of its role and protocol
 *   its bytes, given state and packets               host -> crowd -> all -> all states of its role and protocol
 *   the initiator's port feature, given the state    host -> crowd -> all -> all states of its role and protocol
 *   the responder's port, where the feature is a bin host -> crowd -> all
 *   the gap, given both states                       transition, then all, of the host -> of the crowd -> of all
 *
 * each backed off as the arrows say (base/backoff.h), its crowd being the hosts that behave like it, and at last
 * to a uniform distribution over all that could be: that is Song's dummy state, for what nobody ever did. Every
 * term sums to 1 over its alphabet.
 * The first step of a sequence has no state before it and no gap.
 *
 * What a host does comes in bursts, so records of one sequence do not speak independently. With the urn, each
 * term also draws on the sequence itself (Polya's urn, a Dirichlet-multinomial): with n_x of n earlier records
 * of the context like this one, p becomes (LIKELIHOOD_URN p + n_x) / (LIKELIHOOD_URN + n). Who compares hosts
 * wants that; who asks what the host's model alone makes of a sequence does not.
 *
 * Made from statistics alone; no term knows a peer.
 */
#ifndef EVAL_LIKELIHOOD_H
#define EVAL_LIKELIHOOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/host_step.h"
#include "dayshift/network_stats.h"

/* Records that a host's past counts like. Held-out flows of UGR'16, whose last third was not looked at: 30 to
 * 300 by term; the share of segments told is level from 100 to 300. */
#define LIKELIHOOD_URN 100.0

enum likelihood_term {
    TERM_STATE,
    TERM_PACKETS,
    TERM_BYTES,
    TERM_INITIATOR_PORT,
    TERM_RESPONDER_PORT,
    TERM_GAP,
    LIKELIHOOD_TERMS
};

enum { LIKELIHOOD_ALL_TERMS = (1 << LIKELIHOOD_TERMS) - 1 };

const char *likelihood_term_name(enum likelihood_term term);

struct likelihood;        /* opaque */
struct likelihood_sample; /* opaque: sequences made ready to be judged against any host */

/*
 * Of all hosts of the statistics. crowds[i] is the crowd of host i (struct network_fit); NULL: no crowds are
 * known, and their levels are passed over. Fits the weights. Neither is needed any more then.
 */
struct likelihood *likelihood_new(const struct network_stats *stats, const uint32_t *crowds);
void likelihood_free(struct likelihood *likelihood); /* NULL is fine */

/* What the counts of a level are shrunk by, the most general level first; 0 behind the last one. */
double likelihood_weight(const struct likelihood *likelihood, enum likelihood_term term, uint32_t level);

/* Sequences, which are the caller's and not needed any more then. Belongs to its likelihood. */
struct likelihood_sample *likelihood_sample_new(struct likelihood *likelihood,
                                                const struct step_sequence *sequences, size_t count,
                                                bool has_urn);
void likelihood_sample_free(struct likelihood_sample *sample); /* NULL is fine */

/*
 * Nats of each sequence under a host of the statistics, by the terms in the set `terms` (1 <<
 * likelihood_term), into nats[0..count): their sum over all records.
 */
void likelihood_score(const struct likelihood *likelihood, const struct likelihood_sample *sample,
                      uint32_t host, unsigned terms, double *nats);

#endif
