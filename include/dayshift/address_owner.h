/*
 * address_owner.h - who has an address of a run: the contract from scenario to emit, which answers for the addresses.
 */
#ifndef DAYSHIFT_ADDRESS_OWNER_H
#define DAYSHIFT_ADDRESS_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct address_owner {
    uint8_t mac[6];
    bool is_outside; /* everybody who is not a virtual host; they all have one MAC */
    uint32_t host;   /* which virtual host it is, when it is one: from 0 on through the run */
    uint32_t name;   /* names its random streams (flow_plan.h) */
};

#endif
