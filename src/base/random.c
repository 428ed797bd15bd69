#include "base/random.h"

#include <math.h>
#include <string.h>

enum { PHILOX_ROUNDS = 10, BLOCK_WORDS = 4 };

static inline void philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    uint64_t p0 = (uint64_t)UINT32_C(0xD2511F53) * c[0];
    uint64_t p1 = (uint64_t)UINT32_C(0xCD9E8D57) * c[2];
    uint32_t c1 = c[1];
    uint32_t c3 = c[3];

    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t)p0;
}

void random_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];

    memcpy(out, counter, BLOCK_WORDS * sizeof *out);
    for (int i = 0; i < PHILOX_ROUNDS; i++) {
        philox_round(out, k0, k1);
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
}

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
    stream->used = BLOCK_WORDS;
}

uint32_t random_u32(struct random_stream *stream)
{
    if (stream->used == BLOCK_WORDS) {
        random_philox4x32(stream->counter, stream->key, stream->block);
        stream->counter[0]++; /* 2^34 words a stream; no user comes near */
        stream->used = 0;
    }
    return stream->block[stream->used++];
}

uint64_t random_u64(struct random_stream *stream)
{
    uint64_t high = random_u32(stream);

    return high << 32 | random_u32(stream);
}

double random_unit(struct random_stream *stream)
{
    return (double)(random_u64(stream) >> 11) * 0x1p-53;
}

uint64_t random_below(struct random_stream *stream, uint64_t bound)
{
    /* Rejects the incomplete last copy of 0..bound-1 in 0..2^64-1. */
    uint64_t reject_below = -bound % bound;
    uint64_t x;

    do {
        x = random_u64(stream);
    } while (x < reject_below);
    return x % bound;
}

double random_normal(struct random_stream *stream, double mean, double sd)
{
    /* Box-Muller; 1 - u keeps the logarithm away from 0. */
    double radius = sqrt(-2.0 * log(1.0 - random_unit(stream)));

    return mean + sd * radius * cos(2.0 * M_PI * random_unit(stream));
}

double random_exponential(struct random_stream *stream, double mean)
{
    return -mean * log(1.0 - random_unit(stream));
}
