/*
 * random.h - keyed, counter-based random streams (Philox 4x32-10, Salmon et al. 2011).
 *
 * A stream is a pure function of (seed, a, b, c): one for every (virtual host, date,
 * slice), one for every session. Two streams with different names share no state, so
 * adding a host or a thread changes nobody else's numbers.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_stream {
    uint32_t key[2];
    uint32_t counter[4]; /* counter[0] counts blocks; the rest names the stream */
    uint32_t block[4];
    uint32_t used; /* words of `block` already given away, 4 when empty */
};

/*
 * What a stream is for; part of its name so that uses cannot collide. Another number would give
 * other days for the same seed.
 */
enum random_purpose { RANDOM_SLICE = 1, RANDOM_SESSION = 2, RANDOM_FIT = 5, RANDOM_DAYS = 9, RANDOM_BEAT = 10 };

void random_init(struct random_stream *stream, uint64_t seed, enum random_purpose purpose,
                 uint32_t a, uint32_t b, uint32_t c);

uint32_t random_u32(struct random_stream *stream);
uint64_t random_u64(struct random_stream *stream);

/* Uniform in [0, 1), 53 bits. */
double random_unit(struct random_stream *stream);

/* Uniform in 0..bound-1 without bias; bound > 0. */
uint64_t random_below(struct random_stream *stream, uint64_t bound);

double random_normal(struct random_stream *stream, double mean, double sd);
double random_exponential(struct random_stream *stream, double mean);

/* The bare block function, for tests against the published vectors. */
void random_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A 64-bit mix (Stafford's variant 13), for hashing and for deriving keys. */
static inline uint64_t random_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
