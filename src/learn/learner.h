/*
 * learner.h - flow records in, the statistics of every local host out.
 *
 * Records come in order of their start, as the flow stage gives them. One that begins before the
 * last flow of its host is late: it counts everywhere but in the host's sequence (initial,
 * transitions, gaps). When the whole stream steps back by more than LEARN_MAX_SILENCE_NS, a new
 * stretch begins: the sequences of all hosts begin anew.
 *
 * A local address becomes a host when it sends its first packet; hosts are numbered in that order, or
 * as in the list that was given. Addresses stay inside the learner. Which addresses are local is
 * given, or found from the first LEARN_HELD_RECORDS records, which are held back until then.
 *
 * Memory, at most, accounted by entries as if every array had just doubled: 107 bytes a host, 321 a state
 * (with its mixture and its peers, fitted later), TALLY_ENTRY_BYTES (43) each for a transition, for every
 * bin of gaps, beats, packets and bytes, port and peer that a transition or state is found with, 59 an
 * outside address, 139 a slice in which a host was active, 267 and a sample of at most
 * SERVICE_SAMPLE_BYTES (520 KiB) a service, of which there are twice SERVICE_MAX and one more for
 * each protocol, and SERVICE_MAX at the end: those of most flows, the others count with the other
 * ports. Resident are some 40 to 60 % of that.
 *
 * With a bound, what is new is given up before the bound is reached, and first what one packet can
 * bring about: hosts from 5/8 of it on, states from 6/8, what a known state was not yet found with from
 * 7/8. Samples of services get no more than a quarter, and a few rows more. What is known goes on being counted. A state that was taken in has all that a model needs of
 * it. When even slices find no room, activity and coverage end together: the rest of the day
 * reads as not observed, not as silent. All of this depends on the records alone.
 */
#ifndef LEARN_LEARNER_H
#define LEARN_LEARNER_H

#include <stddef.h>

#include "dayshift/flow_record.h"
#include "dayshift/host_step.h"
#include "dayshift/network_stats.h"
#include "learn/local_networks.h"
#include "learn/observation.h"

enum {
    LEARN_MAX_PEERS = 256, /* outside peers listed for one state; more are counted together */
    LEARN_MAX_PORTS = 256, /* the same for responder ports of a bin */
    LEARN_HELD_RECORDS = 1 << 16, /* held back to find the local networks; fewer when they are large */
    LEARN_MIN_BYTES = 1 << 20 /* a smaller bound counts as this */
};

struct learner_config {
    const struct ip_network *local; /* borrowed; none: found from the data */
    size_t local_count;
    const struct ip_address *hosts; /* borrowed; when given, these and no others, in this order */
    size_t host_count;
    enum observed_half half; /* flows of the other slices make hosts, and count for nothing else */
    const uint8_t *key; /* borrowed, ADDRESS_TAG_KEY_BYTES of it: hosts get tags; NULL: none */
    /* Called for each step of a host's sequence, in its order; NULL: not wanted. */
    void (*on_step)(void *self, uint32_t host, const struct host_step *step);
    void *on_step_self;
    size_t max_bytes;   /* of statistics and what belongs to them; 0: unbounded */
};

/* Flows that found no room, by what they would have needed. */
struct learner_given_up {
    uint64_t hosts;        /* of a new host, which counts as an outside peer */
    uint64_t states;       /* of a new state of a host: left out of its sequence */
    uint64_t transitions;  /* between two known states, or a first state, for the first time */
    uint64_t gaps;         /* with a gap that its transition, or state, did not have yet */
    uint64_t volumes;      /* with as many packets, or bytes, as its state did not have yet */
    uint64_t ports;        /* from an initiator's port of a kind its state did not have yet */
    uint64_t peers;        /* with a local peer its state did not have yet */
    uint64_t activity;     /* of a host at a time that counts as not observed any more */
    uint64_t services;     /* of a new service, or of one of few flows: counted with the other ports */
    uint64_t samples;      /* not sampled, or sampled without their packets */
    uint64_t labels;       /* of a class new to its state, or beyond the limits of names */
};

struct learner; /* opaque */

struct learner *learner_new(const struct learner_config *config);
void learner_free(struct learner *learner);

/* Has the type of a flow_sink; `learner` is a struct learner. */
void learner_add(void *learner, const struct flow_record *record);

/*
 * Before the next record something is missing: what nobody observed from `from` on, or what is missing of one
 * host. No transition leads across. Only where local networks, or hosts, were given.
 */
void learner_break(struct learner *learner, struct day_time from);
void learner_break_host(struct learner *learner, const struct ip_address *address);

/* Ends the input; the statistics stay the learner's. */
const struct network_stats *learner_finish(struct learner *learner);

/* The address of a host: for the user's own eyes, never for a model. */
const struct ip_address *learner_host_address(const struct learner *learner, uint32_t host);

/* After the end: the networks that were local, none when hosts were listed; and how that was known. */
const struct ip_network *learner_local_networks(const struct learner *learner, size_t *count);
enum local_basis learner_local_basis(const struct learner *learner);

/* Flows between addresses none of which is local. */
uint64_t learner_foreign_flows(const struct learner *learner);

/* Flows that began before the last one of a host of theirs. */
uint64_t learner_late_flows(const struct learner *learner);

/* Records that were left out: without a packet, before 1970, with numbers no flow can have, or from an
 * address to itself (a LAND attack, or the loopback interface). */
uint64_t learner_refused_flows(const struct learner *learner);

const struct learner_given_up *learner_given_up(const struct learner *learner);

/* What the memory is accounted at; never above max_bytes. */
size_t learner_bytes(const struct learner *learner);

#endif
