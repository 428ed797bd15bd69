#include "emit/echo.h"

enum {
    HEADER_BYTES = 8,
    CHECKSUM = 2,
    REQUEST = 8,
    REPLY = 0,
    REQUEST_V6 = 128,
    REPLY_V6 = 129,
    IPV4_FLAGS = 6,
    IPV4_DONT_FRAGMENT = 0x40
};

bool echo_is_request(const struct ip_packet *packet)
{
    if (packet->payload_bytes < HEADER_BYTES)
        return false;
    return packet->is_v6 ? packet->protocol == IP_ICMPV6 && packet->payload[0] == REQUEST_V6
                         : packet->protocol == IP_ICMP && packet->payload[0] == REQUEST;
}

static uint8_t class_of(const struct ip_packet *packet)
{
    return (uint8_t)(packet->is_v6 ? packet->ip[0] << 4 | packet->ip[1] >> 4 : packet->ip[1]);
}

size_t echo_put_reply(uint8_t *frame, const struct host_answer *answer)
{
    const struct ip_packet *packet = answer->packet;
    bool had_df = !packet->is_v6 && packet->ip[IPV4_FLAGS] & IPV4_DONT_FRAGMENT;
    struct ip_header header = host_answer_header(answer, packet->protocol, class_of(packet),
                                                 had_df && answer->traits->echo_copies_df);
    uint8_t *icmp = frame + ip_packet_answer_header(packet);

    memcpy(icmp, packet->payload, packet->payload_bytes);
    icmp[0] = packet->is_v6 ? REPLY_V6 : REPLY;
    if (!answer->traits->echo_copies_code)
        icmp[1] = 0;
    return ip_packet_put_answer(frame, packet, &header, packet->payload_bytes, CHECKSUM);
}
