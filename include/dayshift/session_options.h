/*
 * session_options.h - how the sessions of a run are made, and who is told of them: the contract from configuration
 * to session.
 */
#ifndef DAYSHIFT_SESSION_OPTIONS_H
#define DAYSHIFT_SESSION_OPTIONS_H

#include "base/error.h"
#include "base/text.h"
#include "dayshift/impairment_rates.h"
#include "dayshift/sent_flow.h"

struct session_options { /* all zero: by the default packet model, over a perfect network */
    const char *packet_model; /* a name that session_options_packet_models() has; NULL: the first of them */
    struct impairment_rates impairments;
    const struct sent_flow_keeper *keeper; /* of the ground truth: is told of every session. Borrowed; NULL: nobody asks */
};

/* "symbols, bn, bn-tcp, messages", the default first. Returns `text`. */
const char *session_options_packet_models(char text[TEXT_NAMES]);

/* By name, which is not kept. -1 when no packet model has it: *err says which there are. */
int session_options_set_packet_model(struct session_options *options, const char *name, struct error *err);

#endif
