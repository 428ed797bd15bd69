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
    struct answer_counts *counts;
    uint16_t vlan;             /* 0: no tag */
    struct ip_address sender;  /* who asks: a virtual host of the gateway's network, of the same family ... */
    uint8_t sender_mac[6];     /* ... and its MAC address */
    struct ip_address gateway;
};

/*
 * Asks every half second, for three seconds. 0 with its MAC address, also when it was stopped, with none; -1 when nobody
 * answers, with an error that names the gateway and the link. Nobody else may read the link meanwhile.
 */
int gateway_search(const struct gateway_question *question, address_probe_stop *stop, void *self, uint8_t mac[6],
                   struct error *err);

#endif
