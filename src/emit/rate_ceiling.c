#include "emit/rate_ceiling.h"

#include <math.h>
#include <stddef.h>

#include "base/time_types.h"

#define AHEAD_NS (NS_PER_SECOND / 10)
#define LATE_NS (3 * NS_PER_MS) /* who waits wakes no later than this, mostly */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t cost_of(const struct rate_count *count, uint64_t units)
{
    return (int64_t)ceil(count->share_ns * (double)units);
}

static void init_count(struct rate_count *count, double share_ns)
{
    count->share_ns = share_ns;
    count->ahead_ns = AHEAD_NS;
    atomic_init(&count->until_ns, INT64_MIN / 2);
}

/* What there is when `units` of it fill `ns`. Packets are taken one by one, each in whole ns; bits many at once. */
static double share_of(int64_t ns, uint64_t units, bool is_one_by_one)
{
    double share_ns = (double)ns / (double)units;

    return is_one_by_one ? ceil(share_ns) : share_ns;
}

/*
 * A count of which `per_second` go, with a part of it for address resolution: r of it in any second, of which n at once.
 * A second has fewer of the part than 1 s / share + n, which is r + 1. What n take of the whole is kept for them; where the
 * whole has no room for that and for another one, there is some: for two, of 20 or 21 packets, and a second has fewer
 * than 20 / 1.1 + 2.
 */
static void init_counts(struct rate_count *all, struct rate_count *part, int64_t *kept_ns, uint64_t per_second,
                        bool is_one_by_one)
{
    uint64_t r = per_second < RATE_CEILING_RESOLUTION ? 1 : per_second / RATE_CEILING_RESOLUTION;
    uint64_t n = (r + 1) / 2;

    init_count(all, per_second == 0 ? 0 : share_of(NS_PER_SECOND + AHEAD_NS, per_second, is_one_by_one));
    init_count(part, per_second == 0 ? 0 : share_of(NS_PER_SECOND, r - n + 1, is_one_by_one));
    part->ahead_ns = cost_of(part, n);
    *kept_ns = cost_of(all, n);
    all->ahead_ns = larger(AHEAD_NS, *kept_ns + cost_of(all, 1));
}

uint64_t rate_ceiling_least_bits(uint32_t frame_bytes)
{
    return 8 * (uint64_t)frame_bytes * ((NS_PER_SECOND + AHEAD_NS) / AHEAD_NS) + 1; /* a share is rounded */
}

void rate_ceiling_init(struct rate_ceiling *ceiling, uint64_t packets_per_second, uint64_t bits_per_second)
{
    init_counts(&ceiling->all.packets, &ceiling->resolution.packets, &ceiling->kept_for_resolution.packets_ns,
                packets_per_second, true);
    init_counts(&ceiling->all.bits, &ceiling->resolution.bits, &ceiling->kept_for_resolution.bits_ns, bits_per_second,
                false);
    atomic_init(&ceiling->kept_until_ns, INT64_MIN);
}

void rate_ceiling_init_budget(struct rate_ceiling *budget, uint64_t packets_per_second)
{
    rate_ceiling_init(budget, packets_per_second, 0);
    budget->kept_for_resolution = (struct rate_kept){ 0, 0 };
}

/*
 * Takes `cost_ns`, if it fits and leaves `kept_ns` behind it: 0; else how long until it does. A frame so long that it
 * fits alone goes when nothing is taken.
 */
static int64_t take(struct rate_count *count, int64_t now_ns, int64_t cost_ns, int64_t kept_ns)
{
    int64_t most_ns = larger(count->ahead_ns - kept_ns, smaller(cost_ns, count->ahead_ns));
    int64_t before_ns = atomic_load_explicit(&count->until_ns, memory_order_relaxed);
    int64_t after_ns;

    do {
        after_ns = larger(before_ns, now_ns) + cost_ns;
        if (after_ns - now_ns > most_ns)
            return after_ns - now_ns - most_ns;
    } while (!atomic_compare_exchange_weak_explicit(&count->until_ns, &before_ns, after_ns, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

static void give_back(struct rate_count *count, uint64_t units)
{
    if (count->share_ns > 0)
        atomic_fetch_sub_explicit(&count->until_ns, cost_of(count, units), memory_order_relaxed);
}

static void give_back_both(struct rate_counts *counts, uint32_t frame_bytes)
{
    give_back(&counts->packets, 1);
    give_back(&counts->bits, 8 * (uint64_t)frame_bytes);
}

static int64_t take_both(struct rate_counts *counts, int64_t now_ns, uint32_t frame_bytes, struct rate_kept kept)
{
    int64_t wait_ns = 0;

    if (counts->packets.share_ns > 0)
        wait_ns = take(&counts->packets, now_ns, cost_of(&counts->packets, 1), kept.packets_ns);
    if (wait_ns > 0 || counts->bits.share_ns <= 0)
        return wait_ns;
    wait_ns = take(&counts->bits, now_ns, cost_of(&counts->bits, 8 * (uint64_t)frame_bytes), kept.bits_ns);
    if (wait_ns > 0)
        give_back(&counts->packets, 1);
    return wait_ns;
}

int64_t rate_ceiling_take(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes)
{
    return take_both(&ceiling->all, now_ns, frame_bytes, ceiling->kept_for_resolution);
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

bool rate_ceiling_take_resolution(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes)
{
    const struct rate_kept nothing = { 0, 0 };

    if (rate_ceiling_take_spare(ceiling, now_ns, frame_bytes))
        return true;
    if (take_both(&ceiling->resolution, now_ns, frame_bytes, nothing) > 0)
        return false;
    if (take_both(&ceiling->all, now_ns, frame_bytes, nothing) == 0)
        return true;
    give_back_both(&ceiling->resolution, frame_bytes);
    return false;
}

bool rate_ceiling_take_paced(struct rate_ceiling *ceiling, struct rate_ceiling *budget, int64_t now_ns, uint32_t frame_bytes)
{
    if (rate_ceiling_take(budget, now_ns, frame_bytes) > 0)
        return false;
    if (ceiling == NULL || rate_ceiling_take_resolution(ceiling, now_ns, frame_bytes))
        return true;
    rate_ceiling_give_back(budget, frame_bytes);
    return false;
}

void rate_ceiling_give_back(struct rate_ceiling *ceiling, uint32_t frame_bytes)
{
    give_back_both(&ceiling->all, frame_bytes);
}
