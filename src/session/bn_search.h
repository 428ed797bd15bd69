/*
 * bn_search.h - the structure of a Bayesian network: hill climbing with the K2 score.
 *
 * Falk II. The K2 score of a variable with its parents (Cooper and Herskovits 1992, eq. 8, as a logarithm):
 *
 *   K2(i, P) = sum over configurations j of P:  ln (r - 1)! - ln (N_ij + r - 1)! + sum over values k: ln N_ijk!
 *
 * r values of i, N_ijk observations of value k with configuration j, N_ij their sum over k. The score of a
 * network is the sum over its variables. Pure: knows no packets.
 */
#ifndef SESSION_BN_SEARCH_H
#define SESSION_BN_SEARCH_H

#include <stdint.h>

#include "session/bn_data.h"

/* Who depends on whom: parents of each column, as bits. Acyclic. */
struct bn_structure {
    uint32_t parents[BN_MAX_COLUMNS];
};

/* Scores of families, each computed once. Borrows the data, which must not change. */
struct bn_scores;

struct bn_scores *bn_scores_new(const struct bn_data *data);
void bn_scores_free(struct bn_scores *scores); /* NULL is fine */

/* K2(child, parents), in nats; `parents` are bits of columns other than the child. */
double bn_scores_family(struct bn_scores *scores, uint32_t child, uint32_t parents);

/*
 * Begins without edges, and makes the move that raises the score most - add, delete or reverse one
 * edge - until none raises it by more than BN_LEAST_GAIN. Of equal moves the first one: added, deleted,
 * reversed; then by child and parent. allowed[child]: the columns that may be its parents, as bits; no edge
 * beyond that is ever made.
 */
#define BN_LEAST_GAIN 1e-4 /* nats: above what rounding does to sums of logarithms, so no move is ever undone */

struct bn_structure bn_search(struct bn_scores *scores, const uint32_t allowed[BN_MAX_COLUMNS]);

/* Columns in an order in which parents come before children; `order` has room for all. */
void bn_structure_order(const struct bn_structure *structure, uint32_t columns, uint32_t *order);

#endif
