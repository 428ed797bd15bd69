#include "eval/network_compare.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/order.h"
#include "base/tally.h"
#include "eval/distance.h"

/* ---- the same hosts ---- */

struct tagged_host {
    uint64_t tag;
    uint32_t host;
};

static int compare_tags(const void *x, const void *y)
{
    uint64_t a = ((const struct tagged_host *)x)->tag;
    uint64_t b = ((const struct tagged_host *)y)->tag;

    return (a > b) - (a < b);
}

static size_t pair_by_tags(const struct network_stats *a, const struct network_stats *b,
                           struct host_pair *pairs)
{
    struct tagged_host *known = memory_alloc_array(b->host_count, sizeof *known);
    size_t count = 0;

    for (uint32_t i = 0; i < b->host_count; i++)
        known[i] = (struct tagged_host){ b->host_tags[i], i };
    if (b->host_count > 0)
        qsort(known, b->host_count, sizeof *known, compare_tags);
    for (uint32_t i = 0; i < a->host_count && b->host_count > 0; i++) {
        const struct tagged_host wanted = { a->host_tags[i], 0 };
        const struct tagged_host *found =
            bsearch(&wanted, known, b->host_count, sizeof *known, compare_tags);

        if (found)
            pairs[count++] = (struct host_pair){ i, found->host };
    }
    free(known);
    return count;
}

struct host_pair *network_compare_pairs(const struct network_stats *a, const struct network_stats *b,
                                        size_t *count)
{
    uint32_t common = a->host_count < b->host_count ? a->host_count : b->host_count;
    struct host_pair *pairs = memory_alloc_array(common, sizeof *pairs);

    if (a->has_tags && b->has_tags && a->key_check == b->key_check) {
        *count = pair_by_tags(a, b, pairs);
        return pairs;
    }
    for (uint32_t i = 0; i < common; i++)
        pairs[i] = (struct host_pair){ i, i };
    *count = common;
    return pairs;
}

/* ---- numbers ---- */

static void sort(double *numbers, size_t count)
{
    if (count > 0)
        qsort(numbers, count, sizeof *numbers, order_double);
}

/* Of a sorted sample. */
static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;

    if (count == 0)
        return NAN;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

/* ---- day profiles ---- */

enum { ALL_HOSTS = 1, LEAST_SECONDS = SLICE_SECONDS / 2 };

/* What hosts did on average in each slice of the day. */
struct profiles {
    double (*hosts)[PROFILE_MEASURES][DAY_SLICES]; /* that of all together is the last */
    double (*seconds)[DAY_SLICES];                 /* covered, by observation */
    double all_seconds[DAY_SLICES];
};

static void profiles_init(struct profiles *p, const struct network_stats *stats)
{
    *p = (struct profiles){
        .hosts = memory_alloc_array((size_t)stats->host_count + ALL_HOSTS, sizeof *p->hosts),
        .seconds = memory_alloc_array(stats->observation_count, sizeof *p->seconds),
    };
    for (size_t i = 0; i < stats->coverage.used; i++) {
        const struct tally_entry *entry = &stats->coverage.entries[i];

        p->seconds[entry->owner][entry->symbol % DAY_SLICES] += (double)entry->count;
        p->all_seconds[entry->symbol % DAY_SLICES] += (double)entry->count;
    }
    for (size_t i = 0; i < stats->active.used; i++) {
        const struct tally_entry *entry = &stats->active.entries[i];
        const struct activity *activity = &stats->activity[i];
        double packets = (double)(activity->packets_sent + activity->packets_received);
        double flows = (double)entry->count;
        uint32_t slice = entry->symbol % DAY_SLICES;
        double seconds = p->seconds[stats->host_observations[entry->owner]][slice];
        const double more[PROFILE_MEASURES] = { packets, log1p(packets), flows };

        for (int m = 0; m < PROFILE_MEASURES && seconds > 0; m++) {
            p->hosts[entry->owner][m][slice] += more[m] * SLICE_SECONDS / seconds;
            p->hosts[stats->host_count][m][slice] += more[m] * SLICE_SECONDS / seconds;
        }
    }
}

static void profiles_release(struct profiles *p)
{
    free(p->hosts);
    free(p->seconds);
}

/* The points at which two profiles are compared: slices, or pairs of them, that both sides observed. */
struct points {
    uint32_t count, slices;
    uint32_t first[DAY_SLICES];
};

/* The edge of a capture is no slice. */
static bool is_observed(const struct profiles *p, uint32_t first, uint32_t slices)
{
    return p->all_seconds[first] >= LEAST_SECONDS || p->all_seconds[first + slices - 1] >= LEAST_SECONDS;
}

static struct points common_points(const struct profiles *a, const struct profiles *b)
{
    struct points points = { .count = 0 };

    for (points.slices = 1; points.slices <= 2; points.slices++) {
        for (uint32_t s = 0; s < DAY_SLICES; s += points.slices) {
            if (is_observed(a, s, points.slices) && is_observed(b, s, points.slices))
                points.first[points.count++] = s;
        }
        if (points.count > 0)
            return points;
    }
    points.slices = 2;
    return points;
}

/* A slice that was not observed takes no part in its point: the other of the pair stands for both. */
static void read_points(const struct points *points, const struct profiles *p, uint32_t host,
                        enum profile_measure measure, double *values)
{
    for (uint32_t i = 0; i < points->count; i++) {
        double sum = 0;
        double observed = 0;

        for (uint32_t s = points->first[i]; s < points->first[i] + points->slices; s++) {
            sum += is_observed(p, s, 1) ? p->hosts[host][measure][s] : 0;
            observed += is_observed(p, s, 1);
        }
        values[i] = sum / observed;
    }
}

static double compare_profile(const struct points *points, enum profile_measure measure,
                              const struct profiles *a, uint32_t a_host, const struct profiles *b,
                              uint32_t b_host)
{
    double x[DAY_SLICES];
    double y[DAY_SLICES];

    read_points(points, a, a_host, measure, x);
    read_points(points, b, b_host, measure, y);
    return correlation(x, y, points->count);
}

static void compare_profiles(struct network_comparison *c, const struct network_stats *a,
                             const struct network_stats *b, const struct host_pair *pairs, size_t count)
{
    double *hosts = memory_alloc_array(count, sizeof *hosts);
    struct profiles of_a;
    struct profiles of_b;
    struct points points;

    profiles_init(&of_a, a);
    profiles_init(&of_b, b);
    points = common_points(&of_a, &of_b);
    c->points = points.count;
    c->slices = points.slices;
    for (enum profile_measure m = 0; m < PROFILE_MEASURES; m++) {
        struct profile_comparison *p = &c->profile[m];

        p->network = compare_profile(&points, m, &of_a, a->host_count, &of_b, b->host_count);
        for (size_t i = 0; i < count; i++) {
            double host = compare_profile(&points, m, &of_a, pairs[i].a, &of_b, pairs[i].b);

            if (!isnan(host))
                hosts[p->hosts++] = host;
        }
        sort(hosts, p->hosts);
        p->low = quantile(hosts, p->hosts, 0.1);
        p->median = quantile(hosts, p->hosts, 0.5);
        p->high = quantile(hosts, p->hosts, 0.9);
    }
    profiles_release(&of_a);
    profiles_release(&of_b);
    free(hosts);
}

/* ---- states of all hosts together ---- */

static void count_states(const struct network_stats *stats, struct tally *states)
{
    tally_init(states);
    for (size_t i = 0; i < stats->states.used; i++)
        tally_add(states, 0, stats->states.entries[i].symbol, stats->states.entries[i].count);
}

static double compare_states(const struct network_stats *a, const struct network_stats *b)
{
    struct tally of_a;
    struct tally of_b;
    double divergence;

    count_states(a, &of_a);
    count_states(b, &of_b);
    divergence = divergence_of_tallies(&of_a, &of_b);
    tally_release(&of_a);
    tally_release(&of_b);
    return divergence;
}

/* ---- degrees ---- */

/* By host: distinct peers of all its states of a role. Owned. */
static double *count_peers(const struct network_stats *stats, enum host_role role, double *repeats)
{
    double *peers = memory_alloc_array(stats->host_count, sizeof *peers);
    double flows = 0;
    double again = 0;
    struct tally met;

    tally_init(&met);
    for (size_t i = 0; i < stats->peers.used; i++) {
        const struct tally_entry *entry = &stats->peers.entries[i];
        const struct tally_entry *state = &stats->states.entries[entry->owner];
        size_t known = met.used;

        if (state_key_unpack(state->symbol).role != role)
            continue;
        tally_add(&met, state->owner, entry->symbol, entry->count);
        peers[state->owner] += met.used > known;
        flows += (double)entry->count;
        if (peer_unpack(entry->symbol).id != PEER_ID_OTHER)
            again += (double)(entry->count - (met.used > known));
    }
    tally_release(&met);
    *repeats = flows > 0 ? again / flows : NAN;
    return peers;
}

static void describe(struct degree_comparison *d, int side, const double *sorted, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += sorted[i];
    d->mean[side] = count > 0 ? sum / (double)count : NAN;
    d->median[side] = quantile(sorted, count, 0.5);
    d->largest[side] = count > 0 ? sorted[count - 1] : NAN;
}

static void take_logarithms(double *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        peers[i] = log1p(peers[i]);
}

static void compare_degrees(struct degree_comparison *d, enum host_role role,
                            const struct network_stats *a, const struct network_stats *b)
{
    double *of_a = count_peers(a, role, &d->repeats[0]);
    double *of_b = count_peers(b, role, &d->repeats[1]);

    sort(of_a, a->host_count);
    sort(of_b, b->host_count);
    d->distance = wasserstein_distance(of_a, a->host_count, of_b, b->host_count);
    describe(d, 0, of_a, a->host_count);
    describe(d, 1, of_b, b->host_count);
    take_logarithms(of_a, a->host_count);
    take_logarithms(of_b, b->host_count);
    d->log_distance = wasserstein_distance(of_a, a->host_count, of_b, b->host_count);
    free(of_a);
    free(of_b);
}

/* ---- all of it ---- */

static void add_rates(struct network_comparison *c, int side, const struct network_stats *stats)
{
    for (size_t i = 0; i < stats->coverage.used; i++)
        c->seconds[side] += (double)stats->coverage.entries[i].count;
    for (size_t i = 0; i < stats->active.used; i++) {
        c->flows[side] += (double)stats->active.entries[i].count / c->seconds[side];
        c->packets[side] +=
            (double)(stats->activity[i].packets_sent + stats->activity[i].packets_received) /
            c->seconds[side];
    }
}

void network_compare(struct network_comparison *comparison, const struct network_stats *a,
                     const struct network_stats *b, const struct host_pair *pairs, size_t pair_count)
{
    *comparison = (struct network_comparison){ .divergence = compare_states(a, b) };
    compare_profiles(comparison, a, b, pairs, pair_count);
    compare_degrees(&comparison->degrees[ROLE_INITIATOR], ROLE_INITIATOR, a, b);
    compare_degrees(&comparison->degrees[ROLE_RESPONDER], ROLE_RESPONDER, a, b);
    add_rates(comparison, 0, a);
    add_rates(comparison, 1, b);
}

const char *profile_measure_name(enum profile_measure measure)
{
    static const char *const names[PROFILE_MEASURES] = { "packets", "log_packets", "flows" };

    return names[measure];
}
