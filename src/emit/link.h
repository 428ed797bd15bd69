/*
 * link.h - an interface as the emitter sees it: opened as root, used without.
 */
#ifndef EMIT_LINK_H
#define EMIT_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct link {
    char name[IF_NAMESIZE];
    int index;
    int mtu;
    int packet_fd;   /* AF_PACKET, bound to the link with protocol 0: sends, receives nothing */
    int receive_fd;  /* AF_PACKET, receives through a kernel filter (receive_filter.h), at first ARP and neighbour
                      * discovery alone; tags beside the frames (PACKET_AUXDATA) */
    int counter_fd;  /* /proc/net/dev: who sends may not open it any more */
};

/*
 * Refuses, naming the link: one that does not exist, is down, is no Ethernet, has an MTU
 * below 576, or carries a default route (see default_route.h) unless allowed. Missing
 * privilege is said as such. 0 or -1.
 *
 * While it is open the interface receives the frames of every address (promiscuous mode): the
 * virtual hosts have addresses of their own, which the hardware would else filter away.
 */
int link_open(struct link *link, const char *name, bool allow_default_route, struct error *err);
void link_close(struct link *link); /* harmless when it is closed already */

struct link_state {
    bool is_up;
    bool has_carrier; /* the other end is there */
    int mtu;          /* now: link->mtu is what it was when the link was opened */
};

/* Asks the kernel through the packet socket, with no right but to call ioctl(). -1 when the interface is gone. */
int link_read_state(const struct link *link, struct link_state *state);

/* tx_packets of the interface since it came up, from /proc/net/dev (64 bits); 0 or -1. */
int link_sent_packets(const struct link *link, uint64_t *packets, struct error *err);

#endif
