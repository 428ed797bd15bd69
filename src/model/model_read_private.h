/*
 * model_read_private.h - what the parts of the reader share. For model_read*.c alone.
 *
 * model_read.c has the order of the tables, the others read them: model_read_hosts.c who there is, model_read_states.c
 * states and what is fitted to them, model_read_counts.c tables of counts, model_read_days.c when who was active,
 * model_read_services.c classes and services.
 */
#ifndef MODEL_MODEL_READ_PRIVATE_H
#define MODEL_MODEL_READ_PRIVATE_H

#include "model/model_read.h"
#include "model/model_rows.h"

#define MAX_COUNT ((int64_t)NETWORK_MAX_SUM)
#define MAX_DURATION_NS (INT64_MAX / 4)

/* What was seen of a state. */
enum {
    SEEN_MIXTURE = 1 << 0,
    SEEN_NEXT = 1 << 1,
    SEEN_GAP = 1 << 2,
    SEEN_VOLUME = 1 << 3,
    SEEN_INITIATOR_PORT = 1 << 4,
    SEEN_PEER = 1 << 5,
    SEEN_OUTSIDE = 1 << 6, /* a peer of that kind */
    SEEN_PROCESS = 1 << 7
};

struct reader {
    struct database db;
    const struct model_sink *sink;
    struct model_shape shape;
    uint64_t *rows; /* by table */
    uint8_t *seen;  /* by state: SEEN_ */
    size_t state_capacity, transition_capacity;
    size_t host_tag_capacity, host_observation_capacity, host_member_capacity, host_crowd_capacity;
    size_t outside_tag_capacity, label_capacity;
    uint32_t gap_state;  /* the state of the gaps that were read last */
    uint64_t gap_sum;    /* of all its transitions */
    uint64_t *service_keys;
    uint32_t service_count;
    size_t service_capacity;
};

struct rows table_open(struct reader *r, enum model_table table, const char *sql);
void table_close(struct reader *r, enum model_table table, struct rows *rows);

/* Whether a number is there twice. Sorts them. */
bool reader_has_twice(uint64_t *numbers, size_t count);

/* Flows that a host can have at most: one between two members of a crowd is one of each. */
uint64_t reader_host_flows(const struct reader *r, uint32_t host);

/* Where hosts have tags of one key, all were observed together. */
uint32_t read_observation(struct reader *r, struct rows *rows, int column);

/* The entries of one owner, as the rows of a table of counts have them. Zeros but for `counts`. */
struct owner_counts {
    enum model_counts counts; /* whose table it is */
    struct tally_entry *entries; /* owned */
    size_t capacity;
    uint32_t used;
    uint64_t sum; /* of their counts */
};

/* Takes the next row. When it is another owner's, or at the end, what was taken is checked and given to the sink. */
void owner_counts_add(struct reader *r, struct rows *rows, struct owner_counts *group, struct tally_entry entry);
void owner_counts_end(struct reader *r, struct owner_counts *group); /* releases it */

bool entry_is_behind(const struct tally_entry *entry, const struct tally_entry *last);

void read_summary(struct reader *r);
void read_who(struct reader *r);
void read_states(struct reader *r);
void read_mixtures(struct reader *r);
void read_peer_processes(struct reader *r);
void read_sequences(struct reader *r);
void read_distributions(struct reader *r);
/* What a synthesizer relies on: a state has a volume, a peer, ports, and a gap if it has a successor. */
void check_states(struct reader *r);
void read_coverage(struct reader *r);
void read_activity(struct reader *r);
void read_labels(struct reader *r);
void read_services(struct reader *r);
void read_session_rows(struct reader *r);

#endif
