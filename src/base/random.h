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

enum {
    RANDOM_BLOCKS = 4, /* made at once: as many as a vector of 16 bytes has lanes */
    RANDOM_WORDS = 4 * RANDOM_BLOCKS
};

struct random_stream {
    uint32_t key[2];
    uint32_t counter[4]; /* counter[0] counts blocks; the rest names the stream */
    uint32_t words[RANDOM_WORDS];
    uint32_t used; /* of `words`, already given away; RANDOM_WORDS when empty */
};

/*
 * What a stream is for; part of its name so that uses cannot collide. Another number would give
 * other days for the same seed.
 */
enum random_purpose {
    RANDOM_SLICE = 1,    /* flows of a slice */
    RANDOM_SESSION = 2,  /* packets of a session */
    RANDOM_FIT = 5,      /* where the fit of a mixture begins */
    RANDOM_DAYS = 9,     /* what the dates of a slice share */
    RANDOM_BEAT = 10,    /* when a periodic host beats */
    RANDOM_JUDGE = 12,   /* trials of an evaluation */
    RANDOM_PEERS = 16,   /* new peers of a host */
    RANDOM_SERVICE = 11, /* flows of services without hosts */
    RANDOM_FILL = 17,    /* what is missing of a host's sequence */
    RANDOM_NETFLOW = 20, /* flows of a host without a day */
    RANDOM_MIX = 21,     /* blocks of a mixture of hosts */
    RANDOM_IMPAIR = 31,  /* what happens to the packets of a session */
    RANDOM_LABEL = 30,   /* the class of a flow */
    RANDOM_BLIND = 40    /* which flows a blind test shows, and in what order */
};

void random_init(struct random_stream *stream, uint64_t seed, enum random_purpose purpose,
                 uint32_t a, uint32_t b, uint32_t c);

/* Makes the next words: for random_u32(). */
void random_refill(struct random_stream *stream);

static inline uint32_t random_u32(struct random_stream *stream)
{
    if (stream->used == RANDOM_WORDS)
        random_refill(stream);
    return stream->words[stream->used++];
}

static inline uint64_t random_u64(struct random_stream *stream)
{
    uint64_t high = random_u32(stream);

    return high << 32 | random_u32(stream);
}

/* Uniform in [0, 1), 53 bits. */
static inline double random_unit(struct random_stream *stream)
{
    return (double)(random_u64(stream) >> 11) * 0x1p-53;
}

/* The same in 32 bits: of half the words, where 2^-32 is fine enough. */
static inline double random_short_unit(struct random_stream *stream)
{
    return random_u32(stream) * 0x1p-32;
}

/* Uniform in 0..bound-1 without bias; bound > 0. Of 32 bits by a product (Lemire 2019). */
static inline uint32_t random_below_u32(struct random_stream *stream, uint32_t bound)
{
    uint64_t product = (uint64_t)random_u32(stream) * bound;

    if ((uint32_t)product < bound) {
        uint32_t reject_below = -bound % bound;

        while ((uint32_t)product < reject_below)
            product = (uint64_t)random_u32(stream) * bound;
    }
    return (uint32_t)(product >> 32);
}

uint64_t random_below(struct random_stream *stream, uint64_t bound);

/* By the inverse of the distribution function (Wichura 1988, AS 241). */
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
