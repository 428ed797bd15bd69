/*
 * info.h - what dayshift info shows: figures that text and JSON share.
 */
#ifndef CLI_INFO_H
#define CLI_INFO_H

#include <stdint.h>

#include "cli/cli.h"
#include "model/model.h"

enum { INFO_BUSIEST_STATES = 3 };

extern const char *const info_weekdays[DAYS_A_WEEK];

/* Of a model in memory: its hosts, in bytes. */
struct info_memory {
    size_t average, median, largest, total;
    uint32_t largest_host;
};

struct info_memory info_memory(const struct model *model);

struct info_peers {
    uint32_t local, outside; /* distinct ones; outside at least */
    double group_share;      /* of flows, to broadcast or multicast */
};

struct info_peers info_peers(const struct state_model *state);

/* Pointers to the states, the most used first; the caller frees. */
const struct state_model **info_states_by_use(const struct host_model *host);

double info_state_share(const struct host_model *host, const struct state_model *state);
double info_median_gap_s(const struct discrete *gaps); /* 0 when there is none */

/* How many classes of days are told apart, 1 or 2; "weekdays", "weekends", "all days". */
int info_day_classes(const struct host_model *host);
const char *info_day_class_name(const struct host_model *host, int day_class);

/* Slices of the day in which it was active on some day of any class. */
uint32_t info_active_slices(const struct host_model *host);

/* The services of one protocol and port, all classes together. */
struct info_service {
    uint8_t protocol;
    uint32_t port;
    uint64_t flows;
    size_t sampled;
    struct service_conditions conditions;
    const struct service_model *classes; /* the model's: `count` of them in a row, named and not */
    size_t count;
};

/* Those of most flows first, *count of them; the caller frees. */
struct info_service *info_services_by_use(const struct model *model, size_t *count);

/* Pointers to the classes that have a name, those of most flows first, *count of them; the caller frees. */
const struct service_model **info_classes_by_use(const struct info_service *service, size_t *count);

/* "tcp/443", "udp/other". */
const char *info_service_name(const struct info_service *service, char text[STATE_NAME]);

/* How often something happened, of how many; 0 of none. */
double info_rate(uint64_t times, uint64_t of);

/* The whole model, or one host of it, on standard output. Those that can fail give an exit status. */
void info_print_model(const struct model *model, const char *path, uint64_t file_bytes);
void info_print_host(const struct host_model *host);
int info_print_model_json(const struct model *model, const char *path, uint64_t file_bytes);
int info_print_host_json(const struct host_model *host);

#endif
