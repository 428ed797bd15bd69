/*
 * flow_ends.h - who sends a flow and who receives it, and where: addresses, MACs, next hops, links and tags, for a
 * virtual host and the peer that its model has; or for any two addresses.
 *
 * A local peer is looked for in the host's own copy of the network (population.h); one that is not played, and the
 * host itself, is stood in for by an address outside. Of a host that has several places each host knows one, always
 * the same. Which family two ends use that have both is drawn once for the two of them. Nothing here depends on time.
 */
#ifndef SYNTH_FLOW_ENDS_H
#define SYNTH_FLOW_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_plan.h"
#include "dayshift/host_model.h"
#include "net/ip_address.h"
#include "synth/population.h"

/*
 * The end of a flow of `host` that a learned peer becomes. A local peer that is a virtual host
 * gives that host's end and sets *virtual_peer; `name` is that of a new peer.
 */
struct flow_end flow_ends_peer(const struct population *population, const struct virtual_host *host,
                               struct peer peer, uint64_t name, bool *virtual_peer);

/* The end of a flow to a group: its address and MAC follow from the service port. */
struct flow_end flow_ends_group(const struct virtual_host *host, uint16_t port);

/* The host's own end of a flow with one of the two above: in its family, by the next hop to it. */
struct flow_end flow_ends_own(const struct population *population, const struct virtual_host *host,
                              const struct flow_end *peer);

/* What fits the links of both ends, in bytes of IP. */
uint16_t flow_ends_mtu(const struct population *population, const struct virtual_host *host, bool is_outside);

/*
 * Sender and receiver of a packet between any two addresses, for who talks by other rules than the models. In the network
 * of a group an address is where that group is, also one that no virtual host has: its MAC is made up then (02:d7). The
 * outside, multicast and broadcast are where the other end is. Ports unused. Returns what fits the links of both ends, in
 * bytes of IP; 0 when neither end is in the network of a group, or one is nobody's.
 */
uint16_t flow_ends_between(const struct population *population, const struct ip_address addresses[2],
                           struct flow_end ends[2]);

#endif
