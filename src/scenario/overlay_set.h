/*
 * overlay_set.h - the overlays of a run among its background: one source of frames, in order of their due times.
 *
 * Captures are files that others may change: an overlay whose capture cannot be read any more is cut, and the rest goes on.
 * Of frames that are due together the background's come first, then overlays in their order. Steered as scenario.h
 * says, by the thread that takes the frames.
 */
#ifndef SCENARIO_OVERLAY_SET_H
#define SCENARIO_OVERLAY_SET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/frame.h"
#include "scenario/overlay.h"

enum { OVERLAY_SET_MAX = 16 };

struct overlay_set_config {
    const struct overlay_config *overlays; /* borrowed as struct overlay_config says */
    size_t count;
    struct frame_source background;
    const struct schedule *schedule; /* by which overlays begin: borrowed, and looked at again and again */
    struct run_time end;             /* nothing is due then or later */
    const struct sent_flow_keeper *keeper; /* of the ground truth: borrowed; NULL: nobody asks */
    int64_t before_ns;               /* of the run that have passed before its clock begins */
    bool may_fail;                   /* captures that cannot be read: their overlays fail, not the set */
    const struct population *population; /* borrowed, and so are: */
    const struct ip_network *networks;   /* of the run */
    size_t network_count;
};

struct overlay_counts { /* written by the thread that takes the frames alone */
    _Atomic uint64_t begun;    /* overlays, each time */
    _Atomic uint64_t left_out; /* times that one was still under way when its time came again */
    _Atomic uint64_t failed;   /* overlays whose captures could not be read any more */
    _Atomic uint64_t frames;   /* of overlays, whatever becomes of them */
};

struct overlay_set; /* opaque */

/* Reads every capture once. NULL with *err. */
struct overlay_set *overlay_set_new(const struct overlay_set_config *config, struct error *err);
void overlay_set_free(struct overlay_set *set); /* NULL: nothing */

struct frame_source overlay_set_frames(struct overlay_set *set);

const struct overlay_counts *overlay_set_counts(const struct overlay_set *set);

/* Each of them, for who tells of it. */
size_t overlay_set_count(const struct overlay_set *set);
const struct overlay *overlay_set_at(const struct overlay_set *set, size_t i);

/* Its time comes, or comes again, before the end of the run, as the day passes now. */
bool overlay_set_comes(const struct overlay_set *set, size_t i);

/* Some frame comes from that address, which no virtual host has, or goes there. Any thread may ask. */
bool overlay_set_brings(const struct overlay_set *set, const struct ip_address *address);

/* ---- steering ---- */

/* `now`, but not before the frame that was taken last. */
struct run_time overlay_set_position(const struct overlay_set *set, struct run_time now);

/* The day goes on from there: what lies before it does not begin, what lies behind it does, also again. */
void overlay_set_seek(struct overlay_set *set, struct day_time from);

/* No overlay begins any more, and those under way are over then at the latest. */
void overlay_set_finish(struct overlay_set *set, struct run_time latest);

#endif
