#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/board.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mono_time.h"

struct board *board_new(struct error *err)
{
    void *memory = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        error_set(err, "no memory to share with the engine: %s", strerror(errno));
        return NULL;
    }
    return memory;
}

void board_free(struct board *board)
{
    munmap(board, sizeof *board);
}

void board_play(struct board *board)
{
    int64_t now_ns = mono_time_now().ns;
    int64_t none = 0;

    atomic_compare_exchange_strong(&board->began_ns, &none, now_ns);
    atomic_store(&board->playing_since_ns, now_ns);
    atomic_store(&board->state, ENGINE_PLAYING);
}

void board_count_interface(struct board *board, bool is_known, uint64_t packets)
{
    board->interface_known = is_known;
    if (!is_known)
        return;
    if (!board->interface_asked)
        board->interface_before = packets;
    board->interface_asked = true;
    board->interface_now = packets;
}

/* An emitter may have been ended between two of its counters. */
static void balance(struct report_counts *counts)
{
    uint64_t told = counts->sent + counts->dropped + counts->refused;

    if (counts->planned > told)
        counts->dropped += counts->planned - told;
    else
        counts->planned = told;
}

void board_settle(struct board *board)
{
    report_counts_set_emitted(&board->present, board->emitted, CONFIGURATION_MAX_LINKS);
    balance(&board->present);
    report_counts_add(&board->past, &board->present);
    memset(&board->present, 0, sizeof board->present);
    memset(board->emitted, 0, sizeof board->emitted);
    atomic_store(&board->state, ENGINE_STARTING);
}
