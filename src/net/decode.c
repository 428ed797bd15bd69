#include "net/decode.h"

#include "net/decode_private.h"

static enum decode_result decode_link(enum decode_link link, struct span *frame,
                                      struct packet_view *view)
{
    static decode_layer *const layers[DECODE_LINKS] = {
        [DECODE_ETHERNET] = decode_ethernet,
        [DECODE_LINUX_SLL] = decode_sll,
        [DECODE_LINUX_SLL2] = decode_sll2,
        [DECODE_RAW_IP] = decode_ip,
        [DECODE_NULL] = decode_loopback,
        [DECODE_LOOP] = decode_loopback,
        [DECODE_PPP] = decode_ppp,
        [DECODE_PPP_DIRECTION] = decode_ppp_direction,
        [DECODE_PPPOE] = decode_pppoe,
        [DECODE_CISCO_HDLC] = decode_cisco_hdlc,
        [DECODE_IEEE80211] = decode_ieee80211,
        [DECODE_IEEE80211_RADIOTAP] = decode_radiotap,
        [DECODE_IEEE80211_PRISM] = decode_prism,
    };

    return layers[link](frame, view);
}

enum decode_result decode_frame(enum decode_link link, const uint8_t *bytes, size_t captured,
                                size_t original, bool tunnels, struct packet_view *view)
{
    static const struct packet_view empty;
    const struct day_time time = view->time;
    struct span frame = { cursor_of(bytes, captured), original, DECODE_OK, tunnels, 0 };

    if (frame.size < captured)
        frame.size = captured; /* a length on the wire that cannot be true */
    *view = empty; /* a copy is faster than filling, as compilers have it */
    view->time = time;
    return decode_link(link, &frame, view);
}

const char *decode_result_name(enum decode_result result)
{
    static const char *const names[DECODE_RESULTS] = {
        [DECODE_OK] = "decoded",
        [DECODE_NOT_IP] = "not IP",
        [DECODE_OTHER_IP] = "IP, but not TCP, UDP or ping",
        [DECODE_FRAGMENT] = "later fragment",
        [DECODE_MALFORMED] = "malformed",
        [DECODE_CUT] = "cut by the snaplen",
    };

    return names[result];
}
