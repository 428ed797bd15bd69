/*
 * board.h - what the engine has done, where it lives on when the engine has crashed: memory that both processes share.
 *
 * The engine writes; the supervisor reads numbers from it once the engine has ended, and the next engine goes on from
 * there. An engine that was taken over can make the table wrong, and the engines after it wait longer to be started,
 * pause, end early or play another part of the day, at another speed or activity; and no more. No pointer is ever
 * stored here, and what is text is made printable before it is shown.
 */
#ifndef DAEMON_BOARD_H
#define DAEMON_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/configuration.h"
#include "daemon/report.h"
#include "emit/emitter.h"

/* Where the run is, as an engine said last: the next one goes on from there. */
struct run_position {
    _Atomic int64_t said_ns; /* monotonic; 0: none has said it */
    _Atomic int64_t run_ns;  /* time that has passed for the run: without pauses and stalls */
    _Atomic int64_t day_ns;  /* what of the day is played, a struct day_time */
    _Atomic double speed;
    _Atomic double activity;
    atomic_bool is_paused;
};

/* The same for who goes on from there: copied once, and possible. */
struct run_place {
    int64_t run_ns;
    struct day_time day;
    double speed;
    double activity;
    bool is_paused;
};

struct board {
    /* By the engine. */
    _Atomic int64_t began_ns;         /* monotonic: when the first engine began to play; 0: none has */
    _Atomic int64_t playing_since_ns; /* monotonic: when this one did */
    struct run_position position;
    struct emit_counts emitted[CONFIGURATION_MAX_LINKS]; /* of this engine, by link: where its emitter counts */
    struct report_counts present;     /* of this engine, so far; what is emitted may be older here */
    bool interface_known;             /* the interface was there when it was last asked */
    bool interface_asked;             /* by this engine */
    uint32_t interface_identity;      /* that of another interface, or of one made anew, differs */
    uint64_t interface_before;        /* what it had counted when this engine began, or the one before it looked last */
    uint64_t interface_now;
    /* By the process in which a new configuration is tried. */
    struct error trial;               /* why it is bad */
    /* By the supervisor, for who asks the engine. */
    struct report_counts past;        /* of the engines before this one, added up */
    uint64_t interface_past;          /* what it counted during them */
    _Atomic uint64_t restarts;
    struct error crash;               /* how the last one ended that crashed; empty: none did */
};

struct board *board_new(struct error *err); /* all zero; NULL on failure */
void board_free(struct board *board);

/* For the engine: it plays from now on. */
void board_play(struct board *board);

/* How long the run has been going on: from the first frame of the first engine. 0: none was sent yet. */
double board_seconds_played(const struct board *board);

/*
 * Where the run is at `now_ns` (monotonic), after what an engine said last. False when none has said it, and when it
 * cannot be: who was taken over may have written anything. Speed and activity stay as the caller has set them when none
 * was ordered that can be.
 */
bool board_find_place(const struct board *board, int64_t now_ns, struct run_place *place);

/*
 * For the engine: what its interfaces have counted by now, in sum. The first time, what it starts from: where another engine
 * counted the same ones, what was sent since it looked last counts too.
 */
void board_count_interface(struct board *board, bool is_known, uint32_t identity, uint64_t packets);

/*
 * For the supervisor, when the engine has ended, in whatever way: what it did becomes past, and planned = sent +
 * dropped + refused holds for it.
 */
void board_settle(struct board *board);

#endif
