#include "session/frame_template.h"

#include <libnet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dayshift/frame.h"
#include "net/wire.h"

enum {
    IP_AT = FRAME_ETHERNET_BYTES,
    TRANSPORT_AT = FRAME_ETHERNET_BYTES + FRAME_IP_BYTES,
    IP_DONT_FRAGMENT = 0x4000,
    ICMP_ECHO_REQUEST = 8,
    ICMP_ECHO_ANSWER = 0,
    ICMP_BYTES = 8,
    UDP_BYTES = 8,
    WINDOW_SCALE = 7
};

struct frame_builder {
    libnet_t *libnet;
};

struct frame_builder *frame_builder_new(struct error *err)
{
    char reason[LIBNET_ERRBUF_SIZE];
    struct frame_builder *builder = memory_alloc(sizeof *builder);

    /* No injection: libnet only puts headers together, which needs no privilege. */
    builder->libnet = libnet_init(LIBNET_NONE, NULL, reason);
    if (builder->libnet == NULL) {
        error_set(err, "libnet: %s", reason);
        free(builder);
        return NULL;
    }
    return builder;
}

void frame_builder_free(struct frame_builder *builder)
{
    if (builder == NULL)
        return;
    libnet_destroy(builder->libnet);
    free(builder);
}

/* Lengths, sequence numbers and checksums are left 0: every packet has its own. */
static int build_transport(libnet_t *l, const struct flow_end *from, const struct flow_end *to,
                           const struct flow_plan *plan, enum flow_side side)
{
    switch (plan->protocol) {
    case IP_TCP:
        return libnet_build_tcp(from->port, to->port, 0, 0, 0, 0, 0, 0, LIBNET_TCP_H, NULL, 0, l, 0);
    case IP_UDP:
        return libnet_build_udp(from->port, to->port, LIBNET_UDP_H, 0, NULL, 0, l, 0);
    default:
        return libnet_build_icmpv4_echo(side == FLOW_INITIATOR ? ICMP_ECHO_REQUEST : ICMP_ECHO_ANSWER,
                                        0, 0, plan->ends[FLOW_INITIATOR].port, 0, NULL, 0, l, 0);
    }
}

static int build_headers(libnet_t *l, const struct flow_plan *plan, const struct session *session,
                         enum flow_side side)
{
    const struct flow_end *from = &plan->ends[side];
    const struct flow_end *to = &plan->ends[!side];

    libnet_clear_packet(l);
    if (build_transport(l, from, to, plan, side) < 0 ||
        libnet_build_ipv4(LIBNET_IPV4_H, 0, 0, IP_DONT_FRAGMENT, session->stack.ttl[side], plan->protocol,
                          0, htonl(from->address), htonl(to->address), NULL, 0, l, 0) < 0 ||
        libnet_build_ethernet(to->mac, from->mac, ETHERTYPE_IP, NULL, 0, l, 0) < 0)
        return -1;
    return 0;
}

int frame_template_build(struct frame_builder *builder, struct frame_template *frame,
                         const struct flow_plan *plan, const struct session *session,
                         enum flow_side side, struct error *err)
{
    libnet_t *l = builder->libnet;
    uint8_t protocol[2] = { 0, plan->protocol };
    uint8_t *bytes;
    uint32_t size;

    if (build_headers(l, plan, session, side) < 0 || libnet_pblock_coalesce(l, &bytes, &size) < 0)
        return error_set(err, "libnet: %s", libnet_geterror(l));
    if (size > sizeof frame->bytes) {
        libnet_adv_free_packet(l, bytes);
        return error_set(err, "libnet: headers of %u bytes", size);
    }
    memcpy(frame->bytes, bytes, size);
    libnet_adv_free_packet(l, bytes);
    frame->size = (uint8_t)size;
    frame->protocol = plan->protocol;
    frame->ip_id = (uint16_t)(random_mix64(plan->key + (uint64_t)side) >> 48);
    frame->address_sum = checksum_add(0, frame->bytes + IP_AT + 12, 8);
    frame->address_sum = checksum_add(frame->address_sum, protocol, sizeof protocol);
    return 0;
}

/* Options of a SYN: maximum segment size, SACK permitted, window scale, padding. */
static uint32_t put_syn_options(uint8_t *to, uint16_t mss)
{
    const uint8_t options[FRAME_TCP_SYN_OPTIONS] = {
        2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 4, 2, 1, 3, 3, WINDOW_SCALE, 1, 1,
    };

    memcpy(to, options, sizeof options);
    return sizeof options;
}

static void patch_ip(struct frame_template *frame, uint8_t *ip, uint32_t length)
{
    wire_put_u16(ip + 2, (uint16_t)length);
    wire_put_u16(ip + 4, frame->ip_id++);
    wire_put_u16(ip + 10, 0);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, FRAME_IP_BYTES)));
}

/* Sum over pseudo header, header and payload; the header's own field is 0 until then. */
static uint16_t transport_checksum(const struct frame_template *frame, const uint8_t *transport,
                                   uint32_t length)
{
    uint8_t length_be[2];
    uint64_t sum = frame->protocol == IP_ICMP ? 0 : frame->address_sum;

    wire_put_u16(length_be, (uint16_t)length);
    if (frame->protocol != IP_ICMP)
        sum = checksum_add(sum, length_be, sizeof length_be);
    return checksum_finish(checksum_add(sum, transport, length));
}

/* Fills the transport header; returns where its checksum is. */
static uint8_t *patch_transport(const struct frame_template *frame, const struct session_packet *packet,
                                uint8_t *transport, uint32_t header, uint32_t length)
{
    switch (frame->protocol) {
    case IP_TCP:
        wire_put_u32(transport + 4, packet->sequence);
        wire_put_u32(transport + 8, packet->acknowledgement);
        transport[12] = (uint8_t)(header / 4 << 4);
        transport[13] = packet->tcp_flags;
        wire_put_u16(transport + 14, packet->window);
        return transport + 16;
    case IP_UDP:
        wire_put_u16(transport + 4, (uint16_t)length);
        return transport + 6;
    default:
        wire_put_u16(transport + 6, (uint16_t)(packet->sequence + 1));
        return transport + 2;
    }
}

uint32_t frame_template_render(struct frame_template *frame, const struct session *session,
                               const struct session_packet *packet, payload_fill *fill, uint8_t *out)
{
    uint8_t *transport = out + TRANSPORT_AT;
    uint32_t header = frame->size - (uint32_t)TRANSPORT_AT;
    uint32_t length;
    uint16_t checksum;
    uint8_t *checksum_at;

    memcpy(out, frame->bytes, frame->size);
    if (frame->protocol == IP_TCP && packet->tcp_flags & TCP_SYN)
        header += put_syn_options(transport + header, session->stack.mss[packet->side]);
    if (packet->payload_bytes > 0)
        fill(&packet->place, transport + header, packet->payload_bytes);
    length = header + packet->payload_bytes;
    patch_ip(frame, out + IP_AT, FRAME_IP_BYTES + length);
    checksum_at = patch_transport(frame, packet, transport, header, length);
    wire_put_u16(checksum_at, 0);
    checksum = transport_checksum(frame, transport, length);
    if (frame->protocol == IP_UDP && checksum == 0)
        checksum = 0xffff; /* RFC 768: zero would say that there is none */
    wire_put_u16(checksum_at, checksum);
    return TRANSPORT_AT + length;
}
