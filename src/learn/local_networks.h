/*
 * local_networks.h - which addresses of a capture are the observed network's own.
 *
 * Decided from flows alone: the network that was observed is at one end of all of them.
 *  - Private addresses are local when a tenth of the flows has one.
 *  - While less than 95 % of the flows have a local end, the IPv4 /16, IPv6 /32 or class of named hosts
 *    that touches most of the others is taken, if it gains 5 % of all, and narrowed bit by bit
 *    as long as one half loses no more than one in 10,000 of its flows: a server becomes its own address, a
 *    provider's /21 a /21. Of a class of names one is taken, which touches 99 %, or all. Among equals the
 *    lower address wins.
 *  - When none gains that much, names are all local; else private addresses and the networks from
 *    which most flows were initiated: a guess.
 */
#ifndef LEARN_LOCAL_NETWORKS_H
#define LEARN_LOCAL_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "dayshift/flow_record.h"
#include "net/ip_address.h"

enum local_basis {
    LOCAL_GIVEN,  /* by the user: networks or a list of hosts */
    LOCAL_FOUND,  /* in the data */
    LOCAL_GUESSED /* no network stands out: say so */
};

enum { LOCAL_MAX_GUESSED = 16 }; /* networks from which flows were initiated */

struct local_networks {
    enum local_basis basis;
    bool private_is_local; /* all private networks, also those that were not seen */
    struct ip_network *networks; /* given; or private ones that were seen, then those found */
    size_t count, capacity;
};

void local_networks_give(struct local_networks *local, const struct ip_network *networks,
                         size_t count);

void local_networks_find(struct local_networks *found, const struct flow_record *records,
                         size_t count);

void local_networks_release(struct local_networks *local);

bool local_networks_contain(const struct local_networks *local, const struct ip_address *address);

#endif
