#include "session/payload.h"

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/hash_key.h"
#include "net/wire.h"
#include "session/payload_private.h"

enum {
    WORD_BYTES = 8,
    WORD_BITS = 5,
    WORDS = 1 << WORD_BITS,
    WORDS_AT_ONCE = 8,
    TEXT_BLOCK_BYTES = WORDS_AT_ONCE * WORD_BYTES
};

static const struct {
    uint8_t protocol;
    uint16_t port;
    payload_fill *fill;
} generators[] = {
    {IP_TCP, 21, payload_ftp},      {IP_TCP, 22, payload_ssh},      {IP_TCP, 23, payload_plain},
    {IP_TCP, 25, payload_smtp},     {IP_TCP, 53, payload_dns},      {IP_TCP, 80, payload_http},
    {IP_TCP, 110, payload_pop3},    {IP_TCP, 143, payload_imap},    {IP_TCP, 443, payload_tls},
    {IP_TCP, 465, payload_tls},     {IP_TCP, 587, payload_smtp},    {IP_TCP, 636, payload_tls},
    {IP_TCP, 853, payload_tls},     {IP_TCP, 990, payload_tls},     {IP_TCP, 993, payload_tls},
    {IP_TCP, 995, payload_tls},     {IP_TCP, 1883, payload_mqtt},   {IP_TCP, 3128, payload_http},
    {IP_TCP, 8000, payload_http},   {IP_TCP, 8080, payload_http},   {IP_TCP, 8443, payload_tls},
    {IP_TCP, 8883, payload_tls},    {IP_TCP, 9100, payload_plain},  {IP_UDP, 53, payload_dns},
    {IP_UDP, 67, payload_dhcp},     {IP_UDP, 68, payload_dhcp},
    {IP_UDP, 123, payload_ntp},     {IP_UDP, 137, payload_nbns},    {IP_UDP, 161, payload_snmp},
    {IP_UDP, 162, payload_snmp},    {IP_UDP, 514, payload_syslog},  {IP_UDP, 1900, payload_ssdp},
    {IP_UDP, 5353, payload_mdns},   {IP_UDP, 5355, payload_llmnr},
};

payload_fill *payload_for(uint8_t protocol, uint16_t service_port)
{
    for (size_t i = 0; i < sizeof generators / sizeof generators[0]; i++) {
        if (generators[i].protocol == protocol && generators[i].port == service_port)
            return generators[i].fill;
    }
    return payload_opaque;
}

bool payload_is_structured(payload_fill *fill)
{
    return fill != payload_opaque;
}

/*
 * The fillers make eight bytes at a time from a counter, lowest byte first: one product of it with itself (wyrand,
 * Wang Yi 2019).
 */
static inline uint64_t opaque_word(uint64_t key, uint64_t index)
{
    uint64_t counter = key + index * UINT64_C(0xa0761d6478bd642f);

    return hash_fold(counter, counter ^ UINT64_C(0xe7037ed1a0b428db));
}

/*
 * Consonant and vowel in turn: a made-up name that can be spoken does not look like one of
 * malware. Eight letters at once: bdfhjlnp is 'b' + 2k; aeio is 'a' + 4k, but 14 for k = 3.
 */
static inline uint64_t letters_word(uint64_t key, uint64_t index)
{
    const uint64_t consonants = UINT64_C(0x00ff00ff00ff00ff);
    uint64_t bits = opaque_word(key, index);
    uint64_t consonant = ((bits & UINT64_C(0x0007000700070007)) << 1) + UINT64_C(0x0062006200620062);
    uint64_t k = bits & UINT64_C(0x0300030003000300);
    uint64_t both = k & k >> 1 & UINT64_C(0x0100010001000100);

    return (consonant & consonants) | ((k << 2) + (both << 1) + UINT64_C(0x6100610061006100));
}

/* One number says which words the next eight are. */
static inline void put_text_block(uint64_t key, uint64_t index, uint8_t *out)
{
    static const char words[WORDS][WORD_BYTES + 1] = {
        "station ", "network ", "morning ", "evening ", "printer ", "storage ", "account ", "message ",
        "changed ", "several ", "between ", "another ", "service ", "problem ", "working ", "created ",
        "regular ", "monthly ", "reports ", "meeting ", "project ", "invoice ", "holiday ", "backups ",
        "through ", "without ", "because ", "details ", "updated ", "version ", "windows ", "example ",
    };
    uint64_t choices = opaque_word(key, index);

    for (int i = 0; i < WORDS_AT_ONCE; i++, choices >>= WORD_BITS)
        memcpy(out + i * WORD_BYTES, words[choices % WORDS], WORD_BYTES);
}

/* The part of a text block from `skipped` on; returns how many bytes. */
static size_t put_text_part(uint64_t key, uint64_t index, size_t skipped, uint8_t *out, size_t size)
{
    uint8_t block[TEXT_BLOCK_BYTES];
    size_t part = TEXT_BLOCK_BYTES - skipped < size ? TEXT_BLOCK_BYTES - skipped : size;

    put_text_block(key, index, block);
    memcpy(out, block + skipped, part);
    return part;
}

static void fill_text(uint64_t key, uint64_t position, uint8_t *out, size_t size)
{
    uint64_t index = position / TEXT_BLOCK_BYTES;
    size_t skipped = position % TEXT_BLOCK_BYTES;
    size_t done = skipped > 0 ? put_text_part(key, index++, skipped, out, size) : 0;

    for (; size - done >= TEXT_BLOCK_BYTES; done += TEXT_BLOCK_BYTES)
        put_text_block(key, index++, out + done);
    if (size > done)
        put_text_part(key, index, 0, out + done, size - done);
}

static inline void put_word(uint8_t *out, uint64_t word)
{
    word = htole64(word);
    memcpy(out, &word, sizeof word);
}

/* What is in words from `word` on, without its lowest `skipped` bytes; of less than a word in all. */
static inline void put_bytes(uint64_t word, uint64_t next, size_t skipped, uint8_t *out, size_t size)
{
    word >>= 8 * skipped;
    if (skipped > 0)
        word |= next << (8 * (WORD_BYTES - skipped));
    for (size_t i = 0; i < size; i++, word >>= 8)
        out[i] = (uint8_t)word;
}

/*
 * Words one after the other, the first without what is before `position`, the last as far as it goes: it is written
 * together with bytes of the one before it. Inlined into each kind, so that the loop holds no call.
 */
static inline __attribute__((always_inline)) void
fill_words(uint64_t (*make)(uint64_t key, uint64_t index), uint64_t key, uint64_t position, uint8_t *out, size_t size)
{
    uint64_t index = position / WORD_BYTES;
    size_t skipped = position % WORD_BYTES;
    uint64_t word = make(key, index++);
    uint8_t *end = out + size;
    unsigned left;

    if (size < WORD_BYTES) {
        put_bytes(word, make(key, index), skipped, out, size);
        return;
    }
    put_word(out, word >> (8 * skipped));
    for (out += WORD_BYTES - skipped; out + WORD_BYTES <= end; out += WORD_BYTES)
        put_word(out, word = make(key, index++));
    left = 8 * (unsigned)(end - out);
    if (left > 0)
        put_word(end - WORD_BYTES, word >> left | make(key, index) << (64 - left));
}

void filler_write(enum filler kind, uint64_t key, uint64_t position, uint8_t *out, size_t size)
{
    switch (kind) {
    case FILLER_OPAQUE:
        fill_words(opaque_word, key, position, out, size);
        break;
    case FILLER_LETTERS:
        fill_words(letters_word, key, position, out, size);
        break;
    case FILLER_WORDS:
        fill_text(key, position, out, size);
        break;
    }
}

struct piece piece_begin(const struct payload_place *place, uint8_t *out, size_t size)
{
    assert(place->offset <= place->message_bytes && size <= place->message_bytes - place->offset);
    return (struct piece){
        .out = out,
        .from = place->offset,
        .to = place->offset + size,
        .end = place->message_bytes,
        .key = payload_message_key(place),
    };
}

/* The part of the next `size` bytes that is in the window; moves on. */
struct overlap {
    uint8_t *out;
    uint64_t skipped; /* bytes before the window */
    size_t size;
};

static inline struct overlap piece_advance(struct piece *p, uint64_t size)
{
    uint64_t first = p->at > p->from ? p->at : p->from;
    uint64_t last = p->at + size < p->to ? p->at + size : p->to;
    struct overlap overlap = {p->out, 0, 0};

    assert(size <= piece_left(p));
    if (first < last) {
        overlap.out = p->out + (first - p->from);
        overlap.skipped = first - p->at;
        overlap.size = (size_t)(last - first);
    }
    p->at += size;
    return overlap;
}

void piece_bytes(struct piece *p, const void *bytes, size_t size)
{
    struct overlap o = piece_advance(p, size);

    memcpy(o.out, (const uint8_t *)bytes + o.skipped, o.size);
}

void piece_text(struct piece *p, const char *text)
{
    piece_bytes(p, text, strlen(text));
}

void piece_u8(struct piece *p, uint8_t value)
{
    piece_bytes(p, &value, sizeof value);
}

void piece_u16(struct piece *p, uint16_t value)
{
    uint8_t bytes[2];

    wire_put_u16(bytes, value);
    piece_bytes(p, bytes, sizeof bytes);
}

void piece_u32(struct piece *p, uint32_t value)
{
    uint8_t bytes[4];

    wire_put_u32(bytes, value);
    piece_bytes(p, bytes, sizeof bytes);
}

void piece_u64(struct piece *p, uint64_t value)
{
    piece_u32(p, (uint32_t)(value >> 32));
    piece_u32(p, (uint32_t)value);
}

void piece_zeros(struct piece *p, uint64_t size)
{
    struct overlap o = piece_advance(p, size);

    memset(o.out, 0, o.size);
}

void piece_filler(struct piece *p, enum filler kind, uint64_t size)
{
    struct overlap o = piece_advance(p, size);

    filler_write(kind, p->key, p->at - size + o.skipped, o.out, o.size);
}

struct tile tile_at(uint64_t total, uint64_t position, uint64_t most, uint64_t least)
{
    uint64_t last_start = (total - 1) / most * most;
    uint64_t start = position / most * most;

    assert(position < total && 2 * least <= most);
    /* A last tile that would be too short takes from the one before it. */
    if (total - last_start < least && last_start > 0)
        last_start = total - least;
    if (position >= last_start)
        return (struct tile){last_start, total - last_start, last_start == 0, true};
    return (struct tile){start, last_start - start < most ? last_start - start : most, start == 0, false};
}

void piece_tiles(struct piece *p, uint64_t total, uint64_t most, uint64_t least,
                 piece_write_tile *write, const void *context)
{
    uint64_t base = p->at;
    uint64_t position = p->from > base ? p->from - base : 0;

    while (position < total && base + position < p->to) {
        struct tile tile = tile_at(total, position, most, least);

        p->at = base + tile.start;
        write(p, &tile, context);
        assert(p->at == base + tile.start + tile.size);
        position = tile.start + tile.size;
    }
    p->at = base + total;
}

/*
 * Parsers guess at datagrams of unknown ports by their first bytes: 10xxxxxx is taken for
 * RTP, small numbers for STUN, DTLS and others, 0x40 in second place for ISO transport.
 * 01xxxxxx is QUIC's short header, which promises nothing about the rest.
 */
static void write_unguessable(struct piece *p)
{
    piece_u8(p, 0x40 | (p->key & 0x3f));
    if (piece_left(p) > 0)
        piece_u8(p, 0x80 | (p->key >> 8 & 0x7f));
}

void payload_opaque(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    if (place->protocol == IP_UDP && p.end > 0)
        write_unguessable(&p);
    piece_filler(&p, FILLER_OPAQUE, piece_left(&p));
}
