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
 * Bounded by memory: a name takes 64 bytes and its letters, and so does a class. Hosts whose names have no room
 * share one address, 100::ffff:ffff:ffff:ffff, which belongs to no class: as if they were one host that is
 * not local. One thread.
 */
#ifndef RECORDS_HOST_NAMES_H
#define RECORDS_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/ip_address.h"

enum {
    HOST_NAME_MAX_BYTES = 64,
    HOST_NAMES_MAX_CLASSES = 1 << 16
};

struct host_names; /* opaque */

struct host_names *host_names_new(size_t max_bytes);
void host_names_bound(struct host_names *names, size_t max_bytes); /* another bound; what is there stays */
void host_names_free(struct host_names *names); /* NULL is fine */

/* A letter, then letters, digits, '-', '_' and '.'; at most HOST_NAME_MAX_BYTES. */
bool host_name_is_valid(const char *name, size_t size);

/* The address of a valid name, new or known; of a new one for which there is no room, that of the unnamed. */
struct ip_address host_names_address(struct host_names *names, const char *name, size_t size);

/* The same, but -1 when there is no room. */
int host_names_add(struct host_names *names, const char *name, size_t size, struct ip_address *address,
                   struct error *err);

/* The name of an address, which is kept; NULL when it is none of its own. */
const char *host_names_name(const struct host_names *names, const struct ip_address *address);

/* The letters of a class of names, "Comp"; NULL when the network is none. */
const char *host_names_class(const struct host_names *names, const struct ip_network *network);

size_t host_names_count(const struct host_names *names);

/* How often host_names_address() gave the address of the unnamed. */
uint64_t host_names_unnamed(const struct host_names *names);

/* "Comp*" is a class, whether names of it were seen or not; "Comp364445" a network of one. */
int host_names_network(struct host_names *names, const char *text, struct ip_network *network,
                       struct error *err);

bool ip_address_is_named(const struct ip_address *address);

#endif
