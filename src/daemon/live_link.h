/*
 * live_link.h - one link of a run: the interface, its sink, gate and ceiling, and who answers on it.
 *
 * Opened with the rights of root, used without. The responder has a thread of its own.
 */
#ifndef DAEMON_LIVE_LINK_H
#define DAEMON_LIVE_LINK_H

#include <stdbool.h>

#include "base/mono_time.h"
#include "daemon/configuration.h"
#include "daemon/live_emitter.h"
#include "emit/crossing.h"
#include "emit/emitter.h"
#include "emit/link.h"
#include "emit/address_probe.h"
#include "emit/responder.h"
#include "scenario/scenario_hosts.h"

struct live_link {
    const struct configuration_link *config;
    struct link link;
    struct sink *sink;
    struct transmit_stamps stamps; /* who watches the run reads them */
    struct gate gate;
    struct rate_ceiling ceiling;
    struct scenario_hosts *hosts; /* whom the responder answers for */
    struct link_hosts link_hosts; /* the same, as it sees them */
    struct responder *responder;  /* NULL: none */
    struct answer_counts answers; /* of what is sent beside the frames of sessions */
    struct address_claims claims; /* who else has an address; written by who probes, then by the responder */
    struct mono_time said_claims[CLAIM_KINDS]; /* when it was told last; 0: never */
    struct link_state state; /* when it was looked at last */
    struct crossing crossing; /* what arrives from hosts on other links */
    bool said_none_arrives;
};

/* Interface and sink, for frames of that emitter's ring and clock: what needs rights. 0, or -1 with nothing to close. */
int live_link_open(struct live_link *link, const struct configuration *configuration,
                   const struct configuration_link *config, const struct live_emitter *emitter, struct error *err);
void live_link_close(struct live_link *link);

/* The hosts of the scenario on the link of that number, which the next three are about; live_link_end() forgets them. */
void live_link_populate(struct live_link *link, const struct configuration *configuration,
                        const struct scenario *scenario, uint16_t number);

/* What is sent before the first frame goes out in the name of these hosts. Borrows the link. */
struct probed_link live_link_probed(struct live_link *link);

/* Answers for its hosts from here on. -1 with *err; live_link_end() cleans up. */
int live_link_answer(struct live_link *link, struct error *err);

/* Says which addresses somebody else has: of each kind one in a second, and how many more. */
void live_link_say_claims(struct live_link *link);

/* What the emitter needs of it, behind that gate; what it counts goes to `counts`. */
struct emit_link live_link_for_emitter(struct live_link *link, const struct gate *gate, struct emit_counts *counts);

/* Not 0; another one for other interfaces, and for one that was made anew. */
uint32_t live_links_identity(const struct live_link *links, size_t count);

/* What the interfaces of several links counted as sent since they came up; false when one of them is gone. */
bool live_links_count(const struct live_link *links, size_t count, uint64_t *packets);

/* Answers no more. */
void live_link_end(struct live_link *link);

#endif
