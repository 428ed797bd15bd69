/*
 * flow_ledger.h - the flows that are being sent: what they are, and what of them was sent so far.
 *
 * In memory that processes share, so that nothing is lost when the one that sends is killed. Slots of fixed size; each
 * has one owner at a time, and no lock:
 *     the maker of frames    takes a free slot and says whose it is (flow_ledger_keeper), until it says that the last frame was made;
 *     who sends              counts in its tally (flow_ledger_tallies), until all those frames were handled;
 *     who writes the log     reads both (flow_ledger_over), and gives the slot back (flow_ledger_give_back).
 * Slots go from maker to writer and back through two queues, each with one producer and one consumer.
 *
 * Memory: 128 bytes for every flow that was alive at once at the most, 16 in the queues, and 64 for every name; but the
 * address space for FLOW_LEDGER_SLOTS. A flow for which there is no slot is not logged, and counted.
 *
 * Who reads it for a process that was killed or taken over may find anything: every number is checked, names are made
 * printable where they are written.
 */
#ifndef RECORDS_FLOW_LEDGER_H
#define RECORDS_FLOW_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/sent_flow.h"
#include "records/sent_record.h"

enum {
    FLOW_LEDGER_SLOTS = 1 << 20,     /* flows at once */
    FLOW_LEDGER_NAMES = 1 << 15,     /* labels, overlays and links; what comes later has none */
    FLOW_LEDGER_NAME_BYTES = 64,     /* of one, with its end: longer ones are cut */
    FLOW_LEDGER_POPULATIONS = 64,
    FLOW_LEDGER_BATCH = 512          /* flows that are written with one call */
};

struct flow_ledger; /* opaque; a process that was forked has one as its parent's was, and the same memory */

/* NULL: there is no memory. */
struct flow_ledger *flow_ledger_new(struct error *err);
void flow_ledger_free(struct flow_ledger *ledger); /* NULL: nothing */

/* ---- before there are flows ---- */

/* Host `first` among all is the first one of that population. In order. */
void flow_ledger_add_population(struct flow_ledger *ledger, uint32_t first);
void flow_ledger_name_link(struct flow_ledger *ledger, uint16_t link, const char *name);

/* ---- who makes frames, and who sends them ---- */

struct sent_flow_keeper flow_ledger_keeper(struct flow_ledger *ledger);
struct sent_tally *flow_ledger_tallies(struct flow_ledger *ledger);

/* ---- who writes ---- */

/* The `nth` of the flows that are over and were not given back yet, the oldest first. False: there are no more. */
bool flow_ledger_over(struct flow_ledger *ledger, size_t nth, uint32_t *slot);

/* What is known of it; times are those of the tallies and `origin_ns`. False: nothing of it was sent. */
bool flow_ledger_record(const struct flow_ledger *ledger, uint32_t slot, int64_t origin_ns, struct sent_record *record);

/* The `count` oldest that are over, and all is done with them. */
void flow_ledger_give_back(struct flow_ledger *ledger, size_t count);

/* Slots that are taken now, at most. */
size_t flow_ledger_used(const struct flow_ledger *ledger);

/* ---- when nobody makes or sends any more ---- */

/* Of slots that are still taken: the first one from *slot on. False: there is none. */
bool flow_ledger_next_left(const struct flow_ledger *ledger, uint32_t *slot);
void flow_ledger_forget(struct flow_ledger *ledger, uint32_t slot); /* it is done with */

/* Whether it may be a flow of ours: of one whose numbers cannot be nothing is to be believed. */
bool flow_ledger_is_possible(const struct flow_ledger *ledger, uint32_t slot);

/*
 * ---- what becomes of a batch: so that a writer that is killed leaves no line twice ----
 *
 * These flows are about to be appended to a file of `file_bytes`; then the first `count` of them were, as so many lines, and
 * are forgotten and counted. Between the two calls the file may have any part of them.
 */
void flow_ledger_write_begins(struct flow_ledger *ledger, const uint32_t *slots, size_t count, int64_t file_bytes);
void flow_ledger_write_ends(struct flow_ledger *ledger, size_t count, size_t lines);

/* After the writer's end: how long the file is to be, -1: as it is. What was written is forgotten. */
int64_t flow_ledger_recover(struct flow_ledger *ledger);

/* ---- counts ---- */

struct flow_ledger_counts {
    uint64_t logged;  /* flows whose lines are written */
    uint64_t no_room; /* not logged: no slot */
    uint64_t lost;    /* not logged: they could not be written */
};

void flow_ledger_count_lost(struct flow_ledger *ledger, uint64_t flows); /* the writer's: so many more */
void flow_ledger_lose_line(struct flow_ledger *ledger); /* one that was counted as logged is not */
struct flow_ledger_counts flow_ledger_counts(const struct flow_ledger *ledger);

#endif
