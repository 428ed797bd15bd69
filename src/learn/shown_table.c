#include "learn/shown_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void shown_table_add(struct shown_table *table, uint32_t owner, uint32_t symbol, uint32_t member,
                     uint64_t count)
{
    table->rows = memory_grow(table->rows, &table->capacity, table->used + 1, sizeof *table->rows);
    table->rows[table->used++] = (struct shown){ owner, symbol, member, count };
}

static int compare_rows(const void *a, const void *b)
{
    const struct shown *x = a;
    const struct shown *y = b;

    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    if (x->symbol != y->symbol)
        return x->symbol < y->symbol ? -1 : 1;
    if (x->member != y->member)
        return x->member < y->member ? -1 : 1;
    return (x->count > y->count) - (x->count < y->count);
}

void shown_table_sort(struct shown_table *table)
{
    if (table->used > 0)
        qsort(table->rows, table->used, sizeof *table->rows, compare_rows);
}

void shown_table_release(struct shown_table *table)
{
    free(table->rows);
    memset(table, 0, sizeof *table);
}

bool shown_table_next(const struct shown_table *table, struct shown_symbol *at)
{
    const struct shown *first;
    size_t i = at->end;

    *at = (struct shown_symbol){ .begin = i, .end = i };
    if (i == table->used)
        return false;
    first = &table->rows[i];
    for (; i < table->used && table->rows[i].owner == first->owner && table->rows[i].symbol == first->symbol;
         i++) {
        at->members += i == at->begin || table->rows[i].member != table->rows[i - 1].member;
        at->count += table->rows[i].count;
    }
    at->end = i;
    return true;
}
