#include "emit/arp.h"

/* Offsets in the frame. */
enum {
    HEADER = ETHERNET_BYTES,
    OPERATION = 20,
    SENDER_MAC = 22,
    SENDER_IP = 28,
    TARGET_MAC = 32,
    TARGET_IP = 38
};

/* Ethernet, IPv4, their address lengths (RFC 826). */
static const uint8_t header[6] = { 0, 1, 0x08, 0, MAC_BYTES, 4 };

bool arp_parse(struct arp *arp, const uint8_t *frame, size_t size)
{
    uint16_t operation;

    if (size < ARP_FRAME_BYTES || wire_get_u16(frame + ETHERNET_TYPE) != ETHERNET_TYPE_ARP ||
        memcmp(frame + HEADER, header, sizeof header) != 0)
        return false;
    operation = wire_get_u16(frame + OPERATION);
    if ((operation != ARP_REQUEST && operation != ARP_REPLY) || !mac_is_unicast(frame + SENDER_MAC))
        return false;
    arp->operation = (enum arp_operation)operation;
    memcpy(arp->to, frame, MAC_BYTES);
    memcpy(arp->sender_mac, frame + SENDER_MAC, MAC_BYTES);
    arp->sender = wire_get_u32(frame + SENDER_IP);
    arp->target = wire_get_u32(frame + TARGET_IP);
    return true;
}

static void put(uint8_t *frame, enum arp_operation operation, const uint8_t mac[MAC_BYTES], uint32_t sender,
                uint32_t target)
{
    memcpy(frame + HEADER, header, sizeof header);
    wire_put_u16(frame + OPERATION, (uint16_t)operation);
    memcpy(frame + SENDER_MAC, mac, MAC_BYTES);
    wire_put_u32(frame + SENDER_IP, sender);
    wire_put_u32(frame + TARGET_IP, target);
}

void arp_put_request(uint8_t *frame, const uint8_t mac[MAC_BYTES], uint32_t sender, uint32_t target)
{
    static const uint8_t all[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    ethernet_put(frame, all, mac, ETHERNET_TYPE_ARP);
    put(frame, ARP_REQUEST, mac, sender, target);
    memset(frame + TARGET_MAC, 0, MAC_BYTES);
}

void arp_put_reply(uint8_t *frame, const struct arp *request, const uint8_t mac[MAC_BYTES])
{
    ethernet_put(frame, request->sender_mac, mac, ETHERNET_TYPE_ARP);
    put(frame, ARP_REPLY, mac, request->target, request->sender);
    memcpy(frame + TARGET_MAC, request->sender_mac, MAC_BYTES);
}
