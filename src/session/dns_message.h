/*
 * dns_message.h - the format of names' messages (RFC 1035): which records fill a length, and their bytes.
 *
 * Every message has just the length that is wanted: a query asks for a name of that length, very long ones carry EDNS
 * padding (RFC 7830); an answer repeats the question and fills the rest with whole records.
 */
#ifndef SESSION_DNS_MESSAGE_H
#define SESSION_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/payload_private.h"

enum {
    DNS_HEADER_BYTES = 12,
    DNS_QUESTION_FIXED_BYTES = 4, /* type and class */
    DNS_RECORD_FIXED_BYTES = 10,  /* after the owner: type, class, TTL, length */
    DNS_POINTER_BYTES = 2,
    DNS_LONGEST_NAME_BYTES = 100, /* beyond it, padding looks more natural */
    DNS_REVERSE_LEAST_BYTES = 4 + 8 + 5 + 1 + 4, /* an address: lengths of its numbers, in-addr, arpa, root, digits */
    DNS_REVERSE_MOST_BYTES = 4 + 8 + 5 + 1 + 12
};

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_HTTPS = 65
};

enum { DNS_CLASS_IN = 1 };

enum dns_flag {
    DNS_RESPONSE = 0x8000,
    DNS_AUTHORITATIVE = 0x0400,
    DNS_RECURSION_DESIRED = 0x0100,
    DNS_RECURSION_AVAILABLE = 0x0080
};

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

/* Length of the name that a query of so many bytes asks for; 0: none. */
size_t dns_asked_name_bytes(uint64_t query_bytes);

/* What a query of `size` bytes, or the answer to one of `query_bytes`, holds; both at least a header. */
void dns_message_ask(struct dns_message *m, uint64_t size);
void dns_message_answer(struct dns_message *m, uint64_t query_bytes, uint64_t size);

/* Exactly `size` bytes, at least a header. */
void dns_message_write(struct piece *p, const struct dns_message *m, uint64_t size);

/* A name that stands at that byte of the message. */
void dns_write_pointer(struct piece *p, uint64_t position);

/* A record behind its owner, up to its data. */
void dns_write_record(struct piece *p, uint16_t type, uint64_t data_bytes);

#endif
