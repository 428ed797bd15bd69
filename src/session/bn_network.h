/*
 * bn_network.h - a discrete Bayesian network: parameters by maximum likelihood, and draws.
 *
 * P(x) = product over drawn columns i: P(x_i | parents of i). Columns that are not drawn are given. A
 * configuration of parents that was never seen has no maximum likelihood: there the column has the
 * distribution it has over all observations. Immutable once fitted: threads may share it. Pure: knows no packets.
 *
 * Memory: a table holds the configurations seen alone, so never more rows than there are different observations.
 */
#ifndef SESSION_BN_NETWORK_H
#define SESSION_BN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "session/bn_data.h"
#include "session/bn_search.h"

struct bn_network;

/*
 * From observations, one at least, and a structure over their columns. `drawn`: columns to draw, as bits; none
 * of the others depends on them. The caller frees it with bn_network_free().
 */
struct bn_network *bn_network_new(const struct bn_data *data, const struct bn_structure *structure,
                                  uint32_t drawn);
void bn_network_free(struct bn_network *network); /* NULL is fine */

size_t bn_network_bytes(const struct bn_network *network);

/* Fills the drawn columns of `values`; the others are the caller's, each below its arity. */
void bn_network_draw(const struct bn_network *network, uint16_t *values, struct random_stream *random);

/* What draws have to fulfil: looks at the columns `judged` (bits) of `values` alone. */
struct bn_condition {
    uint32_t judged;
    bool (*holds)(const void *self, const uint16_t *values);
    const void *self;
};

/*
 * The same, conditioned: P(drawn | given, condition holds), exactly. A few free draws are tried first, for the
 * condition mostly holds; then all values of the columns up to the last one judged are weighed. False, with
 * `values` undefined, when the condition has probability 0.
 */
bool bn_network_draw_where(const struct bn_network *network, const struct bn_condition *condition,
                           uint16_t *values, struct random_stream *random);

#endif
