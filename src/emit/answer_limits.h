/*
 * answer_limits.h - how many refusals a host sends: no more than its operating system would.
 *
 * A token bucket for each host, or for each host and who asks it (generic cell rate algorithm, ITU-T I.371). They are kept
 * in a bounded table by a hash, and who shares a place shares its tokens: never more is sent than the systems would,
 * sometimes less. One thread.
 */
#ifndef EMIT_ANSWER_LIMITS_H
#define EMIT_ANSWER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_key.h"
#include "emit/stack_traits.h"
#include "net/ip_address.h"

enum { ANSWER_LIMITS_PLACES = 65536 };

struct answer_limits {
    struct hash_key key;
    int64_t taken_until_ns[ANSWER_LIMITS_PLACES]; /* by place; time of the caller's clock */
};

void answer_limits_init(struct answer_limits *limits);

/* True when `host` may send one more to `asker` now, which counts. `kind`: what is counted apart, such as errors. */
bool answer_limits_take(struct answer_limits *limits, const struct answer_rate *rate, unsigned kind,
                        const struct ip_address *host, const struct ip_address *asker, int64_t now_ns);

#endif
