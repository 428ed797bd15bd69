/*
 * session_set.h - sessions of the services of a model, each by itself, wired together: plans, packets.
 */
#ifndef SCENARIO_SESSION_SET_H
#define SCENARIO_SESSION_SET_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/frame.h"
#include "model/model.h"
#include "scenario/scenario.h"

struct session_set_config {
    const struct model *model; /* borrowed for the set's life */
    uint8_t protocol;          /* of all sessions; 0: TCP, UDP and pings */
    uint64_t sessions;
    double rate;               /* sessions that begin a second, on average */
    struct day_time begin;
    struct ip_network initiators, responders;
    uint64_t seed;
    struct session_options how;
};

struct session_set; /* opaque */

struct session_set *session_set_new(const struct session_set_config *config, struct error *err);
void session_set_free(struct session_set *set); /* NULL is fine */

struct frame_source session_set_frames(struct session_set *set);
const struct renderer_counts *session_set_counts(const struct session_set *set);

/* Networks that frames come from and go to: two. */
const struct ip_network *session_set_networks(const struct session_set *set);

#endif
