/*
 * gateway_search.h - which MAC address a gateway has: asked for by ARP, or by neighbour solicitations.
 */
#ifndef EMIT_GATEWAY_SEARCH_H
#define EMIT_GATEWAY_SEARCH_H

#include <stdint.h>

#include "base/error.h"
#include "emit/address_probe.h"

struct gateway_question {
    const struct link *link;
    struct rate_ceiling *ceiling; /* of the link; NULL: none */
    struct answer_counts *counts;
    uint16_t vlan;             /* 0: no tag */
    struct ip_address sender;  /* who asks: somebody of the run, of the same family, whose address is known to be free ... */
    uint8_t sender_mac[6];     /* ... and its MAC address */
    struct ip_address gateway;
};

/*
 * Asks every half second, for three seconds, and longer where the ceiling demands it. 0 with its MAC address, also when
 * it was stopped, with none; -1 when nobody answers, with an error that names the gateway and the link. Nobody else may
 * read the link meanwhile.
 */
int gateway_search(const struct gateway_question *question, address_probe_stop *stop, void *self, uint8_t mac[6],
                   struct error *err);

#endif
