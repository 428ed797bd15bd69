#include "session/bn_search.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LOG_FACTORIALS = 1 << 12 /* kept; counts beyond that are rare */ };

struct bn_scores {
    const struct bn_data *data;
    double *family; /* [child << columns | parents]; NaN: not computed yet */
    struct bn_partition partition;
    uint64_t *sums;
    double log_factorial[LOG_FACTORIALS];
};

/* ---- scores ---- */

struct bn_scores *bn_scores_new(const struct bn_data *data)
{
    struct bn_scores *scores = memory_alloc(sizeof *scores);
    size_t families = (size_t)data->columns << data->columns;

    scores->data = data;
    scores->family = memory_alloc_array(families, sizeof *scores->family);
    for (size_t i = 0; i < families; i++)
        scores->family[i] = NAN;
    bn_partition_init(&scores->partition, data);
    scores->sums = memory_alloc_array(bn_data_rows(data), sizeof *scores->sums);
    for (int n = 1; n < LOG_FACTORIALS; n++)
        scores->log_factorial[n] = scores->log_factorial[n - 1] + log(n);
    return scores;
}

void bn_scores_free(struct bn_scores *scores)
{
    if (scores == NULL)
        return;
    bn_partition_release(&scores->partition);
    free(scores->family);
    free(scores->sums);
    free(scores);
}

static double log_factorial(const struct bn_scores *scores, uint64_t n)
{
    int sign; /* lgamma() would write a global */

    return n < LOG_FACTORIALS ? scores->log_factorial[n] : lgamma_r((double)n + 1, &sign);
}

static void weigh(struct bn_scores *scores)
{
    memset(scores->sums, 0, scores->partition.blocks * sizeof *scores->sums);
    bn_partition_weigh(&scores->partition, scores->data, scores->sums);
}

static double compute_family(struct bn_scores *scores, uint32_t child, uint32_t parents)
{
    struct bn_partition *partition = &scores->partition;
    uint64_t others = scores->data->arity[child] - 1;
    double score = 0;

    bn_partition_reset(partition, scores->data);
    for (uint32_t c = 0; c < scores->data->columns; c++) {
        if (parents >> c & 1)
            bn_partition_refine(partition, scores->data, c);
    }
    weigh(scores);
    for (uint32_t j = 0; j < partition->blocks; j++)
        score += log_factorial(scores, others) - log_factorial(scores, scores->sums[j] + others);
    bn_partition_refine(partition, scores->data, child);
    weigh(scores);
    for (uint32_t jk = 0; jk < partition->blocks; jk++)
        score += log_factorial(scores, scores->sums[jk]);
    return score;
}

double bn_scores_family(struct bn_scores *scores, uint32_t child, uint32_t parents)
{
    double *family = &scores->family[(size_t)child << scores->data->columns | parents];

    assert(!(parents >> child & 1));
    if (isnan(*family))
        *family = compute_family(scores, child, parents);
    return *family;
}

/* ---- moves ---- */

enum move_kind { MOVE_ADD, MOVE_DELETE, MOVE_REVERSE, MOVE_KINDS };

struct move {
    enum move_kind kind;
    uint32_t parent, child; /* of the edge as it is, or is to be added */
    double gain;
};

/* Does a path lead from `from` to `to`, over edges from parents to children? */
static bool reaches(const struct bn_structure *structure, uint32_t columns, uint32_t from, uint32_t to)
{
    uint32_t above = UINT32_C(1) << to; /* from these a path leads to `to` */
    uint32_t before;

    do {
        before = above;
        for (uint32_t c = 0; c < columns; c++)
            above |= before >> c & 1 ? structure->parents[c] : 0;
    } while (above != before);
    return above >> from & 1;
}

static void apply(struct bn_structure *structure, const struct move *move)
{
    structure->parents[move->child] ^= UINT32_C(1) << move->parent;
    if (move->kind == MOVE_REVERSE)
        structure->parents[move->parent] |= UINT32_C(1) << move->child;
}

static bool is_legal(const struct bn_structure *structure, const uint32_t *allowed, uint32_t columns,
                     const struct move *move)
{
    uint32_t parent = move->parent;
    uint32_t child = move->child;
    bool is_edge = structure->parents[child] >> parent & 1;
    struct bn_structure without = *structure;

    switch (move->kind) {
    case MOVE_ADD:
        return !is_edge && allowed[child] >> parent & 1 && !reaches(structure, columns, child, parent);
    case MOVE_DELETE:
        return is_edge;
    default:
        without.parents[child] &= ~(UINT32_C(1) << parent);
        return is_edge && allowed[parent] >> child & 1 && !reaches(&without, columns, parent, child);
    }
}

static double gain(struct bn_scores *scores, const struct bn_structure *structure, const struct move *move)
{
    struct bn_structure after = *structure;
    uint32_t parent = move->parent;
    uint32_t child = move->child;

    apply(&after, move);
    return bn_scores_family(scores, child, after.parents[child]) -
           bn_scores_family(scores, child, structure->parents[child]) +
           bn_scores_family(scores, parent, after.parents[parent]) -
           bn_scores_family(scores, parent, structure->parents[parent]);
}

/* The move that gains most; its gain is BN_LEAST_GAIN when there is none. */
static struct move best_move(struct bn_scores *scores, const struct bn_structure *structure,
                             const uint32_t *allowed)
{
    uint32_t columns = scores->data->columns;
    struct move best = { .gain = BN_LEAST_GAIN };

    for (int kind = 0; kind < MOVE_KINDS; kind++) {
        for (uint32_t edge = 0; edge < columns * columns; edge++) {
            struct move move = { (enum move_kind)kind, edge % columns, edge / columns, 0 };

            if (move.parent == move.child || !is_legal(structure, allowed, columns, &move))
                continue;
            move.gain = gain(scores, structure, &move);
            if (move.gain > best.gain)
                best = move;
        }
    }
    return best;
}

struct bn_structure bn_search(struct bn_scores *scores, const uint32_t allowed[BN_MAX_COLUMNS])
{
    struct bn_structure structure = { { 0 } };
    struct move move;

    while ((move = best_move(scores, &structure, allowed)).gain > BN_LEAST_GAIN)
        apply(&structure, &move);
    return structure;
}

void bn_structure_order(const struct bn_structure *structure, uint32_t columns, uint32_t *order)
{
    uint32_t placed = 0;
    uint32_t count = 0;

    while (count < columns) {
        uint32_t before = count;

        for (uint32_t c = 0; c < columns; c++) {
            if (!(placed >> c & 1) && (structure->parents[c] & ~placed) == 0) {
                placed |= UINT32_C(1) << c;
                order[count++] = c;
            }
        }
        assert(count > before); /* acyclic */
    }
}
