#include "emit/rate_ceiling.h"

#include <math.h>

#include "base/time_types.h"

#define AHEAD_NS (NS_PER_SECOND / 10)
#define LATE_NS (3 * NS_PER_MS) /* who waits wakes no later than this, mostly */

static double share_ns(uint64_t per_second)
{
    return per_second == 0 ? 0 : (double)(NS_PER_SECOND + AHEAD_NS) / (double)per_second;
}

void rate_ceiling_init(struct rate_ceiling *ceiling, uint64_t packets_per_second, uint64_t bits_per_second)
{
    ceiling->packet_ns = share_ns(packets_per_second);
    ceiling->bit_ns = share_ns(bits_per_second);
    atomic_init(&ceiling->packets_until_ns, INT64_MIN / 2);
    atomic_init(&ceiling->bits_until_ns, INT64_MIN / 2);
    atomic_init(&ceiling->kept_until_ns, INT64_MIN);
}

/* Takes `cost_ns`, if it fits: 0; else how long until it does. */
static int64_t take(_Atomic int64_t *until_ns, int64_t now_ns, int64_t cost_ns)
{
    int64_t before_ns = atomic_load_explicit(until_ns, memory_order_relaxed);
    int64_t after_ns;

    do {
        after_ns = (before_ns > now_ns ? before_ns : now_ns) + cost_ns;
        if (after_ns - now_ns > AHEAD_NS)
            return after_ns - now_ns - AHEAD_NS;
    } while (!atomic_compare_exchange_weak_explicit(until_ns, &before_ns, after_ns, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

static int64_t packet_ns(const struct rate_ceiling *ceiling)
{
    return (int64_t)ceil(ceiling->packet_ns);
}

static int64_t frame_ns(const struct rate_ceiling *ceiling, uint32_t frame_bytes)
{
    return (int64_t)ceil(ceiling->bit_ns * 8 * frame_bytes);
}

static void give_back(_Atomic int64_t *until_ns, int64_t cost_ns)
{
    if (cost_ns > 0)
        atomic_fetch_sub_explicit(until_ns, cost_ns, memory_order_relaxed);
}

int64_t rate_ceiling_take(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes)
{
    int64_t wait_ns = 0;

    if (ceiling->packet_ns > 0)
        wait_ns = take(&ceiling->packets_until_ns, now_ns, packet_ns(ceiling));
    if (wait_ns > 0 || ceiling->bit_ns <= 0)
        return wait_ns;
    wait_ns = take(&ceiling->bits_until_ns, now_ns, frame_ns(ceiling, frame_bytes));
    if (wait_ns > 0)
        give_back(&ceiling->packets_until_ns, packet_ns(ceiling));
    return wait_ns;
}

int64_t rate_ceiling_take_first(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes)
{
    int64_t wait_ns = rate_ceiling_take(ceiling, now_ns, frame_bytes);

    if (wait_ns > 0)
        atomic_store_explicit(&ceiling->kept_until_ns, now_ns + wait_ns + LATE_NS, memory_order_relaxed);
    return wait_ns;
}

bool rate_ceiling_take_spare(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes)
{
    return now_ns >= atomic_load_explicit(&ceiling->kept_until_ns, memory_order_relaxed) &&
           rate_ceiling_take(ceiling, now_ns, frame_bytes) == 0;
}

void rate_ceiling_give_back(struct rate_ceiling *ceiling, uint32_t frame_bytes)
{
    give_back(&ceiling->packets_until_ns, packet_ns(ceiling));
    give_back(&ceiling->bits_until_ns, frame_ns(ceiling, frame_bytes));
}
