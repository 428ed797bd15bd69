/*
 * held_flow.h - a flow that the pairer holds back: for record_pairer.c and its parts only.
 */
#ifndef RECORDS_HELD_FLOW_H
#define RECORDS_HELD_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "net/ip_address.h"

#define HELD_NONE UINT32_MAX /* as an index */
#define HELD_NOT_SEEN INT64_MAX

/* Ends are as in its first record. */
struct held_flow {
    /* what looking for a flow needs, close together */
    struct ip_address address[2];
    int64_t first_ns[2]; /* of what each end sent; HELD_NOT_SEEN */
    uint32_t hash;
    uint32_t chain;          /* next tuple of the bucket, or next of the free ones */
    uint32_t earlier, later; /* of its tuple: see tuple_table.h */
    uint16_t port[2];
    uint8_t protocol;

    uint8_t tcp_flags[2];
    uint8_t initiator; /* enum log_end */
    uint8_t closing;   /* enum log_end */
    bool payload_known;
    uint32_t grain_ns;
    int64_t last_ns;
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t payload_bytes[2];
    uint64_t sequence; /* of its first record */
};

static inline int64_t held_flow_start(const struct held_flow *flow)
{
    return flow->first_ns[0] < flow->first_ns[1] ? flow->first_ns[0] : flow->first_ns[1];
}

#endif
