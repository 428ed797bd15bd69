/*
 * learn_options.h - the command line of dayshift learn.
 */
#ifndef CLI_LEARN_OPTIONS_H
#define CLI_LEARN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/flow_labels.h"
#include "cli/host_choice.h"
#include "cli/read_inputs.h"
#include "learn/address_tag.h"
#include "learn/observation.h"

struct learn_options {
    const char *output;
    const char *map;
    const char *key_file;
    const char *interface;
    uint32_t crowd_least; /* 0: no crowds */
    int64_t for_ns;
    struct host_choice choice;
    uint8_t key[ADDRESS_TAG_KEY_BYTES];
    uint64_t max_memory;
    struct read_options read;
    enum observed_half half;
    bool inspect; /* applications by deep packet inspection */
    const char *label_table; /* a file; NULL: none */
    struct flow_labels labels;
    bool json;
    bool quiet;
};

/* EXIT_OK to go on, OPTIONS_HELP, or the status to end with; to be released in any case. */
int learn_options_parse(struct learn_options *options, int argc, char **argv);
void learn_options_release(struct learn_options *options);

#endif
