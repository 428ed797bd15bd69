#include "base/moments.h"

#include <math.h>

double moments_mean(const struct moments *moments)
{
    return moments->count > 0 ? (double)moments->sum / (double)moments->count : 0;
}

/*
 * With the numbers as x = q + d, q the whole part of their mean: sum d = r, the rest of the division, and
 * sum d^2 = sum x^2 - 2 q sum x + n q^2, all in integers. Large numbers that are nearly alike lose nothing.
 */
double moments_deviation(const struct moments *moments)
{
    uint64_t n = moments->count;
    uint64_t q, r;
    unsigned __int128 squares;

    if (n < 2)
        return 0;
    q = moments->sum / n;
    r = moments->sum % n;
    squares = moments->squares + (unsigned __int128)q * q * n - 2 * ((unsigned __int128)q * moments->sum);
    return sqrt(((double)squares - (double)r * ((double)r / (double)n)) / (double)n);
}
