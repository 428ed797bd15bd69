#include "net/wire.h"

#include <arpa/inet.h>
#include <string.h>

/* The sum of words, and how often it went around: a compiler makes two instructions of it. */
struct carried_sum {
    uint64_t sum, carries;
};

static inline void add_word(struct carried_sum *s, const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    s->sum += word;
    s->carries += s->sum < word;
}

/* Modulo 2^16 - 1, what is carried out of 32 or 64 bits is one. */
static inline uint64_t folded(const struct carried_sum *s)
{
    return (s->sum & UINT32_MAX) + (s->sum >> 32) + s->carries;
}

/* Less than a word. */
static inline uint64_t add_rest(uint64_t sum, const uint8_t *at, size_t size)
{
    uint32_t half = 0;
    uint16_t quarter = 0;
    uint16_t last = 0;

    if (size & 4) {
        memcpy(&half, at, sizeof half);
        at += sizeof half;
    }
    if (size & 2) {
        memcpy(&quarter, at, sizeof quarter);
        at += sizeof quarter;
    }
    if (size & 1)
        memcpy(&last, at, 1);
    return sum + half + quarter + last;
}

/*
 * Sums words as they lie in memory: one's complement addition does not care about their length, nor about
 * byte order as long as the result is swapped once, in checksum_finish(). Only the last piece of a sum may have an
 * odd size. Two sums in turn, as none has to wait for the other.
 */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    struct carried_sum first = { 0, 0 };
    struct carried_sum second = { 0, 0 };

    for (; size >= 32; size -= 32, at += 32) {
        add_word(&first, at);
        add_word(&second, at + 8);
        add_word(&first, at + 16);
        add_word(&second, at + 24);
    }
    for (; size >= 8; size -= 8, at += 8)
        add_word(&first, at);
    return add_rest(sum + folded(&first) + folded(&second), at, size);
}

uint16_t checksum_finish(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    for (int i = 0; i < 3; i++) /* 33 bits, 18, 17, 16 */
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return ntohs((uint16_t)~sum);
}
