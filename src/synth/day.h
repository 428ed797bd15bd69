/*
 * day.h - SYNTHESIZE-DAY: the flows of a whole population over a window of time, in order.
 *
 * Works slice by slice: memory is that of one slice's plans, or of two where it plans ahead: then the
 * next slice is planned while one is taken. Days follow one another for as long as the window lasts.
 *
 * Dates and slices are by the wall clock (base/time_zone.h). Where it is set back the hour that comes twice is played
 * twice, the same both times; where it is set forward the hour that is missing is not played.
 *
 * It can be steered while it is taken: what was planned and not taken is forgotten, and planned again. Planned again
 * with what it was planned with before, it is the same.
 */
#ifndef SYNTH_DAY_H
#define SYNTH_DAY_H

#include <stdatomic.h>

#include "dayshift/flow_plan.h"
#include "synth/population.h"
#include "synth/slice.h"

struct day_config {
    const struct population *population; /* borrowed */
    uint64_t seed;
    struct day_time begin;
    struct day_time end; /* flows start before it; at most DAY_TIME_MOST_NS */
    enum day_fallback fallback;
    unsigned threads; /* that plan; the plans are the same for any number. 0 is 1 */
    bool plan_ahead;  /* the slice to come while one is taken, in a thread of its own; several threads do so anyway */
    const atomic_bool *stop; /* borrowed; set by anyone: no more flows. NULL: nobody will */
};

struct day; /* opaque */

enum { DAY_MAX_THREADS = 64 };

struct day *day_new(const struct day_config *config);
void day_free(struct day *day);

/*
 * A source of flow_plan: `self` is the day. A stop looks like the end, also amid a slice of a large
 * population: the caller knows which of the two it was.
 */
int day_next(void *self, struct flow_plan *plan, struct error *err);

/* ---- steering: by the thread that takes the plans ---- */

/* Another end; one that was reached is none any more when it moves on. */
void day_set_end(struct day *day, struct day_time end);

/*
 * Forgets what was planned and not taken, and goes on with the flows that start at `from` or later, `activity` times
 * as many as the groups of the population have. `after`: flows up to this one in the order of the day, it included,
 * are not given again; NULL: they are. The slice of `from` is planned anew, whole: with another activity its flows
 * are others, and those that would start before `from` are no flows of the day. Waits for threads that plan ahead, for
 * as long as they need for one host.
 */
void day_replan(struct day *day, struct day_time from, const struct flow_plan *after, double activity);

#endif
