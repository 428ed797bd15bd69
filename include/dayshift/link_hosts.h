/*
 * link_hosts.h - who there is on one link of a run, for who answers there: the contract from scenario to emit.
 */
#ifndef DAYSHIFT_LINK_HOSTS_H
#define DAYSHIFT_LINK_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/host_stack.h"
#include "net/ip_address.h"

/* What an address is, seen from a VLAN of the link. */
enum host_kind {
    HOST_NONE,      /* nobody's of the run */
    HOST_ELSEWHERE, /* of the run, but it sends on another link or with another tag */
    HOST_VIRTUAL,   /* a virtual host */
    HOST_OUTSIDE    /* of the world outside, which has its place here */
};

struct link_host {
    uint8_t mac[6];
    struct host_stack stack;
};

/* Addresses one after the other. */
struct host_range {
    struct ip_address first, last; /* of one family */
    uint16_t vlan; /* the tag of what they send; 0: none */
};

struct link_hosts {
    /* `vlan` 0: no tag. Fills *host for HOST_VIRTUAL and HOST_OUTSIDE. Any thread may ask. */
    enum host_kind (*find)(const void *self, const struct ip_address *address, uint16_t vlan, struct link_host *host);
    const void *self;
    const struct host_range *virtual_hosts; /* borrowed: all that have kind HOST_VIRTUAL, in their VLANs */
    size_t virtual_count;
    uint8_t outside_mac[6]; /* what the run sends from outside has it, wherever that is; all 0: nothing does */
};

static inline enum host_kind link_hosts_find(const struct link_hosts *hosts, const struct ip_address *address,
                                             uint16_t vlan, struct link_host *host)
{
    return hosts->find(hosts->self, address, vlan, host);
}

#endif
