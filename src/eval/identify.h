/*
 * identify.h - which host made a segment of flows? The one whose model gives it the highest likelihood (Song,
 * Table I).
 */
#ifndef EVAL_IDENTIFY_H
#define EVAL_IDENTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "eval/likelihood.h"

/* A segment, and what was found for it. */
struct identified {
    struct step_sequence sequence;
    uint32_t truth; /* whose it is: any number of the caller's */
    uint32_t best;  /* the candidate that is likeliest; of equals the first */
    double best_nats;
    double true_nats; /* under the truth, when it is a candidate; else 0 */
};

/* Called now and then: so many candidates are done. NULL: not wanted. */
typedef void identify_progress(void *self, size_t done, size_t total);

/* Fills best, best_nats and true_nats of all segments. Candidates are hosts of the likelihood; at least one. */
void identify(struct likelihood *likelihood, const uint32_t *candidates, size_t candidate_count,
              unsigned terms, struct identified *segments, size_t segment_count,
              identify_progress *progress, void *progress_self);

/* Shares of what was told right. */
struct identify_summary {
    size_t segments, right;
    size_t hosts;          /* that had a segment */
    double host_mean;      /* of the shares of these hosts, each counted once; 0 without hosts */
};

/* Segments of one host follow one another. Takes those of every `step`th host from `first` on (0, 1: all). */
struct identify_summary identify_summarize(const struct identified *segments, size_t count, size_t first,
                                           size_t step);

#endif
