/*
 * status.h - what a run has to say of itself while it goes on.
 *
 * Plain numbers and short texts, no pointers. What it has in common with the table at the end is report.h's.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/time_types.h"
#include "daemon/configuration.h"
#include "daemon/report.h"

enum { STATUS_NAME = 64 };

enum status_state { STATUS_STARTING, STATUS_PLAYING, STATUS_PAUSED, STATUS_ENDING };

struct status_link {
    char name[STATUS_NAME]; /* in the configuration */
    char interface[IF_NAMESIZE];
    char sink[STATUS_NAME]; /* "packet", "xdp" ... */
    bool is_up;
    int mtu;
    double packets_per_second, bits_per_second; /* over the last second or so */
    struct report_counts counts;                /* of this engine; nothing of hosts and flows */
};

struct status {
    enum status_state state;
    int engine;          /* process */
    double seconds;      /* since the first frame of the run */
    uint64_t restarts;   /* of the engine, after it crashed */
    struct error crash;  /* how the last one ended that crashed; empty: none did */
    struct day_time day; /* what is being played */
    double speed, activity;
    uint64_t live;               /* sessions */
    struct report_counts counts; /* of all links, and of all engines of the run */
    int64_t skipped_ns; /* of the day, because of the machine's clocks; below 0: it went back */
    size_t link_count;
    struct status_link links[CONFIGURATION_MAX_LINKS];
};

/* A new object, with "ok" first. Times of the day in the zone of the process. */
json_t *status_json(const struct status *status);

/* For people. */
void status_print(const struct status *status, FILE *to);

#endif
