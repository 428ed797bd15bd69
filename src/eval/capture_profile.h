/*
 * capture_profile.h - the distributions of a capture's packets and flows, on fixed grids.
 *
 * Every flow belongs to one of two halves, by a coin that falls alike for every capture: what the halves differ
 * in is what two samples of one network differ in. Memory does not grow with the capture, but for the
 * symbols of categories: at most 65,536 services, 256 of the others, and labels.
 */
#ifndef EVAL_CAPTURE_PROFILE_H
#define EVAL_CAPTURE_PROFILE_H

#include "base/tally.h"
#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"
#include "eval/packet_clock.h"

enum profile_category {
    CATEGORY_PROTOCOL,  /* of packets */
    CATEGORY_DIRECTION, /* of packets: initiator's or responder's */
    CATEGORY_TCP_FLAGS, /* of TCP packets */
    CATEGORY_TTL,       /* of packets */
    CATEGORY_SERVICE,   /* of flows: protocol and feature of the responder's port */
    CATEGORY_LABEL,     /* of flows that have one */
    PROFILE_CATEGORIES
};

enum profile_number {
    NUMBER_PACKET_BYTES,   /* of the IP packet */
    NUMBER_PAYLOAD_BYTES,  /* and 1 */
    NUMBER_GAP,            /* us between two packets of a flow, at least 1 */
    NUMBER_FLOW_DURATION,  /* us, at least 1 */
    NUMBER_FLOW_PACKETS,
    NUMBER_FLOW_BYTES,
    NUMBER_RTT,            /* us, of flows where it is known */
    PROFILE_NUMBERS
};

enum { PROFILE_PER_OCTAVE = 32, PROFILE_BINS = 48 * PROFILE_PER_OCTAVE /* to 2^48 */ };

struct distributions {
    uint64_t flows, packets;
    struct tally categories[PROFILE_CATEGORIES]; /* owner 0 */
    uint64_t numbers[PROFILE_NUMBERS][PROFILE_BINS];
};

struct capture_profile {
    struct distributions half[2];
    struct packet_clock clock;
    uint64_t begun; /* flows */
};

/* Of one flow; begins zeroed. */
struct profiled_flow {
    bool has_begun;
    uint8_t half;
    struct day_time last;
};

struct capture_profile *capture_profile_new(void);
void capture_profile_free(struct capture_profile *profile); /* NULL is fine */

/* Every packet of every flow, and every flow once when it is over. */
void capture_profile_packet(struct capture_profile *profile, struct profiled_flow *flow, enum flow_side side,
                            const struct packet_view *packet);
void capture_profile_flow(struct capture_profile *profile, const struct profiled_flow *flow,
                          const struct flow_record *record);

/* Nothing follows. */
void capture_profile_end(struct capture_profile *profile);

#endif
