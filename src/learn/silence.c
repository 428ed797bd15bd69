#include "learn/silence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int compare_pauses(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* How many pauses of at least that length are expected, by the first `count` of the sorted ones. */
static double expected(const int64_t *sorted, size_t count, int64_t pause_ns)
{
    size_t k = count / 10;
    double u = fmax((double)sorted[count - 1 - k], 1);
    double logs = 0;

    for (size_t i = count - k; i < count; i++)
        logs += log((double)sorted[i] / u);
    return (double)k * pow((double)pause_ns / u, -(double)k / fmax(logs, 1e-9));
}

int64_t silence_threshold(int64_t *pauses_ns, size_t count)
{
    double sum = 0;

    if (count < SILENCE_LEAST_PAUSES)
        return INT64_MAX;
    qsort(pauses_ns, count, sizeof *pauses_ns, compare_pauses);
    for (size_t i = 0; i < count; i++) {
        size_t shorter = i;
        bool is_candidate = i >= count / 2 && i + SILENCE_MOST >= count &&
                            pauses_ns[i] >= SILENCE_LEAST_NS &&
                            (double)pauses_ns[i] >= SILENCE_RECORDS * sum / (double)shorter;

        if (is_candidate && expected(pauses_ns, shorter, pauses_ns[i]) < SILENCE_EXPECTED)
            return pauses_ns[i];
        sum += (double)pauses_ns[i];
    }
    return INT64_MAX;
}
