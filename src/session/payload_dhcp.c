/*
 * DHCP (RFC 2131): discover and offer, then request and acknowledgement.
 *
 * The fixed part takes 240 bytes, options follow as far as they fit, and padding fills the
 * rest, as real clients do up to 300 bytes. A place knows no addresses: the client's hardware
 * address and the lease are made up, the same within a flow.
 */
#include "session/payload_private.h"

enum {
    FIXED_BYTES = 240, /* up to the magic cookie */
    TYPE_OPTION_BYTES = 3,
    END_BYTES = 1,
    SERVER_PORT = 67,
    ETHERNET = 1,
    HARDWARE_ADDRESS_BYTES = 6,
    OPTION_END = 255
};

enum dhcp_type { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5 };

static const uint8_t client_options[] = {55, 6, 1, 3, 6, 12, 15, 28}; /* wants to know */
static const uint8_t server_options[] = {
    54, 4, 192, 0, 2, 1, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0, 3, 4, 192, 0, 2, 1,
}; /* server, lease of an hour, mask, router */

/* Port 67 is the server's; a flow towards 68 was begun by the server. */
static bool is_client(const struct payload_place *place)
{
    return (place->side == FLOW_INITIATOR) == (place->service_port == SERVER_PORT);
}

static void write_fixed(struct piece *p, bool from_client, uint64_t flow_key)
{
    uint64_t key = random_mix64(flow_key);
    uint32_t lease = from_client ? 0 : UINT32_C(0xc0000200) | (key & 0x7f) | 0x80; /* 192.0.2.128 and up */

    piece_u8(p, from_client ? 1 : 2);
    piece_u8(p, ETHERNET);
    piece_u8(p, HARDWARE_ADDRESS_BYTES);
    piece_u8(p, 0);
    piece_u32(p, (uint32_t)key); /* transaction */
    piece_zeros(p, 2 + 2 + 4);   /* seconds, flags, the client's old address */
    piece_u32(p, lease);
    piece_zeros(p, 4 + 4);       /* next server, relay */
    piece_u16(p, 0x0200);        /* a locally administered address */
    piece_u32(p, (uint32_t)(key >> 32));
    piece_zeros(p, 10 + 64 + 128);
    piece_u32(p, UINT32_C(0x63825363));
}

static void write_options(struct piece *p, bool from_client, bool is_first)
{
    const uint8_t *more = from_client ? client_options : server_options;
    size_t more_bytes = from_client ? sizeof client_options : sizeof server_options;

    if (piece_left(p) >= TYPE_OPTION_BYTES + END_BYTES) {
        piece_u16(p, 53 << 8 | 1);
        if (from_client)
            piece_u8(p, is_first ? DHCP_DISCOVER : DHCP_REQUEST);
        else
            piece_u8(p, is_first ? DHCP_OFFER : DHCP_ACK);
    }
    if (piece_left(p) >= more_bytes + END_BYTES)
        piece_bytes(p, more, more_bytes);
    if (piece_left(p) > 0)
        piece_u8(p, OPTION_END);
}

void payload_dhcp(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    if (p.end >= FIXED_BYTES) {
        write_fixed(&p, is_client(place), place->flow_key);
        write_options(&p, is_client(place), place->message_index == 0);
    }
    piece_zeros(&p, piece_left(&p));
}
