#include "base/log_normal.h"

#include <math.h>

enum { MAX_STEPS = 60 };

static double normal_cdf(double z)
{
    return 0.5 * erfc(-z / M_SQRT2);
}

double log_normal_cut_mean(double mean, double sd, double most)
{
    double z = (most - mean) / sd;

    return exp(mean + sd * sd / 2) * normal_cdf(z - sd) + exp(most) * normal_cdf(-z);
}

double log_normal_mean_of_x(double log_mean, double sd, double most)
{
    double low = log_mean - sd * sd / 2; /* without the cut; the cut takes away */
    double high = most + 8 * sd;         /* nearly all is cut */

    if (sd <= 0 || most - low > 8 * sd + sd * sd)
        return low;
    for (int i = 0; i < MAX_STEPS && high - low > 1e-6; i++) {
        double middle = (low + high) / 2;

        if (log(log_normal_cut_mean(middle, sd, most)) < log_mean)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}
