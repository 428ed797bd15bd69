/*
 * host_answer.h - what an answer is made from: the packet, and the host that it was for.
 */
#ifndef EMIT_HOST_ANSWER_H
#define EMIT_HOST_ANSWER_H

#include "dayshift/link_hosts.h"
#include "emit/ip_packet.h"
#include "emit/stack_traits.h"

struct host_answer {
    const struct ip_packet *packet; /* to the host */
    const struct link_host *host;
    const struct stack_traits *traits; /* of its operating system */
    uint16_t id; /* IP identification of the answer, where it has one */
};

/* The header of an answer. One with identification 0 may not be cut (RFC 6864, section 4.1), whoever sends it. */
static inline struct ip_header host_answer_header(const struct host_answer *answer, uint8_t protocol, uint8_t class,
                                                  bool dont_fragment)
{
    return (struct ip_header){
        .mac = answer->host->mac,
        .protocol = protocol,
        .ttl = answer->host->stack.ttl,
        .class = class,
        .dont_fragment = dont_fragment || answer->host->stack.ip_id == IP_ID_ZERO,
        .id = answer->id,
    };
}

#endif
