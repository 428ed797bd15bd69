/*
 * fill_options.h - the command line of dayshift fill.
 */
#ifndef CLI_FILL_OPTIONS_H
#define CLI_FILL_OPTIONS_H

#include "cli/gaps.h"
#include "records/record_file.h"
#include "records/record_writer.h"
#include "scenario/gap_fill.h"

struct named_host {
    struct ip_address address;
    const char *text;
    bool has_model;
    uint32_t model_host;
};

struct fill_command {
    const char *output;
    const char *model;
    const struct record_encoding *encoding;
    bool only, find, replace, list, json, quiet;
    struct gaps marked;
    struct named_host *hosts;
    size_t host_count, host_capacity;
    struct ip_network *local;
    size_t local_count, local_capacity;
    struct fill_options fill;
    struct record_options records; /* of the input */
};

/* EXIT_OK to go on, -1 after --help, or the status to end with; to be released in any case. */
int fill_command_parse(struct fill_command *command, int argc, char **argv);
void fill_command_release(struct fill_command *command);

#endif
