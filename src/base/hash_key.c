#include "base/hash_key.h"

#include <string.h>
#include <sys/random.h>

#include "base/random.h"

struct hash_key hash_key_new(void)
{
    struct hash_key key;

    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key) {
        for (int i = 0; i < 3; i++)
            key.words[i] = random_mix64((uintptr_t)&key + (uint64_t)i);
    }
    key.words[2] |= 1; /* with 0 all hashes were equal */
    return key;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = size;

    while (size > 0) {
        uint64_t word = 0;
        size_t part = size < sizeof word ? size : sizeof word;

        memcpy(&word, at, part);
        hash = hash_two(key, hash, word);
        at += part;
        size -= part;
    }
    return hash_number(key, hash);
}
