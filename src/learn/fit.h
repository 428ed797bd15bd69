/*
 * fit.h - statistics in, fitted parameters out. Reads nothing but the statistics.
 */
#ifndef LEARN_FIT_H
#define LEARN_FIT_H

#include "dayshift/network_stats.h"

/* The mixture of every state, how it meets peers outside, and the crowd of every host. */
void network_fit_init(struct network_fit *fit, const struct network_stats *stats);
void network_fit_release(struct network_fit *fit);

#endif
