/*
 * population.h - who there is on the emulated network: virtual hosts, and the world outside.
 *
 * Virtual host i of a group has place i mod M of a network with M places (cast.h), in copy i div M of
 * that network. Nothing here depends on time.
 *
 * A host has an IPv4 address, an IPv6 address or both, and one MAC. So has everybody outside, in the families that
 * the hosts have.
 */
#ifndef SYNTH_POPULATION_H
#define SYNTH_POPULATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "dayshift/host_model.h"
#include "net/ip_address.h"
#include "synth/cast.h"
#include "synth/population_addresses.h"
#include "synth/population_outside.h"

/* What a group of virtual hosts is made from; everything borrowed. */
struct population_group {
    const struct host_model *models;
    uint32_t model_count;
    /* Of a class, or LABEL_NONE; `choice`: 64 random bits, where there is a choice. */
    const struct service_model *(*service)(const void *self, uint8_t protocol, uint32_t port, uint32_t label,
                                           uint64_t choice);
    const void *service_self;
    struct population_addresses addresses;
    uint16_t link; /* that its hosts send on, and their VLAN, as in struct flow_end */
    uint16_t vlan;
    uint16_t mtu;  /* of that link, as in struct flow_plan */
    uint32_t host_count;
    const uint32_t *counts; /* by host of the model: places of it in a copy of the network; NULL: one a
                             * member */
    double activity;        /* so many times as many flows; they are no larger. 0 is 1 */
};

struct virtual_host {
    struct flow_end end; /* with its IPv4 address where it has one; port and next hop unused */
    const struct host_model *model;
    const struct population_group *group;
    const struct cast *cast; /* of the group */
    uint32_t number; /* in its group */
    uint32_t first;  /* index of the group's host 0 in the population */
};

struct population {
    struct virtual_host *hosts;
    uint32_t host_count;
    struct cast *casts; /* by group */
    size_t group_count;
    struct population_outside outside;
    uint8_t (*next_hops)[6]; /* by group, then that of the outside; all 0: none */
};

/* Who sends on a link with a tag. */
struct population_sender {
    struct ip_network network;
    uint16_t link, vlan;
};

/*
 * Refuses, naming what it is: more hosts than a network has addresses, networks and MACs that overlap those of
 * another group or of the outside, a network of the other family, a family that the outside lacks, a gateway that no
 * host could ask for its MAC. MACs that are made up hold the IPv4 address (02:d5), or, where there is none, the numbers of
 * group and host (02:d6).
 */
int population_init(struct population *population, const struct population_group *groups, size_t group_count,
                    const struct population_outside *outside, struct error *err);
void population_release(struct population *population);

/*
 * The gateway of a group, or that of the outside when `group` is the number of groups, has this MAC: for one that is
 * known by its address. Before the first plan is made; until then there is no such gateway.
 */
void population_set_gateway_mac(struct population *population, size_t group, const uint8_t mac[6]);

/* Every network with each place that it sends from: at most four times as many as there are groups. Returns how many. */
size_t population_senders(const struct population *population, struct population_sender *senders);

/* Every network of the population: at most twice as many as there are groups, and two. Returns how many. */
size_t population_networks(const struct population *population, struct ip_network *networks);

/* The virtual host with this address, or NULL. One step a group. */
const struct virtual_host *population_find(const struct population *population, const struct ip_address *address);

/* Whether hosts of the group talk with the outside at this address in that place, and the outside is plugged in there. */
bool population_is_outside(const struct population *population, const struct ip_address *address, uint16_t link,
                           uint16_t vlan);

/* What names the random streams of who has this address and no other. */
uint32_t population_name(const struct ip_address *address);

/* The address of a host in a family that its group has. */
struct ip_address population_address(const struct virtual_host *host, enum ip_family family);

#endif
