/*
 * scenario_options.h - who plays, where and when: the options of every verb that plays a day or a part of one.
 */
#ifndef CLI_SCENARIO_OPTIONS_H
#define CLI_SCENARIO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "scenario/scenario.h"

struct scenario_options {
    struct scenario_group group; /* but for the model */
    struct scenario_config scenario;
    bool has_network;    /* --network was given */
    bool has_unobserved; /* --unobserved was given */
    bool has_date;
    int32_t date;
    int64_t start_ns;
};

/* What getopt_long(3) gives for each; two are short ones too, where the verb has no other use for the letter. */
enum {
    SCENARIO_OPTION_HOSTS = 256, SCENARIO_OPTION_PICK, SCENARIO_OPTION_ACTIVITY, SCENARIO_OPTION_NETWORK,
    SCENARIO_OPTION_OUTSIDE, SCENARIO_OPTION_DATE, SCENARIO_OPTION_TIMEZONE, SCENARIO_OPTION_START, SCENARIO_OPTION_FOR,
    SCENARIO_OPTION_SEED, SCENARIO_OPTION_UNOBSERVED, SCENARIO_OPTION_JOBS
};

/* Entries of a struct option[]. */
#define SCENARIO_LONG_OPTIONS                                             \
    { "hosts", required_argument, NULL, SCENARIO_OPTION_HOSTS },          \
    { "pick", required_argument, NULL, SCENARIO_OPTION_PICK },            \
    { "activity", required_argument, NULL, SCENARIO_OPTION_ACTIVITY },    \
    { "network", required_argument, NULL, SCENARIO_OPTION_NETWORK },      \
    { "outside", required_argument, NULL, SCENARIO_OPTION_OUTSIDE },      \
    { "date", required_argument, NULL, SCENARIO_OPTION_DATE },            \
    { "timezone", required_argument, NULL, SCENARIO_OPTION_TIMEZONE },    \
    { "start", required_argument, NULL, SCENARIO_OPTION_START },          \
    { "for", required_argument, NULL, SCENARIO_OPTION_FOR },              \
    { "seed", required_argument, NULL, SCENARIO_OPTION_SEED },            \
    { "unobserved", required_argument, NULL, SCENARIO_OPTION_UNOBSERVED }, \
    { "jobs", required_argument, NULL, SCENARIO_OPTION_JOBS }

/* As without any of the options: nothing of a day yet. */
void scenario_options_init(struct scenario_options *options);

/* Takes one of them; `value` is borrowed for the options' life. 0, or -1 with *err. */
int scenario_options_take(struct scenario_options *options, int option, const char *value, struct error *err);

/* When to begin: by the wall clock of the zone that is set, on the first day of the model unless a date was given. */
struct day_time scenario_options_begin(const struct scenario_options *options, const struct model *model);

#endif
