#include "session/dns_message.h"

#include <string.h>

enum {
    LEAST_RECORD_BYTES = DNS_POINTER_BYTES + DNS_RECORD_FIXED_BYTES, /* without data */
    ADDRESS_RECORD_BYTES = LEAST_RECORD_BYTES + 4,
    IPV6_RECORD_BYTES = LEAST_RECORD_BYTES + 16,
    LEAST_ALIAS_BYTES = LEAST_RECORD_BYTES + 2 + DNS_POINTER_BYTES,
    SOA_TIMES_BYTES = 20,
    SERVER_LABEL_BYTES = 4, /* with its length byte */
    SOA_BYTES = LEAST_RECORD_BYTES + SERVER_LABEL_BYTES + 2 * DNS_POINTER_BYTES + SOA_TIMES_BYTES,
    LEAST_SOA_BYTES = SOA_BYTES + 2, /* a label of one letter */
    HTTPS_BYTES = LEAST_RECORD_BYTES + 3 + 7, /* priority, target, application protocol */
    PARAMETER_BYTES = 4,    /* key and length of a parameter of such a record */
    OPT_BYTES = 1 + DNS_RECORD_FIXED_BYTES,
    OPTION_BYTES = 4,       /* code and length of an EDNS option */
    CODE_PADDING = 12,      /* of such an option */
    UDP_PAYLOAD_SIZE = 1232,
    LABEL_BYTES = 16,       /* longest made-up label with its length byte */
    LONGEST_LABEL_BYTES = 63,
    PADDED_NAME_BYTES = 32, /* of a query with padding */
    MOST_ADDRESSES = 12,
    TTL_SECONDS = 300
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
    size_t spare = bytes - DNS_REVERSE_LEAST_BYTES;

    for (int part = 0; part < 4; part++) {
        size_t digits = spare < 2 ? spare : 2;

        write_number(p, least[digits] + (unsigned)(key >> 8 * part & 0xff) % count[digits]);
        spare -= digits;
    }
    piece_bytes(p, "\7in-addr\4arpa", 13);
    piece_u8(p, 0);
}

void dns_write_pointer(struct piece *p, uint64_t position)
{
    piece_u16(p, (uint16_t)(0xc000 | position));
}

/* What follows a record's owner, up to its data. */
static void write_timed_record_fixed(struct piece *p, uint16_t type, uint32_t ttl_s, uint64_t data_bytes)
{
    piece_u16(p, type);
    piece_u16(p, DNS_CLASS_IN);
    piece_u32(p, ttl_s);
    piece_u16(p, (uint16_t)data_bytes);
}

void dns_write_record(struct piece *p, uint16_t type, uint64_t data_bytes)
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
    dns_write_pointer(p, DNS_HEADER_BYTES);
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
        bool is_ipv6 = m->type == DNS_TYPE_AAAA;

        dns_write_pointer(p, owner);
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
    piece_u16(p, DNS_TYPE_OPT);
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
        dns_write_pointer(p, DNS_HEADER_BYTES);
    else
        piece_u8(p, 0);
    dns_write_record(p, DNS_TYPE_NS, bytes > 13 ? 2 : 1);
    if (bytes > 13)
        dns_write_pointer(p, DNS_HEADER_BYTES);
    else
        piece_u8(p, 0);
}

/* The target is a label before the question's name. */
static void write_alias(struct piece *p, const struct dns_message *m)
{
    size_t data_bytes = m->alias_bytes - LEAST_RECORD_BYTES;

    dns_write_pointer(p, DNS_HEADER_BYTES);
    write_timed_record_fixed(p, DNS_TYPE_CNAME, m->ttl_s, data_bytes);
    write_label_before_name(p, m->key, data_bytes - 1 - DNS_POINTER_BYTES);
}

/* Who to ask instead, and how long to believe that there is nothing. */
static void write_soa(struct piece *p, const struct dns_message *m)
{
    static const uint32_t times_s[] = { 7200, 900, 1209600, 300 };

    dns_write_pointer(p, DNS_HEADER_BYTES);
    write_timed_record_fixed(p, DNS_TYPE_SOA, m->ttl_s, m->soa_bytes - LEAST_RECORD_BYTES);
    piece_bytes(p, "\3ns1", SERVER_LABEL_BYTES);
    dns_write_pointer(p, DNS_HEADER_BYTES);
    write_label_before_name(p, m->key, m->soa_bytes - SOA_BYTES - 1);
    piece_u32(p, UINT32_C(2026010100) + (uint32_t)(m->key & 0xff));
    for (size_t i = 0; i < sizeof times_s / sizeof *times_s; i++)
        piece_u32(p, times_s[i]);
}

/* A name for an address; or how to reach a web server: HTTP/2, and what a key for encryption may be. */
static void write_single(struct piece *p, const struct dns_message *m)
{
    size_t data_bytes = m->single_bytes - LEAST_RECORD_BYTES;

    dns_write_pointer(p, DNS_HEADER_BYTES);
    write_timed_record_fixed(p, m->type, m->ttl_s, data_bytes);
    if (m->type == DNS_TYPE_PTR) {
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
    size_t owner_bytes = DNS_POINTER_BYTES;
    size_t data_bytes;

    if (m->owner_is_spelt) {
        owner_bytes = m->name_bytes;
        write_name(p, m->key, m->name_bytes, m->suffix);
    } else {
        dns_write_pointer(p, DNS_HEADER_BYTES);
    }
    data_bytes = m->text_bytes - owner_bytes - DNS_RECORD_FIXED_BYTES;
    dns_write_record(p, DNS_TYPE_TXT, data_bytes);
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
    if (m->type == DNS_TYPE_PTR)
        write_reverse_name(p, m->key, m->name_bytes);
    else
        write_name(p, m->key, m->name_bytes, m->suffix);
    piece_u16(p, m->type);
    piece_u16(p, DNS_CLASS_IN);
}

void dns_message_write(struct piece *p, const struct dns_message *m, uint64_t size)
{
    uint64_t start = p->at;
    uint64_t owner = DNS_HEADER_BYTES;

    write_header(p, m);
    if (m->alias_bytes > 0) {
        owner = p->at - start + LEAST_RECORD_BYTES;
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

size_t dns_asked_name_bytes(uint64_t query_bytes)
{
    uint64_t name_bytes;

    if (query_bytes < DNS_HEADER_BYTES + 1 + DNS_QUESTION_FIXED_BYTES)
        return 0;
    name_bytes = query_bytes - DNS_HEADER_BYTES - DNS_QUESTION_FIXED_BYTES;
    if (name_bytes == 2) /* no such name: a label is at least two bytes, and then the root */
        return 1;
    return name_bytes <= DNS_LONGEST_NAME_BYTES ? (size_t)name_bytes : PADDED_NAME_BYTES;
}

void dns_message_ask(struct dns_message *m, uint64_t size)
{
    uint64_t rest;

    m->name_bytes = dns_asked_name_bytes(size);
    rest = size - DNS_HEADER_BYTES - DNS_QUESTION_FIXED_BYTES - m->name_bytes;
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
    size_t data_bytes = rest > LEAST_RECORD_BYTES ? rest - LEAST_RECORD_BYTES : 0;

    if (rest > MOST_ADDRESSES * IPV6_RECORD_BYTES && m->type != DNS_TYPE_HTTPS) {
        m->text_bytes = rest;
    } else if (m->type == DNS_TYPE_HTTPS && (rest == HTTPS_BYTES || rest >= HTTPS_BYTES + PARAMETER_BYTES)) {
        m->single_bytes = rest;
    } else if (m->type == DNS_TYPE_PTR && data_bytes >= 3 && data_bytes <= DNS_LONGEST_NAME_BYTES) {
        m->single_bytes = rest;
    } else if (m->type == DNS_TYPE_A || m->type == DNS_TYPE_AAAA) {
        if (!plan_addresses(m, rest, m->type == DNS_TYPE_A ? ADDRESS_RECORD_BYTES : IPV6_RECORD_BYTES))
            plan_nothing(m, rest);
    } else {
        plan_nothing(m, rest);
    }
}

void dns_message_answer(struct dns_message *m, uint64_t query_bytes, uint64_t size)
{
    const size_t fixed = DNS_HEADER_BYTES + DNS_QUESTION_FIXED_BYTES;
    size_t name_bytes = dns_asked_name_bytes(query_bytes);
    size_t rest;

    /* Too small to repeat the question: ask its own, the parser does not mind. */
    if (name_bytes == 0 || size < fixed + name_bytes)
        name_bytes = dns_asked_name_bytes(size < fixed + PADDED_NAME_BYTES ? size : fixed + PADDED_NAME_BYTES);
    if (name_bytes != dns_asked_name_bytes(query_bytes) && m->type == DNS_TYPE_PTR)
        m->type = DNS_TYPE_A;
    if (name_bytes == 0)
        return;
    rest = (size_t)(size - fixed - name_bytes);
    m->name_bytes = name_bytes;
    plan_records(m, rest);
}
