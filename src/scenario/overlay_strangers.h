/*
 * overlay_strangers.h - addresses in overlays that no virtual host has.
 *
 * Nobody answers for them; but what comes from them is of the run, and nobody answers that either.
 */
#ifndef SCENARIO_OVERLAY_STRANGERS_H
#define SCENARIO_OVERLAY_STRANGERS_H

#include <stdbool.h>

#include "base/tally.h"
#include "net/ip_address.h"

enum { OVERLAY_MOST_STRANGERS = 1 << 20 }; /* what comes later is not noted: 43 MiB at most */

struct overlay_strangers {
    struct tally seen; /* by two halves of a hash: one in 2^44 addresses of real machines is taken for one of them */
};

void overlay_strangers_init(struct overlay_strangers *strangers);
void overlay_strangers_release(struct overlay_strangers *strangers);

void overlay_strangers_add(struct overlay_strangers *strangers, const struct ip_address *address);

/* Any thread may ask when all were added. */
bool overlay_strangers_have(const struct overlay_strangers *strangers, const struct ip_address *address);

#endif
