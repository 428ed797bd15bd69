/*
 * configuration.h - the configuration file of dayshiftd, checked key by key.
 *
 * The only user of libconfig. An unknown key, a wrong type or a value out of range is an error
 * that names file, line, key and value.
 */
#ifndef DAEMON_CONFIGURATION_H
#define DAEMON_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/session_options.h"
#include "net/ip_address.h"
#include "scenario/scenario.h"

struct configuration {
    char *path;      /* of the file, for messages */
    char *interface; /* NULL when the file names none: enough for -w */
    char *user;
    bool allow_default_route;
    int64_t stop_ns; /* how long sessions may take to end when the run is stopped */
    char *timezone;  /* it is that of the process; NULL: UTC */
    uint64_t seed;
    double speed;
    bool has_date;
    int32_t date; /* otherwise today */
    bool has_start;
    int64_t start_ns;    /* time of day; otherwise now */
    int64_t duration_ns; /* of the run, on the clock; 0: until stopped */
    enum day_fallback unobserved;
    struct session_options sessions; /* how they are made */
    unsigned threads;
    struct ip_network outside;
    struct configuration_population {
        char *model; /* path, relative ones from the directory of the file */
        struct ip_network network;
        char *pick;      /* NULL: all */
        uint32_t hosts;  /* 0: as many as are picked */
        double activity; /* 0: 1 */
    } *populations;
    size_t population_count;
};

/* Its time zone becomes that of the process. */
int configuration_load(struct configuration *configuration, const char *path, struct error *err);

/* The same for who has rights that others have not: neither it nor a file it includes may be written by them (trust.h). */
int configuration_load_trusted(struct configuration *configuration, const char *path, struct error *err);
void configuration_release(struct configuration *configuration);

#endif
