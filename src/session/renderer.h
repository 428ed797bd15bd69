/*
 * renderer.h - flow plans in, frames out: plays all live sessions side by side.
 *
 * A heap of live sessions in order of their next packet. Knows no clock: due times
 * follow from the schedule. No two live sessions share a 5-tuple,
 * but UDP ones of a client with a port of its own (below 1024). A TCP session that leaves its
 * connection open is remembered, so that a later one between the same ends can go on with
 * it: same ports, next sequence numbers.
 *
 * Memory: 1,000 bytes for every session that is live, 40 more with its places in heap and index, a million in 1 GiB;
 * 780 more while a message of several packets is under way (session_course.h), 520 more where the network does
 * something to it, 72 more where the ground truth is asked for. Nothing for one that is over but for what
 * open_connections.h says.
 */
#ifndef SESSION_RENDERER_H
#define SESSION_RENDERER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/flow_plan.h"
#include "dayshift/frame.h"
#include "dayshift/session_options.h"

struct renderer_config {
    struct flow_plan_source plans;
    struct schedule schedule;
    struct run_time end; /* sessions still live then are brought to an end at once */
    uint64_t seed;
    struct session_options how;
    const struct service_model *const *services; /* that plans may have; borrowed as the services are */
    size_t service_count;
};

struct renderer_counts { /* written by the renderer's thread alone */
    _Atomic uint64_t flows;            /* sessions begun */
    _Atomic uint64_t complete_tcp;     /* of these, TCP with handshake and FINs */
    _Atomic uint64_t hurried;          /* brought to an end by the end of the run */
    _Atomic uint64_t repeated_syns;    /* frames: attempts repeated because nobody answered */
    _Atomic uint64_t most_live;
    _Atomic uint64_t frames;           /* made, whatever becomes of them */
};

struct renderer; /* opaque */

struct renderer *renderer_new(const struct renderer_config *config, struct error *err);
void renderer_free(struct renderer *renderer);

struct frame_source renderer_frames(struct renderer *renderer);

const struct renderer_counts *renderer_counts(const struct renderer *renderer);

#endif
