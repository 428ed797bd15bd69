/*
 * synth_options.h - the command line of dayshift synth.
 */
#ifndef CLI_SYNTH_OPTIONS_H
#define CLI_SYNTH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/mix_option.h"
#include "cli/scenario_options.h"
#include "records/record_writer.h"

struct synth_options {
    const char *output;
    const struct record_encoding *encoding;
    uint64_t records; /* 0: --for */
    const char *hosts; /* of --host; NULL: all */
    struct mix_option mix; /* count 0: none */
    bool has_block;
    uint32_t block;
    bool block_is_random;
    bool keeps_addresses;
    struct scenario_options play; /* its group: of each model */
    bool json;
    bool quiet;
};

/* EXIT_OK to go on, OPTIONS_HELP, or the status to end with; to be released in any case. */
int synth_options_parse(struct synth_options *options, int argc, char **argv);
void synth_options_release(struct synth_options *options);

#endif
