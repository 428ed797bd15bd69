#include "records/conn_state.h"

#include <string.h>

#include "net/wire.h"

enum {
    S = TCP_SYN,
    R = TCP_RST,
    A = TCP_ACK,
    SA = TCP_SYN | TCP_ACK,
    SF = TCP_SYN | TCP_FIN,
    SR = TCP_SYN | TCP_RST,
    RA = TCP_RST | TCP_ACK,
    SAF = TCP_SYN | TCP_ACK | TCP_FIN,
    SAR = TCP_SYN | TCP_ACK | TCP_RST
};

/*
 * The words of both programs; none means two things. RSTRH and SHR are Zeek's for an originator whose
 * packets were not seen. Argus does not say who sent the reset of RST.
 */
static const struct {
    const char *name;
    uint8_t flags[2];
    enum log_end closing;
} states[] = {
    { "S0", { S, 0 }, LOG_END_UNKNOWN },
    { "S1", { SA, SA }, LOG_END_UNKNOWN },
    { "SF", { SAF, SAF }, LOG_END_UNKNOWN },
    { "REJ", { S, RA }, LOG_END_DESTINATION },
    { "S2", { SAF, SA }, LOG_END_SOURCE },
    { "S3", { SA, SAF }, LOG_END_DESTINATION },
    { "RSTO", { SAR, SA }, LOG_END_SOURCE },
    { "RSTR", { SA, SAR }, LOG_END_DESTINATION },
    { "RSTOS0", { SR, 0 }, LOG_END_SOURCE },
    { "RSTRH", { 0, SAR }, LOG_END_DESTINATION },
    { "SH", { SF, 0 }, LOG_END_SOURCE },
    { "SHR", { 0, SAF }, LOG_END_DESTINATION },
    { "OTH", { A, A }, LOG_END_UNKNOWN },
    { "REQ", { S, 0 }, LOG_END_UNKNOWN },
    { "ACC", { S, SA }, LOG_END_UNKNOWN },
    { "EST", { A, A }, LOG_END_UNKNOWN },
    { "CON", { A, A }, LOG_END_UNKNOWN },
    { "FIN", { A | TCP_FIN, A | TCP_FIN }, LOG_END_UNKNOWN },
    { "CLO", { A | TCP_FIN, A | TCP_FIN }, LOG_END_UNKNOWN },
    { "RST", { RA, A }, LOG_END_UNKNOWN },
};

/* "FSPA_SPA": the flags each way. */
static void add_flag_letters(struct conn_state *state, struct field field)
{
    const char *line = memchr(field.at, '_', field.size);
    struct field sides[2];
    uint8_t flags[2];

    if (line == NULL)
        return;
    sides[0] = (struct field){ field.at, (size_t)(line - field.at) };
    sides[1] = (struct field){ line + 1, field.size - sides[0].size - 1 };
    if (field_to_tcp_flags(sides[0], &flags[0]) < 0 || field_to_tcp_flags(sides[1], &flags[1]) < 0)
        return;
    state->tcp_flags[0] |= flags[0];
    state->tcp_flags[1] |= flags[1];
}

void conn_state_add(struct conn_state *state, struct field field)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!field_is(field, states[i].name))
            continue;
        state->tcp_flags[0] |= states[i].flags[0];
        state->tcp_flags[1] |= states[i].flags[1];
        if (state->closing == LOG_END_UNKNOWN)
            state->closing = states[i].closing;
        return;
    }
    add_flag_letters(state, field);
}

static uint8_t flags_of_letter(char letter)
{
    switch (letter) {
    case 's':
        return TCP_SYN;
    case 'h':
        return TCP_SYN | TCP_ACK;
    case 'a':
        return TCP_ACK;
    case 'd':
        return TCP_PSH | TCP_ACK;
    case 'f':
        return TCP_FIN;
    case 'r':
        return TCP_RST;
    default:
        return 0; /* of retransmissions, gaps, flips: nothing about the connection */
    }
}

void conn_state_add_history(struct conn_state *state, struct field history)
{
    for (size_t i = 0; i < history.size; i++) {
        char letter = history.at[i] | 0x20;
        enum log_end from = history.at[i] == letter ? LOG_END_DESTINATION : LOG_END_SOURCE;

        state->tcp_flags[from] |= flags_of_letter(letter);
        if ((letter == 'f' || letter == 'r') && state->closing == LOG_END_UNKNOWN)
            state->closing = from;
    }
}

void conn_state_add_beginning(struct conn_state *state)
{
    state->tcp_flags[0] |= TCP_SYN;
    if (state->tcp_flags[1] != 0 && state->tcp_flags[1] != RA)
        state->tcp_flags[1] |= TCP_SYN;
}

/* ---- the other way ---- */

const char *conn_state_name(const struct flow_record *r)
{
    uint8_t initiator = r->tcp_flags[FLOW_INITIATOR], responder = r->tcp_flags[FLOW_RESPONDER];
    bool by_initiator = r->closing_side == FLOW_INITIATOR;

    if (r->protocol != IP_TCP)
        return r->packets[FLOW_RESPONDER] > 0 ? "SF" : "S0";
    if (!(initiator & TCP_SYN))
        return "OTH";
    if (!(responder & TCP_SYN))
        return r->ending == FLOW_ENDING_NONE ? "S0"
               : r->ending == FLOW_ENDING_FIN ? "SH"
               : by_initiator ? "RSTOS0" : "REJ";
    if (r->ending == FLOW_ENDING_RESET)
        return by_initiator ? "RSTO" : "RSTR";
    if (initiator & responder & TCP_FIN)
        return "SF";
    return r->ending == FLOW_ENDING_NONE ? "S1" : by_initiator ? "S2" : "S3";
}
