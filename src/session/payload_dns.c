/*
 * Names: DNS over UDP and TCP (RFC 1035), multicast DNS (RFC 6762), LLMNR (RFC 4795),
 * and NetBIOS names (RFC 1002), which share its format.
 *
 * A query of n bytes asks for a name of just that length; very long ones carry EDNS padding
 * (RFC 7830). The answer knows the length of the query and its key, so it repeats the
 * question without memory, then fills its own length with whole records.
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
    OPT_BYTES = 1 + RECORD_FIXED_BYTES,
    OPTION_BYTES = 4,          /* code and length of an EDNS option */
    LABEL_BYTES = 16,          /* longest made-up label with its length byte */
    LONGEST_NAME_BYTES = 100,  /* beyond it, padding looks more natural */
    PADDED_NAME_BYTES = 32,
    MULTICAST_NAME_BYTES = 24,
    MOST_ADDRESSES = 12,
    TTL_SECONDS = 300,
    STREAM_MESSAGE_BYTES = 16384, /* over TCP: a zone transfer is a row of messages */
    STREAM_LEAST_BYTES = 64,
    LENGTH_PREFIX_BYTES = 2,
    NETBIOS_CHARACTERS = 16, /* the last one is the kind of service */
    NETBIOS_NAME_BYTES = 1 + 2 * NETBIOS_CHARACTERS + 1,
    NETBIOS_ADDRESS_BYTES = 6 /* flags and an address */
};

enum record_type { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_TXT = 16, TYPE_OPT = 41 };
enum { TYPE_NULL = 10, TYPE_NETBIOS = 0x20 };
enum { CLASS_IN = 1, CODE_PADDING = 12, UDP_PAYLOAD_SIZE = 1232 };
enum { FLAG_RESPONSE = 0x8000, FLAG_AUTHORITATIVE = 0x0400, FLAG_RECURSION_DESIRED = 0x0100,
       FLAG_RECURSION_AVAILABLE = 0x0080 };

/* One message to be: what it holds, decided before its first byte. */
struct dns_message {
    uint16_t id;
    uint16_t flags;
    uint64_t key;       /* of the name */
    const char *suffix; /* last labels of the name, in wire format, without the root */
    size_t name_bytes;  /* of the question, 0 when there is none */
    size_t alias_bytes; /* CNAME record */
    size_t text_bytes;  /* TXT record */
    size_t ns_bytes;    /* NS record that only fits a small rest */
    size_t opt_bytes;   /* EDNS record with its padding */
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

static void write_pointer(struct piece *p, uint64_t position)
{
    piece_u16(p, (uint16_t)(0xc000 | position));
}

/* What follows a record's owner, up to its data. */
static void write_record_fixed(struct piece *p, uint16_t type, uint64_t data_bytes)
{
    piece_u16(p, type);
    piece_u16(p, CLASS_IN);
    piece_u32(p, TTL_SECONDS);
    piece_u16(p, (uint16_t)data_bytes);
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
        write_pointer(p, owner);
        write_record_fixed(p, TYPE_A, 4);
        /* TEST-NET-3 (RFC 5737): an answer must not point at a stranger */
        piece_u32(p, UINT32_C(0xcb007100) | (uint8_t)(m->key + i));
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
static void write_alias(struct piece *p, size_t bytes)
{
    size_t data_bytes = bytes - POINTER_BYTES - RECORD_FIXED_BYTES;

    write_pointer(p, HEADER_BYTES);
    write_record_fixed(p, TYPE_CNAME, data_bytes);
    piece_u8(p, (uint8_t)(data_bytes - 1 - POINTER_BYTES));
    piece_filler(p, FILLER_LETTERS, data_bytes - 1 - POINTER_BYTES);
    write_pointer(p, HEADER_BYTES);
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
    unsigned answers = m->addresses + (m->alias_bytes > 0) + (m->text_bytes > 0);

    piece_u16(p, m->id);
    piece_u16(p, m->flags);
    piece_u16(p, has_question);
    piece_u16(p, (uint16_t)answers);
    piece_u16(p, m->ns_bytes > 0);
    piece_u16(p, m->opt_bytes > 0);
    if (!has_question)
        return;
    write_name(p, m->key, m->name_bytes, m->suffix);
    piece_u16(p, TYPE_A);
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
        write_alias(p, m->alias_bytes);
    }
    write_addresses(p, m, owner);
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

/* Chooses records that take exactly `rest` bytes; 1 to 10 bytes hold none. */
static void plan_records(struct dns_message *m, size_t rest)
{
    size_t odd = rest % ADDRESS_RECORD_BYTES;

    m->addresses = (unsigned)(rest / ADDRESS_RECORD_BYTES);
    if (m->addresses > MOST_ADDRESSES) {
        m->addresses = 0;
        m->text_bytes = rest;
    } else if (odd == OPT_BYTES || rest == OPT_BYTES + OPTION_BYTES) {
        m->opt_bytes = odd;
    } else if (m->addresses > 0 && odd > 0) {
        m->addresses--;
        m->alias_bytes = ADDRESS_RECORD_BYTES + odd;
    } else if (rest > OPT_BYTES && odd > 0) {
        m->ns_bytes = rest;
    } /* else there is no such record of the name: an answer, but an empty one */
}

static void plan_answer(struct dns_message *m, uint64_t query_bytes, uint64_t size)
{
    const size_t fixed = HEADER_BYTES + QUESTION_FIXED_BYTES;
    size_t name_bytes = asked_name_bytes(query_bytes);
    size_t rest;

    /* Too small to repeat the question: ask its own, the parser does not mind. */
    if (name_bytes == 0 || size < fixed + name_bytes)
        name_bytes = asked_name_bytes(size < fixed + PADDED_NAME_BYTES ? size : fixed + PADDED_NAME_BYTES);
    if (name_bytes == 0)
        return;
    rest = (size_t)(size - fixed - name_bytes);
    m->name_bytes = name_bytes;
    plan_records(m, rest);
}

/* `size` is this message's, `request_bytes` its query's, without the length prefix of TCP. */
static struct dns_message plan_message(const struct payload_place *place, uint64_t request_bytes,
                                       uint64_t size)
{
    static const char *const suffixes[] = {"\003com", "\003net", "\003org"};
    uint64_t key = payload_exchange_key(place);
    struct dns_message m = {.id = (uint16_t)(key >> 48), .flags = FLAG_RECURSION_DESIRED, .key = key};

    m.suffix = suffixes[place->flow_key % 3];
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
    struct dns_message m = {.key = random_mix64(place->flow_key), .suffix = "\005local"};

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
        write_netbios_name(&p, key);
        piece_u16(&p, TYPE_NETBIOS);
        piece_u16(&p, CLASS_IN);
    }
    if (has_record)
        write_netbios_record(&p);
    piece_zeros(&p, piece_left(&p));
}
