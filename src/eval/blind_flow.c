#include "eval/blind_flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pcap_format.h"
#include "net/ethernet_header.h"
#include "net/ip_header.h"
#include "net/wire.h"

enum {
    MOST_IP_BYTES = 65535,
    INITIATOR_PORT = 50000
};

/* RFC 5737, RFC 7042. */
static const uint32_t addresses[2] = { 0xc0000201, 0xc6336401 }; /* 192.0.2.1, 198.51.100.1 */
static const uint8_t ethernet[2][6] = { { 0, 0, 0x5e, 0, 0x53, 1 }, { 0, 0, 0x5e, 0, 0x53, 2 } };

#define FIRST_NS (INT64_C(946684800) * NS_PER_SECOND) /* 2000-01-01 */

bool blind_flow_is_eligible(const struct flow_record *record, uint8_t protocol, uint64_t least_packets)
{
    return record->protocol == protocol && ip_address_is_v4(&record->address[FLOW_INITIATOR]) &&
           record->fragments[FLOW_INITIATOR] + record->fragments[FLOW_RESPONDER] == 0 &&
           flow_record_packets(record) >= least_packets;
}

static void append(struct blind_flow *flow, const void *bytes, size_t size)
{
    flow->bytes = memory_grow(flow->bytes, &flow->capacity, flow->size + size, 1);
    memcpy(flow->bytes + flow->size, bytes, size);
    flow->size += size;
}

/* As many as the file's snapshot length allows. */
static size_t captured_bytes(const struct packet_view *packet)
{
    const size_t most = PCAP_SNAPLEN - ETHERNET_BYTES;

    return packet->ip_captured < most ? packet->ip_captured : most;
}

/* Of the headers, as far as they were captured. */
static size_t header_bytes(const struct packet_view *packet)
{
    size_t least = packet->transport_offset + (packet->protocol == IP_TCP ? TCP_HEADER_BYTES : UDP_HEADER_BYTES);
    size_t wanted = packet->ip_bytes - packet->payload_bytes;

    if (packet->protocol == IP_UDP)
        wanted = least;
    return wanted < packet->ip_captured ? wanted : packet->ip_captured;
}

static void make_checksum(uint8_t *ip, const struct packet_view *packet, size_t kept)
{
    uint8_t *transport = ip + packet->transport_offset;
    uint8_t *field = transport + (packet->protocol == IP_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    const bool had_none = packet->protocol == IP_UDP && wire_get_u16(field) == 0;
    uint8_t pseudo[12] = { [9] = packet->protocol };
    size_t size = packet->ip_bytes - packet->transport_offset;
    uint16_t sum;

    wire_put_u16(field, 0);
    if (kept < packet->ip_bytes || had_none)
        return;
    memcpy(pseudo, ip + IPV4_SOURCE, 8);
    wire_put_u16(pseudo + 10, (uint16_t)size);
    sum = checksum_finish(checksum_add(checksum_add(0, pseudo, sizeof pseudo), transport, size));
    wire_put_u16(field, packet->protocol == IP_UDP && sum == 0 ? 0xffff : sum);
}

/* `kept` bytes of an IP packet, all headers included, become those of the file. */
static void disguise(uint8_t *ip, enum flow_side side, const struct packet_view *packet, size_t kept)
{
    const uint32_t ip_bytes = packet->ip_bytes < MOST_IP_BYTES ? packet->ip_bytes : MOST_IP_BYTES;
    uint8_t *ports = ip + packet->transport_offset;

    wire_put_u16(ip + IPV4_LENGTH, (uint16_t)ip_bytes); /* offloading may have left it 0 */
    wire_put_u32(ip + IPV4_SOURCE, addresses[side]);
    wire_put_u32(ip + IPV4_DESTINATION, addresses[!side]);
    wire_put_u16(ip + IPV4_CHECKSUM, 0);
    wire_put_u16(ip + IPV4_CHECKSUM, checksum_finish(checksum_add(0, ip, packet->transport_offset)));
    wire_put_u16(ports + (side == FLOW_INITIATOR ? 0 : 2), INITIATOR_PORT);
    make_checksum(ip, packet, kept);
}

static bool is_whole_enough(const struct packet_view *packet)
{
    size_t least = packet->transport_offset + (packet->protocol == IP_TCP ? TCP_HEADER_BYTES : UDP_HEADER_BYTES);

    return packet->ip_captured >= least && packet->ip[0] >> 4 == 4 && packet->transport_offset >= IPV4_HEADER_BYTES;
}

void blind_flow_add(struct blind_flow *flow, enum flow_side side, const struct packet_view *packet,
                    bool keep_payload)
{
    size_t kept = keep_payload ? captured_bytes(packet) : header_bytes(packet);
    struct pcap_record record;
    struct day_time time;
    struct error ignored;
    uint8_t link[ETHERNET_BYTES];
    size_t at;

    if (!is_whole_enough(packet))
        return;
    flow->is_full |= flow->packets == BLIND_MAX_PACKETS || flow->size + kept + ETHERNET_BYTES > BLIND_MAX_BYTES;
    if (flow->is_full)
        return;
    if (flow->packets++ == 0) {
        const struct pcap_header header = pcap_header(false);

        append(flow, &header, sizeof header);
        flow->first = packet->time;
    }
    time.ns = FIRST_NS + packet->time.ns - flow->first.ns;
    if (pcap_record(&record, time, false, (uint32_t)(kept + ETHERNET_BYTES), packet->ip_bytes + ETHERNET_BYTES,
                    &ignored) < 0)
        return;
    append(flow, &record, sizeof record);
    ethernet_put(link, ethernet[!side], ethernet[side], ETHERNET_TYPE_IPV4);
    append(flow, link, sizeof link);
    at = flow->size;
    append(flow, packet->ip, kept);
    disguise(flow->bytes + at, side, packet, kept);
}

void blind_flow_release(struct blind_flow *flow)
{
    free(flow->bytes);
    *flow = (struct blind_flow){ .size = 0 };
}
