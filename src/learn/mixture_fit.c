#include "learn/mixture_fit.h"

#include <float.h>
#include <math.h>

#include "base/random.h"

enum {
    MAX_STEPS = 500,
    MANY_POINTS = 200, /* of a state that has everything from mice to elephants: a step costs more, */
    FEW_STEPS = 24     /* and the shape, which many flows tell, is found in a few */
};
#define TOLERANCE 1e-7 /* gain in log-likelihood an observation that ends the iteration */
#define NEGLIGIBLE (-40.0) /* e^-40 of the largest term is below the precision of a sum */
#define START_SEED 20260000

/* What a component adds to every point alike: logarithms of its weight and of its spread. */
struct scales {
    double log_weight[MIXTURE_MAX];
    double log_sd[MIXTURE_MAX];
};

static struct scales scales_of(const struct mixture *m)
{
    struct scales scales = { 0 };

    for (uint32_t k = 0; k < m->size; k++) {
        scales.log_weight[k] = log(m->components[k].weight);
        scales.log_sd[k] = log(m->components[k].sd) + 0.5 * log(2.0 * M_PI);
    }
    return scales;
}

/*
 * Fills shares[k] with w_k N_k(x) divided by the largest of them, *sum with what these add up to, and
 * returns ln sum_k w_k N_k(x).
 */
static double point_shares(const struct mixture *m, const struct scales *scales, double x,
                           double shares[MIXTURE_MAX], double *sum)
{
    double largest = -DBL_MAX;

    for (uint32_t k = 0; k < m->size; k++) {
        const struct mixture_component *c = &m->components[k];
        double z = (x - c->mean) / c->sd;

        shares[k] = scales->log_weight[k] - 0.5 * z * z - scales->log_sd[k];
        largest = shares[k] > largest ? shares[k] : largest;
    }
    *sum = 0;
    for (uint32_t k = 0; k < m->size; k++) {
        double below = shares[k] - largest;

        shares[k] = below > NEGLIGIBLE ? exp(below) : 0;
        *sum += shares[k];
    }
    return largest + log(*sum);
}

double mixture_log_likelihood(const struct mixture *mixture, const struct weighted_point *points,
                              size_t count)
{
    struct scales scales = scales_of(mixture);
    double shares[MIXTURE_MAX];
    double sum = 0;
    double part;

    for (size_t i = 0; i < count; i++)
        sum += points[i].count * point_shares(mixture, &scales, points[i].x, shares, &part);
    return sum;
}

struct moments { /* of the points as far as they belong to one component */
    double n, x, xx;
};

static void set_component(struct mixture_component *c, const struct moments *sum, double total,
                          double floor_sd)
{
    double variance;

    c->weight = fmax(sum->n / total, DBL_MIN);
    if (sum->n <= 0)
        return; /* an empty component keeps its place, with no weight */
    c->mean = sum->x / sum->n;
    variance = sum->xx / sum->n - c->mean * c->mean;
    c->sd = sqrt(fmax(variance, floor_sd * floor_sd));
}

double mixture_em_step(struct mixture *mixture, const struct weighted_point *points, size_t count,
                       double floor_sd)
{
    struct moments sums[MIXTURE_MAX] = { { 0 } };
    struct scales scales = scales_of(mixture);
    double shares[MIXTURE_MAX];
    double likelihood = 0;
    double total = 0;

    for (size_t i = 0; i < count; i++) {
        double x = points[i].x;
        double sum;

        likelihood += points[i].count * point_shares(mixture, &scales, x, shares, &sum);
        total += points[i].count;
        for (uint32_t k = 0; k < mixture->size; k++) {
            double share = points[i].count * (shares[k] / sum);

            sums[k].n += share;
            sums[k].x += share * x;
            sums[k].xx += share * x * x;
        }
    }
    for (uint32_t k = 0; k < mixture->size; k++)
        set_component(&mixture->components[k], &sums[k], total, floor_sd);
    return likelihood;
}

static double total_count(const struct weighted_point *points, size_t count)
{
    double total = 0;

    for (size_t i = 0; i < count; i++)
        total += points[i].count;
    return total;
}

/* Count times the squared distance to the nearest of the first k means (all counts if k is 0). */
static double start_weight(const struct mixture *m, uint32_t k, const struct weighted_point *p)
{
    double nearest = k ? DBL_MAX : 1.0;

    for (uint32_t i = 0; i < k; i++) {
        double d = p->x - m->components[i].mean;

        nearest = fmin(nearest, d * d);
    }
    return p->count * nearest;
}

/* k-means++ (Arthur and Vassilvitskii 2007): means far apart; equal weights, common spread. */
static void start(struct mixture *m, uint32_t size, const struct weighted_point *points,
                  size_t count, double sd)
{
    struct random_stream random;

    random_init(&random, START_SEED, RANDOM_FIT, size, 0, 0);
    m->size = size;
    for (uint32_t k = 0; k < size; k++) {
        double sum = 0;
        double wanted;
        size_t i = 0;

        for (size_t j = 0; j < count; j++)
            sum += start_weight(m, k, &points[j]);
        wanted = random_unit(&random) * sum;
        for (; i + 1 < count; i++) {
            wanted -= start_weight(m, k, &points[i]);
            if (wanted < 0)
                break;
        }
        m->components[k] = (struct mixture_component){ 1.0 / size, points[i].x, sd };
    }
}

static double spread(const struct weighted_point *points, size_t count, double floor_sd)
{
    struct moments sum = { 0 };
    struct mixture_component c = { 0 };

    for (size_t i = 0; i < count; i++) {
        sum.n += points[i].count;
        sum.x += points[i].count * points[i].x;
        sum.xx += points[i].count * points[i].x * points[i].x;
    }
    set_component(&c, &sum, sum.n, floor_sd);
    return c.sd;
}

static double fit_size(struct mixture *m, uint32_t size, const struct weighted_point *points,
                       size_t count, double floor_sd)
{
    double total = total_count(points, count);
    int most = count <= MANY_POINTS ? MAX_STEPS : FEW_STEPS;
    double before;
    double after;

    start(m, size, points, count, fmax(spread(points, count, floor_sd) / size, floor_sd));
    after = mixture_em_step(m, points, count, floor_sd);
    for (int step = 0; step < most; step++) {
        before = after;
        after = mixture_em_step(m, points, count, floor_sd);
        if (after - before < TOLERANCE * total)
            break;
    }
    return mixture_log_likelihood(m, points, count);
}

void mixture_fit(struct mixture *mixture, const struct weighted_point *points, size_t count,
                 double floor_sd)
{
    double log_n = log(total_count(points, count));
    double best = DBL_MAX;

    for (uint32_t size = 1; size <= MIXTURE_MAX && size <= count; size++) {
        struct mixture candidate = { 0 };
        double likelihood = fit_size(&candidate, size, points, count, floor_sd);
        double bic = (3.0 * size - 1.0) * log_n - 2.0 * likelihood;

        if (bic < best) {
            best = bic;
            *mixture = candidate;
        }
    }
}
