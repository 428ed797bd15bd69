/*
 * overlay_addresses.h - who in a run the hosts of a capture are.
 *
 * In this order: the first mapping that has the address; an address of the run's networks, and multicast and broadcast,
 * stay; any other one becomes an address outside, always the same for the same address. Pure.
 */
#ifndef SCENARIO_OVERLAY_ADDRESSES_H
#define SCENARIO_OVERLAY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "net/ip_address.h"
#include "synth/population.h"

/* Of one family and one size: the host part of an address stays. */
struct overlay_mapping {
    struct ip_network from, to;
    const char *place; /* where it stands, for messages; NULL: unknown */
};

/* All borrowed. */
struct overlay_addresses {
    const struct overlay_mapping *map;
    size_t map_count;
    const struct ip_network *networks; /* of the run */
    size_t network_count;
    const struct population *population; /* of which only the outside is looked at */
};

/* Refuses, with *err, a mapping to what is in no network of the run: it could not be sent. */
int overlay_addresses_check(const struct overlay_addresses *addresses, struct error *err);

/* False: nobody can have it: it is unspecified, or of a family that the run has not. `self` is a struct overlay_addresses. */
bool overlay_addresses_find(const void *self, const struct ip_address *from, struct ip_address *to);

#endif
