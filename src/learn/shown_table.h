/*
 * shown_table.h - who showed what: symbols with the hosts that had them, to tell how many did.
 *
 * Zeroed it is empty. Rows are added in any order, then sorted, then read; owners and symbols are those
 * of a tally that is to be.
 */
#ifndef LEARN_SHOWN_TABLE_H
#define LEARN_SHOWN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shown {
    uint32_t owner, symbol;
    uint32_t member; /* host */
    uint64_t count;
};

struct shown_table {
    struct shown *rows;
    size_t used, capacity;
};

void shown_table_add(struct shown_table *table, uint32_t owner, uint32_t symbol, uint32_t member,
                     uint64_t count);

/* By owner, symbol and member. */
void shown_table_sort(struct shown_table *table);
void shown_table_release(struct shown_table *table);

/* A symbol of an owner: the rows from `begin` on, up to `end`. Begins zeroed. */
struct shown_symbol {
    size_t begin, end;
    uint32_t members; /* different ones */
    uint64_t count;   /* of all */
};

/* The next one of a sorted table, behind *at; false at its end. */
bool shown_table_next(const struct shown_table *table, struct shown_symbol *at);

#endif
