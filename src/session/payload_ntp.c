/*
 * Network time, version 4 (RFC 5905).
 *
 * Sessions know no clock, so clients send what careful ones do: nothing but a random
 * transmit time (draft-ietf-ntp-data-minimization). Servers answer with times of a made-up
 * day, consistent within the flow.
 */
#include "session/payload_private.h"

enum {
    HEADER_BYTES = 48,
    CONTROL_HEADER_BYTES = 12, /* RFC 9327, mode 6 */
    MAC_MD5_BYTES = 20,
    MAC_SHA1_BYTES = 24,
    LEAST_EXTENSION_BYTES = 16,
    VERSION = 4 << 3
};

enum ntp_mode { MODE_CLIENT = 3, MODE_SERVER = 4, MODE_CONTROL = 6 };

/* 2025-01-01 in seconds of the NTP era, plus up to half a year. */
static uint64_t made_up_time(uint64_t flow_key)
{
    return (UINT64_C(3944678400) + (random_mix64(flow_key) & 0xffffff)) << 32;
}

static void write_client(struct piece *p, uint64_t transmit_time)
{
    piece_u8(p, VERSION | MODE_CLIENT);
    piece_zeros(p, 39);
    piece_u64(p, transmit_time);
}

static void write_server(struct piece *p, uint64_t origin_time, uint64_t now)
{
    piece_u8(p, VERSION | MODE_SERVER);
    piece_u8(p, 2);              /* stratum */
    piece_u8(p, 6);              /* poll: 64 s */
    piece_u8(p, 0xe8);           /* precision: 2^-24 s */
    piece_u32(p, 0x0000021a);    /* root delay: 8 ms */
    piece_u32(p, 0x00000342);    /* root dispersion: 13 ms */
    piece_u32(p, 0xc0000201);    /* reference: 192.0.2.1 */
    piece_u64(p, now - ((uint64_t)900 << 32));
    piece_u64(p, origin_time);
    piece_u64(p, now);
    piece_u64(p, now + 0x40000); /* 61 us later */
}

/* What follows the header: an authenticator when its length fits, else one extension field. */
static void write_tail(struct piece *p)
{
    uint64_t left = piece_left(p);

    if (left != MAC_MD5_BYTES && left != MAC_SHA1_BYTES && left >= LEAST_EXTENSION_BYTES) {
        piece_u16(p, 0x0204); /* NTS cookie (RFC 8915): opaque to all but the server */
        piece_u16(p, (uint16_t)left);
    } else if (left >= 4) {
        piece_u32(p, 1); /* key */
    }
    piece_filler(p, FILLER_OPAQUE, piece_left(p));
}

/* A control message says how much data it carries, so any size from 12 is valid. */
static void write_control(struct piece *p, const struct payload_place *place)
{
    bool is_response = place->side == FLOW_RESPONDER;

    piece_u8(p, VERSION | MODE_CONTROL);
    piece_u8(p, is_response ? 0x82 : 0x02); /* read variables */
    piece_u16(p, (uint16_t)(payload_exchange(place) + 1));
    piece_u16(p, 0);
    piece_u32(p, 0);
    piece_u16(p, (uint16_t)(p->end - CONTROL_HEADER_BYTES));
    piece_filler(p, FILLER_LETTERS, piece_left(p));
}

void payload_ntp(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    uint64_t transmit_time = payload_exchange_key(place);

    if (p.end >= HEADER_BYTES && place->side == FLOW_INITIATOR) {
        write_client(&p, transmit_time);
        write_tail(&p);
    } else if (p.end >= HEADER_BYTES) {
        uint64_t now = made_up_time(place->flow_key) + ((uint64_t)payload_exchange(place) << 38);

        write_server(&p, transmit_time, now);
        write_tail(&p);
    } else if (p.end >= CONTROL_HEADER_BYTES) {
        write_control(&p, place);
    } else {
        piece_filler(&p, FILLER_OPAQUE, p.end);
    }
}
