/*
 * status.h - what a run has to say of itself while it goes on.
 *
 * Plain numbers and short texts, no pointers: it may lie in memory that processes share.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log_histogram.h"
#include "base/time_types.h"

enum { STATUS_MOST_LINKS = 8, STATUS_NAME = 64 };

enum status_state { STATUS_STARTING, STATUS_PLAYING, STATUS_PAUSED, STATUS_ENDING };

/* How late frames were, in short. */
struct status_lateness {
    uint64_t count; /* of frames measured; 0: the rest is 0 too */
    int64_t p50_ns, p99_ns, p999_ns, max_ns;
};

struct status_link {
    char name[STATUS_NAME];
    char interface[IF_NAMESIZE];
    char sink[STATUS_NAME]; /* "packet", "xdp" ... */
    bool is_up;
    int mtu;
    uint64_t planned, sent, sent_bytes, dropped, refused;
    uint64_t unsent, late, lost; /* of the dropped: see struct emit_counts */
    uint64_t busy, held_back;    /* times without room: of the interface, of the rate ceiling */
    uint64_t stalls, stalled_ns;
    uint64_t page_faults;
    uint64_t arp_answers, echo_answers, answers_dropped;
    double packets_per_second, bits_per_second; /* over the last second or so */
    struct status_lateness lateness;
    struct status_lateness kernel_lateness; /* when the kernel sent what was sampled; p999_ns is not used */
};

struct status {
    enum status_state state;
    int engine; /* process */
    double uptime_s;
    uint64_t restarts;
    struct day_time day; /* what is being played */
    double speed, activity;
    uint64_t hosts;
    uint64_t flows, complete_tcp, hurried, repeated_syns; /* begun; of these; of these; see struct renderer_counts */
    uint64_t live, most_live;                             /* sessions, now and most at once */
    uint64_t rendered;                                    /* frames, of which those ahead of their time are not planned yet */
    uint64_t clock_steps, suspensions, skipped_ns;        /* of the machine's clocks; how much of the day was left out */
    size_t link_count;
    struct status_link links[STATUS_MOST_LINKS];
};

struct status_lateness status_lateness_of(const struct log_histogram *histogram);

/* "starting", "playing", "paused", "ending". */
const char *status_state_name(enum status_state state);

/* Counts of all links, added up; names, rates and lateness are left empty. */
struct status_link status_sum(const struct status *status);

/* A new object, with "ok" and "state" first. Times of the day in the zone of the process. */
json_t *status_json(const struct status *status);

/* For people. */
void status_print(const struct status *status, FILE *to);

#endif
