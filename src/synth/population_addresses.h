/*
 * population_addresses.h - which addresses the hosts of a group have, and by whom they reach others, as it is asked
 * for; and what follows from that: the IP addresses and the MAC of host 0, from which those of the next hosts count up.
 */
#ifndef SYNTH_POPULATION_ADDRESSES_H
#define SYNTH_POPULATION_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ip_address.h"

/* To whom frames go for receivers beyond the sender's own network. */
enum gateway_kind {
    GATEWAY_NONE,   /* to the receiver: all are on one link */
    GATEWAY_MAC,
    GATEWAY_ADDRESS /* to a neighbour whose MAC is found out before the run: population_set_gateway_mac() */
};

struct gateway {
    enum gateway_kind kind;
    uint8_t mac[6];
    struct ip_address address;
};

static inline bool gateway_has(const struct gateway *gateway, const struct ip_address *address)
{
    return gateway->kind == GATEWAY_ADDRESS && ip_address_equal(&gateway->address, address);
}

struct population_addresses {
    struct ip_network networks[IP_FAMILIES]; /* all 0 for a family that they do not have */
    struct ip_address firsts[IP_FAMILIES];   /* of host 0, and the next ones count up; all 0: the network's base + 1 */
    uint8_t mac[6];         /* of host 0, and the next ones count up; all 0: made up, see population_init() */
    double ipv6;            /* of two ends that both have both families so many use IPv6: 0 to 1 */
    struct gateway gateway; /* to all that is not in the group's network */
};

static inline bool population_addresses_have(const struct population_addresses *addresses, enum ip_family family)
{
    return addresses->networks[family].prefix > 0;
}

/* Of IPv4 where the hosts have it. */
static inline enum ip_family population_addresses_main(const struct population_addresses *addresses)
{
    return population_addresses_have(addresses, IP_FAMILY_4) ? IP_FAMILY_4 : IP_FAMILY_6;
}

/* The address of host 0 in a family that they have. */
struct ip_address population_addresses_first(const struct population_addresses *addresses, enum ip_family family);

/* The MAC of host 0 of group `number`, as a number (net/mac_address.h). */
uint64_t population_addresses_mac(const struct population_addresses *addresses, size_t number);

#endif
