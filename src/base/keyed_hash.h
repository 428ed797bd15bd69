/*
 * keyed_hash.h - hashes for tables whose keys come from foreign data.
 *
 * Every table draws a secret of its own, so that nobody who does not see the hashes can choose keys that meet in
 * one slot. No result may depend on a hash: it differs from run to run.
 *
 * One word after the other goes through random_mix64(), the secret in between. Words must not be joined by
 * exclusive or before: what somebody chooses in both would cancel.
 */
#ifndef BASE_KEYED_HASH_H
#define BASE_KEYED_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/random.h"

static inline uint64_t keyed_hash_secret(void)
{
    uint64_t secret;

    /* early at boot there may be no randomness yet: then where the stack lies has to do */
    if (getrandom(&secret, sizeof secret, GRND_NONBLOCK) != (ssize_t)sizeof secret)
        secret = random_mix64((uintptr_t)&secret);
    return secret;
}

/* Begins with hash = secret. */
static inline uint64_t keyed_hash_word(uint64_t secret, uint64_t hash, uint64_t word)
{
    return random_mix64(hash ^ word) + secret;
}

static inline uint64_t keyed_hash_bytes(uint64_t secret, const void *bytes, size_t size)
{
    const uint8_t *at = (const uint8_t *)bytes;
    uint64_t hash = secret;
    uint64_t word;

    for (size_t left = size; left > 0;) {
        size_t part = left < sizeof word ? left : sizeof word;

        word = 0;
        memcpy(&word, at, part);
        hash = keyed_hash_word(secret, hash, word);
        at += part;
        left -= part;
    }
    return keyed_hash_word(secret, hash, size);
}

#endif
