/*
 * host_names.h - hosts that a flow log calls by opaque names, as addresses, and back.
 *
 * A name becomes an address of the discard-only prefix 100::/64 (RFC 6666), which no host has: bytes 8..11
 * stand for its class, which is the letters it begins with ("Comp" of "Comp364445"), bytes 12..15 for the
 * rest. So a class of names is a network of prefix 96.
 *
 * The address depends on the name alone, so that two logs agree about it: the class is a hash; a rest that
 * is a number without a leading zero and below 2^31 is itself, any other a hash with the top bit set. Only
 * where two hashes meet does the name that comes second get the next address that is free.
 *
 * Bounded: HOST_NAMES_MAX names of at most HOST_NAME_MAX_BYTES and HOST_NAMES_MAX_CLASSES classes. Memory: 64 to 96
 * bytes a name of up to 23 letters, 150 at most; 300 MB when full. One thread.
 */
#ifndef RECORDS_HOST_NAMES_H
#define RECORDS_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "net/ip_address.h"

enum {
    HOST_NAME_MAX_BYTES = 64,
    HOST_NAMES_MAX = 2 << 20,
    HOST_NAMES_MAX_CLASSES = 1 << 16
};

struct host_names; /* opaque */

struct host_names *host_names_new(void);
void host_names_free(struct host_names *names); /* NULL is fine */

/* A letter, then letters, digits, '-', '_' and '.'; at most HOST_NAME_MAX_BYTES. */
bool host_name_is_valid(const char *name, size_t size);

/* The address of a valid name, new or known; -1 when there is no room for another. */
int host_names_address(struct host_names *names, const char *name, size_t size,
                       struct ip_address *address, struct error *err);

/* The name of an address, which the table keeps; NULL when it is none of its own. */
const char *host_names_name(const struct host_names *names, const struct ip_address *address);

/* The letters of a class of names, "Comp"; NULL when the network is none. */
const char *host_names_class(const struct host_names *names, const struct ip_network *network);

size_t host_names_count(const struct host_names *names);

/* "Comp*" is a class, whether names of it were seen or not; "Comp364445" a network of one. */
int host_names_network(struct host_names *names, const char *text, struct ip_network *network,
                       struct error *err);

bool ip_address_is_named(const struct ip_address *address);

#endif
