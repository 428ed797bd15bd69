/*
 * synth_run.h - what dayshift synth plays: models, who of them, and where the plans of flows come from.
 */
#ifndef CLI_SYNTH_RUN_H
#define CLI_SYNTH_RUN_H

#include <stdint.h>

#include "base/error.h"
#include "cli/synth_options.h"
#include "dayshift/flow_plan.h"
#include "synth/mixed_netflow.h"
#include "synth/netflow.h"

enum { SYNTH_MAX_MODELS = MIX_MAX_PARTS + 1 };

struct synth_run {
    struct model *models[SYNTH_MAX_MODELS];
    const char *paths[SYNTH_MAX_MODELS];
    uint32_t model_count;
    struct scenario_group groups[SYNTH_MAX_MODELS];
    struct scenario *scenario;
    uint32_t *hosts; /* chosen: indices of the population */
    uint32_t host_count;
    struct netflow *netflow;
    struct mixed_netflow *mix;
    struct flow_plan_source plans;
};

/* A run that begins zeroed. `path` of the model, or NULL where the options name all. 0 or -1; to be released in either
 * case. The options get the time at which the run begins. */
int synth_run_open(struct synth_run *run, struct synth_options *options, const char *path, struct error *err);
void synth_run_release(struct synth_run *run);

#endif
