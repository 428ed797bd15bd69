#include "base/hash_key.h"

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
