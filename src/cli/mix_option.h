/*
 * mix_option.h - which hosts a mixture has: "[FILE#]ID:WEIGHT,..." as users write it, and the models of them.
 */
#ifndef CLI_MIX_OPTION_H
#define CLI_MIX_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/model.h"
#include "synth/mixed_netflow.h"

struct mix_option {
    uint32_t count;
    struct mix_host {
        char *path; /* of its model; owned; NULL: the model that the command line names */
        uint32_t id;
        double weight; /* not negative; they do not all have to be 0 */
    } hosts[MIX_MAX_PARTS];
};

/* "50", or "random:50". */
int block_option_parse(const char *text, uint32_t *block, bool *is_random, struct error *err);

/* -1 names the part that is wrong; what is there is released with mix_option_release() in either case. */
int mix_option_parse(struct mix_option *mix, const char *text, struct error *err);
void mix_option_release(struct mix_option *mix);

/* Whether a part has no file of its own. */
bool mix_option_needs_model(const struct mix_option *mix);

#endif
