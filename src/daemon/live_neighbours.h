/*
 * live_neighbours.h - what a run does on its links before its first frame: whether the addresses of its hosts are free,
 * which MAC addresses its gateways have, and word of whose the addresses are.
 */
#ifndef DAEMON_LIVE_NEIGHBOURS_H
#define DAEMON_LIVE_NEIGHBOURS_H

#include "daemon/live_link.h"
#include "scenario/scenario.h"

struct live_neighbours {
    const struct configuration *configuration;
    struct live_link *links; /* as many as it has, populated; nobody answers on them yet */
    struct scenario *scenario;
    address_probe_stop *stop; /* asked every now and then */
    void *stop_self;
    bool goes_on; /* the run has been on before: who took an address meanwhile does not end it */
};

/* Some gateways are known by their addresses alone: no frame can be made before live_neighbours_meet(). */
bool live_neighbours_has_questions(const struct configuration *configuration);

/*
 * Probes, and asks for gateways. -1 with *err when a gateway does not answer, or when an address is in use and the run is
 * a new one; of one that goes on it becomes a claim like those during a run. 0 also when stopped.
 */
int live_neighbours_meet(const struct live_neighbours *neighbours, struct error *err);

void live_neighbours_announce(const struct live_neighbours *neighbours);

#endif
