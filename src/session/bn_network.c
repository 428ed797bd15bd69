#include "session/bn_network.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/discrete.h"
#include "base/memory.h"

enum { FREE_DRAWS = 16 /* cost as much as weighing some hundred combinations */ };

/* P(column | parents). */
struct bn_table {
    uint32_t column;
    uint32_t parents;
    struct tally configurations; /* of the parents; its index is that of the distribution */
    struct discrete *given;      /* [configuration] */
    struct discrete unseen;
};

struct bn_network {
    uint32_t arity[BN_MAX_COLUMNS];
    uint32_t table_count;
    struct bn_table tables[BN_MAX_COLUMNS]; /* parents before children */
    struct arena arena;
    size_t bytes;
};

/* ---- parameters ---- */

/* A configuration as one number: the product of all arities is below 2^64 (bn_data.h). */
static uint64_t configuration(const struct bn_network *network, uint32_t parents, const uint16_t *values)
{
    uint64_t packed = 0;

    for (uint32_t left = parents; left != 0; left &= left - 1) {
        uint32_t column = (uint32_t)__builtin_ctz(left);

        packed = packed * network->arity[column] + values[column];
    }
    return packed;
}

/* How often each value came with each configuration: (its index, value). */
static void count_families(const struct bn_network *network, struct bn_table *table,
                           const struct bn_data *data, struct tally *families, struct tally *all)
{
    uint16_t values[BN_MAX_COLUMNS] = { 0 };

    for (size_t row = 0; row < bn_data_rows(data); row++) {
        uint64_t weight = data->seen.entries[row].count;
        uint64_t packed;
        uint32_t index;

        for (uint32_t c = 0; c < data->columns; c++)
            values[c] = data->value[c][row];
        packed = configuration(network, table->parents, values);
        index = tally_add(&table->configurations, (uint32_t)(packed >> 32), (uint32_t)packed, weight);
        tally_add(families, index, values[table->column], weight);
        tally_add(all, 0, values[table->column], weight);
    }
}

static void add_distribution(struct bn_network *network, struct discrete *distribution,
                             const struct tally_entry *entries, size_t size)
{
    discrete_init(distribution, &network->arena, entries, (uint32_t)size);
    network->bytes += sizeof *distribution + discrete_bytes(distribution);
}

static void fit_table(struct bn_network *network, struct bn_table *table, const struct bn_data *data)
{
    struct tally families;
    struct tally all;
    struct tally_entry *sorted;

    tally_init(&table->configurations);
    tally_init(&families);
    tally_init(&all);
    count_families(network, table, data, &families, &all);
    table->given = arena_alloc_array(&network->arena, table->configurations.used, sizeof *table->given);
    sorted = tally_sorted(&families);
    for (size_t first = 0, end; first < families.used; first = end) {
        for (end = first; end < families.used && sorted[end].owner == sorted[first].owner; end++)
            continue;
        add_distribution(network, &table->given[sorted[first].owner], sorted + first, end - first);
    }
    free(sorted);
    sorted = tally_sorted(&all);
    add_distribution(network, &table->unseen, sorted, all.used);
    free(sorted);
    network->bytes += table->configurations.used * (size_t)TALLY_ENTRY_BYTES;
    tally_release(&families);
    tally_release(&all);
}

struct bn_network *bn_network_new(const struct bn_data *data, const struct bn_structure *structure,
                                  uint32_t drawn)
{
    struct bn_network *network = memory_alloc(sizeof *network);
    uint32_t order[BN_MAX_COLUMNS];

    assert(bn_data_rows(data) > 0);
    arena_init(&network->arena);
    network->bytes = sizeof *network;
    for (uint32_t c = 0; c < data->columns; c++)
        network->arity[c] = data->arity[c];
    bn_structure_order(structure, data->columns, order);
    for (uint32_t i = 0; i < data->columns; i++) {
        struct bn_table *table = &network->tables[network->table_count];

        if (!(drawn >> order[i] & 1)) {
            assert((structure->parents[order[i]] & drawn) == 0);
            continue;
        }
        table->column = order[i];
        table->parents = structure->parents[order[i]];
        fit_table(network, table, data);
        network->table_count++;
    }
    return network;
}

void bn_network_free(struct bn_network *network)
{
    if (network == NULL)
        return;
    for (uint32_t i = 0; i < network->table_count; i++)
        tally_release(&network->tables[i].configurations);
    arena_release(&network->arena);
    free(network);
}

size_t bn_network_bytes(const struct bn_network *network)
{
    return network->bytes;
}

/* ---- draws ---- */

static const struct discrete *distribution(const struct bn_network *network, const struct bn_table *table,
                                           const uint16_t *values)
{
    uint64_t packed = configuration(network, table->parents, values);
    uint32_t index = tally_find(&table->configurations, (uint32_t)(packed >> 32), (uint32_t)packed);

    return index == TALLY_NONE ? &table->unseen : &table->given[index];
}

/* The columns from the `first` table on; those before are set. */
static void draw_from(const struct bn_network *network, uint32_t first, uint16_t *values,
                      struct random_stream *random)
{
    for (uint32_t i = first; i < network->table_count; i++) {
        const struct bn_table *table = &network->tables[i];
        const struct discrete *given = distribution(network, table, values);

        values[table->column] = (uint16_t)discrete_symbol(given, discrete_draw(given, random));
    }
}

void bn_network_draw(const struct bn_network *network, uint16_t *values, struct random_stream *random)
{
    draw_from(network, 0, values, random);
}

/* The legal combinations, in a fixed order, as a line on which each is as long as it is probable. */
struct bn_walk {
    const struct bn_network *network;
    const struct bn_condition *condition;
    uint32_t end;  /* tables that are set */
    double wanted; /* stop at the combination that covers this point */
    double passed;
};

/* Goes on with the table `first`, behind values of probability `share`. True, with the values set, when it stopped. */
static bool walk(struct bn_walk *w, uint32_t first, double share, uint16_t *values)
{
    const struct bn_table *table = &w->network->tables[first];
    const struct discrete *given;

    if (first == w->end) {
        if (w->condition->holds(w->condition->self, values))
            w->passed += share;
        return w->passed > w->wanted;
    }
    given = distribution(w->network, table, values);
    for (uint32_t i = 0; i < given->size; i++) {
        values[table->column] = (uint16_t)discrete_symbol(given, i);
        if (walk(w, first + 1, share * discrete_share(given, i), values))
            return true;
    }
    return false;
}

/* Tables that have to be set before the condition can be judged. */
static uint32_t judged_tables(const struct bn_network *network, uint32_t judged)
{
    uint32_t end = network->table_count;

    while (end > 0 && !(judged >> network->tables[end - 1].column & 1))
        end--;
    return end;
}

bool bn_network_draw_where(const struct bn_network *network, const struct bn_condition *condition,
                           uint16_t *values, struct random_stream *random)
{
    struct bn_walk w = { network, condition, judged_tables(network, condition->judged), INFINITY, 0 };

    for (int i = 0; i < FREE_DRAWS; i++) {
        draw_from(network, 0, values, random);
        if (condition->holds(condition->self, values))
            return true;
    }
    walk(&w, 0, 1, values);
    if (w.passed == 0)
        return false;
    w.wanted = random_unit(random) * w.passed; /* below the sum, which comes out the same again */
    w.passed = 0;
    walk(&w, 0, 1, values);
    draw_from(network, w.end, values, random);
    return true;
}
