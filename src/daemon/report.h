/*
 * report.h - what a run has done, and the table of it at its end, for people and for scripts.
 */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log_histogram.h"
#include "emit/answer_counts.h"
#include "emit/emitter.h"
#include "records/flow_ledger.h"

/* What was done; that of two processes adds up. */
struct report_counts {
    uint64_t hosts; /* the most that were played at once */
    uint64_t flows, flows_left_out;    /* planned; and of these, not played: they end what began before the run */
    uint64_t flows_under_way;          /* of those played: they began before it, in its lead-in */
    uint64_t complete_tcp, hurried, repeated_syns, most_live;
    uint64_t overlays, overlay_frames; /* begun, and their frames; these are planned, and what comes of them, too */
    uint64_t overlays_left_out;        /* one was still under way when its time came again */
    uint64_t overlays_cut;             /* and left out, since their captures could not be read any more */
    uint64_t logged, unlogged; /* flows: written to the log of what was sent; missing there */
    uint64_t planned, sent, sent_bytes, dropped, refused; /* planned = sent + dropped + refused, always */
    /* The rest is about a link. */
    uint64_t unsent, late, lost; /* of the dropped: see struct emit_counts */
    uint64_t busy, held_back;
    uint64_t stalls, stalled_ns;
    uint64_t page_faults;
    uint64_t clock_steps, suspensions; /* of the machine */
    uint64_t arp_answers, nd_answers, echo_answers, resets, unreachable; /* see struct answer_counts */
    uint64_t unasked, answers_dropped, answers_withheld, conflicts;
    bool has_crossings;        /* there are links that others send to, and that count what arrives: */
    uint64_t crossed, arrived; /* sent on other links for receivers on these; and those that came out there */
    struct log_histogram lateness;
    struct log_histogram kernel_lateness; /* of a sample, by the kernel's stamps */
};

void report_counts_add(struct report_counts *sum, const struct report_counts *more);

/* What the emitter counts becomes what these have counted, added up; the rest stays. */
void report_counts_set_emitted(struct report_counts *counts, const struct emit_counts *emitted, size_t links);
void report_counts_add_emitted(struct report_counts *counts, const struct emit_counts *emitted); /* of one link */

/* What became of the flows' lines, so far. */
void report_counts_set_logged(struct report_counts *counts, struct flow_ledger_counts logged);

void report_counts_add_answers(struct report_counts *counts, const struct answer_counts *answers);

/* A part of a table, and of a JSON object: what was planned, and what became of the frames. */
void report_print_flows(const struct report_counts *counts, FILE *to);
void report_print_frames(const struct report_counts *counts, FILE *to, bool is_live);
void report_set_flows(json_t *object, const struct report_counts *counts);
void report_set_frames(json_t *object, const struct report_counts *counts, bool is_live);

struct report {
    const struct report_counts *counts; /* borrowed */
    double seconds;
    const char *ended; /* "the end of the run", "SIGINT" ... */
    bool is_live;      /* the rest is about a link */
    uint64_t restarts; /* of the engine, after it crashed */
    bool interface_known; /* it was there until the end */
    uint64_t interface_packets; /* that the interface counted during the run */
};

void report_print(const struct report *report, FILE *to, bool json);

#endif
