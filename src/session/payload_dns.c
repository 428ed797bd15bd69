/*
 * Names: DNS over UDP and TCP (RFC 1035), multicast DNS (RFC 6762), LLMNR (RFC 4795),
 * and NetBIOS names (RFC 1002), which share its format.
 *
 * A query of n bytes asks for a name of just that length; very long ones carry EDNS padding
 * (RFC 7830). The answer knows the length of the query and its key, so it repeats the
 * question without memory, then fills its own length with whole records.
 *
 * A host asks for the same few names again and again, some much oftener than others (Zipf), and gets the same
 * answers. Queries of a flow come in pairs, for the IPv4 and the IPv6 address of one name.
 */
#include "session/payload_private.h"

#include <string.h>

#include "net/wire.h"

enum {
    HEADER_BYTES = 12,
    QUESTION_FIXED_BYTES = 4,  /* type and class */
    RECORD_FIXED_BYTES = 10,   /* after the owner: type, class, TTL, length */
    POINTER_BYTES = 2,
    ADDRESS_RECORD_BYTES = POINTER_BYTES + RECORD_FIXED_BYTES + 4,
    IPV6_RECORD_BYTES = POINTER_BYTES + RECORD_FIXED_BYTES + 16,
    LEAST_ALIAS_BYTES = POINTER_BYTES + RECORD_FIXED_BYTES + 2 + POINTER_BYTES,
    SOA_TIMES_BYTES = 20,
    SERVER_LABEL_BYTES = 4, /* with its length byte */
    SOA_BYTES = POINTER_BYTES + RECORD_FIXED_BYTES + SERVER_LABEL_BYTES + 2 * POINTER_BYTES + SOA_TIMES_BYTES,
    LEAST_SOA_BYTES = SOA_BYTES + 2, /* a label of one letter */
    HTTPS_BYTES = POINTER_BYTES + RECORD_FIXED_BYTES + 3 + 7, /* priority, target, application protocol */
    PARAMETER_BYTES = 4,    /* key and length of a parameter of such a record */
    OPT_BYTES = 1 + RECORD_FIXED_BYTES,
    OPTION_BYTES = 4,          /* code and length of an EDNS option */
    LABEL_BYTES = 16,          /* longest made-up label with its length byte */
    LONGEST_NAME_BYTES = 100,  /* beyond it, padding looks more natural */
    PADDED_NAME_BYTES = 32,
    MULTICAST_NAME_BYTES = 24,
    LONGEST_LABEL_BYTES = 63,
    REVERSE_FIXED_BYTES = 4 + 8 + 5 + 1, /* of the name of an address: lengths of its numbers, in-addr, arpa, root */
    REVERSE_LEAST_DIGITS = 4,
    REVERSE_MOST_DIGITS = 12,
    POPULAR_OCTAVES = 5,    /* 31 names of each length */
    MOST_ADDRESSES = 12,
    TTL_SECONDS = 300,
    STREAM_MESSAGE_BYTES = 16384, /* over TCP: a zone transfer is a row of messages */
    STREAM_LEAST_BYTES = 64,
    LENGTH_PREFIX_BYTES = 2,
    NETBIOS_CHARACTERS = 16, /* the last one is the kind of service */
    NETBIOS_NAME_BYTES = 1 + 2 * NETBIOS_CHARACTERS + 1,
    NETBIOS_ADDRESS_BYTES = 6 /* flags and an address */
};

enum record_type { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_TXT = 16,
                   TYPE_AAAA = 28, TYPE_OPT = 41, TYPE_HTTPS = 65 };
enum { TYPE_NULL = 10, TYPE_NETBIOS = 0x20 };
enum { DNS_PORT = 53, CLASS_IN = 1, CODE_PADDING = 12, UDP_PAYLOAD_SIZE = 1232 };
enum { FLAG_RESPONSE = 0x8000, FLAG_AUTHORITATIVE = 0x0400, FLAG_RECURSION_DESIRED = 0x0100,
       FLAG_RECURSION_AVAILABLE = 0x0080 };

/* One message to be: what it holds, decided before its first byte. */
struct dns_message {
    uint16_t id;
    uint16_t flags;
    uint16_t type;      /* asked for */
    uint32_t ttl_s;
    uint64_t key;       /* of the name */
    const char *suffix; /* last labels of the name, in wire format, without the root */
    size_t name_bytes;  /* of the question, 0 when there is none */
    size_t alias_bytes; /* CNAME record */
    size_t text_bytes;  /* TXT record */
    size_t ns_bytes;    /* NS record that only fits a small rest */
    size_t opt_bytes;   /* EDNS record with its padding */
    size_t soa_bytes;   /* authority: there is no such record */
    size_t single_bytes; /* the only record of a type that has one: PTR, HTTPS */
    unsigned addresses;
    bool owner_is_spelt; /* no question to point at */
};

/* A made-up name of `bytes` (1 or at least 3) on the wire, the root's zero included. */
static void write_name(struct piece *p, uint64_t key, size_t bytes, const char *suffix)
{
    size_t suffix_bytes = bytes < strlen(suffix) + 3 ? 0 : strlen(suffix);
    size_t left = bytes - 1 - suffix_bytes;
    uint8_t letters[LABEL_BYTES];

    for (size_t labels = (left + LABEL_BYTES - 1) / LABEL_BYTES; labels > 0; labels--) {
        size_t label = left / labels;

        filler_write(FILLER_LETTERS, key, labels * LABEL_BYTES, letters, label - 1);
        piece_u8(p, (uint8_t)(label - 1));
        piece_bytes(p, letters, label - 1);
        left -= label;
    }
    piece_bytes(p, suffix, suffix_bytes);
    piece_u8(p, 0);
}

static void write_number(struct piece *p, unsigned number)
{
    uint8_t digits[3];
    uint8_t count = 0;

    for (unsigned unit = 100; unit > 0; unit /= 10) {
        if (number >= unit || unit == 1)
            digits[count++] = (uint8_t)('0' + number / unit % 10);
    }
    piece_u8(p, count);
    piece_bytes(p, digits, count);
}

/* The name of an address, of just that length. */
static void write_reverse_name(struct piece *p, uint64_t key, size_t bytes)
{
    static const unsigned least[] = { 1, 10, 100 };
    static const unsigned count[] = { 9, 90, 100 };
    size_t spare = bytes - REVERSE_FIXED_BYTES - REVERSE_LEAST_DIGITS;

    for (int part = 0; part < 4; part++) {
        size_t digits = spare < 2 ? spare : 2;

        write_number(p, least[digits] + (unsigned)(key >> 8 * part & 0xff) % count[digits]);
        spare -= digits;
    }
    piece_bytes(p, "\7in-addr\4arpa", 13);
    piece_u8(p, 0);
}

static void write_pointer(struct piece *p, uint64_t position)
{
    piece_u16(p, (uint16_t)(0xc000 | position));
}

/* What follows a record's owner, up to its data. */
static void write_timed_record_fixed(struct piece *p, uint16_t type, uint32_t ttl_s, uint64_t data_bytes)
{
    piece_u16(p, type);
    piece_u16(p, CLASS_IN);
    piece_u32(p, ttl_s);
    piece_u16(p, (uint16_t)data_bytes);
}

static void write_record_fixed(struct piece *p, uint16_t type, uint64_t data_bytes)
{
    write_timed_record_fixed(p, type, TTL_SECONDS, data_bytes);
}

/* One label of the name's own, the same in all answers, and the question's name behind it. */
static void write_label_before_name(struct piece *p, uint64_t key, size_t label_bytes)
{
    uint8_t letters[LONGEST_LABEL_BYTES];

    filler_write(FILLER_LETTERS, key, 8 * LONGEST_LABEL_BYTES, letters, label_bytes);
    piece_u8(p, (uint8_t)label_bytes);
    piece_bytes(p, letters, label_bytes);
    write_pointer(p, HEADER_BYTES);
}

static void write_character_string(struct piece *p, const struct tile *tile, const void *unused)
{
    (void)unused;
    piece_u8(p, (uint8_t)(tile->size - 1));
    piece_filler(p, FILLER_LETTERS, tile->size - 1);
}

static void write_addresses(struct piece *p, const struct dns_message *m, uint64_t owner)
{
    for (unsigned i = 0; i < m->addresses; i++) {
        bool is_ipv6 = m->type == TYPE_AAAA;

        write_pointer(p, owner);
        write_timed_record_fixed(p, m->type, m->ttl_s, is_ipv6 ? 16 : 4);
        /* TEST-NET-3 (RFC 5737), or for documentation (RFC 3849): an answer must not point at a stranger */
        if (is_ipv6) {
            piece_u32(p, UINT32_C(0x20010db8));
            piece_u32(p, (uint32_t)(m->key >> 32) & 0xffffff00);
            piece_u64(p, (uint32_t)m->key + i);
        } else {
            piece_u32(p, UINT32_C(0xcb007100) | (uint8_t)(m->key + i));
        }
    }
}

static void write_opt(struct piece *p, size_t bytes)
{
    size_t data_bytes = bytes - OPT_BYTES;

    piece_u8(p, 0);
    piece_u16(p, TYPE_OPT);
    piece_u16(p, UDP_PAYLOAD_SIZE);
    piece_u32(p, 0);
    piece_u16(p, (uint16_t)data_bytes);
    if (data_bytes == 0)
        return;
    piece_u16(p, CODE_PADDING);
    piece_u16(p, (uint16_t)(data_bytes - OPTION_BYTES));
    piece_zeros(p, data_bytes - OPTION_BYTES);
}

/* 12 to 14 bytes: owner and server are each the root (1 byte) or a pointer (2). */
static void write_ns(struct piece *p, size_t bytes)
{
    if (bytes > 12)
        write_pointer(p, HEADER_BYTES);
    else
        piece_u8(p, 0);
    write_record_fixed(p, TYPE_NS, bytes > 13 ? 2 : 1);
    if (bytes > 13)
        write_pointer(p, HEADER_BYTES);
    else
        piece_u8(p, 0);
}

/* The target is a label before the question's name. */
static void write_alias(struct piece *p, const struct dns_message *m)
{
    size_t data_bytes = m->alias_bytes - POINTER_BYTES - RECORD_FIXED_BYTES;

    write_pointer(p, HEADER_BYTES);
    write_timed_record_fixed(p, TYPE_CNAME, m->ttl_s, data_bytes);
    write_label_before_name(p, m->key, data_bytes - 1 - POINTER_BYTES);
}

/* Who to ask instead, and how long to believe that there is nothing. */
static void write_soa(struct piece *p, const struct dns_message *m)
{
    static const uint32_t times_s[] = { 7200, 900, 1209600, 300 };

    write_pointer(p, HEADER_BYTES);
    write_timed_record_fixed(p, TYPE_SOA, m->ttl_s, m->soa_bytes - POINTER_BYTES - RECORD_FIXED_BYTES);
    piece_bytes(p, "\3ns1", SERVER_LABEL_BYTES);
    write_pointer(p, HEADER_BYTES);
    write_label_before_name(p, m->key, m->soa_bytes - SOA_BYTES - 1);
    piece_u32(p, UINT32_C(2026010100) + (uint32_t)(m->key & 0xff));
    for (size_t i = 0; i < sizeof times_s / sizeof *times_s; i++)
        piece_u32(p, times_s[i]);
}

/* A name for an address; or how to reach a web server: HTTP/2, and what a key for encryption may be. */
static void write_single(struct piece *p, const struct dns_message *m)
{
    size_t data_bytes = m->single_bytes - POINTER_BYTES - RECORD_FIXED_BYTES;

    write_pointer(p, HEADER_BYTES);
    write_timed_record_fixed(p, m->type, m->ttl_s, data_bytes);
    if (m->type == TYPE_PTR) {
        write_name(p, m->key, data_bytes, m->suffix);
        return;
    }
    piece_bytes(p, "\0\1\0" "\0\1\0\3\2h2", 10);
    if (m->single_bytes == HTTPS_BYTES)
        return;
    data_bytes = m->single_bytes - HTTPS_BYTES - PARAMETER_BYTES;
    piece_u16(p, 5);
    piece_u16(p, (uint16_t)data_bytes);
    piece_filler(p, FILLER_OPAQUE, data_bytes);
}

static void write_text(struct piece *p, const struct dns_message *m)
{
    size_t owner_bytes = POINTER_BYTES;
    size_t data_bytes;

    if (m->owner_is_spelt) {
        owner_bytes = m->name_bytes;
        write_name(p, m->key, m->name_bytes, m->suffix);
    } else {
        write_pointer(p, HEADER_BYTES);
    }
    data_bytes = m->text_bytes - owner_bytes - RECORD_FIXED_BYTES;
    write_record_fixed(p, TYPE_TXT, data_bytes);
    piece_tiles(p, data_bytes, 256, 1, write_character_string, NULL);
}

static void write_header(struct piece *p, const struct dns_message *m)
{
    bool has_question = m->name_bytes > 0 && !m->owner_is_spelt;
    unsigned answers = m->addresses + (m->alias_bytes > 0) + (m->text_bytes > 0) + (m->single_bytes > 0);

    piece_u16(p, m->id);
    piece_u16(p, m->flags);
    piece_u16(p, has_question);
    piece_u16(p, (uint16_t)answers);
    piece_u16(p, m->ns_bytes > 0 || m->soa_bytes > 0);
    piece_u16(p, m->opt_bytes > 0);
    if (!has_question)
        return;
    if (m->type == TYPE_PTR)
        write_reverse_name(p, m->key, m->name_bytes);
    else
        write_name(p, m->key, m->name_bytes, m->suffix);
    piece_u16(p, m->type);
    piece_u16(p, CLASS_IN);
}

/* Exactly `size` bytes, at least a header. */
static void write_message(struct piece *p, const struct dns_message *m, uint64_t size)
{
    uint64_t start = p->at;
    uint64_t owner = HEADER_BYTES;

    write_header(p, m);
    if (m->alias_bytes > 0) {
        owner = p->at - start + POINTER_BYTES + RECORD_FIXED_BYTES;
        write_alias(p, m);
    }
    write_addresses(p, m, owner);
    if (m->single_bytes > 0)
        write_single(p, m);
    if (m->soa_bytes > 0)
        write_soa(p, m);
    if (m->text_bytes > 0)
        write_text(p, m);
    if (m->ns_bytes > 0)
        write_ns(p, m->ns_bytes);
    if (m->opt_bytes > 0)
        write_opt(p, m->opt_bytes);
    /* A few sizes hold no record at all: parsers pass over what follows the last one. */
    piece_zeros(p, start + size - p->at);
}

/* Length of the name that a query of so many bytes asks for. */
static size_t asked_name_bytes(uint64_t query_bytes)
{
    uint64_t name_bytes;

    if (query_bytes < HEADER_BYTES + 1 + QUESTION_FIXED_BYTES)
        return 0;
    name_bytes = query_bytes - HEADER_BYTES - QUESTION_FIXED_BYTES;
    if (name_bytes == 2) /* no such name: a label is at least two bytes, and then the root */
        return 1;
    return name_bytes <= LONGEST_NAME_BYTES ? (size_t)name_bytes : PADDED_NAME_BYTES;
}

static void plan_query(struct dns_message *m, uint64_t size)
{
    uint64_t rest;

    m->name_bytes = asked_name_bytes(size);
    rest = size - HEADER_BYTES - QUESTION_FIXED_BYTES - m->name_bytes;
    if (m->name_bytes > 0 && rest >= OPT_BYTES + OPTION_BYTES)
        m->opt_bytes = (size_t)rest;
}

/*
 * Of records that take exactly `rest` bytes: addresses of `unit` bytes each, after an alias where that does not
 * add up; else an alias alone.
 */
static bool plan_addresses(struct dns_message *m, size_t rest, size_t unit)
{
    size_t count = rest / unit;
    size_t odd = rest % unit;

    if (count > MOST_ADDRESSES)
        return false;
    if (count > 0 && odd == OPT_BYTES) {
        m->opt_bytes = odd;
    } else if (odd >= LEAST_ALIAS_BYTES) {
        m->alias_bytes = odd;
    } else if (odd > 0 && count > 0) {
        m->alias_bytes = unit + odd;
        count--;
    } else if (odd > 0) {
        return false;
    }
    m->addresses = (unsigned)count;
    return count > 0 || m->alias_bytes > 0;
}

/* There is no such record of the name: an empty answer, with the reason where there is room. */
static void plan_nothing(struct dns_message *m, size_t rest)
{
    if (rest >= LEAST_SOA_BYTES && rest <= SOA_BYTES + LONGEST_LABEL_BYTES + 1)
        m->soa_bytes = rest;
    else if (rest == OPT_BYTES || rest >= OPT_BYTES + OPTION_BYTES)
        m->opt_bytes = rest;
    else if (rest > OPT_BYTES)
        m->ns_bytes = rest;
}

/* Chooses records that take exactly `rest` bytes; 1 to 10 bytes hold none. */
static void plan_records(struct dns_message *m, size_t rest)
{
    size_t data_bytes = rest > POINTER_BYTES + RECORD_FIXED_BYTES ? rest - POINTER_BYTES - RECORD_FIXED_BYTES : 0;

    if (rest > MOST_ADDRESSES * IPV6_RECORD_BYTES && m->type != TYPE_HTTPS) {
        m->text_bytes = rest;
    } else if (m->type == TYPE_HTTPS && (rest == HTTPS_BYTES || rest >= HTTPS_BYTES + PARAMETER_BYTES)) {
        m->single_bytes = rest;
    } else if (m->type == TYPE_PTR && data_bytes >= 3 && data_bytes <= LONGEST_NAME_BYTES) {
        m->single_bytes = rest;
    } else if (m->type == TYPE_A || m->type == TYPE_AAAA) {
        if (!plan_addresses(m, rest, m->type == TYPE_A ? ADDRESS_RECORD_BYTES : IPV6_RECORD_BYTES))
            plan_nothing(m, rest);
    } else {
        plan_nothing(m, rest);
    }
}

static void plan_answer(struct dns_message *m, uint64_t query_bytes, uint64_t size)
{
    const size_t fixed = HEADER_BYTES + QUESTION_FIXED_BYTES;
    size_t name_bytes = asked_name_bytes(query_bytes);
    size_t rest;

    /* Too small to repeat the question: ask its own, the parser does not mind. */
    if (name_bytes == 0 || size < fixed + name_bytes)
        name_bytes = asked_name_bytes(size < fixed + PADDED_NAME_BYTES ? size : fixed + PADDED_NAME_BYTES);
    if (name_bytes != asked_name_bytes(query_bytes) && m->type == TYPE_PTR)
        m->type = TYPE_A;
    if (name_bytes == 0)
        return;
    rest = (size_t)(size - fixed - name_bytes);
    m->name_bytes = name_bytes;
    plan_records(m, rest);
}

/* ---- who asks for what ---- */

/* What a flow asks for, of a pair of queries; on its own link nothing but addresses. */
static uint16_t asked_type(const struct payload_place *place, uint64_t pair_key, size_t name_bytes)
{
    bool is_second = payload_exchange(place) & 1;
    bool fits_address = name_bytes >= REVERSE_FIXED_BYTES + REVERSE_LEAST_DIGITS &&
                        name_bytes <= REVERSE_FIXED_BYTES + REVERSE_MOST_DIGITS;
    uint64_t sixteenth = pair_key & 15;

    if (sixteenth == 0 && place->service_port == DNS_PORT)
        return is_second ? TYPE_A : TYPE_HTTPS;
    if (sixteenth == 1 && place->service_port == DNS_PORT && fits_address)
        return TYPE_PTR;
    return (sixteenth < 4) != is_second ? TYPE_AAAA : TYPE_A;
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
    size_t name_bytes = asked_name_bytes(place->side == FLOW_INITIATOR ? size : request_bytes);
    struct dns_message m = {
        .id = (uint16_t)(payload_exchange_key(place) >> 48),
        .flags = FLAG_RECURSION_DESIRED,
        .type = asked_type(place, pair_key, name_bytes),
        .key = popular_name(place, pair_key, name_bytes),
    };

    m.suffix = suffixes[m.key >> 40 & 3];
    m.ttl_s = answer_ttl(place, m.key);
    if (place->side == FLOW_INITIATOR) {
        plan_query(&m, size);
    } else {
        m.flags |= FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE;
        plan_answer(&m, request_bytes, size);
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
    write_message(p, &m, size);
}

void payload_dns(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    if (place->protocol == IP_TCP && p.end >= LENGTH_PREFIX_BYTES + HEADER_BYTES) {
        piece_tiles(&p, p.end, STREAM_MESSAGE_BYTES, STREAM_LEAST_BYTES, write_stream_message, place);
    } else if (place->protocol != IP_TCP && p.end >= HEADER_BYTES) {
        struct dns_message m = plan_message(place, place->request_bytes, p.end);

        write_message(&p, &m, p.end);
    } else {
        /* No header fits; over TCP zeros at least announce no following message. */
        piece_zeros(&p, p.end);
    }
}

/* Multicast: short ones of the initiator ask, all others announce a text record. */
void payload_mdns(const struct payload_place *place, uint8_t *out, size_t size)
{
    const size_t least_record = 3 + RECORD_FIXED_BYTES + 1;
    struct piece p = piece_begin(place, out, size);
    struct dns_message m = {.key = random_mix64(place->client), .suffix = "\005local", .type = TYPE_A};

    if (p.end < HEADER_BYTES) {
        piece_zeros(&p, p.end);
        return;
    }
    if (place->side == FLOW_INITIATOR && p.end <= LONGEST_NAME_BYTES) {
        plan_query(&m, p.end);
    } else {
        m.flags = FLAG_RESPONSE | FLAG_AUTHORITATIVE;
        if (p.end >= HEADER_BYTES + least_record) {
            uint64_t name_bytes = p.end - HEADER_BYTES - RECORD_FIXED_BYTES - 1;

            m.owner_is_spelt = true;
            m.name_bytes = name_bytes < MULTICAST_NAME_BYTES ? (size_t)name_bytes : MULTICAST_NAME_BYTES;
            m.text_bytes = (size_t)(p.end - HEADER_BYTES);
        }
    }
    write_message(&p, &m, p.end);
}

/* The same format, for a name of this link, without a domain and without recursion. */
void payload_llmnr(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    struct dns_message m;

    if (p.end < HEADER_BYTES) {
        piece_zeros(&p, p.end);
        return;
    }
    m = plan_message(place, place->request_bytes, p.end);
    m.flags &= FLAG_RESPONSE;
    m.suffix = "";
    write_message(&p, &m, p.end);
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
    uint64_t data_bytes = piece_left(p) - POINTER_BYTES - RECORD_FIXED_BYTES;
    bool is_addresses = data_bytes % NETBIOS_ADDRESS_BYTES == 0;

    write_pointer(p, HEADER_BYTES);
    write_record_fixed(p, is_addresses ? TYPE_NETBIOS : TYPE_NULL, data_bytes);
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
    bool has_question = p.end >= HEADER_BYTES + NETBIOS_NAME_BYTES + QUESTION_FIXED_BYTES;
    bool has_record = p.end >= HEADER_BYTES + NETBIOS_NAME_BYTES + QUESTION_FIXED_BYTES + POINTER_BYTES +
                                   RECORD_FIXED_BYTES;
    uint64_t key = payload_exchange_key(place);

    if (p.end >= HEADER_BYTES) {
        piece_u16(&p, (uint16_t)(key >> 48));
        piece_u16(&p, place->side == FLOW_RESPONDER ? 0x8580 : has_record ? 0x2910 : 0x0110);
        piece_u16(&p, has_question);
        piece_u32(&p, 0);
        piece_u16(&p, has_record);
    }
    if (has_question) {
        write_netbios_name(&p, popular_name(place, random_mix64(key), NETBIOS_NAME_BYTES));
        piece_u16(&p, TYPE_NETBIOS);
        piece_u16(&p, CLASS_IN);
    }
    if (has_record)
        write_netbios_record(&p);
    piece_zeros(&p, piece_left(&p));
}
