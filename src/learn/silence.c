#include "learn/silence.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/order.h"

/* How many pauses of at least that length are expected, by the first `count` of the sorted ones. */
static double expected(const int64_t *sorted, size_t count, int64_t pause_ns)
{
    size_t k = count / 10;
    double u = fmax((double)sorted[count - 1 - k], 1);
    double first = 0;
    double second = 0;
    double negative; /* part of the index, of tails that end */
    double index;
    double scale;

    for (size_t i = count - k; i < count; i++) {
        double excess = log((double)sorted[i] / u);

        first += excess / (double)k;
        second += excess * excess / (double)k;
    }
    negative = fmin(0, 1 - 0.5 / fmax(1 - first * first / fmax(second, 1e-12), 1e-6));
    index = fmax(0, first + negative) + 1 / sqrt((double)k);
    scale = u * fmax(first * (1 - negative), 1e-3);
    return (double)k * pow(1 + index * fmax((double)pause_ns - u, 0) / scale, -1 / index);
}

int64_t silence_threshold(int64_t *pauses_ns, size_t count)
{
    double sum = 0;

    if (count < SILENCE_LEAST_PAUSES)
        return INT64_MAX;
    qsort(pauses_ns, count, sizeof *pauses_ns, order_i64);
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
