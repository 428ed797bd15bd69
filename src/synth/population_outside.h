/*
 * population_outside.h - the world outside: everybody who is in no population's network, behind one MAC, and where they
 * are plugged in.
 */
#ifndef SYNTH_POPULATION_OUTSIDE_H
#define SYNTH_POPULATION_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/ip_address.h"
#include "synth/population_addresses.h"

/* What is not said of where it is plugged in is as for the host that talks with it. */
struct population_outside {
    struct ip_network networks[IP_FAMILIES];
    uint8_t mac[6];         /* of everybody there; all 0: 02:d5:00:00:00:01 */
    struct gateway gateway; /* to the virtual hosts */
    bool has_link, has_vlan;
    uint16_t link, vlan;
    uint16_t mtu; /* where it has a link of its own */
};

/* Gives it the MAC that is made up for it, unless it has one. */
void population_outside_set_mac(struct population_outside *outside);

/* Who talks with hosts on that link and VLAN sends on this one. */
static inline uint16_t population_outside_link(const struct population_outside *outside, uint16_t link)
{
    return outside->has_link ? outside->link : link;
}

static inline uint16_t population_outside_vlan(const struct population_outside *outside, uint16_t vlan)
{
    return outside->has_vlan ? outside->vlan : vlan;
}

/* Whether it is in a network of the outside and played, as all are but the gateway, which is a real machine. */
bool population_outside_has(const struct population_outside *outside, const struct ip_address *address);

/* Somebody outside, in a family that the outside has: numbers are spread over the network, the same every time. */
struct ip_address population_outside_address(const struct population_outside *outside, enum ip_family family,
                                             uint64_t number);

#endif
