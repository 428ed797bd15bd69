/*
 * population.h - who there is on the emulated network: virtual hosts, and the world outside.
 *
 * Virtual host i of a group has place i mod M of a network with M places (cast.h), in copy i div M of
 * that network. A local peer is looked for in the same copy; one that is not played, and the
 * host itself, is stood in for by an address outside. Of a host that has several places each host knows
 * one, always the same. Nothing here depends on time.
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

/* What a group of virtual hosts is made from; everything borrowed. */
struct population_group {
    const struct host_model *models;
    uint32_t model_count;
    /* Of a class, or LABEL_NONE; `choice`: 64 random bits, where there is a choice. */
    const struct service_model *(*service)(const void *self, uint8_t protocol, uint32_t port, uint32_t label,
                                           uint64_t choice);
    const void *service_self;
    struct ip_network network; /* IPv4; host i has base + 1 + i */
    uint16_t link;             /* that its hosts send on, and their VLAN, as in struct flow_end */
    uint16_t vlan;
    uint32_t host_count;
    const uint32_t *counts; /* by host of the model: places of it in a copy of the network; NULL: one a
                             * member */
    double activity;        /* so many times as many flows; they are no larger. 0 is 1 */
};

struct virtual_host {
    struct flow_end end; /* address and MAC; port unused */
    const struct host_model *model;
    const struct population_group *group;
    const struct cast *cast; /* of the group */
    uint32_t number; /* in its group */
    uint32_t first;  /* index of the group's host 0 in the population */
};

/* Where the world outside is plugged in; what is not said is as for the host that talks with it. */
struct population_place {
    bool has_link, has_vlan;
    uint16_t link, vlan;
};

struct population {
    struct virtual_host *hosts;
    uint32_t host_count;
    struct cast *casts; /* by group */
    size_t group_count;
    struct ip_network outside;
    uint8_t gateway_mac[6]; /* all outside addresses are behind it */
    struct population_place outside_place;
};

/* Who sends on a link with a tag. */
struct population_sender {
    struct ip_network network;
    uint16_t link, vlan;
};

/*
 * Refuses, naming the networks: more hosts than a network has addresses, networks that overlap
 * each other or the outside, a network that is not IPv4.
 */
int population_init(struct population *population, const struct population_group *groups,
                    size_t group_count, const struct ip_network *outside, struct error *err);
void population_release(struct population *population);

/* All of the outside is there; without this it is where the hosts are that talk with it. */
void population_place_outside(struct population *population, const struct population_place *place);

/* Every network with each place that it sends from: at most twice as many as there are groups. Returns how many. */
size_t population_senders(const struct population *population, struct population_sender *senders);

/* The virtual host with this address (host order), or NULL. */
const struct virtual_host *population_find(const struct population *population, uint32_t address);

/*
 * Sender and receiver of a packet between any two addresses, for who talks by other rules than the models. In the network
 * of a group an address is where that group is, whether a virtual host has it or not; the outside and groups of hosts
 * (multicast, broadcast) are where the other end is. Ports unused. False: neither end is in the network of a group, or
 * one is nobody's.
 */
bool population_ends(const struct population *population, const struct ip_address addresses[2], struct flow_end ends[2]);

/*
 * The end of a flow of `host` that a learned peer becomes. A local peer that is a virtual host
 * gives that host's end and sets *virtual_peer; `name` is that of a new peer.
 */
struct flow_end population_peer(const struct population *population, const struct virtual_host *host,
                                struct peer peer, uint64_t name, bool *virtual_peer);

/* Whether the virtual host that is the responder of the plan answers it: a flow of `host` in that state. */
enum flow_answer population_answer(const struct population *population, const struct virtual_host *host,
                                   const struct state_model *state, const struct flow_plan *plan);

/* The end of a flow to a group: its address and MAC follow from the service port. */
struct flow_end population_group_end(uint16_t port);

#endif
