#include "base/random.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <math.h>

enum { PHILOX_ROUNDS = 10 };

/* ---- Philox, four blocks side by side ---- */

/* The same word of each block. */
typedef uint32_t lanes __attribute__((vector_size(4 * RANDOM_BLOCKS)));

/* Both halves of the products with m. */
static inline void multiply(lanes x, uint32_t m, lanes *high, lanes *low)
{
#ifdef __SSE2__ /* up to twice as fast as what compilers find by themselves */
    __m128i even = _mm_mul_epu32((__m128i)x, _mm_set1_epi32((int)m));
    __m128i odd = _mm_mul_epu32(_mm_srli_epi64((__m128i)x, 32), _mm_set1_epi32((int)m));
    __m128i first = _mm_unpacklo_epi32(even, odd);
    __m128i last = _mm_unpackhi_epi32(even, odd);

    *low = (lanes)_mm_unpacklo_epi64(first, last);
    *high = (lanes)_mm_unpackhi_epi64(first, last);
#else
    for (int i = 0; i < RANDOM_BLOCKS; i++) {
        uint64_t product = (uint64_t)x[i] * m;

        (*high)[i] = (uint32_t)(product >> 32);
        (*low)[i] = (uint32_t)product;
    }
#endif
}

static inline void philox(lanes c[4], uint32_t k0, uint32_t k1)
{
    for (int i = 0; i < PHILOX_ROUNDS; i++) {
        lanes high[2];
        lanes low[2];

        multiply(c[0], UINT32_C(0xD2511F53), &high[0], &low[0]);
        multiply(c[2], UINT32_C(0xCD9E8D57), &high[1], &low[1]);
        c[0] = high[1] ^ c[1] ^ k0;
        c[1] = low[1];
        c[2] = high[0] ^ c[3] ^ k1;
        c[3] = low[0];
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
}

/* The counter of each block, from that of the first. */
static inline void count(lanes c[4], const uint32_t counter[4])
{
    for (int i = 0; i < 4; i++)
        c[i] = (lanes){ 0 } + counter[i];
    for (int block = 0; block < RANDOM_BLOCKS; block++)
        c[0][block] += (uint32_t)block;
}

void random_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    lanes c[4];

    count(c, counter);
    philox(c, key[0], key[1]);
    for (int i = 0; i < 4; i++)
        out[i] = c[i][0];
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
    lanes c[4];

    count(c, stream->counter);
    philox(c, stream->key[0], stream->key[1]);
    for (int block = 0; block < RANDOM_BLOCKS; block++) {
        for (int i = 0; i < 4; i++)
            stream->words[4 * block + i] = c[i][block];
    }
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
