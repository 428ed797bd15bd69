#include "eval/blind_key.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/blind_answers.h"

enum {
    KEY_BYTES = crypto_secretbox_KEYBYTES,
    NONCE_BYTES = crypto_secretbox_NONCEBYTES,
    EXTRA_BYTES = NONCE_BYTES + crypto_secretbox_MACBYTES
};

_Static_assert(BLIND_KEY_TEXT == 2 * KEY_BYTES + 1, "two digits a byte");

uint64_t blind_seed_new(void)
{
    uint64_t seed;

    if (sodium_init() < 0)
        abort(); /* the system gives no random numbers at all */
    randombytes_buf(&seed, sizeof seed);
    return seed;
}

void blind_key_of_seed(uint64_t seed, char key[BLIND_KEY_TEXT])
{
    static const char purpose[] = "dayshift blindtest";
    uint8_t bytes[KEY_BYTES];
    uint8_t number[8];

    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(seed >> 8 * (7 - i));
    (void)crypto_generichash(bytes, sizeof bytes, number, sizeof number, (const uint8_t *)purpose, sizeof purpose);
    sodium_bin2hex(key, BLIND_KEY_TEXT, bytes, sizeof bytes);
}

/* -1 when the text is not exactly so many bytes in digits. */
static int read_hex(const char *text, uint8_t *bytes, size_t size)
{
    size_t got;

    return sodium_hex2bin(bytes, size, text, strlen(text), NULL, &got, NULL) < 0 || got != size ? -1 : 0;
}

/* The nonce is a keyed hash of the truth: another truth, another nonce, and the same seed the same text. */
char *blind_key_seal(const char key[BLIND_KEY_TEXT], const bool *is_generated, size_t flows)
{
    uint8_t *truth = memory_alloc(flows);
    uint8_t *sealed = memory_alloc(flows + EXTRA_BYTES);
    char *text = memory_alloc(2 * (flows + EXTRA_BYTES) + 1);
    uint8_t bytes[KEY_BYTES] = { 0 };

    for (size_t i = 0; i < flows; i++)
        truth[i] = is_generated[i];
    (void)read_hex(key, bytes, sizeof bytes);
    (void)crypto_generichash(sealed, NONCE_BYTES, truth, flows, bytes, sizeof bytes);
    (void)crypto_secretbox_easy(sealed + NONCE_BYTES, truth, flows, sealed, bytes);
    sodium_bin2hex(text, 2 * (flows + EXTRA_BYTES) + 1, sealed, flows + EXTRA_BYTES);
    free(truth);
    free(sealed);
    return text;
}

size_t blind_key_flows(const char *sealed)
{
    size_t digits = strlen(sealed);

    if (digits % 2 != 0 || digits / 2 <= EXTRA_BYTES || digits / 2 - EXTRA_BYTES > BLIND_MAX_FLOWS)
        return 0;
    return digits / 2 - EXTRA_BYTES;
}

int blind_key_open(const char *key, const char *sealed, bool *is_generated, struct error *err)
{
    size_t flows = blind_key_flows(sealed);
    uint8_t box[EXTRA_BYTES + BLIND_MAX_FLOWS];
    uint8_t truth[BLIND_MAX_FLOWS];
    uint8_t bytes[KEY_BYTES];

    if (flows == 0 || read_hex(sealed, box, flows + EXTRA_BYTES) < 0)
        return error_set(err, "the sealed truth is damaged");
    if (read_hex(key, bytes, sizeof bytes) < 0)
        return error_set(err, "the key is damaged");
    if (crypto_secretbox_open_easy(truth, box + NONCE_BYTES, flows + crypto_secretbox_MACBYTES, box, bytes) < 0)
        return error_set(err, "the key does not open the truth: one of them is of another test, or was changed");
    for (size_t i = 0; i < flows; i++)
        is_generated[i] = truth[i] == 1;
    return 0;
}
