/*
 * model_schema.h - the tables of a model file. Readable with sqlite3(1).
 *
 * Tables of counts are in order of their key, which is the order they are written and read in.
 * Transitions are numbered in order of (state, next), labels from 1 on: 0 is none.
 */
#ifndef MODEL_MODEL_SCHEMA_H
#define MODEL_MODEL_SCHEMA_H

#define MODEL_APPLICATION_ID 0x64736d31 /* "dsm1" */
#define MODEL_FORMAT_VERSION 5

/* session_row.packets: for each packet side << 7 | mark << 5 | TCP flags, bin of the gap, payload bytes (2,
 * the lower one first). Where the hole of a long flow is follows from flow_sequence_head(). */
enum { MODEL_PACKET_BYTES = 5 };

/*
 * A file has these statements, word for word and in this order, as SQLite keeps their text.
 * key_check and tags are 64 bits as a signed number; NULL when learned without a key.
 */
#define MODEL_SCHEMA                                                                          \
    "CREATE TABLE summary(flows INTEGER, packets INTEGER, first_ns INTEGER, last_ns INTEGER," \
    " outside_count INTEGER, key_check INTEGER);"                                             \
    "CREATE TABLE host(id INTEGER PRIMARY KEY, observation INTEGER, tag INTEGER,"             \
    " members INTEGER, crowd INTEGER);"                                                       \
    "CREATE TABLE outside(id INTEGER PRIMARY KEY, tag INTEGER);"                              \
    "CREATE TABLE state(id INTEGER PRIMARY KEY, host INTEGER, role INTEGER,"                  \
    " protocol INTEGER, port_feature INTEGER, flows INTEGER);"                                \
    "CREATE TABLE label(id INTEGER PRIMARY KEY, name TEXT);"                                  \
    "CREATE TABLE state_label(state INTEGER, label INTEGER, flows INTEGER,"                   \
    " PRIMARY KEY(state, label)) WITHOUT ROWID;"                                              \
    "CREATE TABLE initial(host INTEGER, state INTEGER, times INTEGER,"                        \
    " PRIMARY KEY(host, state)) WITHOUT ROWID;"                                               \
    "CREATE TABLE transition(id INTEGER PRIMARY KEY, state INTEGER, next INTEGER,"            \
    " times INTEGER);"                                                                        \
    "CREATE TABLE gap(transition_id INTEGER, bin INTEGER, times INTEGER,"                     \
    " PRIMARY KEY(transition_id, bin)) WITHOUT ROWID;"                                        \
    "CREATE TABLE beat(state INTEGER, bin INTEGER, times INTEGER,"                            \
    " PRIMARY KEY(state, bin)) WITHOUT ROWID;"                                                \
    "CREATE TABLE volume(state INTEGER, bin INTEGER, flows INTEGER,"                          \
    " PRIMARY KEY(state, bin)) WITHOUT ROWID;"                                                \
    "CREATE TABLE byte_volume(state INTEGER, bins INTEGER, flows INTEGER,"                    \
    " PRIMARY KEY(state, bins)) WITHOUT ROWID;"                                               \
    "CREATE TABLE mixture(state INTEGER, component INTEGER, weight REAL, mean REAL, sd REAL," \
    " PRIMARY KEY(state, component)) WITHOUT ROWID;"                                          \
    "CREATE TABLE peer_process(state INTEGER PRIMARY KEY, discount REAL, concentration REAL);" \
    "CREATE TABLE initiator_port(state INTEGER, port_feature INTEGER, flows INTEGER,"         \
    " PRIMARY KEY(state, port_feature)) WITHOUT ROWID;"                                       \
    "CREATE TABLE responder_port(state INTEGER, port INTEGER, flows INTEGER,"                 \
    " PRIMARY KEY(state, port)) WITHOUT ROWID;"                                               \
    "CREATE TABLE peer(state INTEGER, peer INTEGER, flows INTEGER,"                           \
    " PRIMARY KEY(state, peer)) WITHOUT ROWID;"                                               \
    "CREATE TABLE coverage(observation INTEGER, date INTEGER, slice INTEGER, seconds INTEGER,"\
    " PRIMARY KEY(observation, date, slice)) WITHOUT ROWID;"                                  \
    "CREATE TABLE activity(host INTEGER, date INTEGER, slice INTEGER,"                        \
    " packets_sent INTEGER, packets_received INTEGER, bytes_sent INTEGER,"                    \
    " bytes_received INTEGER, flows_initiated INTEGER, flows_answered INTEGER,"               \
    " members INTEGER, log_packets INTEGER, log_packets_squared INTEGER,"                     \
    " PRIMARY KEY(host, date, slice)) WITHOUT ROWID;"                                         \
    "CREATE TABLE service(id INTEGER PRIMARY KEY, protocol INTEGER, port INTEGER,"            \
    " label INTEGER, flows INTEGER, measured_flows INTEGER, measured_packets INTEGER,"                       \
    " retransmitted INTEGER, reordered INTEGER, duplicated INTEGER, fragments INTEGER,"       \
    " resets INTEGER, attempts INTEGER, unanswered INTEGER, unreachable INTEGER);"            \
    "CREATE TABLE session_row(service INTEGER, number INTEGER,"                               \
    " initiator_packets INTEGER, responder_packets INTEGER,"                                  \
    " initiator_data_packets INTEGER, responder_data_packets INTEGER,"                        \
    " initiator_payload_bytes INTEGER, responder_payload_bytes INTEGER,"                      \
    " duration_ns INTEGER, rtt_ns INTEGER, turns INTEGER, initiator_mss INTEGER,"             \
    " responder_mss INTEGER, initiator_ttl INTEGER, responder_ttl INTEGER,"                   \
    " initiator_window INTEGER, responder_window INTEGER, initiator_options INTEGER,"         \
    " responder_options INTEGER, initiator_window_scale INTEGER,"                             \
    " responder_window_scale INTEGER, is_measured INTEGER, opening INTEGER, ending INTEGER,"  \
    " first_data_side INTEGER, closing_side INTEGER, initiator_open_window INTEGER,"          \
    " responder_open_window INTEGER, initiator_timestamp_hz INTEGER,"                         \
    " responder_timestamp_hz INTEGER, initiator_ip_id INTEGER, responder_ip_id INTEGER,"      \
    " initiator_retransmitted INTEGER, responder_retransmitted INTEGER,"                      \
    " initiator_reordered INTEGER, responder_reordered INTEGER,"                              \
    " initiator_duplicated INTEGER, responder_duplicated INTEGER,"                            \
    " initiator_fragments INTEGER, responder_fragments INTEGER, key INTEGER, packets BLOB,"   \
    " PRIMARY KEY(service, number)) WITHOUT ROWID;"

#endif
