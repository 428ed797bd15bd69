#include "session/symbol_timing.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"

/* In bins of a quarter of an octave; 0: not seen. */
enum timing_measure {
    TIMING_LARGEST,
    TIMING_MEDIAN,
    TIMING_DURATION,
    TIMING_ANSWER,   /* median gap where the direction changes to the responder */
    TIMING_RETURN,   /* and back */
    TIMING_FIRST,    /* from the first data packet to the other side's first one */
    TIMING_MEASURES
};

struct timing_point {
    uint8_t cluster;
    uint8_t measures[TIMING_MEASURES];
};

/* ---- measures ---- */

/* Hoare's selection (1961, Algorithm 65): only as much is sorted as the middle asks for. */
static uint8_t median(uint8_t *bins, size_t count)
{
    ptrdiff_t middle = (ptrdiff_t)count / 2;
    ptrdiff_t low = 0;
    ptrdiff_t high = (ptrdiff_t)count - 1;

    while (low < high) {
        uint8_t pivot = bins[middle];
        ptrdiff_t i = low;
        ptrdiff_t j = high;

        while (i <= j) {
            while (bins[i] < pivot)
                i++;
            while (pivot < bins[j])
                j--;
            if (i <= j) {
                uint8_t swapped = bins[i];

                bins[i++] = bins[j];
                bins[j--] = swapped;
            }
        }
        low = j < middle ? i : low;
        high = middle < i ? j : high;
    }
    return count > 0 ? bins[middle] : 0;
}

static uint8_t gap_bin(uint64_t ns)
{
    uint32_t bin = log_grid_gap_bin(ns);

    return (uint8_t)(bin < UINT8_MAX ? bin : UINT8_MAX);
}

static uint8_t first_turnaround(const struct symbol_packet *packets, uint32_t count)
{
    uint64_t ns = 0;
    int first = -1;

    for (uint32_t i = 0; i < count; i++) {
        if (first >= 0)
            ns += symbol_gap_ns(packets[i].gap_bin);
        if (packets[i].bytes > 0 && first >= 0 && packets[i].side != first)
            return gap_bin(ns);
        if (packets[i].bytes > 0 && first < 0)
            first = packets[i].side;
    }
    return 0;
}

static void measure(struct timing_point *point, const struct symbol_packet *packets, uint32_t count, uint8_t *room)
{
    uint64_t ns = 0;
    size_t used = 0;

    for (uint32_t i = 1; i < count; i++) {
        uint8_t bin = packets[i].gap_bin;

        room[used++] = bin;
        ns += symbol_gap_ns(bin);
        if (bin > point->measures[TIMING_LARGEST])
            point->measures[TIMING_LARGEST] = bin;
    }
    point->measures[TIMING_DURATION] = gap_bin(ns);
    point->measures[TIMING_MEDIAN] = median(room, used);
    for (int to = 0; to < 2; to++) {
        used = 0;
        for (uint32_t i = 1; i < count; i++) {
            if (packets[i].side == to && packets[i - 1].side != to)
                room[used++] = packets[i].gap_bin;
        }
        point->measures[to ? TIMING_ANSWER : TIMING_RETURN] = median(room, used);
    }
    point->measures[TIMING_FIRST] = first_turnaround(packets, count);
}

/* ---- splitting ---- */

struct cut {
    uint8_t cluster;
    int measure;
    uint8_t below; /* measures below this one form a cluster of their own */
    uint64_t gain;
};

/* What all measures lose in squared deviation when `count` points with these sums are cut in two. */
static uint64_t gain_of(const uint64_t *sum, const uint64_t *part, uint64_t count, uint64_t in_part)
{
    uint64_t gain = 0;

    for (int m = 0; m < TIMING_MEASURES; m++) {
        /* n1 n2 / n (mean1 - mean2)^2, with means in 256ths */
        int64_t difference = (int64_t)((part[m] << 8) / in_part) -
                             (int64_t)(((sum[m] - part[m]) << 8) / (count - in_part));

        gain += (uint64_t)(difference * difference) / 256 * in_part * (count - in_part) / count;
    }
    return gain;
}

/* Sums of the points of a cluster by the value of one measure, to try every border in one pass. */
static void try_measure(const struct timing_point *points, size_t count, uint8_t cluster, int by, struct cut *best)
{
    uint32_t sums[256][TIMING_MEASURES] = { { 0 } };
    uint32_t numbers[256] = { 0 };
    uint64_t sum[TIMING_MEASURES] = { 0 };
    uint64_t part[TIMING_MEASURES] = { 0 };
    uint64_t number = 0;
    uint64_t in_part = 0;

    for (size_t i = 0; i < count; i++) {
        if (points[i].cluster != cluster)
            continue;
        number++;
        numbers[points[i].measures[by]]++;
        for (int m = 0; m < TIMING_MEASURES; m++) {
            sum[m] += points[i].measures[m];
            sums[points[i].measures[by]][m] += points[i].measures[m];
        }
    }
    for (unsigned value = 0; value < UINT8_MAX; value++) {
        uint64_t gain;

        if (numbers[value] == 0)
            continue;
        in_part += numbers[value];
        for (int m = 0; m < TIMING_MEASURES; m++)
            part[m] += sums[value][m];
        if (in_part < TIMING_LEAST_FLOWS || number - in_part < TIMING_LEAST_FLOWS)
            continue;
        gain = gain_of(sum, part, number, in_part);
        if (gain > best->gain)
            *best = (struct cut){ cluster, by, (uint8_t)(value + 1), gain };
    }
}

static struct cut best_cut(const struct timing_point *points, size_t count, uint8_t cluster)
{
    struct cut best = { .gain = 0 };
    size_t in_cluster = 0;

    for (size_t i = 0; i < count; i++)
        in_cluster += points[i].cluster == cluster;
    if (in_cluster < (size_t)2 * TIMING_LEAST_FLOWS)
        return best;
    for (int by = 0; by < TIMING_MEASURES; by++)
        try_measure(points, count, cluster, by, &best);
    return best;
}

static void split(struct timing_point *points, size_t count)
{
    struct cut cuts[TIMING_MAX_CLUSTERS];
    uint8_t used = 1;

    cuts[0] = best_cut(points, count, 0);
    while (used < TIMING_MAX_CLUSTERS) {
        struct cut best = cuts[0];

        for (uint8_t c = 1; c < used; c++) {
            if (cuts[c].gain > best.gain)
                best = cuts[c];
        }
        if (best.gain == 0)
            return;
        for (size_t i = 0; i < count; i++) {
            if (points[i].cluster == best.cluster && points[i].measures[best.measure] >= best.below)
                points[i].cluster = used;
        }
        cuts[best.cluster] = best_cut(points, count, best.cluster);
        cuts[used] = best_cut(points, count, used);
        used++;
    }
}

/* ---- rows ---- */

static int64_t distance(const struct session_row *a, const struct session_row *b)
{
    int64_t packets = (int64_t)log_grid_gap_bin(session_row_packets(a)) -
                      (int64_t)log_grid_gap_bin(session_row_packets(b));
    int64_t duration = (int64_t)log_grid_gap_bin((uint64_t)a->duration_ns) -
                       (int64_t)log_grid_gap_bin((uint64_t)b->duration_ns);

    return packets * packets + duration * duration;
}

static uint8_t nearest_cluster(const struct symbol_flows *flows, const struct timing_point *points,
                               const struct service_model *service, const struct session_row *row)
{
    int64_t least = INT64_MAX;
    uint8_t cluster = 0;

    for (uint32_t i = 0; i < flows->count; i++) {
        int64_t d = distance(row, &service->rows[flows->flows[i].row]);

        if (d < least) {
            least = d;
            cluster = points[i].cluster;
        }
    }
    return cluster;
}

void symbol_timing_clusters(const struct symbol_flows *flows, const struct service_model *service,
                            uint8_t *clusters)
{
    struct timing_point *points = memory_alloc_array(flows->count + 1, sizeof *points);
    uint8_t *room = memory_alloc(flows->packet_count + 1);

    for (uint32_t i = 0; i < flows->count; i++) {
        measure(&points[i], flows->packets + flows->flows[i].first, flows->flows[i].length, room);
    }
    split(points, flows->count);
    memset(clusters, UINT8_MAX, service->row_count);
    for (uint32_t i = 0; i < flows->count; i++)
        clusters[flows->flows[i].row] = points[i].cluster;
    for (size_t i = 0; i < service->row_count; i++) {
        if (clusters[i] == UINT8_MAX)
            clusters[i] = nearest_cluster(flows, points, service, &service->rows[i]);
    }
    free(room);
    free(points);
}
