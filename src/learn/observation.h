/*
 * observation.h - which time the records that come tell of: stretches between silences and steps of the clock.
 *
 * Each slice of a stretch is covered for so many seconds. Pure: records and room in, coverage of the
 * statistics out.
 */
#ifndef LEARN_OBSERVATION_H
#define LEARN_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/network_stats.h"

/*
 * A silence of the whole network longer than this was not observed, it is a hole in the input;
 * and the sequence of a host that was silent for longer begins anew.
 */
#define LEARN_MAX_SILENCE_NS (3600 * NS_PER_SECOND)

enum { LEARN_STEP_BACK_FLOWS = 16 /* so many in a row far behind are a step back, fewer are late */ };

#define MAX_OBSERVED_NS NS_PER_DAY /* of one flow: a longer one says little about the hours between */

/* Which five-minute slices are learned: two halves of one network tell how much it differs from itself. */
enum observed_half { OBSERVE_ALL, OBSERVE_EVEN, OBSERVE_ODD };

/* The stretch of time that is being observed. */
struct observation {
    enum observed_half half;
    struct day_time from, to;
    struct day_time newest;     /* start of a flow */
    struct day_time step_begin; /* earliest of the flows far behind that came in a row */
    uint32_t behind;            /* how many these are */
    uint32_t stretch;           /* number, from 1 */
    bool is_broken;             /* what comes next does not follow what was */
    bool has_ended;             /* for want of room */
    struct wall_slice {         /* the last one that was asked for */
        int64_t index;          /* of the slice, since 1970 UTC, and 1 */
        uint32_t number;
        bool is_repeat;
    } wall;
};

/*
 * The slice number of a moment by the wall clock of the learned network; false when the clock shows that slice for the
 * second time, because it was set back: a slice of a date is observed once.
 */
bool observation_slice(struct observation *o, struct day_time t, uint32_t *number);

/* Whether flows that begin then are of the half that is learned. */
bool observation_has(struct observation *o, struct day_time t);

/* Takes in when a flow was; without room nothing is observed from now on. */
void observation_add(struct observation *o, struct network_stats *stats,
                     const struct flow_record *record, bool has_room);

/* From `from` on nothing was observed, until the record that comes next. */
void observation_break(struct observation *o, struct day_time from);

/* Counts the seconds that were observed, slice by slice, up to now. */
void observation_cover(struct observation *o, struct network_stats *stats);

#endif
