/*
 * model_schema.h - the tables of a model file. Readable with sqlite3(1).
 */
#ifndef MODEL_MODEL_SCHEMA_H
#define MODEL_MODEL_SCHEMA_H

#define MODEL_APPLICATION_ID 0x64736d31 /* "dsm1" */
#define MODEL_FORMAT_VERSION 1

#define MODEL_SCHEMA                                                                          \
    "CREATE TABLE summary(flows INTEGER, packets INTEGER, first_ns INTEGER, last_ns INTEGER," \
    " covered_slices INTEGER);"                                                               \
    "CREATE TABLE host(id INTEGER PRIMARY KEY);"                                              \
    "CREATE TABLE state(id INTEGER PRIMARY KEY, host INTEGER, role INTEGER,"                  \
    " protocol INTEGER, port_feature INTEGER, flows INTEGER);"                                \
    "CREATE TABLE transition(id INTEGER PRIMARY KEY, state INTEGER, next INTEGER,"            \
    " times INTEGER);"                                                                        \
    "CREATE TABLE initial(host INTEGER, state INTEGER, times INTEGER,"                        \
    " PRIMARY KEY(host, state)) WITHOUT ROWID;"                                               \
    "CREATE TABLE gap(transition_id INTEGER, bin INTEGER, times INTEGER,"                     \
    " PRIMARY KEY(transition_id, bin)) WITHOUT ROWID;"                                        \
    "CREATE TABLE volume(state INTEGER, bin INTEGER, flows INTEGER,"                          \
    " PRIMARY KEY(state, bin)) WITHOUT ROWID;"                                                \
    "CREATE TABLE mixture(state INTEGER, component INTEGER, weight REAL, mean REAL, sd REAL," \
    " PRIMARY KEY(state, component)) WITHOUT ROWID;"                                          \
    "CREATE TABLE initiator_port(state INTEGER, port_feature INTEGER, flows INTEGER,"         \
    " PRIMARY KEY(state, port_feature)) WITHOUT ROWID;"                                       \
    "CREATE TABLE responder_port(state INTEGER, port INTEGER, flows INTEGER,"                 \
    " PRIMARY KEY(state, port)) WITHOUT ROWID;"                                               \
    "CREATE TABLE peer(state INTEGER, peer INTEGER, flows INTEGER,"                           \
    " PRIMARY KEY(state, peer)) WITHOUT ROWID;"                                               \
    "CREATE TABLE activity(host INTEGER, date INTEGER, slice INTEGER,"                        \
    " packets_sent INTEGER, packets_received INTEGER, bytes_sent INTEGER,"                    \
    " bytes_received INTEGER, flows_initiated INTEGER, flows_answered INTEGER,"               \
    " PRIMARY KEY(host, date, slice)) WITHOUT ROWID;"                                         \
    "CREATE TABLE coverage(date INTEGER, slice INTEGER, seconds INTEGER,"                     \
    " PRIMARY KEY(date, slice)) WITHOUT ROWID;"                                               \
    "CREATE TABLE profile(host INTEGER, slice INTEGER, observed INTEGER, active INTEGER,"     \
    " log_mean REAL, log_sd REAL, PRIMARY KEY(host, slice)) WITHOUT ROWID;"                   \
    "CREATE TABLE service(id INTEGER PRIMARY KEY, protocol INTEGER, port INTEGER,"            \
    " flows INTEGER);"                                                                        \
    "CREATE TABLE session_row(service INTEGER, number INTEGER,"                               \
    " initiator_packets INTEGER, responder_packets INTEGER,"                                  \
    " initiator_data_packets INTEGER, responder_data_packets INTEGER,"                        \
    " initiator_payload_bytes INTEGER, responder_payload_bytes INTEGER,"                      \
    " duration_ns INTEGER, rtt_ns INTEGER, turns INTEGER, initiator_mss INTEGER,"             \
    " responder_mss INTEGER, initiator_ttl INTEGER, responder_ttl INTEGER, opening INTEGER,"  \
    " ending INTEGER, first_data_side INTEGER, closing_side INTEGER,"                         \
    " key INTEGER, PRIMARY KEY(service, number)) WITHOUT ROWID;"

#endif
