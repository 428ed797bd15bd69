#include "eval/distance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/order.h"

/* ---- symbols ---- */

double divergence_term(double p, double q)
{
    return p > 0 ? 0.5 * p * log2(p / (0.5 * (p + q))) : 0;
}

static double total_of(const struct tally *tally)
{
    double total = 0;

    for (size_t i = 0; i < tally->used; i++)
        total += (double)tally->entries[i].count;
    return total;
}

static double half_divergence(const struct tally *p, double p_total, const struct tally *q, double q_total)
{
    double sum = 0;

    for (size_t i = 0; i < p->used; i++)
        sum += divergence_term((double)p->entries[i].count / p_total,
                               (double)tally_count(q, 0, p->entries[i].symbol) / q_total);
    return sum;
}

double divergence_of_tallies(const struct tally *p, const struct tally *q)
{
    double p_total = total_of(p);
    double q_total = total_of(q);

    if (p_total == 0 || q_total == 0)
        return p_total != q_total;
    return fmin(1.0, fmax(0.0, half_divergence(p, p_total, q, q_total) + half_divergence(q, q_total, p, p_total)));
}

/* ---- numbers ---- */

/* Points in ascending order, each with its weight; NULL: 1 each. */
struct weighted {
    const double *at;
    const uint64_t *weights;
    double width; /* without `at`: point i is at i * width */
    size_t count;
    double total;
};

static double point_at(const struct weighted *w, size_t i)
{
    return w->at ? w->at[i] : (double)i * w->width;
}

static double weight_at(const struct weighted *w, size_t i)
{
    return w->weights ? (double)w->weights[i] : 1;
}

/* The area between two quantile functions. */
static double area_between(const struct weighted *a, const struct weighted *b)
{
    size_t i = 0;
    size_t j = 0;
    double a_passed = weight_at(a, 0);
    double b_passed = weight_at(b, 0);
    double at = 0; /* share of both that was passed */
    double sum = 0;

    while (i < a->count && j < b->count) {
        double a_end = a_passed / a->total;
        double b_end = b_passed / b->total;
        double end = fmin(a_end, b_end);

        sum += fabs(point_at(a, i) - point_at(b, j)) * (end - at);
        at = end;
        if (a_end <= b_end && ++i < a->count)
            a_passed += weight_at(a, i);
        if (b_end <= a_end && ++j < b->count)
            b_passed += weight_at(b, j);
    }
    return sum;
}

double wasserstein_distance(double *a, size_t a_count, double *b, size_t b_count)
{
    const struct weighted first = { .at = a, .count = a_count, .total = (double)a_count };
    const struct weighted second = { .at = b, .count = b_count, .total = (double)b_count };

    if (a_count == 0 || b_count == 0)
        return NAN;
    qsort(a, a_count, sizeof *a, order_double);
    qsort(b, b_count, sizeof *b, order_double);
    return area_between(&first, &second);
}

double wasserstein_of_bins(const uint64_t *a, const uint64_t *b, size_t bins, double width)
{
    struct weighted first = { .weights = a, .width = width, .count = bins };
    struct weighted second = { .weights = b, .width = width, .count = bins };

    for (size_t i = 0; i < bins; i++) {
        first.total += (double)a[i];
        second.total += (double)b[i];
    }
    return first.total > 0 && second.total > 0 ? area_between(&first, &second) : NAN;
}

/* By more than rounding. */
static bool varies(double squares, double mean, size_t count)
{
    return squares > 1e-20 * mean * mean * (double)count;
}

double correlation(const double *x, const double *y, size_t count)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;

    for (size_t i = 0; i < count; i++) {
        mean_x += x[i] / (double)count;
        mean_y += y[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return varies(xx, mean_x, count) && varies(yy, mean_y, count) ? xy / sqrt(xx * yy) : NAN;
}
