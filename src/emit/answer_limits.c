#include "emit/answer_limits.h"

#include <string.h>

void answer_limits_init(struct answer_limits *limits)
{
    memset(limits, 0, sizeof *limits);
    limits->key = hash_key_new();
}

static int64_t *place_of(struct answer_limits *limits, unsigned kind, const struct ip_address *host,
                         const struct ip_address *asker)
{
    struct {
        struct ip_address host, asker;
        uint64_t kind;
    } name = { *host, { { 0 } }, kind };

    if (asker)
        name.asker = *asker;
    return &limits->taken_until_ns[hash_bytes(&limits->key, &name, sizeof name) % ANSWER_LIMITS_PLACES];
}

bool answer_limits_take(struct answer_limits *limits, const struct answer_rate *rate, unsigned kind,
                        const struct ip_address *host, const struct ip_address *asker, int64_t now_ns)
{
    int64_t *until_ns;
    int64_t after_ns;

    if (rate->interval_ns == 0)
        return true;
    until_ns = place_of(limits, kind, host, rate->per_asker ? asker : NULL);
    after_ns = (*until_ns > now_ns ? *until_ns : now_ns) + rate->interval_ns;
    if (after_ns > now_ns + (int64_t)rate->burst * rate->interval_ns)
        return false;
    *until_ns = after_ns;
    return true;
}
