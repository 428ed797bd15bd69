/*
 * conn_state.h - what flow logs say about the course of a TCP connection, as TCP flags each way; and what they call it.
 */
#ifndef RECORDS_CONN_STATE_H
#define RECORDS_CONN_STATE_H

#include <stdint.h>

#include "dayshift/flow_record.h"
#include "records/field.h"
#include "records/log_record.h"

struct conn_state {
    uint8_t tcp_flags[2];
    enum log_end closing;
};

/*
 * Adds what the field tells. Zeek's conn_state ("S0", "SF", "REJ", ...), Argus' states ("FSPA_SPA", "CON", "RST");
 * what is none of these tells nothing.
 */
void conn_state_add(struct conn_state *state, struct field field);

/* Zeek's history: "ShADadFf", upper case is the originator's. */
void conn_state_add_history(struct conn_state *state, struct field history);

/* Argus' word for a TCP flow whose beginning it saw: its flags stand for that, too. */
void conn_state_add_beginning(struct conn_state *state);

/* The state that Zeek's documentation has for a flow: what is not TCP has SF with an answer, S0 without. */
const char *conn_state_name(const struct flow_record *record);

#endif
