#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/board.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mono_time.h"
#include "base/time_types.h"

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
}

double board_seconds_played(const struct board *board)
{
    int64_t began_ns = atomic_load(&board->began_ns);

    return began_ns > 0 ? mono_time_seconds_since((struct mono_time){ began_ns }) : 0;
}

static bool is_between(double value, double least, double most)
{
    return value >= least && value <= most;
}

/* The run's clock starts a little before the board is told that it plays. */
static bool is_possible(int64_t said_ns, int64_t run_ns, int64_t began_ns, int64_t now_ns)
{
    return said_ns > 0 && said_ns <= now_ns && began_ns > 0 && began_ns <= now_ns && run_ns >= 0 &&
           run_ns <= now_ns - began_ns + NS_PER_SECOND;
}

bool board_find_place(const struct board *board, int64_t now_ns, struct run_place *place)
{
    int64_t said_ns = board->position.said_ns;
    int64_t passed_ns;
    double speed = board->position.speed;
    double activity = board->position.activity;
    double day_ns;

    place->run_ns = board->position.run_ns;
    place->day.ns = board->position.day_ns;
    place->is_paused = board->position.is_paused;
    if (!is_possible(said_ns, place->run_ns, board->began_ns, now_ns))
        return false;
    if (is_between(speed, CONFIGURATION_LEAST_SPEED, CONFIGURATION_MOST_SPEED))
        place->speed = speed;
    if (is_between(activity, SCENARIO_LEAST_ACTIVITY, SCENARIO_MOST_ACTIVITY))
        place->activity = activity;
    passed_ns = place->is_paused ? 0 : now_ns - said_ns;
    day_ns = (double)place->day.ns + (double)passed_ns * place->speed;
    if (!is_between(day_ns, 0, (double)DAY_TIME_MOST_NS))
        return false;
    place->day.ns = (int64_t)day_ns;
    place->run_ns += passed_ns;
    return true;
}

void board_count_interface(struct board *board, bool is_known, uint32_t identity, uint64_t packets)
{
    bool goes_on = identity == board->interface_identity && packets >= board->interface_now;

    board->interface_known = is_known;
    if (!is_known)
        return;
    if (!board->interface_asked)
        board->interface_before = goes_on ? board->interface_now : packets;
    board->interface_asked = true;
    board->interface_identity = identity;
    board->interface_now = packets;
}

/* An emitter may have been ended between two of its counters: what it has planned and nothing else is told of is dropped. */
static void balance(struct report_counts *counts, const struct emit_counts *emitted)
{
    uint64_t planned = 0;

    for (size_t i = 0; i < CONFIGURATION_MAX_LINKS; i++)
        planned += emitted[i].planned;
    if (planned > counts->planned) {
        counts->dropped += planned - counts->planned;
        counts->planned = planned;
    }
}

/* Each engine counts for itself: its interface may be another one, or the same one made anew. */
static void settle_interface(struct board *board)
{
    if (board->interface_now > board->interface_before)
        board->interface_past += board->interface_now - board->interface_before;
    board->interface_asked = false;
    board->interface_before = board->interface_now;
}

void board_settle(struct board *board)
{
    settle_interface(board);
    report_counts_set_emitted(&board->present, board->emitted, CONFIGURATION_MAX_LINKS);
    balance(&board->present, board->emitted);
    report_counts_add(&board->past, &board->present);
    memset(&board->present, 0, sizeof board->present);
    memset(board->emitted, 0, sizeof board->emitted);
}
