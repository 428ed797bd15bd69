/*
 * overlay.h - a capture that is played in a run: when it begins, and where it is.
 *
 * It goes on at a pace of its own once it has begun. While it does, it does not begin again. The capture is read again
 * each time. Belongs to the thread that renders.
 */
#ifndef SCENARIO_OVERLAY_H
#define SCENARIO_OVERLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"
#include "scenario/overlay_addresses.h"
#include "scenario/overlay_flows.h"
#include "scenario/overlay_reader.h"
#include "scenario/overlay_time.h"

#define OVERLAY_LEAST_SPEED 0.001
#define OVERLAY_MOST_SPEED 1e6

/* All borrowed, for the overlay's life. */
struct overlay_config {
    int fd;            /* of the capture, a regular file */
    const char *path;  /* for messages */
    const char *place; /* where it is asked for, for messages; NULL: unknown */
    const char *label; /* for the ground truth; NULL: none */
    struct overlay_time time;
    double speed; /* of the capture */
    const struct overlay_mapping *map;
    size_t map_count;
};

struct overlay {
    struct overlay_config config;
    struct overlay_rewriting rewriting;
    struct overlay_tally tally; /* of the whole capture */
    struct day_time first, last; /* of the frames that are played, in the capture */
    bool has_next;               /* it will begin ... */
    struct day_time next;        /* ... then; but OVERLAY_AFTER: */
    struct run_time after;
    struct overlay_reader *reader; /* of what is under way, or has been made ready; else NULL */
    const struct overlay_frame *head; /* the next frame of it, when it was read */
    const struct sent_flow_keeper *keeper; /* of the ground truth; NULL: nobody asks */
    struct overlay_flows *flows; /* of what is under way; NULL: nobody asks */
    bool is_ready;               /* the next frame has its mark: */
    uint32_t mark;
    struct run_time mark_due; /* as it was when the mark was made */
    bool has_begun;
    struct run_time begin;
    atomic_bool has_failed; /* it is not played any more, and any thread may read why: */
    struct error failure;
};

/*
 * Reads the capture once. -1 with *err and nothing to release: damaged, out of order, nothing in it can be played.
 * `before_ns` of the run have passed before its clock begins. The keeper is borrowed; NULL: nobody asks.
 */
int overlay_init(struct overlay *overlay, const struct overlay_config *config,
                 const struct overlay_rewriting *rewriting, const struct sent_flow_keeper *keeper, int64_t before_ns,
                 struct error *err);
void overlay_release(struct overlay *overlay);

/* Begins next when its time first comes from there on. */
void overlay_seek(struct overlay *overlay, struct day_time from);

/* Before overlay_due(): what is under way has its next frame, or has come to its end. 0 or -1. */
int overlay_fetch(struct overlay *overlay, struct error *err);

/* When its next frame is due, by a schedule as long as it has not begun. False: there is none. */
bool overlay_due(const struct overlay *overlay, const struct schedule *schedule, struct run_time *due);

/* Its next frame, due then, is ready, though it may not have begun. 0 or -1. */
int overlay_prepare(struct overlay *overlay, struct run_time due, struct error *err);

/* The frame that is ready was taken, as due at that time. True: with it the overlay has begun. */
bool overlay_take(struct overlay *overlay, struct run_time due);

/* Is under way, and its time comes again: it is left out this time, and will be the next. */
bool overlay_leave_out(struct overlay *overlay, const struct schedule *schedule, struct run_time due);

/* The end of the run: what is under way is cut, and nothing begins any more. */
void overlay_cut(struct overlay *overlay);

/* The capture cannot be read any more: the same for good, whatever the rest of the run. */
void overlay_fail(struct overlay *overlay, const struct error *why);

/* One that has not begun does not begin any more. */
void overlay_stop(struct overlay *overlay);

#endif
