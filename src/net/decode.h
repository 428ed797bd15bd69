/*
 * decode.h - bytes of a captured frame to a packet_view. Pure: no state, no allocation.
 */
#ifndef NET_DECODE_H
#define NET_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "dayshift/packet_view.h"

enum decode_link {
    DECODE_ETHERNET,
    DECODE_LINUX_SLL,
    DECODE_LINUX_SLL2,
    DECODE_RAW_IP,
    DECODE_NULL, /* BSD loopback: address family in the byte order of the capturing machine */
    DECODE_LOOP  /* the same in network order */
};

/* Why a frame gave no view; counted by reason and shown to the user. */
enum decode_result {
    DECODE_OK,
    DECODE_NOT_IP,    /* ARP, LLDP, spanning tree ... */
    DECODE_OTHER_IP,  /* IP, but not TCP, UDP or ICMP echo */
    DECODE_FRAGMENT,  /* not the first fragment of its packet: carries no ports */
    DECODE_MALFORMED, /* a length or version that contradicts the bytes */
    DECODE_CUT,       /* the snaplen removed a header; TCP's options may be missing */
    DECODE_RESULTS
};

/*
 * Decodes `captured` bytes of a frame that was `original` bytes on the wire.
 * Fills everything of *view but its time; what it holds after a failure means nothing.
 * VLAN tags are looked through, tunnels are not.
 */
enum decode_result decode_frame(enum decode_link link, const uint8_t *bytes, size_t captured,
                                size_t original, struct packet_view *view);

const char *decode_result_name(enum decode_result result);

#endif
