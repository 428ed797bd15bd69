/*
 * SNMP version 2c (RFC 3416) in BER: GetRequest and Response, or traps at port 162.
 *
 * Exact sizes are easy because BER lets a length take more bytes than it needs: the three
 * nested lengths all use the form the outermost one needs. What is left over is covered
 * by variable bindings, and the last few bytes by a longer community.
 */
#include "session/payload_private.h"

#include <string.h>

enum {
    TAG_INTEGER = 0x02,
    TAG_OCTETS = 0x04,
    TAG_NULL = 0x05,
    TAG_OBJECT = 0x06,
    TAG_SEQUENCE = 0x30,
    TAG_GET = 0xa0,
    TAG_RESPONSE = 0xa2,
    TAG_TRAP = 0xa7
};

enum {
    TRAP_PORT = 162,
    VERSION_BYTES = 3,
    COMMUNITY_BYTES = 6,
    NUMBERS_BYTES = 6 + 3 + 3,   /* request id of four bytes, error status, error index */
    LEAST_BINDING_BYTES = 8,     /* an object of two bytes and NULL */
    REQUEST_BINDING_BYTES = 18,  /* sysDescr.0 and its like, with room to vary */
    RESPONSE_BINDING_BYTES = 96,
    OBJECT_BYTES = 8
};

static const uint8_t mib_2_system[OBJECT_BYTES] = {0x2b, 6, 1, 2, 1, 1, 1, 0}; /* sysDescr.0 */

/* Bytes of a length in the short form, 81 xx or 82 xx xx, for contents of a message of `size`. */
static size_t length_bytes(uint64_t size)
{
    if (size < 0x80 + 2)
        return 1;
    return size < 0x100 + 3 ? 2 : 3;
}

/* A tag and a length that covers the rest of the message, in a form of `form` bytes. */
static void write_open(struct piece *p, uint8_t tag, size_t form)
{
    uint64_t rest = piece_left(p) - 1 - form;

    piece_u8(p, tag);
    if (form > 1)
        piece_u8(p, (uint8_t)(0x7f + form));
    if (form < 3)
        piece_u8(p, (uint8_t)rest);
    else
        piece_u16(p, (uint16_t)rest);
}

static void write_integer(struct piece *p, uint8_t value)
{
    piece_u8(p, TAG_INTEGER);
    piece_u8(p, 1);
    piece_u8(p, value);
}

static void write_request_id(struct piece *p, uint64_t exchange_key)
{
    piece_u8(p, TAG_INTEGER);
    piece_u8(p, 4);
    /* positive, and without leading zeros: BER would want it shorter */
    piece_u32(p, (uint32_t)(exchange_key >> 34) | UINT32_C(0x01000000));
}

/* Asks for an object whose number is as long as needed. */
static void write_request_binding(struct piece *p, const struct tile *tile, const void *unused)
{
    uint8_t object[2 * REQUEST_BINDING_BYTES] = {0};
    size_t object_bytes = (size_t)tile->size - 6;

    (void)unused;
    memset(object, 1, sizeof object);
    memcpy(object, mib_2_system, object_bytes < OBJECT_BYTES ? object_bytes : OBJECT_BYTES);
    piece_u8(p, TAG_SEQUENCE);
    piece_u8(p, (uint8_t)(tile->size - 2));
    piece_u8(p, TAG_OBJECT);
    piece_u8(p, (uint8_t)object_bytes);
    piece_bytes(p, object, object_bytes);
    piece_u8(p, TAG_NULL);
    piece_u8(p, 0);
}

/* A text of just the length that is left; NULL when there is no room for the full object. */
static void write_response_binding(struct piece *p, const struct tile *tile, const void *unused)
{
    const size_t head_bytes = 2 + 2 + OBJECT_BYTES + 2;

    if (tile->size < head_bytes) {
        write_request_binding(p, tile, unused);
        return;
    }
    piece_u8(p, TAG_SEQUENCE);
    piece_u8(p, (uint8_t)(tile->size - 2));
    piece_u8(p, TAG_OBJECT);
    piece_u8(p, OBJECT_BYTES);
    piece_bytes(p, mib_2_system, OBJECT_BYTES);
    piece_u8(p, TAG_OCTETS);
    piece_u8(p, (uint8_t)(tile->size - head_bytes));
    piece_filler(p, FILLER_WORDS, tile->size - head_bytes);
}

static void write_community(struct piece *p, uint64_t size)
{
    uint64_t known = size < COMMUNITY_BYTES ? size : COMMUNITY_BYTES;

    piece_u8(p, TAG_OCTETS);
    piece_u8(p, (uint8_t)size);
    piece_bytes(p, "public", (size_t)known);
    piece_filler(p, FILLER_LETTERS, size - known);
}

static uint8_t operation(const struct payload_place *place)
{
    if (place->service_port == TRAP_PORT)
        return TAG_TRAP;
    return place->side == FLOW_INITIATOR ? TAG_GET : TAG_RESPONSE;
}

static void write_bindings(struct piece *p, uint8_t tag)
{
    bool asks = tag == TAG_GET;

    piece_tiles(p, piece_left(p), asks ? REQUEST_BINDING_BYTES : RESPONSE_BINDING_BYTES, LEAST_BINDING_BYTES,
                asks ? write_request_binding : write_response_binding, NULL);
}

/* Never seen from an agent. An octet string is at least BER. */
static void write_too_short(struct piece *p)
{
    if (p->end >= 2) {
        piece_u8(p, TAG_OCTETS);
        piece_u8(p, (uint8_t)(p->end - 2));
    }
    piece_filler(p, FILLER_LETTERS, piece_left(p));
}

void payload_snmp(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    size_t form = length_bytes(p.end);
    size_t least = 3 * (1 + form) + VERSION_BYTES + 2 + NUMBERS_BYTES; /* an empty community */
    uint64_t community = COMMUNITY_BYTES;
    uint8_t tag = operation(place);

    if (p.end < least) {
        write_too_short(&p);
        return;
    }
    if (p.end < least + COMMUNITY_BYTES + LEAST_BINDING_BYTES)
        community = p.end - least;
    write_open(&p, TAG_SEQUENCE, form);
    write_integer(&p, 1);
    write_community(&p, community);
    write_open(&p, tag, form);
    write_request_id(&p, payload_exchange_key(place));
    write_integer(&p, 0);
    write_integer(&p, 0);
    write_open(&p, TAG_SEQUENCE, form);
    write_bindings(&p, tag);
}
