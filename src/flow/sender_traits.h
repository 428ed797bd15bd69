/*
 * sender_traits.h - what the packets of one side of a flow tell about the stack that sent them: how it
 * numbers packets, how fast its TCP timestamps tick, how much it takes once connected.
 */
#ifndef FLOW_SENDER_TRAITS_H
#define FLOW_SENDER_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/flow_record.h"
#include "dayshift/packet_view.h"

/* Zeroed: nothing has been seen yet. */
struct sender_traits {
    uint32_t first_stamp, last_stamp; /* TCP timestamps, when has_stamps */
    uint32_t first_ms, last_ms;       /* when they came; only the difference counts */
    uint16_t last_id;            /* the newest IP identification that was not 0; 0: none yet */
    uint16_t steps, small_steps; /* between two of them */
    uint16_t window;             /* the largest without SYN or RST */
    bool has_stamps;
    bool saw_zero_id;
};

void sender_traits_add(struct sender_traits *traits, const struct packet_view *packet);

/*
 * Zero: every identification was 0. Counter: at least half of the steps from one to the next are forward by
 * 1 to IP_ID_MOST_STEP. Unknown: IPv6, or a single number.
 */
enum { IP_ID_MOST_STEP = 256 };
enum ip_id_kind sender_traits_ip_id(const struct sender_traits *traits);

/*
 * Ticks a second: 100, 250 or 1000, when the timestamps are within a tenth of that over at least
 * TIMESTAMP_LEAST_TICKS; else 0.
 */
enum { TIMESTAMP_LEAST_TICKS = 50 };
uint16_t sender_traits_timestamp_hz(const struct sender_traits *traits);

#endif
