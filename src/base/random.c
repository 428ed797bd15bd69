#include "base/random.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <math.h>
#include <string.h>

enum { PHILOX_ROUNDS = 10 };

/* ---- Philox, four blocks side by side ---- */

enum { LANES = 2, PAIRS = RANDOM_BLOCKS / LANES };

/* The same word of two blocks, in the lower halves; what is in the upper ones does not count. */
typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

/* Of the lower halves. */
static inline lanes multiply(lanes x, uint32_t m)
{
#ifdef __SSE2__ /* compilers do not see that the upper halves do not count */
    return (lanes)_mm_mul_epu32((__m128i)x, _mm_set1_epi64x(m));
#else
    return (x & UINT32_MAX) * m;
#endif
}

static inline void philox_round(lanes c[4], lanes k0, lanes k1)
{
    lanes first = multiply(c[0], UINT32_C(0xD2511F53));
    lanes second = multiply(c[2], UINT32_C(0xCD9E8D57));

    c[0] = second >> 32 ^ c[1] ^ k0;
    c[1] = second;
    c[2] = first >> 32 ^ c[3] ^ k1;
    c[3] = first;
}

static inline lanes both(uint32_t x)
{
    return (lanes){ x, x };
}

/* The words of the two blocks, one block behind the other. */
static inline void put_blocks(const lanes c[4], uint32_t out[4 * LANES])
{
    lanes first = (c[0] & UINT32_MAX) | c[1] << 32;
    lanes last = (c[2] & UINT32_MAX) | c[3] << 32;

    for (int block = 0; block < LANES; block++, out += 4) {
        out[0] = (uint32_t)first[block];
        out[1] = (uint32_t)(first[block] >> 32);
        out[2] = (uint32_t)last[block];
        out[3] = (uint32_t)(last[block] >> 32);
    }
}

/* Blocks from `counter` on; a round of one pair while the other one waits for its products. */
static inline void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4 * RANDOM_BLOCKS])
{
    lanes k0 = both(key[0]);
    lanes k1 = both(key[1]);
    lanes c[PAIRS][4];

    for (uint32_t pair = 0; pair < PAIRS; pair++) {
        c[pair][0] = (lanes){ counter[0] + LANES * pair, counter[0] + LANES * pair + 1 };
        for (int i = 1; i < 4; i++)
            c[pair][i] = both(counter[i]);
    }
    for (int i = 0; i < PHILOX_ROUNDS; i++) {
        for (int pair = 0; pair < PAIRS; pair++)
            philox_round(c[pair], k0, k1);
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    for (int pair = 0; pair < PAIRS; pair++)
        put_blocks(c[pair], out + 4 * LANES * pair);
}

void random_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t words[RANDOM_WORDS];

    philox(counter, key, words);
    memcpy(out, words, 4 * sizeof *out);
}

/* ---- streams ---- */

void random_init(struct random_stream *stream, uint64_t seed, enum random_purpose purpose,
                 uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t key = random_mix64(seed ^ random_mix64((uint64_t)purpose));

    stream->key[0] = (uint32_t)key;
    stream->key[1] = (uint32_t)(key >> 32);
    stream->counter[0] = 0;
    stream->counter[1] = a;
    stream->counter[2] = b;
    stream->counter[3] = c;
    stream->used = RANDOM_WORDS;
}

void random_refill(struct random_stream *stream)
{
    philox(stream->counter, stream->key, stream->words);
    stream->counter[0] += RANDOM_BLOCKS; /* 2^34 words a stream; no user comes near */
    stream->used = 0;
}

uint64_t random_below(struct random_stream *stream, uint64_t bound)
{
    /* Rejects the incomplete last copy of 0..bound-1 in 0..2^64-1. */
    uint64_t reject_below;
    uint64_t x;

    if (bound <= UINT32_MAX)
        return random_below_u32(stream, (uint32_t)bound);
    reject_below = -bound % bound;
    do {
        x = random_u64(stream);
    } while (x < reject_below);
    return x % bound;
}

/* p[0] + p[1] x + ... + p[7] x^7, in pairs (Estrin), so that no term waits for all before it. */
static double polynomial(const double p[8], double x)
{
    double x2 = x * x;
    double low = p[0] + p[1] * x + (p[2] + p[3] * x) * x2;
    double high = p[4] + p[5] * x + (p[6] + p[7] * x) * x2;

    return low + high * (x2 * x2);
}

/* Quotients of polynomials, each good for a part of the distribution (AS 241, PPND16). */
struct quotient {
    double over[8], under[8];
};

static const struct quotient middle = {
    { 3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
      4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3 },
    { 1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
      2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3 },
};
static const struct quotient tail = {
    { 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
      1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4 },
    { 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
      1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9 },
};
static const struct quotient far_tail = {
    { 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
      2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7 },
    { 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
      7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15 },
};

static double divide(const struct quotient *quotient, double x)
{
    return polynomial(quotient->over, x) / polynomial(quotient->under, x);
}

/* The value below which a standard normal variable stays with probability p, 0 < p < 1. */
static double normal_quantile(double p)
{
    double from_middle = p - 0.5;
    double r;
    double x;

    if (fabs(from_middle) <= 0.425)
        return from_middle * divide(&middle, 0.180625 - from_middle * from_middle);
    r = sqrt(-log(from_middle < 0 ? p : 1.0 - p));
    x = r <= 5.0 ? divide(&tail, r - 1.6) : divide(&far_tail, r - 5.0);
    return from_middle < 0 ? -x : x;
}

double random_normal(struct random_stream *stream, double mean, double sd)
{
    /* 52 bits and a half: neither 0 nor 1, and as far from the one as from the other */
    double p = ((double)(random_u64(stream) >> 12) + 0.5) * 0x1p-52;

    return mean + sd * normal_quantile(p);
}

double random_exponential(struct random_stream *stream, double mean)
{
    return -mean * log(1.0 - random_unit(stream));
}
