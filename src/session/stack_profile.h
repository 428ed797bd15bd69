/*
 * stack_profile.h - how the TCP/IP stacks of a session's two hosts behave: what stays the same in all packets.
 */
#ifndef SESSION_STACK_PROFILE_H
#define SESSION_STACK_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/service_model.h"

/* Arrays by enum flow_side. */
struct stack_profile {
    uint16_t mss[2];         /* of the SYN's option */
    uint8_t ttl[2];
    uint8_t tcp_options[2];  /* enum tcp_option_bit, of the SYN */
    uint8_t window_scale[2]; /* of the SYN's option, 0 to 14 */
    uint8_t ip_id[2];        /* enum ip_id_kind, never unknown */
    uint16_t timestamp_hz[2];
};

/*
 * As `row` was learned. Where it was not measured by packets, the options are those that every stack sends:
 * maximum segment size, SACK permitted, window scale.
 */
struct stack_profile stack_profile_of(const struct session_row *row);

/* Offered by both sides: so every segment carries the option. */
bool stack_profile_has_timestamps(const struct stack_profile *stack);

/* Offered by both sides: so duplicate ACKs carry it. */
bool stack_profile_has_sack(const struct stack_profile *stack);

/* The shift of the windows that a side announces: only if both sides offered one. */
uint8_t stack_profile_window_scale(const struct stack_profile *stack, enum flow_side side);

/* Payload that fits a segment of the side: the other one's MSS less the options of every segment. */
uint16_t stack_profile_segment_bytes(const struct stack_profile *stack, enum flow_side side);

#endif
