#include "emit/echo.h"

bool echo_is_request(const struct ip_packet *packet)
{
    if (packet->payload_bytes < ICMP_HEADER_BYTES)
        return false;
    return packet->is_v6 ? packet->protocol == IP_ICMPV6 && packet->payload[0] == ICMPV6_ECHO_REQUEST
                         : packet->protocol == IP_ICMP && packet->payload[0] == ICMP_ECHO_REQUEST;
}

static uint8_t class_of(const struct ip_packet *packet)
{
    return (uint8_t)(packet->is_v6 ? packet->ip[0] << 4 | packet->ip[1] >> 4 : packet->ip[1]);
}

size_t echo_put_reply(uint8_t *frame, const struct host_answer *answer)
{
    const struct ip_packet *packet = answer->packet;
    bool had_df = !packet->is_v6 && wire_get_u16(packet->ip + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT;
    struct ip_header header = host_answer_header(answer, packet->protocol, class_of(packet),
                                                 had_df && answer->traits->echo_copies_df);
    uint8_t *icmp = frame + ip_packet_answer_header(packet);

    memcpy(icmp, packet->payload, packet->payload_bytes);
    icmp[0] = packet->is_v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
    if (!answer->traits->echo_copies_code)
        icmp[1] = 0;
    return ip_packet_put_answer(frame, packet, &header, packet->payload_bytes, ICMP_CHECKSUM);
}
