/*
 * blind_key.h - which flows of a blind test are generated, sealed so that a look does not tell.
 *
 * Sealed with XSalsa20 and Poly1305 (libsodium's secretbox): without the key nothing but their number is
 * known, and a truth that was changed does not open. The key comes from the seed: who knows the seed of a test
 * can make the key.
 */
#ifndef EVAL_BLIND_KEY_H
#define EVAL_BLIND_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A number that nobody can guess. */
uint64_t blind_seed_new(void);

/* The key as text of hexadecimal digits, to be kept apart. */
enum { BLIND_KEY_TEXT = 65 };
void blind_key_of_seed(uint64_t seed, char key[BLIND_KEY_TEXT]);

/* One line of hexadecimal digits, without its end. Owned. */
char *blind_key_seal(const char key[BLIND_KEY_TEXT], const bool *is_generated, size_t flows);

/* Flows of a sealed text, as its length says; 0 when it cannot be one. */
size_t blind_key_flows(const char *sealed);

/* Opens what blind_key_seal() made into blind_key_flows() truths. -1 with *err when key or text is not right. */
int blind_key_open(const char *key, const char *sealed, bool *is_generated, struct error *err);

#endif
