/*
 * application.h - names the application of a flow by looking into its first packets, with libndpi.
 *
 * The only user of libndpi, which is optional: application_none.c stands in for it. A name says what
 * the bytes said, as "DNS" or "TLS.Google"; what is known by port number alone has no name. Of TCP and
 * UDP only. A flow costs memory from its first payload until it has its name or has had its packets.
 * Not thread-safe, and neither are two labellers.
 */
#ifndef FLOW_APPLICATION_H
#define FLOW_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/packet_view.h"

struct application_labeller; /* opaque */

/* Of one flow. Zeroed: nothing has been seen yet. */
struct application_inspection {
    void *detection; /* libndpi's, while it goes on */
    uint8_t packets; /* that were looked into */
    bool is_over;
};

bool application_labeller_is_available(void);

/* Flows that are looked into at once take at most about max_bytes. NULL when built without libndpi. */
struct application_labeller *application_labeller_new(size_t max_bytes, struct error *err);

/* With all names it gave. NULL is fine. */
void application_labeller_free(struct application_labeller *labeller);

/*
 * Looks into a packet of the flow, if it has the bytes of one with payload. Returns the name as soon
 * as it is certain, which ends the inspection; else NULL. The labeller owns the name.
 */
const char *application_inspect(struct application_labeller *labeller,
                                struct application_inspection *inspection,
                                const struct packet_view *packet);

/* No packet follows: ends an inspection that goes on, and returns the name it came to or NULL. */
const char *application_conclude(struct application_labeller *labeller,
                                 struct application_inspection *inspection);

/* Flows that were not looked into, for want of memory. */
uint64_t application_labeller_refused(const struct application_labeller *labeller);

#endif
