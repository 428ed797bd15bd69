/*
 * fit.h - statistics in, fitted parameters out. Reads nothing but the statistics.
 */
#ifndef LEARN_FIT_H
#define LEARN_FIT_H

#include "dayshift/network_stats.h"

/* A slice of a date counts as observed from this many seconds of capture on. */
enum { FIT_OBSERVED_SECONDS = 150 };

/* Mixtures of every state, day profile of every host (Song (10), (11), corrected). */
void network_fit_init(struct network_fit *fit, const struct network_stats *stats);
void network_fit_release(struct network_fit *fit);

#endif
