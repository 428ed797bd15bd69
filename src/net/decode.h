/*
 * decode.h - bytes of a captured frame to a packet_view. Pure: no state, no allocation.
 *
 * Always looked through: VLAN tags (0x8100, 0x88a8, 0x9100), MPLS, PPPoE, LLC/SNAP. Of an 802.11
 * A-MSDU only the first frame is read, of a frame in 802.11 fragments only the first.
 */
#ifndef NET_DECODE_H
#define NET_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/packet_view.h"

/* Numbers are those of libpcap: DLT_, or LINKTYPE_ where files have another. */
enum decode_link {
    DECODE_ETHERNET,
    DECODE_LINUX_SLL,
    DECODE_LINUX_SLL2,
    DECODE_RAW_IP,
    DECODE_NULL, /* BSD loopback: address family in the byte order of the capturing machine */
    DECODE_LOOP, /* the same in network order */
    DECODE_PPP,           /* 9, 50 and 166: with or without address and control byte */
    DECODE_PPP_DIRECTION, /* 204: the same behind a byte that tells the direction */
    DECODE_PPPOE,         /* 51: from the PPPoE header on */
    DECODE_CISCO_HDLC,    /* 104 */
    DECODE_IEEE80211,          /* 105 */
    DECODE_IEEE80211_RADIOTAP, /* 127 */
    DECODE_IEEE80211_PRISM,    /* 119 and 163: Prism or AVS header, which tell themselves apart */
    DECODE_LINKS
};

/* Why a frame gave no view; counted by reason and shown to the user. */
enum decode_result {
    DECODE_OK,
    DECODE_NOT_IP,    /* ARP, LLDP, spanning tree, encrypted 802.11 ... */
    DECODE_OTHER_IP,  /* IP, but not TCP, UDP, ICMP echo or unreachable */
    DECODE_FRAGMENT,  /* not the first fragment of its packet: carries no ports */
    DECODE_MALFORMED, /* a length or version that contradicts the bytes */
    DECODE_CUT,       /* the snaplen removed a header, or it is in a later fragment */
    DECODE_RESULTS
};

enum { DECODE_MAX_NESTING = 8 /* frames and packets within one another: bounds the stack */ };

/*
 * Decodes `captured` bytes of a frame that was `original` bytes on the wire. After DECODE_OK and
 * DECODE_FRAGMENT everything of *view is filled but its time; else what it holds means nothing, but for
 * ip, ip_captured and ip_bytes without `tunnels`: ip is NULL unless an IP header was found in order.
 * Of a later fragment the ports are 0, and the protocol is what the fragment itself says: of
 * IPv6 that may be an extension header.
 *
 * With `tunnels`, packets within GRE (IP, Ethernet, PPP, ERSPAN I and II), within IP (protocols
 * 4 and 41) and within VXLAN (UDP to 4789 or 8472) are looked at instead of the outer one, up to
 * DECODE_MAX_NESTING. A packet that cannot be read within GRE or IP is the result; around one in
 * VXLAN the UDP packet is the view. A tunnel's packet whose outer packet came in fragments is
 * read from the first of them, by its own lengths.
 */
enum decode_result decode_frame(enum decode_link link, const uint8_t *bytes, size_t captured,
                                size_t original, bool tunnels, struct packet_view *view);

const char *decode_result_name(enum decode_result result);

#endif
