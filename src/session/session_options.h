/*
 * session_options.h - how the sessions of a run are made, and who is told of them.
 */
#ifndef SESSION_SESSION_OPTIONS_H
#define SESSION_SESSION_OPTIONS_H

#include "dayshift/flow_record.h"
#include "session/packet_model.h"

struct session_options { /* all zero: as learned, by the default packet model */
    const struct packet_model *model; /* NULL: the first of packet_model_names() */
    /*
     * Ground truth: called at the end of every session with what was made of it, in order of their ends; duration by
     * the clock of the run. The record is borrowed for the call. NULL: nobody asks.
     */
    void (*ended)(void *self, const struct flow_record *record);
    void *ended_self;
};

#endif
