/*
 * slice.h - one five-minute slice of one virtual host: SYNTHESIZE-DAY's inner step.
 *
 * A pure function of (seed, virtual host, date, slice, models): every slice has a stream of
 * its own, so slices can be made in any order and by any thread.
 */
#ifndef SYNTH_SLICE_H
#define SYNTH_SLICE_H

#include "base/text.h"
#include "dayshift/flow_plan.h"
#include "synth/population.h"

/* What to do in slices that the capture never covered (Song, section IV-F). */
enum day_fallback {
    DAY_SPREAD,     /* behave as in one of the observed slices, drawn at random */
    DAY_SILENT,
    DAY_INTERPOLATE /* between the observed slices before and after it, around midnight */
};

/* "spread", "silent", "interpolate"; -1 for anything else. */
int day_fallback_parse(const char *text, enum day_fallback *fallback);
const char *day_fallback_names(char text[TEXT_NAMES]); /* all, for messages. Returns `text` */

struct plan_list {
    struct flow_plan *plans;
    size_t used;
    size_t capacity;
};

struct slice_request {
    const struct population *population;
    uint32_t host; /* index in the population */
    uint64_t seed;
    int32_t date; /* and slice, by the wall clock */
    uint32_t slice;
    struct day_time begin; /* of the slice */
    enum day_fallback fallback;
    double activity; /* so many times as many flows, beside the group's activity. 0 is 1 */
};

/* How many flows a host makes in a slice of a date: none where it is not active, else what it makes on average. */
double slice_draw_flows(const struct host_model *model, int32_t date, uint32_t slice, enum day_fallback fallback,
                        struct random_stream *random);

/* Appends the plans of the slice, in no particular order. */
void slice_synthesize(const struct slice_request *request, struct plan_list *plans);

#endif
