/*
 * configuration.h - the configuration file of dayshiftd, checked key by key.
 *
 * The only user of libconfig. An unknown key, a wrong type or a value out of range is an error
 * that names file, line, key and value. configuration_text.h has what libconfig does not say of a file,
 * configuration_value.h types of values, configuration_link.h, configuration_population.h and
 * configuration_overlay.h the keys of links, populations and overlays.
 */
#ifndef DAEMON_CONFIGURATION_H
#define DAEMON_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "dayshift/host_stack.h"
#include "dayshift/session_options.h"
#include "emit/emit_clock.h"
#include "emit/emitter.h"
#include "emit/sink.h"
#include "net/ip_address.h"
#include "records/flow_log.h"
#include "scenario/scenario.h"

#define CONFIGURATION_LEAST_SPEED 0.001
#define CONFIGURATION_MOST_SPEED 1e6

enum { CONFIGURATION_MAX_LINKS = FRAME_MAX_LINKS, CONFIGURATION_MAX_VLAN = 4094, CONFIGURATION_ANY_CPU = -1 };

/* A place is "file:line: key", or "file:line" of a group: for what is found out later. NULL: it is not in the file. */

struct configuration_link {
    char *name;
    char *interface;
    char *place; /* of the interface */
    enum sink_kind sink;
    uint64_t max_packets_per_second; /* 0: no ceiling; as for rate_ceiling_init() */
    uint64_t max_bits_per_second;
};

struct configuration_population {
    char *place;
    char *model; /* path, relative ones from the directory of the file */
    char *model_place;
    struct population_addresses addresses;
    uint16_t link;   /* index of the link that its hosts send on; 0 also when there is none */
    uint16_t vlan;   /* their tag, 0: none */
    enum host_os os; /* of their answers */
    char *pick;      /* NULL: all */
    uint32_t hosts;  /* 0: as many as are picked */
    double activity; /* 0: 1 */
};

struct configuration_overlay {
    char *pcap; /* path, as of a model */
    char *pcap_place;
    char *label; /* NULL: none */
    struct overlay_time time;
    double speed;
    struct overlay_mapping *map;
    char **map_places; /* of each mapping, which borrows it */
    size_t map_count;
};

struct configuration {
    char *path; /* of the file, for messages */
    struct configuration_link *links;
    size_t link_count; /* 0: the file names none, which is enough for -w */
    bool allow_default_route;
    char *user;
    char *control;       /* path of the control socket; NULL: none */
    char *control_place;
    gid_t control_group; /* whose members may use it beside root; (gid_t)-1: nobody */
    uint64_t seed;
    double speed;
    bool has_date;
    int32_t date; /* otherwise today */
    bool has_start;
    int64_t start_ns;    /* time of day; otherwise now */
    int64_t duration_ns; /* of the run, on the clock; 0: until stopped */
    int64_t lead_ns;     /* before the run, that what is under way at its begin can have begun in */
    int64_t stop_ns;     /* that open sessions are given to end in when the run is to stop */
    bool probe;          /* whether the addresses are free, before the first frame ... */
    int64_t probe_ns;    /* ... for so long */
    bool announce;       /* the addresses, before the first frame */
    char *timezone;      /* NULL: UTC */
    enum emit_timing timing;
    enum late_policy late;
    int64_t max_late_ns;
    int cpu;      /* that the emitter runs on, or CONFIGURATION_ANY_CPU */
    int priority; /* of the emitter: SCHED_FIFO 1..99; 0: not real-time */
    enum day_fallback unobserved;
    struct session_options sessions; /* how they are made */
    char *truth; /* path of the log of what was sent, relative ones from the directory of the file; NULL: none */
    char *truth_place;
    enum flow_log_format truth_format;
    unsigned threads;
    struct population_outside outside;
    char *outside_places[IP_FAMILIES]; /* of its networks */
    char *outside_gateway_place;
    struct configuration_population *populations;
    size_t population_count;
    struct configuration_overlay *overlays;
    size_t overlay_count;
};

/* Its time zone becomes that of the process. */
int configuration_load(struct configuration *configuration, const char *path, struct error *err);

/* The same for who has rights that others have not: neither it nor a file it includes may be written by them (trust.h). */
int configuration_load_trusted(struct configuration *configuration, const char *path, struct error *err);
void configuration_release(struct configuration *configuration);

#endif
