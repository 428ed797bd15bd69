/*
 * session_options.h - how the sessions of a run are made, and who is told of them.
 */
#ifndef SESSION_SESSION_OPTIONS_H
#define SESSION_SESSION_OPTIONS_H

#include "dayshift/flow_record.h"
#include "dayshift/impairment_rates.h"
#include "session/packet_model.h"

struct session_options { /* all zero: by the default packet model, over a perfect network */
    const struct packet_model *model; /* NULL: the first of packet_model_names() */
    struct impairment_rates impairments;
    /*
     * Ground truth: called at the end of every session with what was made of it, in order of their ends; duration by
     * the clock of the run. The record is borrowed for the call. NULL: nobody asks.
     */
    void (*ended)(void *self, const struct flow_record *record);
    void *ended_self;
};

#endif
