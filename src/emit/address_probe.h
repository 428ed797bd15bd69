/*
 * address_probe.h - before the first frame of a run: whether the addresses of its virtual hosts are free on a link, and
 * then word to all on the link of who has them.
 *
 * Probes are those of RFC 5227 (ARP) and RFC 4862 (IPv6): three for each address, in three rounds that take as long as the
 * caller says, more where the rate demands it. The last third is the time that the last answers have. (RFC 5227 wants one
 * to two seconds between two probes, for links that have just come up; these have been up.) What has the MAC address that
 * the run itself gives the address is no conflict: it is a frame of the run that came back.
 *
 * Sends 10,000 frames a second at most, within the ceiling of the link. In the caller's thread, before any responder's.
 */
#ifndef EMIT_ADDRESS_PROBE_H
#define EMIT_ADDRESS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/link_hosts.h"
#include "emit/address_claims.h"
#include "emit/answer_counts.h"
#include "emit/link.h"
#include "emit/rate_ceiling.h"

struct probed_link {
    const struct link *link;
    const struct link_hosts *hosts;
    struct rate_ceiling *ceiling; /* NULL: none */
    struct answer_counts *counts;
    struct address_claims *claims; /* where it is noted who else has an address */
};

/* Called every few milliseconds: true ends it at once. */
typedef bool address_probe_stop(void *self);

/* All links at once. What others have is noted and counted as a conflict, and not asked for again. */
void address_probe(const struct probed_link *links, size_t count, int64_t duration_ns, address_probe_stop *stop,
                   void *self);

/*
 * 0: none of the addresses is claimed; -1 when some are, with an error that names up to three of them, each with its MAC
 * address and link.
 */
int address_probe_complain(const struct probed_link *links, size_t count, struct error *err);

/*
 * Gratuitous ARP and unsolicited advertisements, one for each address that nobody else has: switches and neighbours learn
 * them.
 */
void address_announce(const struct probed_link *links, size_t count, address_probe_stop *stop, void *self);

#endif
