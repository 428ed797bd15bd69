/*
 * MQTT 3.1.1 (OASIS, 2014): CONNECT and CONNACK first, then messages to topics.
 *
 * A packet's length takes one to four bytes and must be as short as can be, so some sizes
 * (130 bytes in all, for one) do not exist; a two-byte ping before the packet helps out.
 */
#include "session/payload_private.h"

#include <string.h>

enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30, /* quality of service 0 */
    PUBACK = 0x40,
    PINGREQ = 0xc0,
    PINGRESP = 0xd0
};

enum {
    CONNACK_BYTES = 4,
    PUBACK_BYTES = 4,
    PING_BYTES = 2,
    LEAST_CONNECT_BYTES = 14, /* empty client id */
    USUAL_CONNECT_BYTES = 37, /* client id of 23, the longest all servers must take */
    MOST_CONNECT_BYTES = 100,
    LEAST_PUBLISH_BYTES = 5,  /* topic of one letter */
    MOST_TOPIC_BYTES = 20,
    MOST_PUBLISH_BYTES = 1 << 20
};

/* Bytes of the remaining length in a packet of `size`; 0 when no packet is so long. */
static unsigned length_bytes(uint64_t size)
{
    for (unsigned n = 1; n <= 4; n++) {
        uint64_t rest = size - 1 - n;

        if (rest >> (7 * n) == 0 && (n == 1 || rest >> (7 * (n - 1)) != 0))
            return n;
    }
    return 0;
}

static void write_header(struct piece *p, uint8_t type, uint64_t size)
{
    unsigned n = length_bytes(size);
    uint64_t rest = size - 1 - n;

    piece_u8(p, type);
    for (; n > 1; n--, rest >>= 7)
        piece_u8(p, (uint8_t)(0x80 | (rest & 0x7f)));
    piece_u8(p, (uint8_t)rest);
}

static void write_ping(struct piece *p, bool is_client)
{
    piece_u8(p, is_client ? PINGREQ : PINGRESP);
    piece_u8(p, 0);
}

static void write_acknowledgement(struct piece *p, uint8_t type, uint16_t value)
{
    write_header(p, type, PUBACK_BYTES);
    piece_u16(p, value);
}

static void write_publish(struct piece *p, uint64_t size)
{
    uint64_t end = p->at + size;
    uint64_t topic;

    write_header(p, PUBLISH, size);
    topic = end - p->at - 2;
    if (topic > MOST_TOPIC_BYTES)
        topic = MOST_TOPIC_BYTES;
    piece_u16(p, (uint16_t)topic);
    piece_filler(p, FILLER_LETTERS, topic);
    piece_filler(p, FILLER_WORDS, end - p->at);
}

/* Packets that together take the size of the tile, whatever it is. */
static void write_packets(struct piece *p, const struct tile *tile, const void *context)
{
    const struct payload_place *place = context;
    bool is_client = place->side == FLOW_INITIATOR;
    uint64_t left = tile->size;

    if (left == PUBACK_BYTES) {
        write_acknowledgement(p, PUBACK, (uint16_t)(place->reply_to_index + 1));
    } else if (left < PING_BYTES) {
        piece_zeros(p, left); /* no packet is so short */
    } else if (left < LEAST_PUBLISH_BYTES) {
        piece_u8(p, is_client ? PINGREQ : PINGRESP);
        piece_u8(p, (uint8_t)(left - PING_BYTES));
        piece_zeros(p, left - PING_BYTES);
    } else if (length_bytes(left) != 0) {
        write_publish(p, left);
    } else {
        write_ping(p, is_client);
        write_publish(p, left - PING_BYTES);
    }
}

static void write_connect(struct piece *p, uint64_t size)
{
    static const uint8_t protocol[] = {
        0, 4, 'M', 'Q', 'T', 'T', 4, 2 /* clean session */, 0, 60 /* seconds */,
    };
    uint64_t end = p->at + size;

    write_header(p, CONNECT, size);
    piece_bytes(p, protocol, sizeof protocol);
    piece_u16(p, (uint16_t)(end - p->at - 2));
    piece_filler(p, FILLER_LETTERS, end - p->at);
}

void payload_mqtt(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    bool is_client = place->side == FLOW_INITIATOR;

    if (place->message_index == 0 && is_client && p.end >= LEAST_CONNECT_BYTES)
        write_connect(&p, p.end > MOST_CONNECT_BYTES ? USUAL_CONNECT_BYTES : p.end);
    else if (place->message_index == 0 && !is_client && p.end >= CONNACK_BYTES && p.end != CONNACK_BYTES + 1)
        write_acknowledgement(&p, CONNACK, 0);
    if (piece_left(&p) > 0)
        piece_tiles(&p, piece_left(&p), MOST_PUBLISH_BYTES, 2 * LEAST_PUBLISH_BYTES, write_packets, place);
}
