/*
 * Names: DNS over UDP and TCP (RFC 1035), multicast DNS (RFC 6762), LLMNR (RFC 4795),
 * and NetBIOS names (RFC 1002), which share its format.
 *
 * The answer knows the length of the query and its key, so it repeats the question without memory.
 *
 * A host asks for the same few names again and again, some much oftener than others (Zipf), and gets the same
 * answers. Queries of a flow come in pairs, for the IPv4 and the IPv6 address of one name.
 */
#include "session/dns_message.h"

#include "net/wire.h"

enum {
    DNS_PORT = 53,
    POPULAR_OCTAVES = 5, /* 31 names of each length */
    MULTICAST_NAME_BYTES = 24,
    STREAM_MESSAGE_BYTES = 16384, /* over TCP: a zone transfer is a row of messages */
    STREAM_LEAST_BYTES = 64,
    LENGTH_PREFIX_BYTES = 2,
    NETBIOS_CHARACTERS = 16, /* the last one is the kind of service */
    NETBIOS_NAME_BYTES = 1 + 2 * NETBIOS_CHARACTERS + 1,
    NETBIOS_ADDRESS_BYTES = 6, /* flags and an address */
    TYPE_NULL = 10,
    TYPE_NETBIOS = 0x20
};

/* What a flow asks for, of a pair of queries; on its own link nothing but addresses. */
static uint16_t asked_type(const struct payload_place *place, uint64_t pair_key, size_t name_bytes)
{
    bool is_second = payload_exchange(place) & 1;
    bool fits_address = name_bytes >= DNS_REVERSE_LEAST_BYTES && name_bytes <= DNS_REVERSE_MOST_BYTES;
    uint64_t sixteenth = pair_key & 15;

    if (sixteenth == 0 && place->service_port == DNS_PORT)
        return is_second ? DNS_TYPE_A : DNS_TYPE_HTTPS;
    if (sixteenth == 1 && place->service_port == DNS_PORT && fits_address)
        return DNS_TYPE_PTR;
    return (sixteenth < 4) != is_second ? DNS_TYPE_AAAA : DNS_TYPE_A;
}

/*
 * One of the names of that length which the host asks for: each octave of ranks, 1, 2 and 3, 4 to 7, ..., is as
 * likely, so that the n-th name is asked for in proportion to 1/n, about.
 */
static uint64_t popular_name(const struct payload_place *place, uint64_t pair_key, size_t name_bytes)
{
    uint32_t octave = (uint32_t)(pair_key >> 8 & 0xff) * POPULAR_OCTAVES >> 8;
    uint32_t rank = (1u << octave) + ((uint32_t)(pair_key >> 16) & ((1u << octave) - 1));

    return random_mix64(random_mix64((uint64_t)place->client << 16 | name_bytes) + rank);
}

/* As its owner set it; or what is left of that in a cache. */
static uint32_t answer_ttl(const struct payload_place *place, uint64_t name_key)
{
    static const uint32_t full_s[] = { 60, 300, 300, 300, 900, 3600, 3600, 86400 };
    uint32_t ttl_s = full_s[name_key >> 32 & 7];
    uint64_t chance = random_mix64(place->flow_key ^ name_key);

    return chance & 1 ? ttl_s : 1 + (uint32_t)(chance >> 32) % ttl_s;
}

/* `size` is this message's, `request_bytes` its query's, without the length prefix of TCP. */
static struct dns_message plan_message(const struct payload_place *place, uint64_t request_bytes,
                                       uint64_t size)
{
    static const char *const suffixes[] = {"\003com", "\003com", "\003net", "\003org"};
    uint64_t pair_key = random_mix64(place->flow_key + (payload_exchange(place) >> 1));
    size_t name_bytes = dns_asked_name_bytes(place->side == FLOW_INITIATOR ? size : request_bytes);
    struct dns_message m = {
        .id = (uint16_t)(payload_exchange_key(place) >> 48),
        .flags = DNS_RECURSION_DESIRED,
        .type = asked_type(place, pair_key, name_bytes),
        .key = popular_name(place, pair_key, name_bytes),
    };

    m.suffix = suffixes[m.key >> 40 & 3];
    m.ttl_s = answer_ttl(place, m.key);
    if (place->side == FLOW_INITIATOR) {
        dns_message_ask(&m, size);
    } else {
        m.flags |= DNS_RESPONSE | DNS_RECURSION_AVAILABLE;
        dns_message_answer(&m, request_bytes, size);
    }
    return m;
}

static void write_stream_message(struct piece *p, const struct tile *tile, const void *context)
{
    const struct payload_place *place = context;
    uint64_t size = tile->size - LENGTH_PREFIX_BYTES;
    uint64_t request_bytes = place->request_bytes;
    struct dns_message m;

    request_bytes -= request_bytes < LENGTH_PREFIX_BYTES ? request_bytes : LENGTH_PREFIX_BYTES;
    m = plan_message(place, request_bytes, size);
    piece_u16(p, (uint16_t)size);
    dns_message_write(p, &m, size);
}

void payload_dns(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    if (place->protocol == IP_TCP && p.end >= LENGTH_PREFIX_BYTES + DNS_HEADER_BYTES) {
        piece_tiles(&p, p.end, STREAM_MESSAGE_BYTES, STREAM_LEAST_BYTES, write_stream_message, place);
    } else if (place->protocol != IP_TCP && p.end >= DNS_HEADER_BYTES) {
        struct dns_message m = plan_message(place, place->request_bytes, p.end);

        dns_message_write(&p, &m, p.end);
    } else {
        /* No header fits; over TCP zeros at least announce no following message. */
        piece_zeros(&p, p.end);
    }
}

/* Multicast: short ones of the initiator ask, all others announce a text record. */
void payload_mdns(const struct payload_place *place, uint8_t *out, size_t size)
{
    const size_t least_record = 3 + DNS_RECORD_FIXED_BYTES + 1;
    struct piece p = piece_begin(place, out, size);
    struct dns_message m = {.key = random_mix64(place->client), .suffix = "\005local", .type = DNS_TYPE_A};

    if (p.end < DNS_HEADER_BYTES) {
        piece_zeros(&p, p.end);
        return;
    }
    if (place->side == FLOW_INITIATOR && p.end <= DNS_LONGEST_NAME_BYTES) {
        dns_message_ask(&m, p.end);
    } else {
        m.flags = DNS_RESPONSE | DNS_AUTHORITATIVE;
        if (p.end >= DNS_HEADER_BYTES + least_record) {
            uint64_t name_bytes = p.end - DNS_HEADER_BYTES - DNS_RECORD_FIXED_BYTES - 1;

            m.owner_is_spelt = true;
            m.name_bytes = name_bytes < MULTICAST_NAME_BYTES ? (size_t)name_bytes : MULTICAST_NAME_BYTES;
            m.text_bytes = (size_t)(p.end - DNS_HEADER_BYTES);
        }
    }
    dns_message_write(&p, &m, p.end);
}

/* The same format, for a name of this link, without a domain and without recursion. */
void payload_llmnr(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    struct dns_message m;

    if (p.end < DNS_HEADER_BYTES) {
        piece_zeros(&p, p.end);
        return;
    }
    m = plan_message(place, place->request_bytes, p.end);
    m.flags &= DNS_RESPONSE;
    m.suffix = "";
    dns_message_write(&p, &m, p.end);
}

/* Eight capitals and spaces, each half a byte as a letter from A to P. */
static void write_netbios_name(struct piece *p, uint64_t key)
{
    uint8_t name[NETBIOS_CHARACTERS] = "                ";
    uint8_t letters[2 * NETBIOS_CHARACTERS];

    filler_write(FILLER_LETTERS, key, 0, name, 8);
    for (size_t i = 0; i < NETBIOS_CHARACTERS; i++) {
        uint8_t character = i < 8 ? name[i] & 0xdf : name[i];

        letters[2 * i] = 'A' + (character >> 4);
        letters[2 * i + 1] = 'A' + (character & 0xf);
    }
    piece_u8(p, sizeof letters);
    piece_bytes(p, letters, sizeof letters);
    piece_u8(p, 0);
}

/* The record behind the question; whole addresses when the size allows it. */
static void write_netbios_record(struct piece *p)
{
    uint64_t data_bytes = piece_left(p) - DNS_POINTER_BYTES - DNS_RECORD_FIXED_BYTES;
    bool is_addresses = data_bytes % NETBIOS_ADDRESS_BYTES == 0;

    dns_write_pointer(p, DNS_HEADER_BYTES);
    dns_write_record(p, is_addresses ? TYPE_NETBIOS : TYPE_NULL, data_bytes);
    for (; is_addresses && data_bytes > 0; data_bytes -= NETBIOS_ADDRESS_BYTES) {
        piece_u16(p, 0);
        piece_u32(p, UINT32_C(0xcb007100) | (data_bytes & 0xff));
    }
    piece_filler(p, FILLER_OPAQUE, data_bytes);
}

/* A query is 50 bytes; longer messages register or answer, with one record more. */
void payload_nbns(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    bool has_question = p.end >= DNS_HEADER_BYTES + NETBIOS_NAME_BYTES + DNS_QUESTION_FIXED_BYTES;
    bool has_record = p.end >= DNS_HEADER_BYTES + NETBIOS_NAME_BYTES + DNS_QUESTION_FIXED_BYTES + DNS_POINTER_BYTES +
                                   DNS_RECORD_FIXED_BYTES;
    uint64_t key = payload_exchange_key(place);

    if (p.end >= DNS_HEADER_BYTES) {
        piece_u16(&p, (uint16_t)(key >> 48));
        piece_u16(&p, place->side == FLOW_RESPONDER ? 0x8580 : has_record ? 0x2910 : 0x0110);
        piece_u16(&p, has_question);
        piece_u32(&p, 0);
        piece_u16(&p, has_record);
    }
    if (has_question) {
        write_netbios_name(&p, popular_name(place, random_mix64(key), NETBIOS_NAME_BYTES));
        piece_u16(&p, TYPE_NETBIOS);
        piece_u16(&p, DNS_CLASS_IN);
    }
    if (has_record)
        write_netbios_record(&p);
    piece_zeros(&p, piece_left(&p));
}
