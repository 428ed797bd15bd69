#include "capture/link_type.h"

#include <pcap/pcap.h>
#include <stddef.h>

static const struct {
    int type;
    enum decode_link link;
} known[] = {
    { DLT_EN10MB, DECODE_ETHERNET },
    { DLT_LINUX_SLL, DECODE_LINUX_SLL },
    { DLT_LINUX_SLL2, DECODE_LINUX_SLL2 },
    { 12, DECODE_RAW_IP },  /* DLT_RAW */
    { 14, DECODE_RAW_IP },  /* DLT_RAW of OpenBSD */
    { 101, DECODE_RAW_IP }, /* LINKTYPE_RAW */
    { DLT_IPV4, DECODE_RAW_IP },
    { DLT_IPV6, DECODE_RAW_IP },
    { DLT_NULL, DECODE_NULL },
    { DLT_LOOP, DECODE_LOOP },
    { DLT_PPP, DECODE_PPP },
    { DLT_PPP_SERIAL, DECODE_PPP },
    { DLT_PPP_PPPD, DECODE_PPP },
    { DLT_PPP_WITH_DIR, DECODE_PPP_DIRECTION },
    { DLT_PPP_ETHER, DECODE_PPPOE },
    { DLT_C_HDLC, DECODE_CISCO_HDLC },
    { DLT_IEEE802_11, DECODE_IEEE80211 },
    { DLT_IEEE802_11_RADIO, DECODE_IEEE80211_RADIOTAP },
    { DLT_PRISM_HEADER, DECODE_IEEE80211_PRISM },
    { DLT_IEEE802_11_RADIO_AVS, DECODE_IEEE80211_PRISM },
};

struct link_type link_type_of(uint16_t number)
{
    struct link_type type = { .number = number };

    for (size_t i = 0; i < sizeof known / sizeof known[0] && !type.known; i++) {
        type.known = known[i].type == number;
        type.decode = known[i].link;
    }
    return type;
}

const char *link_type_name(uint16_t number)
{
    const char *name = pcap_datalink_val_to_name(number);

    return name ? name : "unknown";
}

int link_type_error(const char *what, struct link_type type, struct error *err)
{
    return error_set(err, "%s: link type %u (%s) is not supported: "
                     "Ethernet, Linux cooked, raw IP, BSD loopback, PPP and 802.11 are",
                     what, type.number, link_type_name(type.number));
}
