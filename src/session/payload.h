/*
 * payload.h - what is inside the packets of a session.
 *
 * A payload generator turns the planned messages of one flow into bytes of exactly the
 * planned length, so that a protocol parser finds what it expects at that port. It
 * never decides a length. The default is bytes from the session's own stream.
 * Adding a protocol is one file and one line in payload.c.
 */
#ifndef SESSION_PAYLOAD_H
#define SESSION_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/flow_record.h"

/*
 * The whole context of one packet's payload; plain values, so a generator needs no memory.
 * A message is a run of TCP data packets one way, of any length; over UDP every datagram is
 * one. An answer is taken to belong to the request with its own number, or to the latest.
 */
struct payload_place {
    uint64_t flow_key;        /* the same for all packets of a flow: names, ids, seeds of fillers */
    uint32_t client;          /* the initiator's name: a key to what is the same in all its flows */
    uint16_t service_port;    /* the responder's */
    uint8_t protocol;         /* IP_TCP, IP_UDP */
    enum flow_side side;      /* who speaks */
    uint32_t message_index;   /* 0, 1, ... messages of this side so far (a run of packets one way) */
    uint32_t reply_to_index;  /* messages of the other side so far */
    uint64_t message_bytes;   /* length of the whole message: UDP: of this datagram */
    uint64_t offset;          /* of this packet's first byte in the message */
    enum flow_side first_side; /* who sent the first message of the flow */
    uint64_t request_bytes;   /* length of the message of the other side that this one answers: UDP: the
                               * one with the same number; TCP, or when there is none: the latest; or 0 */
};

/*
 * Writes bytes offset to offset + size of the message, which must hold them, and nothing
 * else. The bytes depend on the place alone, so that any cut of a message gives the same ones.
 */
typedef void payload_fill(const struct payload_place *place, uint8_t *out, size_t size);

/* The generator for a protocol and port; never NULL. Look it up once a session. */
payload_fill *payload_for(uint8_t protocol, uint16_t service_port);

/* Whether it wants to know how long a message is; else any message_bytes that is not below the end will do. */
bool payload_is_structured(payload_fill *fill);

#endif
