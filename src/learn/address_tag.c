#include "learn/address_tag.h"

#include <sodium.h>
#include <string.h>

/* What is hashed: a purpose of 16 bytes, and 16 bytes of an address. */
static uint64_t keyed_hash(const uint8_t *key, const char purpose[16], const uint8_t value[16])
{
    uint8_t text[32];
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint64_t tag = 0;

    memcpy(text, purpose, 16);
    memcpy(text + 16, value, 16);
    (void)crypto_generichash(hash, sizeof hash, text, sizeof text, key, ADDRESS_TAG_KEY_BYTES);
    for (int i = 0; i < 8; i++) /* the same number on every machine */
        tag = tag << 8 | hash[i];
    return tag;
}

uint64_t address_tag(const uint8_t key[ADDRESS_TAG_KEY_BYTES], const struct ip_address *address)
{
    return keyed_hash(key, "dayshift address", address->bytes);
}

uint64_t address_tag_key_check(const uint8_t key[ADDRESS_TAG_KEY_BYTES])
{
    static const uint8_t nothing[16];

    return keyed_hash(key, "dayshift the key", nothing);
}
