/*
 * chain.h - the semi-Markov chain of a host: which states follow one another, and after which gaps
 * (Song, SYNTHESIZE-STATS 2 and 8). States are indices of the host's own.
 */
#ifndef SYNTH_CHAIN_H
#define SYNTH_CHAIN_H

#include "base/random.h"
#include "dayshift/host_model.h"

/*
 * The state of the first flow of a slice: what a beginning, or a gap that leads from one slice into another, leads
 * to.
 */
uint32_t chain_enter(const struct host_model *model, struct random_stream *random);

/* The time between two flows: evenly in the logarithm within a bin that is drawn. */
double chain_draw_gap(const struct discrete *gaps, struct random_stream *random);

/* The time from the start of a flow of one state to that of the next one, of `to`, in nanoseconds. */
double chain_gap(const struct host_model *model, uint32_t from, uint32_t to,
                 struct random_stream *random);

/* The next state, and the time from the start of one flow to that of the other. */
uint32_t chain_step(const struct host_model *model, uint32_t from, double *gap_ns,
                    struct random_stream *random);

#endif
