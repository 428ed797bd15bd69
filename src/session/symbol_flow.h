/*
 * symbol_flow.h - the sampled flows of a service as the packet model learns them: without what the network did,
 * and without what TCP's machine forbids.
 *
 * What is left out is left out of the totals too, and its gap goes to the packet behind it.
 */
#ifndef SESSION_SYMBOL_FLOW_H
#define SESSION_SYMBOL_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/service_model.h"
#include "session/packet_budget.h"

enum {
    SYMBOL_MAX_TRAINING = 131072, /* packets of a service that are learned; bounds the time of a fit */
    SYMBOL_LONGEST_GAP_BIN = 208 /* 52 days; so the gaps of a sequence add up in 63 bits, whatever a model file says */
};

struct symbol_packet {
    uint8_t side, mark, flags;
    uint8_t gap_bin; /* 0 of a flow's first */
    uint8_t gap_part; /* where in it, in 1/256 */
    uint16_t bytes;  /* 0 of a keep-alive */
};

struct symbol_flow {
    uint32_t row;
    bool under_way;
    uint16_t full[2]; /* bytes of a full segment, by side; 0: nothing tells */
    struct packet_budget total;
    size_t first;             /* in packets */
    uint32_t head, length;    /* packets that are kept; `head` are the first ones, the others the last */
};

struct symbol_flows {
    uint8_t protocol;
    struct symbol_flow *flows;
    uint32_t count;
    struct symbol_packet *packets;
    size_t packet_count;
};

/* Of the rows with sequences; those of connections that were never answered are left out. */
void symbol_flows_init(struct symbol_flows *flows, const struct service_model *service);
void symbol_flows_release(struct symbol_flows *flows);

/* What so many packets in a row add up to. */
struct packet_budget symbol_packets_sum(const struct symbol_packet *packets, uint32_t count, uint8_t protocol);

static inline uint8_t symbol_gap_bin(uint32_t bin)
{
    return (uint8_t)(bin < SYMBOL_LONGEST_GAP_BIN ? bin : SYMBOL_LONGEST_GAP_BIN);
}

/* Nanoseconds of a bin's middle. Bin 0: none. */
uint64_t symbol_gap_ns(uint8_t bin);

#endif
