/*
 * silence.h - which pauses between flows are so long that something must be missing.
 *
 * The clock's tail: beyond u, the largest of the pauses but the k of the longest tenth, a generalized Pareto
 * distribution,
 *
 *     p(pause > t) = k / n (1 + x (t - u) / a)^(-1 / x),
 *
 * with x and a by the moments of ln(pause / u) over those k (Dekkers, Einmahl and de Haan 1989). x is
 * taken as at least 0, and one standard error (1 / sqrt k) larger: tails are rather too long than too
 * short. A pause is a silence when it is
 *
 *  - so long that fewer than SILENCE_EXPECTED such ones are expected among all n, judged by those that are
 *    shorter alone, so that it does not excuse itself;
 *  - at least SILENCE_LEAST_NS, and SILENCE_RECORDS times the mean pause: so many records are missing.
 *
 * Every pause longer than a silence is one, too. Pure.
 */
#ifndef LEARN_SILENCE_H
#define LEARN_SILENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/time_types.h"

#define SILENCE_EXPECTED 0.01
#define SILENCE_LEAST_NS (60 * NS_PER_SECOND)
enum {
    SILENCE_RECORDS = 10,
    SILENCE_LEAST_PAUSES = 200, /* fewer say nothing about a tail */
    SILENCE_MOST = 4 /* what comes more often is how the host is */
};

/* The shortest pause that is a silence; INT64_MAX: none is. Sorts the pauses, which are not negative. */
int64_t silence_threshold(int64_t *pauses_ns, size_t count);

#endif
