/*
 * log_normal.h - means of a log-normal variable that is cut: min(e^X, e^most), X normal.
 */
#ifndef BASE_LOG_NORMAL_H
#define BASE_LOG_NORMAL_H

/* E[min(e^X, e^most)] for X with this mean and sd; sd above 0. */
double log_normal_cut_mean(double mean, double sd, double most);

/*
 * The mean of X for which ln E[min(e^X, e^most)] is log_mean: what is drawn averages out to what was seen,
 * although it is cut. log_mean below most; sd not negative. To 1e-6.
 */
double log_normal_mean_of_x(double log_mean, double sd, double most);

#endif
