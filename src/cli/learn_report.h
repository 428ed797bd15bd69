/*
 * learn_report.h - what dayshift learn says at its end: what was read, left out, given up and learned.
 */
#ifndef CLI_LEARN_REPORT_H
#define CLI_LEARN_REPORT_H

#include "cli/crowds.h"
#include "cli/read_inputs.h"
#include "learn/learner.h"

struct learn_report {
    const struct read_totals *totals;
    const struct learner *learner;
    const struct application_labeller *labeller; /* NULL: none */
    const struct network_stats *stats;
    const struct crowds *crowds; /* NULL: hosts stay single */
    uint32_t crowd_least;
    const struct host_names *names;
    uint64_t max_memory;
    const char *output;
};

void learn_report_print(const struct learn_report *report);
int learn_report_print_json(const struct learn_report *report);

#endif
