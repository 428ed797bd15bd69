#include "session/frame_unreachable.h"

#include <arpa/inet.h>
#include <string.h>

#include "dayshift/flow_plan.h"
#include "net/wire.h"

enum { UNREACHABLE_HOST = 1, UNREACHABLE_PORT = 3, TOS_OF_ERRORS = 0xc0 /* RFC 1812, section 4.3.2.5 */ };
enum {
    UNREACHABLE6_ADDRESS = 3,
    UNREACHABLE6_PORT = 4,
    QUOTED6_MOST = FLOW_LEAST_MTU - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES /* of a packet, in an error about it */
};

/* Of a header that is not as the session has it otherwise. */
static void patch_changed_ip(uint8_t *ip, uint16_t length, uint16_t id)
{
    wire_put_u16(ip + 2, length);
    wire_put_u16(ip + 4, id);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, IPV4_HEADER_BYTES)));
}

uint32_t frame_unreachable_render4(const struct frame_template frames[2], const struct session_packet *packet,
                                   uint16_t id, uint8_t *out)
{
    const struct frame_template *frame = &frames[packet->side];
    const struct frame_template *about = &frames[!packet->side];
    bool has_ports = about->protocol == IP_TCP || about->protocol == IP_UDP;
    uint8_t *ip = out + FRAME_IP;
    uint8_t *icmp = out + FRAME_TRANSPORT4;
    uint8_t *quoted = icmp + ICMP_HEADER_BYTES;
    uint32_t length = ICMP_HEADER_BYTES + IPV4_HEADER_BYTES + FRAME_QUOTED_BYTES;

    memcpy(out, frame->bytes, FRAME_TRANSPORT4);
    ip[1] = TOS_OF_ERRORS;
    ip[9] = IP_ICMP;
    patch_changed_ip(ip, (uint16_t)(IPV4_HEADER_BYTES + length), id);
    memset(icmp, 0, ICMP_HEADER_BYTES);
    icmp[0] = ICMP_UNREACHABLE;
    icmp[1] = has_ports ? UNREACHABLE_PORT : UNREACHABLE_HOST;
    memcpy(quoted, about->bytes + FRAME_IP, IPV4_HEADER_BYTES);
    if (about->sent_bytes > IPV4_HEADER_BYTES + about->ip_payload)
        wire_put_u16(quoted + 6, 0); /* as it is when it was put together */
    patch_changed_ip(quoted, about->sent_bytes, about->sent_id);
    memcpy(quoted + IPV4_HEADER_BYTES, about->sent_transport, FRAME_QUOTED_BYTES);
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(0, icmp, length)));
    return FRAME_TRANSPORT4 + length;
}

/* As much of it as was noted, and what the error itself tells of its payload. Returns the bytes. */
static uint32_t quote_ipv6(const struct frame_template *about, const struct session_packet *packet, payload_fill *fill,
                           uint8_t *to)
{
    uint32_t payload = about->protocol == IP_TCP ? 0 : packet->payload_bytes;
    uint32_t room = QUOTED6_MOST - IPV6_HEADER_BYTES - FRAME_QUOTED_BYTES;

    memcpy(to, about->bytes + FRAME_IP, IPV6_HEADER_BYTES);
    wire_put_u16(to + IPV6_LENGTH, (uint16_t)(about->sent_bytes - IPV6_HEADER_BYTES));
    to += IPV6_HEADER_BYTES;
    memcpy(to, about->sent_transport, FRAME_QUOTED_BYTES);
    if (payload > room)
        payload = room;
    if (payload > 0)
        fill(&packet->place, to + FRAME_QUOTED_BYTES, payload);
    return IPV6_HEADER_BYTES + FRAME_QUOTED_BYTES + payload;
}

uint32_t frame_unreachable_render6(const struct frame_template frames[2], const struct session_packet *packet,
                                   payload_fill *fill, uint8_t *out)
{
    const struct frame_template *frame = &frames[packet->side];
    const struct frame_template *about = &frames[!packet->side];
    bool has_ports = about->protocol == IP_TCP || about->protocol == IP_UDP;
    uint8_t *ip = out + FRAME_IP;
    uint8_t *icmp = out + FRAME_TRANSPORT6;
    const uint8_t next[2] = { 0, IP_ICMPV6 };
    uint32_t length;
    uint64_t sum;

    memcpy(out, frame->bytes, FRAME_TRANSPORT6);
    ip[IPV6_NEXT] = IP_ICMPV6;
    memset(icmp, 0, ICMP_HEADER_BYTES);
    icmp[0] = ICMPV6_UNREACHABLE;
    icmp[1] = has_ports ? UNREACHABLE6_PORT : UNREACHABLE6_ADDRESS;
    length = ICMP_HEADER_BYTES + quote_ipv6(about, packet, fill, icmp + ICMP_HEADER_BYTES);
    wire_put_u16(ip + IPV6_LENGTH, (uint16_t)length);
    sum = checksum_add(checksum_add(0, ip + IPV6_SOURCE, 2 * IPV6_ADDRESS_BYTES), next, sizeof next);
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(sum + htons((uint16_t)length), icmp, length)));
    return FRAME_TRANSPORT6 + length;
}
