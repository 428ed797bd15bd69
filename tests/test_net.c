#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/decode.h"
#include "net/ip_address.h"
#include "net/ipv6_extensions.h"
#include "net/mac_address.h"
#include "net/wire.h"

enum { PAYLOAD_BYTES = 7, TCP_WITH_MSS_BYTES = 24 };

/* A frame under construction. */
struct bytes {
    uint8_t at[1024];
    size_t size;
};

static void put(struct bytes *b, const void *from, size_t size)
{
    assert_true(b->size + size <= sizeof b->at);
    memcpy(b->at + b->size, from, size);
    b->size += size;
}

static void put_zeros(struct bytes *b, size_t size)
{
    static const uint8_t zeros[128];

    put(b, zeros, size);
}

static void put_u8(struct bytes *b, uint8_t value)
{
    put(b, &value, sizeof value);
}

static void put_u16(struct bytes *b, uint16_t value)
{
    uint8_t wire[2];

    wire_put_u16(wire, value);
    put(b, wire, sizeof wire);
}

static void put_u32(struct bytes *b, uint32_t value)
{
    uint8_t wire[4];

    wire_put_u32(wire, value);
    put(b, wire, sizeof wire);
}

static void put_ethernet(struct bytes *b, uint16_t type)
{
    put_zeros(b, 12);
    put_u16(b, type);
}

static void put_tag(struct bytes *b, uint16_t type)
{
    put_u16(b, 5); /* VLAN 5 */
    put_u16(b, type);
}

/* 10.0.0.1 to 192.0.2.2, TTL 63; `offset` is the field with the flags. */
static void put_ipv4(struct bytes *b, uint8_t protocol, uint16_t total, uint16_t offset)
{
    put_u16(b, 0x4500);
    put_u16(b, total);
    put_u16(b, 77);
    put_u16(b, offset);
    put_u8(b, 63);
    put_u8(b, protocol);
    put_u16(b, 0);
    put_u32(b, 0x0a000001);
    put_u32(b, 0xc0000202);
}

/* 2001:db8::1 to 2001:db8::2, hop limit 62. */
static void put_ipv6(struct bytes *b, uint8_t next, uint16_t payload_bytes)
{
    static const uint8_t prefix[15] = { 0x20, 0x01, 0x0d, 0xb8 };

    put_u32(b, 0x60000000);
    put_u16(b, payload_bytes);
    put_u8(b, next);
    put_u8(b, 62);
    for (uint8_t host = 1; host <= 2; host++) {
        put(b, prefix, sizeof prefix);
        put_u8(b, host);
    }
}

/* 40000 to 443, with MSS 1400 behind a NOP-padded option. */
static void put_tcp(struct bytes *b, uint8_t flags)
{
    put_u16(b, 40000);
    put_u16(b, 443);
    put_u32(b, 0x01020304);
    put_u32(b, 0x05060708);
    put_u8(b, TCP_WITH_MSS_BYTES / 4 << 4);
    put_u8(b, flags);
    put_u16(b, 8192);
    put_u32(b, 0);
    put_u32(b, 0x02040000 | 1400);
}

static void put_udp(struct bytes *b, uint16_t udp_bytes)
{
    put_u16(b, 5353);
    put_u16(b, 53);
    put_u16(b, udp_bytes);
    put_u16(b, 0);
}

static void put_icmp(struct bytes *b, uint8_t type)
{
    put_u8(b, type);
    put_u8(b, 0);
    put_u16(b, 0);
    put_u16(b, 0xbeef);
    put_u16(b, 1);
}

static enum decode_result decode(enum decode_link link, const struct bytes *b,
                                 struct packet_view *view)
{
    return decode_frame(link, b->at, b->size, b->size, false, view);
}

static enum decode_result decode_inner(enum decode_link link, const struct bytes *b,
                                       struct packet_view *view)
{
    return decode_frame(link, b->at, b->size, b->size, true, view);
}

/* Frames that all hold the same segment: TCP, SYN, MSS, 7 bytes of payload. */

static const size_t ipv4_bytes = 20 + TCP_WITH_MSS_BYTES + PAYLOAD_BYTES;

static void put_segment_v4(struct bytes *b)
{
    put_ipv4(b, IP_TCP, (uint16_t)ipv4_bytes, 0x4000);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void put_segment_v6(struct bytes *b)
{
    put_ipv6(b, IP_TCP, TCP_WITH_MSS_BYTES + PAYLOAD_BYTES);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_ethernet(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_segment_v4(b);
}

static void build_ethernet_v6(struct bytes *b)
{
    put_ethernet(b, 0x86dd);
    put_segment_v6(b);
}

static void build_vlan(struct bytes *b)
{
    put_ethernet(b, 0x8100);
    put_tag(b, 0x0800);
    put_segment_v4(b);
}

static void build_qinq(struct bytes *b)
{
    put_ethernet(b, 0x88a8);
    put_tag(b, 0x8100);
    put_tag(b, 0x86dd);
    put_segment_v6(b);
}

static void build_old_qinq(struct bytes *b)
{
    put_ethernet(b, 0x9100);
    put_tag(b, 0x8100);
    put_tag(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll(struct bytes *b)
{
    put_zeros(b, 14);
    put_u16(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll_vlan(struct bytes *b)
{
    put_zeros(b, 14);
    put_u16(b, 0x8100);
    put_tag(b, 0x86dd);
    put_segment_v6(b);
}

static void build_sll2(struct bytes *b)
{
    put_u16(b, 0x86dd);
    put_zeros(b, 18);
    put_segment_v6(b);
}

static void build_null_little(struct bytes *b)
{
    put_u32(b, 0x02000000);
    put_segment_v4(b);
}

static void build_null_big(struct bytes *b)
{
    put_u32(b, 2);
    put_segment_v4(b);
}

static void build_null_darwin(struct bytes *b)
{
    put_u32(b, 0x1e000000);
    put_segment_v6(b);
}

static void build_loop_v6(struct bytes *b)
{
    put_u32(b, 24);
    put_segment_v6(b);
}

static void build_options(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_ipv4(b, IP_TCP, (uint16_t)(ipv4_bytes + 8), 0);
    b->at[14] = 0x47;
    put_zeros(b, 8);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_extensions(struct bytes *b)
{
    put_ethernet(b, 0x86dd);
    put_ipv6(b, 0, 8 + 16 + 12 + 8 + TCP_WITH_MSS_BYTES + PAYLOAD_BYTES);
    put_u16(b, 60 << 8); /* hop by hop, 8 bytes */
    put_zeros(b, 6);
    put_u16(b, 51 << 8 | 1); /* destination, 16 bytes */
    put_zeros(b, 14);
    put_u16(b, 44 << 8 | 1); /* authentication, 12 bytes */
    put_zeros(b, 10);
    put_u16(b, IP_TCP << 8); /* a fragment that is the whole packet */
    put_zeros(b, 6);
    put_tcp(b, TCP_SYN);
    put_zeros(b, PAYLOAD_BYTES);
}

static void build_padded(struct bytes *b)
{
    build_ethernet(b);
    put_zeros(b, 40);
}

/* ---- LLC ---- */

static void put_snap(struct bytes *b, uint16_t type)
{
    put_u32(b, 0xaaaa0300);
    put_u16(b, 0);
    put_u16(b, type);
}

static void build_snap(struct bytes *b)
{
    put_ethernet(b, (uint16_t)(8 + ipv4_bytes));
    put_snap(b, 0x0800);
    put_segment_v4(b);
}

static void build_bridge_tunnel(struct bytes *b)
{
    put_ethernet(b, (uint16_t)(8 + ipv4_bytes));
    put_u32(b, 0xaaaa0300);
    put_u32(b, 0x00f80800);
    put_segment_v4(b);
    put_zeros(b, 3);
}

static void build_llc_ip(struct bytes *b)
{
    put_ethernet(b, (uint16_t)(3 + ipv4_bytes));
    put_u16(b, 0x0606);
    put_u8(b, 3);
    put_segment_v4(b);
}

static void build_vlan_snap(struct bytes *b)
{
    put_ethernet(b, 0x8100);
    put_tag(b, 8 + 71);
    put_snap(b, 0x86dd);
    put_segment_v6(b);
}

static void build_snap_vlan(struct bytes *b)
{
    put_ethernet(b, (uint16_t)(12 + ipv4_bytes));
    put_snap(b, 0x8100);
    put_tag(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll_llc(struct bytes *b)
{
    put_zeros(b, 14);
    put_u16(b, 4);
    put_snap(b, 0x0800);
    put_segment_v4(b);
}

static void build_sll2_llc(struct bytes *b)
{
    put_u16(b, 4);
    put_zeros(b, 18);
    put_snap(b, 0x86dd);
    put_segment_v6(b);
}

/* ---- MPLS ---- */

static void put_label(struct bytes *b, bool bottom)
{
    put_u32(b, 16u << 12 | (bottom ? 0x100u : 0) | 64);
}

static void build_mpls(struct bytes *b)
{
    put_ethernet(b, 0x8847);
    put_label(b, true);
    put_segment_v4(b);
}

static void build_mpls_stack(struct bytes *b)
{
    put_ethernet(b, 0x8100);
    put_tag(b, 0x8848);
    put_label(b, false);
    put_label(b, false);
    put_label(b, true);
    put_segment_v6(b);
}

static void build_pseudowire(struct bytes *b)
{
    put_ethernet(b, 0x8847);
    put_label(b, false);
    put_label(b, true);
    put_u32(b, 0);
    build_vlan(b);
}

/* ---- PPP ---- */

static void build_ppp(struct bytes *b)
{
    put_u16(b, 0x0021);
    put_segment_v4(b);
}

static void build_ppp_hdlc(struct bytes *b)
{
    put_u16(b, 0xff03);
    put_u16(b, 0x0057);
    put_segment_v6(b);
}

static void build_ppp_compressed(struct bytes *b)
{
    put_u8(b, 0x21);
    put_segment_v4(b);
}

static void build_ppp_hdlc_compressed(struct bytes *b)
{
    put_u16(b, 0xff03);
    put_u8(b, 0x57);
    put_segment_v6(b);
}

static void build_pppd(struct bytes *b)
{
    put_u16(b, 0x0103);
    put_u16(b, 0x0021);
    put_segment_v4(b);
}

static void build_ppp_mpls(struct bytes *b)
{
    put_u16(b, 0x0281);
    put_label(b, true);
    put_segment_v4(b);
}

static void build_ppp_direction(struct bytes *b)
{
    put_u8(b, 1);
    build_ppp_hdlc(b);
}

static void build_ppp_direction_bare(struct bytes *b)
{
    put_u8(b, 0);
    build_ppp(b);
}

static void build_hdlc(struct bytes *b)
{
    put_u16(b, 0x0f00);
    put_u16(b, 0x0800);
    put_segment_v4(b);
}

static void build_hdlc_multicast(struct bytes *b)
{
    put_u16(b, 0x8f00);
    put_u16(b, 0x86dd);
    put_segment_v6(b);
}

static void put_pppoe(struct bytes *b, size_t size)
{
    put_u16(b, 0x1100);
    put_u16(b, 9); /* session */
    put_u16(b, (uint16_t)size);
}

static void build_pppoe_link(struct bytes *b)
{
    put_pppoe(b, 2 + ipv4_bytes);
    build_ppp(b);
}

static void build_pppoe(struct bytes *b)
{
    put_ethernet(b, 0x8864);
    build_pppoe_link(b);
    put_zeros(b, 5);
}

static void build_pppoe_vlan(struct bytes *b)
{
    put_ethernet(b, 0x8100);
    put_tag(b, 0x8864);
    put_pppoe(b, 2 + 71);
    put_u16(b, 0x0057);
    put_segment_v6(b);
}

/* ---- IEEE 802.11 ---- */

/* Of station to station: no DS bit. */
static void put_data_header(struct bytes *b, uint8_t control, uint8_t flags)
{
    put_u8(b, control);
    put_u8(b, flags);
    put_zeros(b, 22);
}

static void build_wireless(struct bytes *b)
{
    put_data_header(b, 0x08, 0x01);
    put_snap(b, 0x0800);
    put_segment_v4(b);
    put_zeros(b, 4); /* frame check sequence */
}

static void build_wireless_qos(struct bytes *b)
{
    put_data_header(b, 0x88, 0x02);
    put_zeros(b, 2);
    put_snap(b, 0x86dd);
    put_segment_v6(b);
}

/* Four addresses, HT control. */
static void build_wireless_long(struct bytes *b)
{
    put_data_header(b, 0x88, 0x83);
    put_zeros(b, 6 + 2 + 4);
    put_snap(b, 0x0800);
    put_segment_v4(b);
}

static void build_wireless_first_fragment(struct bytes *b)
{
    put_data_header(b, 0x08, 0x06);
    put_snap(b, 0x0800);
    put_segment_v4(b);
}

static void build_aggregate(struct bytes *b)
{
    put_data_header(b, 0x88, 0x01);
    put_u16(b, 0x8000);
    put_ethernet(b, (uint16_t)(8 + ipv4_bytes));
    put_snap(b, 0x0800);
    put_segment_v4(b);
    put_zeros(b, 1); /* to a multiple of 4 */
    put_ethernet(b, 30);
    put_zeros(b, 30);
}

static void put_radiotap(struct bytes *b, uint8_t size, const uint8_t present[4])
{
    put_u16(b, 0);
    put_u16(b, (uint16_t)(size << 8)); /* little-endian */
    put(b, present, 4);
}

static void build_radiotap(struct bytes *b)
{
    put_radiotap(b, 8, (const uint8_t[4]){ 0, 0, 0, 0 });
    build_wireless_qos(b);
}

/* Flags behind a time, which is aligned behind a second word of bits; padded behind QoS. */
static void build_radiotap_padded(struct bytes *b)
{
    put_radiotap(b, 27, (const uint8_t[4]){ 0x03, 0, 0, 0x80 });
    put_zeros(b, 4); /* no more bits */
    put_u32(b, UINT32_MAX); /* to a multiple of 8 */
    put_zeros(b, 8);
    put_u8(b, 0x20);
    put_zeros(b, 2);
    put_data_header(b, 0x88, 0x02);
    put_zeros(b, 4);
    put_snap(b, 0x0800);
    put_segment_v4(b);
}

static void build_prism_little(struct bytes *b)
{
    put_u32(b, 0x44000000);
    put_u32(b, 0x90000000);
    put_zeros(b, 128);
    put_zeros(b, 8);
    build_wireless(b);
}

static void build_prism_big(struct bytes *b)
{
    put_u32(b, 0x44);
    put_u32(b, 144);
    put_zeros(b, 128);
    put_zeros(b, 8);
    build_wireless(b);
}

static void build_avs(struct bytes *b)
{
    put_u32(b, 0x80211001);
    put_u32(b, 64);
    put_zeros(b, 56);
    build_wireless_qos(b);
}

/* ---- tunnels ---- */

/* 192.0.2.200 to 198.51.100.9; nothing of it may be left in the view of what is within. */
static void put_outer_v4(struct bytes *b, uint8_t protocol, size_t size)
{
    size_t at = b->size;

    put_ipv4(b, protocol, (uint16_t)(20 + size), 0);
    wire_put_u16(b->at + at + 4, 999);
    b->at[at + 8] = 7;
    wire_put_u32(b->at + at + 12, 0xc00002c8);
    wire_put_u32(b->at + at + 16, 0xc6336409);
}

static void put_outer_v6(struct bytes *b, uint8_t next, size_t size)
{
    size_t at = b->size;

    put_ipv6(b, next, (uint16_t)size);
    b->at[at + 7] = 7;
    b->at[at + 23] = 200;
}

static void build_4in4(struct bytes *b)
{
    put_outer_v4(b, 4, ipv4_bytes);
    put_segment_v4(b);
}

static void build_6in4(struct bytes *b)
{
    put_outer_v4(b, 41, 71);
    put_segment_v6(b);
}

static void build_4in6(struct bytes *b)
{
    put_outer_v6(b, 4, ipv4_bytes);
    put_segment_v4(b);
}

static void build_6in6in4(struct bytes *b)
{
    put_outer_v4(b, 41, 40 + 71);
    put_outer_v6(b, 41, 71);
    put_segment_v6(b);
}

static void build_gre(struct bytes *b)
{
    put_outer_v4(b, 47, 4 + ipv4_bytes);
    put_u32(b, 0x0800);
    put_segment_v4(b);
}

static void build_gre_options(struct bytes *b)
{
    put_outer_v6(b, 47, 16 + 71);
    put_u32(b, 0xb00086dd);
    put_zeros(b, 12); /* checksum, key, number */
    put_segment_v6(b);
}

static void build_gre_ethernet(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_outer_v4(b, 47, 8 + 18 + ipv4_bytes);
    put_u32(b, 0x20006558);
    put_u32(b, 0xdeadbeef); /* key */
    build_vlan(b);
}

static void build_gre_mpls(struct bytes *b)
{
    put_outer_v4(b, 47, 8 + ipv4_bytes);
    put_u32(b, 0x8847);
    put_label(b, true);
    put_segment_v4(b);
}

static void build_pptp(struct bytes *b)
{
    put_outer_v4(b, 47, 16 + 4 + ipv4_bytes);
    put_u32(b, 0x3081880b);
    put_zeros(b, 12); /* key, number, acknowledgement */
    put_u32(b, 0xff030021);
    put_segment_v4(b);
}

static void build_erspan_1(struct bytes *b)
{
    put_outer_v4(b, 47, 4 + 14 + ipv4_bytes);
    put_u32(b, 0x88be);
    build_ethernet(b);
}

static void build_erspan_2(struct bytes *b)
{
    put_outer_v4(b, 47, 16 + 14 + 71);
    put_u32(b, 0x100088be);
    put_u32(b, 1);
    put_u32(b, 0x10050000);
    put_u32(b, 0);
    build_ethernet_v6(b);
}

/* To `port`, with a network number. */
static void put_vxlan(struct bytes *b, uint16_t port, size_t size)
{
    put_udp(b, (uint16_t)(16 + size));
    wire_put_u16(b->at + b->size - 6, port);
    put_u32(b, 0x08000000);
    put_u32(b, 77 << 8);
}

static void build_vxlan(struct bytes *b)
{
    put_ethernet(b, 0x0800);
    put_outer_v4(b, IP_UDP, 16 + 14 + ipv4_bytes);
    put_vxlan(b, 4789, 14 + ipv4_bytes);
    build_ethernet(b);
    put_zeros(b, 6);
}

static void build_vxlan_old(struct bytes *b)
{
    put_ethernet(b, 0x86dd);
    put_outer_v6(b, IP_UDP, 16 + 18 + ipv4_bytes);
    put_vxlan(b, 8472, 18 + ipv4_bytes);
    build_vlan(b);
}

/* GRE in VXLAN. */
static void build_vxlan_gre(struct bytes *b)
{
    put_outer_v4(b, IP_UDP, 16 + 14 + 24 + ipv4_bytes);
    put_vxlan(b, 4789, 14 + 24 + ipv4_bytes);
    put_ethernet(b, 0x0800);
    build_gre(b);
}

static const struct segment {
    const char *name;
    enum decode_link link;
    void (*build)(struct bytes *b);
    uint32_t ip_bytes;
    uint8_t ttl;
    size_t trailer;      /* bytes behind the packet */
    bool tunnels;        /* are to be looked through */
    uint16_t outer_port; /* of the datagram around it, if it is the view when this cannot be */
    size_t outer_headers;
} segments[] = {
    { "Ethernet", DECODE_ETHERNET, build_ethernet, 51, .ttl = 63 },
    { "Ethernet, IPv6", DECODE_ETHERNET, build_ethernet_v6, 71, .ttl = 62 },
    { "VLAN", DECODE_ETHERNET, build_vlan, 51, .ttl = 63 },
    { "QinQ", DECODE_ETHERNET, build_qinq, 71, .ttl = 62 },
    { "QinQ before 802.1ad", DECODE_ETHERNET, build_old_qinq, 51, .ttl = 63 },
    { "Linux cooked", DECODE_LINUX_SLL, build_sll, 51, .ttl = 63 },
    { "Linux cooked, VLAN", DECODE_LINUX_SLL, build_sll_vlan, 71, .ttl = 62 },
    { "Linux cooked 2", DECODE_LINUX_SLL2, build_sll2, 71, .ttl = 62 },
    { "raw IPv4", DECODE_RAW_IP, put_segment_v4, 51, .ttl = 63 },
    { "raw IPv6", DECODE_RAW_IP, put_segment_v6, 71, .ttl = 62 },
    { "loopback of a small-endian host", DECODE_NULL, build_null_little, 51, .ttl = 63 },
    { "loopback of a big-endian host", DECODE_NULL, build_null_big, 51, .ttl = 63 },
    { "loopback of Darwin, IPv6", DECODE_NULL, build_null_darwin, 71, .ttl = 62 },
    { "loopback of OpenBSD, IPv6", DECODE_LOOP, build_loop_v6, 71, .ttl = 62 },
    { "IPv4 options", DECODE_ETHERNET, build_options, 59, .ttl = 63 },
    { "IPv6 extensions", DECODE_ETHERNET, build_extensions, 115, .ttl = 62 },
    { "padding", DECODE_ETHERNET, build_padded, 51, .ttl = 63, .trailer = 40 },
    { "SNAP", DECODE_ETHERNET, build_snap, 51, .ttl = 63 },
    { "SNAP of 802.1H, padding", DECODE_ETHERNET, build_bridge_tunnel, 51, .ttl = 63,
      .trailer = 3 },
    { "IP in LLC", DECODE_ETHERNET, build_llc_ip, 51, .ttl = 63 },
    { "SNAP in VLAN", DECODE_ETHERNET, build_vlan_snap, 71, .ttl = 62 },
    { "VLAN in SNAP", DECODE_ETHERNET, build_snap_vlan, 51, .ttl = 63 },
    { "Linux cooked, SNAP", DECODE_LINUX_SLL, build_sll_llc, 51, .ttl = 63 },
    { "Linux cooked 2, SNAP", DECODE_LINUX_SLL2, build_sll2_llc, 71, .ttl = 62 },
    { "MPLS", DECODE_ETHERNET, build_mpls, 51, .ttl = 63 },
    { "three labels in VLAN", DECODE_ETHERNET, build_mpls_stack, 71, .ttl = 62 },
    { "pseudowire with a control word", DECODE_ETHERNET, build_pseudowire, 51, .ttl = 63 },
    { "PPP", DECODE_PPP, build_ppp, 51, .ttl = 63 },
    { "PPP, HDLC, IPv6", DECODE_PPP, build_ppp_hdlc, 71, .ttl = 62 },
    { "PPP, short protocol", DECODE_PPP, build_ppp_compressed, 51, .ttl = 63 },
    { "PPP, HDLC, short protocol", DECODE_PPP, build_ppp_hdlc_compressed, 71, .ttl = 62 },
    { "PPP with Linux's direction", DECODE_PPP, build_pppd, 51, .ttl = 63 },
    { "PPP, MPLS", DECODE_PPP, build_ppp_mpls, 51, .ttl = 63 },
    { "PPP, Cisco HDLC", DECODE_PPP, build_hdlc, 51, .ttl = 63 },
    { "PPP behind a direction, HDLC", DECODE_PPP_DIRECTION, build_ppp_direction, 71, .ttl = 62 },
    { "PPP behind a direction", DECODE_PPP_DIRECTION, build_ppp_direction_bare, 51, .ttl = 63 },
    { "Cisco HDLC", DECODE_CISCO_HDLC, build_hdlc, 51, .ttl = 63 },
    { "Cisco HDLC, multicast, IPv6", DECODE_CISCO_HDLC, build_hdlc_multicast, 71, .ttl = 62 },
    { "PPPoE as a link", DECODE_PPPOE, build_pppoe_link, 51, .ttl = 63 },
    { "PPPoE, padding", DECODE_ETHERNET, build_pppoe, 51, .ttl = 63, .trailer = 5 },
    { "PPPoE in VLAN, IPv6", DECODE_ETHERNET, build_pppoe_vlan, 71, .ttl = 62 },
    { "802.11", DECODE_IEEE80211, build_wireless, 51, .ttl = 63, .trailer = 4 },
    { "802.11, QoS", DECODE_IEEE80211, build_wireless_qos, 71, .ttl = 62 },
    { "802.11, 4 addresses, HT control", DECODE_IEEE80211, build_wireless_long, 51, .ttl = 63 },
    { "802.11, aggregate", DECODE_IEEE80211, build_aggregate, 51, .ttl = 63, .trailer = 45 },
    { "radiotap", DECODE_IEEE80211_RADIOTAP, build_radiotap, 71, .ttl = 62 },
    { "radiotap, padding", DECODE_IEEE80211_RADIOTAP, build_radiotap_padded, 51, .ttl = 63 },
    { "Prism of a small-endian host", DECODE_IEEE80211_PRISM, build_prism_little, 51, .ttl = 63,
      .trailer = 4 },
    { "Prism of a big-endian host", DECODE_IEEE80211_PRISM, build_prism_big, 51, .ttl = 63,
      .trailer = 4 },
    { "AVS", DECODE_IEEE80211_PRISM, build_avs, 71, .ttl = 62 },
    { "IPv4 in IPv4", DECODE_RAW_IP, build_4in4, 51, .ttl = 63, .tunnels = true },
    { "IPv6 in IPv4", DECODE_RAW_IP, build_6in4, 71, .ttl = 62, .tunnels = true },
    { "IPv4 in IPv6", DECODE_RAW_IP, build_4in6, 51, .ttl = 63, .tunnels = true },
    { "IPv6 in IPv6 in IPv4", DECODE_RAW_IP, build_6in6in4, 71, .ttl = 62, .tunnels = true },
    { "GRE", DECODE_RAW_IP, build_gre, 51, .ttl = 63, .tunnels = true },
    { "GRE with all options", DECODE_RAW_IP, build_gre_options, 71, .ttl = 62, .tunnels = true },
    { "Ethernet in GRE", DECODE_ETHERNET, build_gre_ethernet, 51, .ttl = 63, .tunnels = true },
    { "MPLS in GRE", DECODE_RAW_IP, build_gre_mpls, 51, .ttl = 63, .tunnels = true },
    { "PPTP", DECODE_RAW_IP, build_pptp, 51, .ttl = 63, .tunnels = true },
    { "ERSPAN I", DECODE_RAW_IP, build_erspan_1, 51, .ttl = 63, .tunnels = true },
    { "ERSPAN II", DECODE_RAW_IP, build_erspan_2, 71, .ttl = 62, .tunnels = true },
    { "VXLAN", DECODE_ETHERNET, build_vxlan, 51, .ttl = 63, .trailer = 6,
      .tunnels = true, .outer_port = 4789, .outer_headers = 42 },
    { "VXLAN of old, in IPv6", DECODE_ETHERNET, build_vxlan_old, 51, .ttl = 63,
      .tunnels = true, .outer_port = 8472, .outer_headers = 62 },
    { "GRE in VXLAN", DECODE_RAW_IP, build_vxlan_gre, 51, .ttl = 63,
      .tunnels = true, .outer_port = 4789, .outer_headers = 28 },
};

enum { SEGMENTS = sizeof segments / sizeof segments[0] };

/* Up to the 20th byte of TCP: what a snaplen may not cut. */
static size_t header_bytes(const struct segment *segment, const struct bytes *frame)
{
    return frame->size - segment->trailer - PAYLOAD_BYTES - 4;
}

static void assert_segment(const struct packet_view *view, size_t i, bool options)
{
    struct ip_address source;
    struct ip_address destination;

    ip_address_parse(&source, segments[i].ttl == 63 ? "10.0.0.1" : "2001:db8::1");
    ip_address_parse(&destination, segments[i].ttl == 63 ? "192.0.2.2" : "2001:db8::2");
    assert_true(ip_address_equal(&view->source, &source));
    assert_true(ip_address_equal(&view->destination, &destination));
    assert_int_equal(view->protocol, IP_TCP);
    assert_int_equal(view->ttl, segments[i].ttl);
    assert_int_equal(view->source_port, 40000);
    assert_int_equal(view->destination_port, 443);
    assert_int_equal(view->tcp_flags, TCP_SYN);
    assert_int_equal(view->tcp_mss, options ? 1400 : 0);
    assert_int_equal(view->tcp_window, 8192);
    assert_int_equal(view->tcp_sequence, 0x01020304);
    assert_int_equal(view->tcp_acknowledgement, 0x05060708);
    assert_int_equal(view->tcp_options, options ? TCP_OPTION_MSS : 0);
    assert_int_equal(view->ip_id, segments[i].ttl == 63 ? 77 : 0);
    assert_false(view->fragment);
    assert_int_equal(view->ip_bytes, segments[i].ip_bytes);
    assert_int_equal(view->payload_bytes, PAYLOAD_BYTES);
    assert_int_equal(view->transport_offset, segments[i].ip_bytes - 24 - PAYLOAD_BYTES);
}

static void test_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view = { .time = { 42 } };
        size_t whole;

        segments[i].build(&frame);
        whole = frame.size - segments[i].trailer;
        if (decode_frame(segments[i].link, frame.at, frame.size, frame.size, segments[i].tunnels,
                         &view) != DECODE_OK)
            fail_msg("%s does not decode", segments[i].name);
        assert_segment(&view, i, true);
        assert_int_equal(view.time.ns, 42);
        assert_ptr_equal(view.ip, frame.at + whole - segments[i].ip_bytes);
        assert_int_equal(view.ip_captured, segments[i].ip_bytes);
        assert_int_equal(wire_get_u16(view.ip + view.transport_offset), 40000);
    }
}

/*
 * Holds of whatever was decoded. A packet is longer than what is left of its frame only by what a
 * snaplen cut, or where headers came in fragments.
 */
static void assert_sound(enum decode_result result, const struct packet_view *view,
                         const uint8_t *bytes, size_t captured)
{
    if (result != DECODE_OK && result != DECODE_FRAGMENT)
        return;
    assert_true(view->ip >= bytes);
    assert_true(view->ip_captured >= 20);
    assert_true((size_t)(view->ip - bytes) + view->ip_captured <= captured);
    assert_true(view->ip_captured <= view->ip_bytes);
    assert_true(view->payload_bytes < view->ip_bytes);
    assert_true(view->transport_offset >= 20);
    assert_true(view->transport_offset + view->payload_bytes <= view->ip_bytes);
    assert_true(view->tcp_window_scale <= 14);
    if (result == DECODE_FRAGMENT)
        assert_true(view->fragment && view->source_port == 0 && view->destination_port == 0);
}

/* The bytes lie at the end of an allocation of their size, where a sanitizer sees what is read. */
static enum decode_result decode_copy(enum decode_link link, bool tunnels,
                                      const struct bytes *frame, size_t captured, size_t original,
                                      struct packet_view *view)
{
    uint8_t *copy = malloc(captured > 0 ? captured : 1);
    enum decode_result result;

    assert_non_null(copy);
    memcpy(copy, frame->at, captured);
    result = decode_frame(link, copy, captured, original, tunnels, view);
    assert_sound(result, view, copy, captured);
    free(copy);
    return result;
}

static void assert_snapped(size_t i, const struct bytes *frame, size_t captured)
{
    const struct segment *segment = &segments[i];
    const size_t headers = header_bytes(segment, frame);
    const size_t begin = headers + 4 + PAYLOAD_BYTES - segment->ip_bytes;
    const bool outer = segment->outer_port && captured < headers;
    const size_t needed = outer ? segment->outer_headers : headers;
    struct packet_view view = { 0 };
    enum decode_result result = decode_copy(segment->link, segment->tunnels, frame, captured,
                                            frame->size, &view);

    if (result != (captured < needed ? DECODE_CUT : DECODE_OK))
        fail_msg("%s snapped at %zu: %s", segment->name, captured, decode_result_name(result));
    if (result != DECODE_OK)
        return;
    if (outer) {
        assert_int_equal(view.destination_port, segment->outer_port);
        return;
    }
    assert_segment(&view, i, captured >= headers + 4);
    assert_int_equal(view.ip_captured, captured - begin < view.ip_bytes ? captured - begin
                                                                        : view.ip_bytes);
}

static void test_snapped_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };

        segments[i].build(&frame);
        for (size_t captured = 0; captured <= frame.size; captured++)
            assert_snapped(i, &frame, captured);
    }
}

static void test_short_on_the_wire_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };

        segments[i].build(&frame);
        for (size_t size = 0; size < frame.size - segments[i].trailer; size++) {
            struct packet_view view = { 0 };
            enum decode_result result = decode_copy(segments[i].link, segments[i].tunnels, &frame,
                                                    size, size, &view);

            if (result != DECODE_MALFORMED)
                fail_msg("%s of %zu bytes: %s", segments[i].name, size,
                         decode_result_name(result));
        }
    }
}

static void test_original_below_captured(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 3, false, &view), DECODE_OK);
    assert_segment(&view, 0, true);
    frame.at[17]++; /* now the packet is longer than what was captured */
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 3, false, &view),
                     DECODE_MALFORMED);
}

/* Lengths of 0 that offloading leaves: what the frame holds counts. */
static void test_offloaded(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    wire_put_u16(frame.at + 16, 0);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 30014, false, &view), DECODE_OK);
    assert_int_equal(view.ip_bytes, 30000);
    assert_int_equal(view.payload_bytes, 30000 - 44);

    frame.size = 0;
    build_ethernet_v6(&frame);
    wire_put_u16(frame.at + 18, 0);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, 70014, false, &view), DECODE_OK);
    assert_int_equal(view.ip_bytes, 70000);
    assert_int_equal(view.payload_bytes, 70000 - 64);
    assert_int_equal(decode_frame(DECODE_ETHERNET, frame.at, frame.size, UINT32_MAX, false, &view),
                     DECODE_MALFORMED);
}

/* A small change to a good frame, and what becomes of it. */
static const struct {
    const char *name;
    enum decode_link link;
    void (*build)(struct bytes *b);
    size_t offset;
    uint8_t value;
    enum decode_result expected;
} changes[] = {
    { "nothing", DECODE_ETHERNET, build_ethernet, 14, 0x45, DECODE_OK },
    { "ARP", DECODE_ETHERNET, build_ethernet, 13, 0x06, DECODE_NOT_IP },
    { "more than a length", DECODE_ETHERNET, build_snap, 12, 0x06, DECODE_NOT_IP },
    { "ARP behind a tag", DECODE_ETHERNET, build_vlan, 17, 0x06, DECODE_NOT_IP },
    { "version 5", DECODE_ETHERNET, build_ethernet, 14, 0x55, DECODE_MALFORMED },
    { "version 4 in IPv6", DECODE_ETHERNET, build_ethernet_v6, 14, 0x45, DECODE_MALFORMED },
    { "header of 16 bytes", DECODE_ETHERNET, build_ethernet, 14, 0x44, DECODE_MALFORMED },
    { "header beyond the packet", DECODE_ETHERNET, build_ethernet, 14, 0x4f, DECODE_MALFORMED },
    { "packet shorter than its header", DECODE_ETHERNET, build_ethernet, 17, 19, DECODE_MALFORMED },
    { "packet longer than the frame", DECODE_ETHERNET, build_ethernet, 17, 52, DECODE_MALFORMED },
    { "payload longer than the frame", DECODE_ETHERNET, build_ethernet_v6, 19, 32,
      DECODE_MALFORMED },
    { "no room for TCP", DECODE_ETHERNET, build_ethernet, 17, 39, DECODE_MALFORMED },
    { "TCP of 16 bytes", DECODE_ETHERNET, build_ethernet, 46, 0x40, DECODE_MALFORMED },
    { "TCP beyond the packet", DECODE_ETHERNET, build_ethernet, 46, 0x80, DECODE_MALFORMED },
    { "ESP", DECODE_ETHERNET, build_ethernet, 23, 50, DECODE_OTHER_IP },
    { "IPv6 in IPv4", DECODE_ETHERNET, build_ethernet, 23, 41, DECODE_OTHER_IP },
    { "ICMPv6 in IPv4", DECODE_ETHERNET, build_ethernet, 23, IP_ICMPV6, DECODE_OTHER_IP },
    { "ICMP in IPv6", DECODE_ETHERNET, build_ethernet_v6, 20, IP_ICMP, DECODE_OTHER_IP },
    { "no next header", DECODE_ETHERNET, build_ethernet_v6, 20, 59, DECODE_OTHER_IP },
    { "later fragment", DECODE_ETHERNET, build_ethernet, 21, 1, DECODE_FRAGMENT },
    { "last fragment", DECODE_ETHERNET, build_ethernet, 20, 0x1f, DECODE_FRAGMENT },
    { "fragment behind 32 KiB", DECODE_ETHERNET, build_ethernet, 20, 0x10, DECODE_FRAGMENT },
    { "first fragment", DECODE_ETHERNET, build_ethernet, 20, 0x20, DECODE_OK },
    { "later fragment of IPv6", DECODE_ETHERNET, build_extensions, 93, 0x08, DECODE_FRAGMENT },
    { "first fragment of IPv6", DECODE_ETHERNET, build_extensions, 93, 0x01, DECODE_OK },
    { "extension beyond the packet", DECODE_ETHERNET, build_extensions, 55, 200, DECODE_MALFORMED },
    { "802.3 longer than the frame", DECODE_ETHERNET, build_snap, 13, 60, DECODE_MALFORMED },
    { "802.3 shorter than its packet", DECODE_ETHERNET, build_snap, 13, 58, DECODE_MALFORMED },
    { "802.3 without LLC", DECODE_ETHERNET, build_snap, 13, 2, DECODE_MALFORMED },
    { "spanning tree", DECODE_ETHERNET, build_snap, 14, 0x42, DECODE_NOT_IP },
    { "LLC with numbers", DECODE_ETHERNET, build_snap, 16, 0x10, DECODE_NOT_IP },
    { "SNAP of Cisco", DECODE_ETHERNET, build_snap, 19, 0x0c, DECODE_NOT_IP },
    { "SNAP of ARP", DECODE_ETHERNET, build_snap, 21, 0x06, DECODE_NOT_IP },
    { "cooked 802.3", DECODE_LINUX_SLL, build_sll_llc, 15, 1, DECODE_NOT_IP },
    { "MPLS over what is not IP", DECODE_ETHERNET, build_mpls, 18, 0x55, DECODE_MALFORMED },
    { "a header taken for labels", DECODE_ETHERNET, build_mpls, 16, 0, DECODE_NOT_IP },
    { "control word of another kind", DECODE_ETHERNET, build_pseudowire, 23, 1, DECODE_NOT_IP },
    { "pseudowire of ARP", DECODE_ETHERNET, build_pseudowire, 43, 0x06, DECODE_NOT_IP },
    { "LCP", DECODE_PPP, build_ppp, 0, 0xc0, DECODE_NOT_IP },
    { "another control byte", DECODE_PPP, build_ppp_hdlc, 1, 0x13, DECODE_NOT_IP },
    { "SLARP", DECODE_CISCO_HDLC, build_hdlc, 2, 0x80, DECODE_NOT_IP },
    { "PPPoE discovery", DECODE_PPPOE, build_pppoe_link, 1, 0x09, DECODE_NOT_IP },
    { "PPPoE version 2", DECODE_PPPOE, build_pppoe_link, 0, 0x21, DECODE_MALFORMED },
    { "PPPoE longer than the frame", DECODE_PPPOE, build_pppoe_link, 5, 54, DECODE_MALFORMED },
    { "PPPoE shorter than its packet", DECODE_PPPOE, build_pppoe_link, 5, 52, DECODE_MALFORMED },
    { "beacon", DECODE_IEEE80211, build_wireless, 0, 0x80, DECODE_NOT_IP },
    { "802.11 of another version", DECODE_IEEE80211, build_wireless, 0, 0x09, DECODE_NOT_IP },
    { "802.11 without data", DECODE_IEEE80211, build_wireless, 0, 0x48, DECODE_NOT_IP },
    { "802.11 encrypted", DECODE_IEEE80211, build_wireless, 1, 0x41, DECODE_NOT_IP },
    { "802.11 later fragment", DECODE_IEEE80211, build_wireless, 22, 0x31, DECODE_NOT_IP },
    { "802.11 of a number", DECODE_IEEE80211, build_wireless, 22, 0x30, DECODE_OK },
    { "aggregate beyond the frame", DECODE_IEEE80211, build_aggregate, 39, 250, DECODE_MALFORMED },
    { "radiotap version 1", DECODE_IEEE80211_RADIOTAP, build_radiotap, 0, 1, DECODE_MALFORMED },
    { "radiotap of 7 bytes", DECODE_IEEE80211_RADIOTAP, build_radiotap, 2, 7, DECODE_MALFORMED },
    { "radiotap beyond the frame", DECODE_IEEE80211_RADIOTAP, build_radiotap, 3, 9,
      DECODE_MALFORMED },
    { "damaged on the air", DECODE_IEEE80211_RADIOTAP, build_radiotap_padded, 24, 0x60,
      DECODE_MALFORMED },
    { "bits without an end", DECODE_IEEE80211_RADIOTAP, build_radiotap_padded, 11, 0x80,
      DECODE_NOT_IP }, /* no flags, hence no padding */
    { "Prism of 7 bytes", DECODE_IEEE80211_PRISM, build_prism_little, 4, 7, DECODE_MALFORMED },
    { "Prism beyond the frame", DECODE_IEEE80211_PRISM, build_prism_little, 5, 1,
      DECODE_MALFORMED },
};

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;
        enum decode_result result;

        changes[i].build(&frame);
        frame.at[changes[i].offset] = changes[i].value;
        result = decode(changes[i].link, &frame, &view);
        if (result != changes[i].expected)
            fail_msg("%s: %s", changes[i].name, decode_result_name(result));
    }
}

/* What a tunnel's packet is when it cannot be read, or is not to be. */
static const struct {
    const char *name;
    void (*build)(struct bytes *b);
    size_t offset;
    uint8_t value;
    bool tunnels;
    enum decode_result expected;
    uint16_t destination_port; /* of the view after DECODE_OK */
} tunnel_changes[] = {
    { "GRE, not asked for", build_gre, 0, 0x45, false, DECODE_OTHER_IP, 0 },
    { "IPv4 in IPv4, not asked for", build_4in4, 0, 0x45, false, DECODE_OTHER_IP, 0 },
    { "IPv6 in IPv4, not asked for", build_6in4, 0, 0x45, false, DECODE_OTHER_IP, 0 },
    { "VXLAN, not asked for", build_vxlan_gre, 0, 0x45, false, DECODE_OK, 4789 },
    { "version 6 in 4 in 4", build_4in4, 20, 0x65, true, DECODE_MALFORMED, 0 },
    { "ESP in IPv4", build_4in4, 29, 50, true, DECODE_OTHER_IP, 0 },
    { "later fragment in IPv4", build_4in4, 27, 1, true, DECODE_FRAGMENT, 0 },
    { "GRE with a route", build_gre, 20, 0x40, true, DECODE_OTHER_IP, 0 },
    { "GRE with a bit of version 1", build_gre, 21, 0x80, true, DECODE_OK, 443 },
    { "GRE version 2", build_gre, 21, 0x02, true, DECODE_OTHER_IP, 0 },
    { "ARP in GRE", build_gre, 23, 0x06, true, DECODE_NOT_IP, 0 },
    { "ARP in Ethernet in GRE", build_erspan_1, 37, 0x06, true, DECODE_NOT_IP, 0 },
    { "GRE in VXLAN", build_vxlan_gre, 0, 0x45, true, DECODE_OK, 443 },
    { "ARP in VXLAN", build_vxlan_gre, 49, 0x06, true, DECODE_OK, 4789 },
    { "malformed in VXLAN", build_vxlan_gre, 50, 0x55, true, DECODE_OK, 4789 },
    { "ARP in GRE in VXLAN", build_vxlan_gre, 73, 0x06, true, DECODE_OK, 4789 },
    { "packet beyond its datagram", build_vxlan_gre, 25, 104, true, DECODE_OK, 4789 },
    { "VXLAN without a network", build_vxlan_gre, 28, 0x00, true, DECODE_OK, 4789 },
    { "another port than VXLAN's", build_vxlan_gre, 23, 0xb6, true, DECODE_OK, 4790 },
    { "later fragment in VXLAN", build_vxlan_gre, 57, 1, true, DECODE_FRAGMENT, 0 },
};

static void test_tunnel_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tunnel_changes / sizeof tunnel_changes[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view = { .destination_port = 0 };
        enum decode_result result;

        tunnel_changes[i].build(&frame);
        frame.at[tunnel_changes[i].offset] = tunnel_changes[i].value;
        result = decode_copy(DECODE_RAW_IP, tunnel_changes[i].tunnels, &frame, frame.size,
                             frame.size, &view);
        if (result != tunnel_changes[i].expected)
            fail_msg("%s: %s", tunnel_changes[i].name, decode_result_name(result));
        if (result == DECODE_OK)
            assert_int_equal(view.destination_port, tunnel_changes[i].destination_port);
    }
}

/* ---- nesting ---- */

static void put_4in4(struct bytes *b, size_t within)
{
    put_outer_v4(b, 4, within);
}

static void put_vxlan_frame(struct bytes *b, size_t within)
{
    put_outer_v4(b, IP_UDP, 16 + 14 + within);
    put_vxlan(b, 4789, 14 + within);
    put_ethernet(b, 0x0800);
}

static void put_pseudowire(struct bytes *b, size_t within)
{
    (void)within;
    put_ethernet(b, 0x8847);
    put_label(b, true);
    put_u32(b, 0);
}

/* PPP may begin with Cisco's header, which can name PPPoE. */
static void put_pppoe_in_hdlc(struct bytes *b, size_t within)
{
    put_u32(b, 0x0f008864);
    put_u16(b, 0x1100);
    put_u16(b, 1); /* session */
    put_u16(b, (uint16_t)within);
}

static void put_ip_in_hdlc(struct bytes *b)
{
    put_u32(b, 0x0f000800);
    put_segment_v4(b);
}

static void test_nesting(void **state)
{
    static const struct {
        const char *name;
        enum decode_link link;
        void (*put)(struct bytes *b, size_t within);
        size_t size; /* of one */
        void (*innermost)(struct bytes *b);
        size_t innermost_bytes;
        enum decode_result too_deep;
    } cases[] = {
        { "IPv4", DECODE_RAW_IP, put_4in4, 20, put_segment_v4, 51, DECODE_OTHER_IP },
        { "VXLAN", DECODE_RAW_IP, put_vxlan_frame, 50, put_segment_v4, 51, DECODE_OK },
        { "pseudowires", DECODE_ETHERNET, put_pseudowire, 22, build_ethernet, 65, DECODE_NOT_IP },
        { "PPPoE", DECODE_CISCO_HDLC, put_pppoe_in_hdlc, 10, put_ip_in_hdlc, 55, DECODE_NOT_IP },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t depth = 0; depth <= DECODE_MAX_NESTING + 2; depth++) {
            struct bytes frame = { .size = 0 };
            struct packet_view view;
            const bool read = depth <= DECODE_MAX_NESTING;

            for (size_t k = depth; k > 0; k--)
                cases[i].put(&frame, cases[i].innermost_bytes + (k - 1) * cases[i].size);
            cases[i].innermost(&frame);
            if (decode_inner(cases[i].link, &frame, &view) != (read ? DECODE_OK : cases[i].too_deep))
                fail_msg("%zu %s", depth, cases[i].name);
            if (read)
                assert_segment(&view, 0, true);
        }
    }
}

/* However long a frame is, what repeats in it must not use up the stack. */
static void test_long_repetitions(void **state)
{
    static const struct {
        enum decode_link link;
        uint8_t head[20];
        size_t head_bytes;
        uint8_t repeated[12];
        size_t repeated_bytes;
    } cases[] = {
        { DECODE_CISCO_HDLC, { 0x0f, 0, 0x81, 0 }, 4, { 0, 5, 0x81, 0 }, 4 },
        { DECODE_CISCO_HDLC, { 0x0f, 0, 0x88, 0x47 }, 4, { 0, 1, 0, 64 }, 4 },
        { DECODE_LINUX_SLL, { [15] = 4 }, 16,
          { 0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0, 0, 5, 5, 0 }, 12 },
        { DECODE_RAW_IP, { 0x60, [6] = 60 }, 20, { 60, 0 }, 8 },
    };
    enum { LONG_BYTES = 256 * 1024 };
    uint8_t *frame = malloc(LONG_BYTES);

    (void)state;
    assert_non_null(frame);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packet_view view;

        memcpy(frame, cases[i].head, cases[i].head_bytes);
        for (size_t at = cases[i].head_bytes; at < LONG_BYTES; at++)
            frame[at] = cases[i].repeated[(at - cases[i].head_bytes) % cases[i].repeated_bytes];
        assert_true(decode_frame(cases[i].link, frame, LONG_BYTES, LONG_BYTES, true, &view) >=
                    DECODE_NOT_IP);
    }
    free(frame);
}

/* ---- fragments ---- */

static void test_fragments_v4(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view = { .fragment = false };

    (void)state;
    put_ipv4(&frame, IP_UDP, 20 + 8 + 30, 0x2000);
    put_udp(&frame, 8 + 100);
    put_zeros(&frame, 30);
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_OK);
    assert_true(view.fragment);
    assert_int_equal(view.ip_id, 77);
    assert_int_equal(view.destination_port, 53);
    assert_int_equal(view.payload_bytes, 30);
    assert_int_equal(view.datagram_bytes, 100);

    wire_put_u16(frame.at + 6, 5); /* the last one, behind 40 bytes */
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_FRAGMENT);
    assert_int_equal(view.datagram_bytes, 0);
    assert_true(view.fragment);
    assert_int_equal(view.ip_id, 77);
    assert_int_equal(view.protocol, IP_UDP);
    assert_int_equal(view.ttl, 63);
    assert_int_equal(ip_address_to_v4(&view.source), 0x0a000001);
    assert_int_equal(ip_address_to_v4(&view.destination), 0xc0000202);
    assert_int_equal(view.source_port, 0);
    assert_int_equal(view.destination_port, 0);
    assert_int_equal(view.ip_bytes, 58);
    assert_int_equal(view.ip_captured, 58);
    assert_int_equal(view.payload_bytes, 38);
}

static void test_fragments_v6(void **state)
{
    struct ip_address source;
    struct bytes frame = { .size = 0 };
    struct packet_view view = { .fragment = false };

    (void)state;
    ip_address_parse(&source, "2001:db8::1");
    put_ipv6(&frame, 44, 8 + 8 + 30);
    put_u32(&frame, IP_UDP << 24 | 1); /* the first of several */
    put_u32(&frame, 0xfedcba98);
    put_udp(&frame, 8 + 100);
    put_zeros(&frame, 30);
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_OK);
    assert_true(view.fragment);
    assert_int_equal(view.ip_id, 0xfedcba98);
    assert_int_equal(view.payload_bytes, 30);
    assert_int_equal(view.datagram_bytes, 100);

    wire_put_u16(frame.at + 42, 40); /* the last one, behind 40 bytes */
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_FRAGMENT);
    assert_true(view.fragment);
    assert_int_equal(view.ip_id, 0xfedcba98);
    assert_int_equal(view.protocol, IP_UDP);
    assert_int_equal(view.ttl, 62);
    assert_true(ip_address_equal(&view.source, &source));
    assert_int_equal(view.source_port, 0);
    assert_int_equal(view.ip_bytes, 86);
    assert_int_equal(view.payload_bytes, 38);

    wire_put_u16(frame.at + 42, 0); /* the only one */
    wire_put_u16(frame.at + 52, 8 + 30);
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_OK);
    assert_false(view.fragment);
    assert_int_equal(view.ip_id, 0xfedcba98);
    assert_int_equal(view.datagram_bytes, 0);
}

/* A fragment may end within TCP's options, but not before them. */
static void test_tcp_header_in_fragments(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    put_ipv4(&frame, IP_TCP, 20 + TCP_WITH_MSS_BYTES, 0x2000);
    put_tcp(&frame, TCP_SYN);
    frame.at[32] = 0xf0; /* a header of 60 bytes */
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_OK);
    assert_int_equal(view.tcp_mss, 1400);
    assert_int_equal(view.payload_bytes, 0);
    wire_put_u16(frame.at + 2, 36);
    assert_int_equal(decode(DECODE_RAW_IP, &frame, &view), DECODE_MALFORMED);
}

/* The packet within is read from the first piece: its own lengths hold, also beyond that. */
static void test_tunnels_in_fragments(void **state)
{
    static const struct {
        void (*build)(struct bytes *b);
        size_t inner; /* where the packet begins */
    } cases[] = {
        { build_4in4, 20 }, { build_gre, 24 }, { build_vxlan_gre, 74 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;
        uint8_t protocol;

        cases[i].build(&frame);
        protocol = frame.at[9];
        wire_put_u16(frame.at + 6, 0x2000);
        wire_put_u16(frame.at + cases[i].inner + 2, 1500);
        if (protocol == IP_UDP)
            wire_put_u16(frame.at + 52, 1524); /* of the packet that holds GRE */
        assert_int_equal(decode_copy(DECODE_RAW_IP, true, &frame, frame.size, frame.size, &view),
                         DECODE_OK);
        assert_int_equal(view.destination_port, 443);
        assert_int_equal(view.ip_bytes, 1500);
        assert_int_equal(view.payload_bytes, 1500 - 20 - TCP_WITH_MSS_BYTES);
        assert_int_equal(view.ip_captured, ipv4_bytes);
        assert_false(view.fragment);

        wire_put_u16(frame.at + cases[i].inner + 2, 0); /* no length anywhere */
        assert_int_equal(decode_inner(DECODE_RAW_IP, &frame, &view),
                         protocol == IP_UDP ? DECODE_OK : DECODE_MALFORMED);

        wire_put_u16(frame.at + 6, 1); /* a later one */
        assert_int_equal(decode_inner(DECODE_RAW_IP, &frame, &view), DECODE_FRAGMENT);
        assert_int_equal(view.protocol, protocol);
    }
}

static void test_wireless_first_fragment(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_wireless_first_fragment(&frame);
    wire_put_u16(frame.at + 34, 1500);
    assert_int_equal(decode(DECODE_IEEE80211, &frame, &view), DECODE_OK);
    assert_int_equal(view.ip_bytes, 1500);
    assert_int_equal(view.ip_captured, ipv4_bytes);
}

static void test_unknown_loopback_family(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    put_u32(&frame, 7);
    put_segment_v4(&frame);
    assert_int_equal(decode(DECODE_LOOP, &frame, &view), DECODE_NOT_IP);
}

/* Options that lie about their length must neither hang nor read on. */
static void test_hostile_tcp_options(void **state)
{
    static const struct {
        uint8_t options[4];
        uint16_t mss;
        uint8_t present, window_scale;
    } cases[] = {
        { { 2, 4, 0x05, 0xb4 }, 1460, TCP_OPTION_MSS, 0 },
        { { 3, 3, 7, 0 }, 0, TCP_OPTION_WINDOW_SCALE, 7 },
        { { 3, 3, 255, 1 }, 0, TCP_OPTION_WINDOW_SCALE, 14 },
        { { 4, 2, 4, 2 }, 0, TCP_OPTION_SACK, 0 },
        { { 1, 3, 3, 0 }, 0, TCP_OPTION_WINDOW_SCALE, 0 },
        { { 1, 1, 1, 1 }, 0, 0, 0 },
        { { 0, 4, 5, 180 }, 0, 0, 0 },
        { { 8, 0, 2, 4 }, 0, 0, 0 },
        { { 8, 1, 2, 4 }, 0, 0, 0 },
        { { 8, 255, 2, 4 }, 0, 0, 0 },
        { { 8, 2, 4, 2 }, 0, TCP_OPTION_SACK, 0 },
        { { 1, 2, 4, 5 }, 0, 0, 0 },
        { { 1, 1, 1, 2 }, 0, 0, 0 },
        { { 1, 1, 3, 3 }, 0, 0, 0 },
        { { 2, 3, 5, 180 }, 0, 0, 0 },
        { { 4, 3, 5, 1 }, 0, 0, 0 },
        { { 3, 4, 7, 7 }, 0, 0, 0 },
        { { 1, 1, 4, 9 }, 0, 0, 0 },
        { { 3, 2, 4, 2 }, 0, TCP_OPTION_SACK, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;

        build_ethernet(&frame);
        memcpy(frame.at + 54, cases[i].options, 4);
        assert_int_equal(decode_copy(DECODE_ETHERNET, false, &frame, 58, frame.size, &view),
                         DECODE_OK);
        assert_int_equal(view.tcp_mss, cases[i].mss);
        assert_int_equal(view.tcp_options, cases[i].present);
        assert_int_equal(view.tcp_window_scale, cases[i].window_scale);
    }
}

/* As Linux sends them, snapped at every byte: an option is there or not, but never half. */
static void test_all_tcp_options(void **state)
{
    static const uint8_t options[20] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0,
                                         1, 3, 3, 9 };
    struct bytes frame = { .size = 0 };

    (void)state;
    put_ipv4(&frame, IP_TCP, 60, 0x4000);
    put_tcp(&frame, TCP_SYN);
    frame.size -= 4;
    frame.at[32] = 10 << 4;
    put(&frame, options, sizeof options);
    for (size_t there = 0; there <= sizeof options; there++) {
        uint8_t expected = (uint8_t)((there >= 4 ? TCP_OPTION_MSS : 0) |
                                     (there >= 6 ? TCP_OPTION_SACK : 0) |
                                     (there >= 16 ? TCP_OPTION_TIMESTAMPS : 0) |
                                     (there >= 20 ? TCP_OPTION_WINDOW_SCALE : 0));
        struct packet_view view;

        assert_int_equal(decode_copy(DECODE_RAW_IP, false, &frame, 40 + there, 60, &view),
                         DECODE_OK);
        assert_int_equal(view.tcp_options, expected);
        assert_int_equal(view.tcp_mss, there >= 4 ? 1460 : 0);
        assert_int_equal(view.tcp_window_scale, there >= 20 ? 9 : 0);
        assert_int_equal(view.payload_bytes, 0);
    }
}

static void test_mss_only_of_a_syn(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    frame.at[47] = TCP_ACK;
    assert_int_equal(decode(DECODE_ETHERNET, &frame, &view), DECODE_OK);
    assert_int_equal(view.tcp_mss, 0);
    assert_int_equal(view.tcp_options, 0);
}

/* Payload of a SYN that looks like the option is none. */
static void test_mss_only_of_the_options(void **state)
{
    struct bytes frame = { .size = 0 };
    struct packet_view view;

    (void)state;
    build_ethernet(&frame);
    frame.at[46] = 5 << 4;
    assert_int_equal(decode(DECODE_ETHERNET, &frame, &view), DECODE_OK);
    assert_int_equal(view.payload_bytes, PAYLOAD_BYTES + 4);
    assert_int_equal(view.tcp_mss, 0);
}

static void test_udp_lengths(void **state)
{
    static const struct {
        const char *name;
        uint16_t fragment, udp_bytes;
        enum decode_result expected;
        uint32_t payload_bytes;
    } cases[] = {
        { "whole", 0, 8 + 30, DECODE_OK, 30 },
        { "less than IP", 0, 8 + 12, DECODE_OK, 12 },
        { "empty", 0, 8, DECODE_OK, 0 },
        { "0 by offloading", 0, 0, DECODE_OK, 30 },
        { "shorter than its header", 0, 7, DECODE_MALFORMED, 0 },
        { "more than IP", 0, 8 + 31, DECODE_MALFORMED, 0 },
        { "first fragment of more", 0x2000, 4000, DECODE_OK, 30 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes frame = { .size = 0 };
        struct packet_view view;

        put_ethernet(&frame, 0x0800);
        put_ipv4(&frame, IP_UDP, 20 + 8 + 30, cases[i].fragment);
        put_udp(&frame, cases[i].udp_bytes);
        put_zeros(&frame, 30);
        if (decode(DECODE_ETHERNET, &frame, &view) != cases[i].expected)
            fail_msg("UDP length %s", cases[i].name);
        if (cases[i].expected != DECODE_OK)
            continue;
        assert_int_equal(view.source_port, 5353);
        assert_int_equal(view.destination_port, 53);
        assert_int_equal(view.ip_bytes, 58);
        assert_int_equal(view.payload_bytes, cases[i].payload_bytes);
    }
}

/* An error is the view of the packet that it quotes; a quote that is cut is none. */
static void test_unreachable(void **state)
{
    static const struct {
        const char *name;
        bool v6;
        uint8_t type, code, protocol;
        enum decode_result expected;
    } cases[] = {
        { "port, of UDP", false, 3, 3, IP_UDP, DECODE_OK },
        { "host, of TCP", false, 3, 1, IP_TCP, DECODE_OK },
        { "fragmentation needed", false, 3, 4, IP_UDP, DECODE_OTHER_IP },
        { "of a ping", false, 3, 1, IP_ICMP, DECODE_OK },
        { "of ESP", false, 3, 1, 50, DECODE_OTHER_IP },
        { "time exceeded", false, 11, 0, IP_UDP, DECODE_OTHER_IP },
        { "port, in IPv6", true, 1, 4, IP_UDP, DECODE_OK },
        { "of a ping in IPv6", true, 1, 3, IP_ICMPV6, DECODE_OK },
        { "packet too big", true, 2, 0, IP_UDP, DECODE_OTHER_IP },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_ping = cases[i].protocol == IP_ICMP || cases[i].protocol == IP_ICMPV6;
        struct bytes quoted = { .size = 0 };
        size_t needed;

        if (cases[i].v6)
            put_ipv6(&quoted, cases[i].protocol, 8);
        else
            put_ipv4(&quoted, cases[i].protocol, 28, 0);
        put_u16(&quoted, 0x1234); /* the source port; or type and code */
        put_u16(&quoted, 0x5678); /* the destination port; or the checksum */
        put_u16(&quoted, 0x9abc); /* a ping's identifier */
        needed = quoted.size - (is_ping ? 0 : 2);
        for (size_t size = 0; size <= quoted.size; size++) {
            struct bytes packet = { .size = 0 };
            struct packet_view view;

            if (cases[i].v6)
                put_ipv6(&packet, IP_ICMPV6, (uint16_t)(8 + size));
            else
                put_ipv4(&packet, IP_ICMP, (uint16_t)(28 + size), 0);
            put_u8(&packet, cases[i].type);
            put_u8(&packet, cases[i].code);
            put_zeros(&packet, 6);
            put(&packet, quoted.at, size);
            assert_int_equal(decode(DECODE_RAW_IP, &packet, &view),
                             size < needed ? DECODE_OTHER_IP : cases[i].expected);
            if (size < needed || cases[i].expected != DECODE_OK)
                continue;
            assert_true(view.is_unreachable);
            assert_int_equal(view.protocol, cases[i].protocol);
            assert_int_equal(view.source_port, is_ping ? 0x9abc : 0x1234);
            assert_int_equal(view.destination_port, is_ping ? 0x1234 : 0x5678);
        }
    }
}

static void test_echo_has_one_tuple(void **state)
{
    static const struct {
        bool v6;
        uint8_t type;
        enum decode_result expected;
        uint16_t source_port, destination_port;
    } cases[] = {
        { false, 8, DECODE_OK, 0xbeef, 8 << 8 },     { false, 0, DECODE_OK, 8 << 8, 0xbeef },
        { true, 128, DECODE_OK, 0xbeef, 128 << 8 },  { true, 129, DECODE_OK, 128 << 8, 0xbeef },
        { false, 3, DECODE_OTHER_IP, 0, 0 },         { true, 135, DECODE_OTHER_IP, 0, 0 },
        { true, 8, DECODE_OTHER_IP, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes packet = { .size = 0 };
        struct packet_view view;

        if (cases[i].v6)
            put_ipv6(&packet, IP_ICMPV6, 8 + 56);
        else
            put_ipv4(&packet, IP_ICMP, 20 + 8 + 56, 0);
        put_icmp(&packet, cases[i].type);
        put_zeros(&packet, 56);
        assert_int_equal(decode(DECODE_RAW_IP, &packet, &view), cases[i].expected);
        if (cases[i].expected != DECODE_OK)
            continue;
        assert_int_equal(view.icmp_type, cases[i].type);
        assert_int_equal(view.source_port, cases[i].source_port);
        assert_int_equal(view.destination_port, cases[i].destination_port);
        assert_int_equal(view.payload_bytes, 56);
    }
}

static void test_every_byte_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct bytes frame = { .size = 0 };

        segments[i].build(&frame);
        for (size_t at = 0; at < frame.size; at++) {
            uint8_t kept = frame.at[at];

            for (unsigned value = 0; value < 256; value++) {
                struct packet_view view = { 0 };

                frame.at[at] = (uint8_t)value;
                decode_copy(segments[i].link, segments[i].tunnels, &frame, frame.size, frame.size,
                            &view);
            }
            frame.at[at] = kept;
        }
    }
}

/* xorshift64 (Marsaglia, 2003): the same numbers everywhere. */
static uint32_t pick(uint32_t below)
{
    static uint64_t noise = UINT64_C(0x9e3779b97f4a7c15);

    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return (uint32_t)(noise >> 33) % below;
}

/* Overwritten here and there, with a piece of another frame, or cut, and read as any link. */
static void damage(struct bytes *frame)
{
    static const uint8_t telling[] = { 0, 1, 4, 6, 17, 41, 44, 47, 60, 0x45, 0x60, 0x81, 0x88, 0xff };
    struct bytes other = { .size = 0 };
    size_t from;
    size_t to;
    size_t size;

    for (uint32_t i = pick(8); i > 0; i--)
        frame->at[pick((uint32_t)frame->size)] = pick(2) ? telling[pick(sizeof telling)]
                                                         : (uint8_t)pick(256);
    if (pick(4) == 0) {
        segments[pick(SEGMENTS)].build(&other);
        from = pick((uint32_t)other.size);
        to = pick((uint32_t)frame->size);
        size = other.size - from;
        if (size > sizeof frame->at - to)
            size = sizeof frame->at - to;
        memcpy(frame->at + to, other.at + from, size);
        if (frame->size < to + size)
            frame->size = to + size;
    }
}

static void test_random_damage(void **state)
{
    size_t decoded = 0;

    (void)state;
    for (uint32_t round = 0; round < 200000; round++) {
        const struct segment *segment = &segments[round % SEGMENTS];
        enum decode_link link = pick(8) ? segment->link : (enum decode_link)pick(DECODE_LINKS);
        struct bytes frame = { .size = 0 };
        struct packet_view view = { 0 };
        size_t captured;

        segment->build(&frame);
        damage(&frame);
        captured = pick(4) ? frame.size : pick((uint32_t)frame.size);
        if (decode_copy(link, pick(4) > 0, &frame, captured, pick(4) ? frame.size : pick(2000),
                        &view) == DECODE_OK)
            decoded++;
    }
    assert_true(decoded > 20000); /* damage that leaves something to be judged */
}

/* ---- extension headers of IPv6 ---- */

enum { HOPS = 0, ROUTING = 43, FRAGMENT = 44, ENCRYPTION = 50, AUTHENTICATION = 51, OPTIONS = 60, MOBILITY = 135, HIP = 139 };

static void test_ipv6_extensions(void **state)
{
    static const struct {
        const char *what;
        uint8_t next;
        uint8_t bytes[64];
        size_t size;
        struct ipv6_extensions found;
    } rows[] = {
        { "none", IP_TCP, { 0 }, 20, { .next = IP_TCP } },
        { "nothing at all", 59, { 0 }, 0, { .next = 59 } },
        { "hop by hop", HOPS, { IP_UDP }, 16, { 1, 8, IP_UDP, .cut_bytes = 0 } },
        { "a jumbogram's option", HOPS, { IP_UDP, 0, 0xc2, 4, 0, 1, 0, 0 }, 16, { 1, 8, IP_UDP, .cut_bytes = 0 } },
        { "three units", OPTIONS, { IP_UDP, 2 }, 32, { 1, 24, IP_UDP, .cut_bytes = 0 } },
        { "units of four", AUTHENTICATION, { IP_TCP, 4 }, 32, { 1, 24, IP_TCP, .cut_bytes = 0 } },
        { "mobility", MOBILITY, { 59, 1 }, 16, { 1, 16, 59, .cut_bytes = 0 } },
        { "encryption ends it", OPTIONS, { ENCRYPTION }, 32, { 1, 8, ENCRYPTION, .cut_bytes = 0 } },
        { "so does HIP", HIP, { IP_TCP }, 32, { .next = HIP } },
        { "routing", ROUTING, { IP_UDP }, 16, { 1, 8, IP_UDP, .has_routing = true } },
        { "routing behind options", OPTIONS, { ROUTING, 0, 0, 0, 0, 0, 0, 0, IP_UDP }, 16,
          { 2, 16, IP_UDP, .has_routing = true } },
        { "a first fragment", FRAGMENT, { IP_UDP, 0, 0, 1, 1, 2, 3, 4 }, 16,
          { 1, 8, IP_UDP, .is_fragment = true, .fragment_id = 0x01020304 } },
        { "an atomic fragment", FRAGMENT, { IP_UDP, 0, 0, 0, 1, 2, 3, 4 }, 16, { 1, 8, IP_UDP, .fragment_id = 0x01020304 } },
        { "its reserved bits", FRAGMENT, { IP_UDP, 255, 0, 6 }, 16, { 1, 8, IP_UDP, .cut_bytes = 0 } },
        { "its length is no length", FRAGMENT, { IP_UDP, 7, 0, 1 }, 8, { 1, 8, IP_UDP, .is_fragment = true } },
        { "options in a first fragment", FRAGMENT, { OPTIONS, 0, 0, 1, 0, 0, 0, 0, IP_TCP }, 16,
          { 2, 16, IP_TCP, .is_fragment = true } },
        { "a later fragment ends it", FRAGMENT, { ROUTING, 0, 0, 8 }, 32,
          { 1, 8, ROUTING, .is_fragment = true, .is_later_fragment = true } },
        { "whatever hop by hop comes behind", FRAGMENT, { HOPS, 0, 0, 0, 0, 0, 0, 0, IP_TCP }, 16,
          { 2, 16, IP_TCP, .cut_bytes = 0 } },
        { "a type and no more", ROUTING, { 0 }, 0, { .next = ROUTING, .cut_bytes = 8, .has_routing = true } },
        { "seven bytes", HOPS, { IP_UDP }, 7, { .next = HOPS, .cut_bytes = 8 } },
        { "half of a long one", HOPS, { IP_UDP, 255 }, 64, { .next = HOPS, .cut_bytes = 2048 } },
        { "the second is cut", HOPS, { AUTHENTICATION, 0, 0, 0, 0, 0, 0, 0, IP_UDP, 255 }, 16,
          { 1, 8, AUTHENTICATION, .cut_bytes = 1028 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ipv6_extensions *wanted = &rows[i].found;
        struct ipv6_extensions found = ipv6_extensions_at(rows[i].next, rows[i].bytes, rows[i].size);

        if (found.count != wanted->count || found.bytes != wanted->bytes || found.next != wanted->next ||
            found.cut_bytes != wanted->cut_bytes || found.has_routing != wanted->has_routing ||
            found.is_fragment != wanted->is_fragment || found.is_later_fragment != wanted->is_later_fragment ||
            found.fragment_id != wanted->fragment_id)
            fail_msg("%s: %u of %zu bytes, then %u, cut %zu", rows[i].what, found.count, found.bytes, found.next,
                     found.cut_bytes);
    }
}

/* In memory of just that size, for the sanitizer to watch: what is found is whole, what is not is cut. */
static void test_ipv6_extensions_that_are_cut(void **state)
{
    static const uint8_t chain[48] = { [0] = ROUTING, [8] = FRAGMENT, 1, [24] = AUTHENTICATION, [27] = 1, [32] = OPTIONS, [40] = IP_TCP };
    static const size_t ends[] = { 0, 8, 24, 32, 40, 48 };

    (void)state;
    for (size_t size = 0; size <= sizeof chain; size++) {
        uint8_t *bytes = malloc(size ? size : 1);
        struct ipv6_extensions found;
        size_t whole = 0;

        memcpy(bytes, chain, size);
        found = ipv6_extensions_at(HOPS, bytes, size);
        while (whole + 1 < sizeof ends / sizeof *ends && ends[whole + 1] <= size)
            whole++;
        assert_int_equal(found.count, whole);
        assert_int_equal(found.bytes, ends[whole]);
        assert_int_equal(found.cut_bytes == 0, size == sizeof chain);
        assert_int_equal(found.next, size == sizeof chain ? IP_TCP : found.next);
        assert_int_equal(found.has_routing, size >= 8);
        free(bytes);
    }
}

/* A jumbogram of nothing else: the walk comes to its end. */
static void test_many_ipv6_extensions(void **state)
{
    enum { COUNT = 20000 };
    uint8_t *bytes = calloc(COUNT, 8);
    struct ipv6_extensions found;

    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        bytes[8 * i] = OPTIONS;
    found = ipv6_extensions_at(OPTIONS, bytes, COUNT * 8);
    assert_int_equal(found.count, COUNT);
    assert_int_equal(found.cut_bytes, 8);
    bytes[8 * (COUNT - 1)] = IP_UDP;
    found = ipv6_extensions_at(OPTIONS, bytes, COUNT * 8);
    assert_int_equal(found.bytes, COUNT * 8);
    assert_int_equal(found.next, IP_UDP);
    assert_int_equal(found.cut_bytes, 0);
    free(bytes);
}

static void test_address_text(void **state)
{
    static const struct {
        const char *text, *formatted; /* NULL: refused */
        bool v4;
    } cases[] = {
        { "10.1.2.3", "10.1.2.3", true },    { "255.255.255.255", "255.255.255.255", true },
        { "::1", "::1", false },             { "2001:DB8:0:0::5", "2001:db8::5", false },
        { "::ffff:1.2.3.4", "1.2.3.4", true }, { "10.1.2", NULL, false },
        { "10.1.2.256", NULL, false },       { "host", NULL, false },
        { "", NULL, false },                 { "1::2::3", NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[IP_ADDRESS_TEXT];
        struct ip_address a;

        assert_int_equal(ip_address_parse(&a, cases[i].text), cases[i].formatted ? 0 : -1);
        if (cases[i].formatted == NULL)
            continue;
        assert_string_equal(ip_address_format(&a, text), cases[i].formatted);
        assert_int_equal(ip_address_is_v4(&a), cases[i].v4);
    }
}

static void test_address_v4(void **state)
{
    struct ip_address a = ip_address_from_v4(0xc0a80105);
    char text[IP_ADDRESS_TEXT];

    (void)state;
    assert_string_equal(ip_address_format(&a, text), "192.168.1.5");
    assert_int_equal(ip_address_to_v4(&a), 0xc0a80105);
}

static void test_address_kinds(void **state)
{
    static const struct {
        const char *text;
        bool group, private;
    } cases[] = {
        { "8.8.8.8", false, false },          { "10.255.0.1", false, true },
        { "172.15.255.255", false, false },   { "172.16.0.0", false, true },
        { "172.31.255.255", false, true },    { "172.32.0.0", false, false },
        { "192.168.255.1", false, true },     { "192.169.0.1", false, false },
        { "100.64.0.1", false, true },        { "100.127.255.255", false, true },
        { "100.128.0.0", false, false },      { "169.254.1.1", false, true },
        { "223.255.255.255", false, false },  { "224.0.0.251", true, false },
        { "239.255.255.250", true, false },   { "240.0.0.1", false, false },
        { "255.255.255.255", true, false },   { "0.0.0.0", true, false },
        { "::", true, false },                { "ff02::fb", true, false },
        { "fe80::1", false, true },           { "febf::1", false, true },
        { "fec0::1", false, false },          { "fd00::1", false, true },
        { "2001:db8::1", false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_address a;

        assert_int_equal(ip_address_parse(&a, cases[i].text), 0);
        if (ip_address_is_group(&a) != cases[i].group)
            fail_msg("%s: group", cases[i].text);
        if (ip_address_is_private(&a) != cases[i].private)
            fail_msg("%s: private", cases[i].text);
    }
}

static void test_network_parse(void **state)
{
    static const struct {
        const char *text;
        int prefix; /* -1: refused */
    } cases[] = {
        { "10.0.0.0/8", 104 },  { "10.0.0.1", 128 },     { "0.0.0.0/0", 96 },
        { "2001:db8::/32", 32 }, { "::/0", 0 },          { "::1", 128 },
        { "10.0.0.1/8", -1 },   { "10.0.0.0/33", -1 },   { "::/129", -1 },
        { "10.0.0.0/", -1 },    { "10.0.0.0/-1", -1 },   { "10.0.0.0/8x", -1 },
        { "10.0.0.0/ 8", -1 },  { "/8", -1 },            { "2001:db8::1/32", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network network;
        int status = ip_network_parse(&network, cases[i].text);

        if (status != (cases[i].prefix < 0 ? -1 : 0))
            fail_msg("%s gives %d", cases[i].text, status);
        if (status == 0)
            assert_int_equal(network.prefix, cases[i].prefix);
    }
}

static void test_network_contains(void **state)
{
    static const struct {
        const char *network, *address;
        bool contains;
    } cases[] = {
        { "10.0.0.0/8", "10.255.255.255", true },  { "10.0.0.0/8", "11.0.0.0", false },
        { "10.1.4.0/22", "10.1.7.255", true },     { "10.1.4.0/22", "10.1.8.0", false },
        { "10.1.4.4/31", "10.1.4.5", true },       { "10.1.4.4/31", "10.1.4.6", false },
        { "0.0.0.0/0", "203.0.113.9", true },      { "0.0.0.0/0", "2001:db8::1", false },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network network;
        struct ip_address address;

        assert_int_equal(ip_network_parse(&network, cases[i].network), 0);
        assert_int_equal(ip_address_parse(&address, cases[i].address), 0);
        if (ip_network_contains(&network, &address) != cases[i].contains)
            fail_msg("%s and %s", cases[i].network, cases[i].address);
    }
}

/* Addresses that follow one another, through every byte. */
static void test_address_sums(void **state)
{
    static const struct {
        const char *from;
        uint64_t count;
        const char *to;
    } cases[] = {
        { "10.0.0.0", 0, "10.0.0.0" },
        { "10.0.0.255", 1, "10.0.1.0" },
        { "198.18.255.255", 1, "198.19.0.0" },
        { "2001:db8::ffff", 1, "2001:db8::1:0" },
        { "2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::" },
        { "2001:db8:ffff:ffff:ffff:ffff:ffff:fff0", 0x20, "2001:db9::10" },
        { "::", UINT64_MAX - 1, "::ffff:ffff:ffff:fffe" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_address from, to, sum;

        assert_int_equal(ip_address_parse(&from, cases[i].from), 0);
        assert_int_equal(ip_address_parse(&to, cases[i].to), 0);
        sum = ip_address_add(&from, cases[i].count);
        assert_true(ip_address_equal(&sum, &to));
        assert_true(ip_address_distance(&to, &from) == cases[i].count);
        if (cases[i].count > 0) /* nearly all the way around */
            assert_true(ip_address_distance(&from, &to) == UINT64_MAX);
    }
}

static void test_network_overlaps(void **state)
{
    static const struct {
        const char *a, *b;
        bool overlaps;
    } cases[] = {
        { "10.0.0.0/8", "10.9.0.0/16", true },
        { "10.0.0.0/8", "11.0.0.0/8", false },
        { "10.0.0.0/8", "10.0.0.0/8", true },
        { "::/0", "10.0.0.0/8", true }, /* mapped addresses are IPv6 addresses */
        { "2001:db8::/32", "10.0.0.0/8", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_network a;
        struct ip_network b;

        assert_int_equal(ip_network_parse(&a, cases[i].a), 0);
        assert_int_equal(ip_network_parse(&b, cases[i].b), 0);
        assert_int_equal(ip_network_overlaps(&a, &b), cases[i].overlaps);
        assert_int_equal(ip_network_overlaps(&b, &a), cases[i].overlaps);
    }
}

static void test_checksum(void **state)
{
    /* The example of RFC 1071, section 3; and an IPv4 header with its checksum zeroed. */
    static const uint8_t words[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
    static const uint8_t header[] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
                                      0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8,
                                      0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
    static const uint8_t odd[] = { 0x12, 0x34, 0x56 };

    (void)state;
    assert_int_equal(checksum_finish(checksum_add(0, words, sizeof words)), 0xffff ^ 0xddf2);
    assert_int_equal(checksum_finish(checksum_add(0, header, sizeof header)), 0xb861);
    assert_int_equal(checksum_finish(checksum_add(checksum_add(0, header, 12), header + 12, 8)),
                     0xb861);
    assert_int_equal(checksum_finish(checksum_add(0, odd, sizeof odd)), 0xffff ^ 0x6834);
    assert_int_equal(checksum_finish(0), 0xffff);
}

static void test_checksum_of_a_sum_with_its_checksum(void **state)
{
    uint8_t bytes[64] = { 0 };

    (void)state;
    for (size_t size = 2; size <= sizeof bytes; size += 2) {
        for (size_t i = 2; i < size; i++)
            bytes[i] = (uint8_t)(i * 37 + size);
        wire_put_u16(bytes, 0);
        wire_put_u16(bytes, checksum_finish(checksum_add(0, bytes, size)));
        assert_int_equal(checksum_finish(checksum_add(0, bytes, size)), 0);
    }
}

static void test_macs_of_groups(void **state)
{
    static const struct {
        const char *address, *mac;
    } cases[] = {
        { "224.0.0.251", "01:00:5e:00:00:fb" },
        { "239.255.255.250", "01:00:5e:7f:ff:fa" },
        { "255.255.255.255", "ff:ff:ff:ff:ff:ff" },
        { "198.18.0.255", "ff:ff:ff:ff:ff:ff" }, /* everybody in a network */
        { "ff02::1:3", "33:33:00:01:00:03" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip_address address;
        uint8_t mac[MAC_BYTES];
        char text[MAC_TEXT];

        assert_int_equal(ip_address_parse(&address, cases[i].address), 0);
        mac_put_group(mac, &address);
        assert_string_equal(mac_format(mac, text), cases[i].mac);
    }
}

static void test_wire_numbers(void **state)
{
    uint8_t bytes[4];

    (void)state;
    wire_put_u32(bytes, 0x01020304);
    assert_memory_equal(bytes, "\1\2\3\4", 4);
    assert_int_equal(wire_get_u32(bytes), 0x01020304);
    assert_int_equal(wire_get_u16(bytes + 1), 0x0203);
    assert_true(seq_lt(1, 2));
    assert_false(seq_lt(2, 2));
    assert_true(seq_lt(0xfffffff0, 5));
    assert_false(seq_lt(5, 0xfffffff0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_snapped_at_every_byte),
        cmocka_unit_test(test_short_on_the_wire_at_every_byte),
        cmocka_unit_test(test_original_below_captured),
        cmocka_unit_test(test_offloaded),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_tunnel_changes),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long_repetitions),
        cmocka_unit_test(test_fragments_v4),
        cmocka_unit_test(test_fragments_v6),
        cmocka_unit_test(test_tcp_header_in_fragments),
        cmocka_unit_test(test_tunnels_in_fragments),
        cmocka_unit_test(test_wireless_first_fragment),
        cmocka_unit_test(test_unknown_loopback_family),
        cmocka_unit_test(test_hostile_tcp_options),
        cmocka_unit_test(test_all_tcp_options),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_mss_only_of_a_syn),
        cmocka_unit_test(test_mss_only_of_the_options),
        cmocka_unit_test(test_udp_lengths),
        cmocka_unit_test(test_echo_has_one_tuple),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_ipv6_extensions),
        cmocka_unit_test(test_ipv6_extensions_that_are_cut),
        cmocka_unit_test(test_many_ipv6_extensions),
        cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_address_v4),
        cmocka_unit_test(test_address_kinds),
        cmocka_unit_test(test_network_parse),
        cmocka_unit_test(test_network_contains),
        cmocka_unit_test(test_address_sums),
        cmocka_unit_test(test_network_overlaps),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_checksum_of_a_sum_with_its_checksum),
        cmocka_unit_test(test_macs_of_groups),
        cmocka_unit_test(test_wire_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
