#include "learn/peer_fit.h"

#include <math.h>
#include <stdbool.h>

#define PRIOR_SD_DISCOUNT 1.0      /* of logit(d) */
#define PRIOR_SD_CONCENTRATION 1.5 /* of ln(theta) */
#define FIRST_STEP 1.0
#define LAST_STEP 0.02

/* ln of x (x+1) .. (x+n-1). */
static double log_rising(double x, double n)
{
    return lgamma(x + n) - lgamma(x);
}

double peer_fit_log_probability(const struct peer_partition *partition, const struct peer_process *process)
{
    double d = process->discount;
    double theta = process->concentration;
    double flows = (double)partition->unlisted;
    double peers = 0;
    double sum = 0;

    for (uint32_t i = 0; i < partition->group_count; i++) {
        const struct peer_group *group = &partition->groups[i];

        peers += group->peers;
        flows += (double)group->peers * (double)group->flows;
        if (group->flows > 1)
            sum += group->peers * log_rising(1 - d, (double)group->flows - 1);
    }
    if (peers > 1)
        sum += (peers - 1) * log(d) + log_rising(theta / d + 1, peers - 1);
    if (partition->unlisted > 0)
        sum += log_rising(theta + peers * d, (double)partition->unlisted);
    return flows > 1 ? sum - log_rising(theta + 1, flows - 1) : sum;
}

/* A process on the scales of the prior. */
struct point {
    double logit, log;
};

static struct point point_of(const struct peer_process *process)
{
    return (struct point){ log(process->discount / (1 - process->discount)), log(process->concentration) };
}

static struct peer_process process_at(struct point at)
{
    double discount = 1 / (1 + exp(-at.logit));
    double concentration = exp(at.log);

    return (struct peer_process){
        .discount = fmin(fmax(discount, PEER_DISCOUNT_LEAST), PEER_DISCOUNT_MOST),
        .concentration = fmin(fmax(concentration, PEER_CONCENTRATION_LEAST), PEER_CONCENTRATION_MOST),
    };
}

struct target {
    const struct peer_partition *partitions;
    size_t count;
    struct point prior;
};

static double log_posterior(const struct target *target, struct point at)
{
    struct peer_process process = process_at(at);
    double z[] = { (at.logit - target->prior.logit) / PRIOR_SD_DISCOUNT,
                   (at.log - target->prior.log) / PRIOR_SD_CONCENTRATION };
    double sum = -0.5 * (z[0] * z[0] + z[1] * z[1]);

    for (size_t i = 0; i < target->count; i++)
        sum += peer_fit_log_probability(&target->partitions[i], &process);
    return sum;
}

/* The best of the eight points around; false when none is better. */
static bool climb(const struct target *target, struct point *at, double *height, double step)
{
    const struct point from = *at;
    bool has_moved = false;

    for (int i = 0; i < 9; i++) {
        struct point to = { from.logit + (i % 3 - 1) * step, from.log + (i / 3 - 1) * step };
        double reached = i == 4 ? *height : log_posterior(target, to);

        if (reached > *height) {
            *height = reached;
            *at = to;
            has_moved = true;
        }
    }
    return has_moved;
}

struct peer_process peer_fit(const struct peer_partition *partitions, size_t count,
                             const struct peer_process *prior)
{
    const struct target target = { partitions, count, point_of(prior) };
    struct point at = target.prior;
    double height = log_posterior(&target, at);

    for (double step = FIRST_STEP; step >= LAST_STEP; step /= 2) {
        while (climb(&target, &at, &height, step)) /* rises each time, and is bounded */
            ;
    }
    return process_at(at);
}
