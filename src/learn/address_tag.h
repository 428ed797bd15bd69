/*
 * address_tag.h - addresses as numbers that tell nothing without a secret key.
 *
 * A tag is 64 bits of BLAKE2b of the address under the key. Tags and the check of the key are made
 * of different texts, so neither can be taken for the other.
 */
#ifndef LEARN_ADDRESS_TAG_H
#define LEARN_ADDRESS_TAG_H

#include <stdint.h>

#include "net/ip_address.h"

enum { ADDRESS_TAG_KEY_BYTES = 32 };

uint64_t address_tag(const uint8_t key[ADDRESS_TAG_KEY_BYTES], const struct ip_address *address);

/* Tells whether two sets of tags were made with the same key. */
uint64_t address_tag_key_check(const uint8_t key[ADDRESS_TAG_KEY_BYTES]);

#endif
