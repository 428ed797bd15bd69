/*
 * link_gates.h - what may leave by each link of a run: gates made of the networks that send there.
 */
#ifndef DAEMON_LINK_GATES_H
#define DAEMON_LINK_GATES_H

#include <stddef.h>

#include "daemon/configuration.h"
#include "emit/gate.h"
#include "scenario/scenario.h"

struct link_gates {
    struct gate all;             /* what may leave by any link, of any size: for a file */
    struct gate_network *networks; /* owned */
    struct gate_sender *senders; /* owned; link after link ... */
    size_t firsts[CONFIGURATION_MAX_LINKS + 1]; /* ... where each begins, and the end */
};

void link_gates_init(struct link_gates *gates, const struct scenario *scenario);
void link_gates_release(struct link_gates *gates);

/* What hosts on that link send, with their tags, to any network of the run. Borrows of the gates. */
struct gate link_gates_of(const struct link_gates *gates, size_t link);

#endif
