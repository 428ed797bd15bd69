/*
 * ip_ids.h - IP identifications of what virtual hosts answer, by the kind that their sessions have.
 *
 * A host that counts goes on from a point of its own, with time as in its sessions (one in 16 ms, for what it sends to
 * others) and with each answer. Hosts that share a place in the table of counts share the latter: it is bounded.
 */
#ifndef EMIT_IP_IDS_H
#define EMIT_IP_IDS_H

#include <stdint.h>

#include "dayshift/host_stack.h"
#include "net/ip_address.h"

enum { IP_IDS_COUNTS = 16384 };

struct ip_ids {
    uint16_t counts[IP_IDS_COUNTS]; /* zero at first */
};

/* Of the next packet that the host with that address, of IPv4, sends. */
uint16_t ip_ids_next(struct ip_ids *ids, const struct ip_address *host, enum ip_id_kind kind, int64_t now_ns);

#endif
