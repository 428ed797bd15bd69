/*
 * hash_key.h - slots of hash tables that nobody outside can foresee.
 *
 * Each table has a key of its own, so that no input can be made whose entries fall into one slot. Results
 * never depend on a key: what comes out of a table is in order of what went in, or sorted.
 */
#ifndef BASE_HASH_KEY_H
#define BASE_HASH_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
    uint64_t words[3];
};

/* Of the system's random numbers; never waits for them. */
struct hash_key hash_key_new(void);

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t size);

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_number(const struct hash_key *key, uint64_t number)
{
    return hash_fold(number ^ key->words[0], key->words[2]);
}

/* As an address and a port: words must not be joined before, for what somebody chooses in both would cancel. */
static inline uint64_t hash_three(const struct hash_key *key, uint64_t a, uint64_t b, uint64_t c)
{
    return hash_fold(hash_fold(a ^ key->words[0], b ^ key->words[1]) ^ c, key->words[2]);
}

/* One end of a flow: the 16 bytes of an address, and a port. */
static inline uint64_t hash_endpoint(const struct hash_key *key, const uint8_t address[16], uint16_t port)
{
    uint64_t halves[2];

    memcpy(halves, address, sizeof halves);
    return hash_three(key, halves[0], halves[1], port);
}

static inline uint64_t hash_two(const struct hash_key *key, uint64_t a, uint64_t b)
{
    return hash_fold(hash_fold(a ^ key->words[0], b ^ key->words[1]), key->words[2]);
}

#endif
