/*
 * model_read_private.h - what the parts of the reader share. For model_read*.c alone.
 *
 * model_read.c reads hosts and what they do, model_read_services.c classes and services.
 */
#ifndef MODEL_MODEL_READ_PRIVATE_H
#define MODEL_MODEL_READ_PRIVATE_H

#include "model/model_read.h"
#include "model/model_rows.h"

#define MAX_COUNT ((int64_t)NETWORK_MAX_SUM)
#define MAX_DURATION_NS (INT64_MAX / 4)

struct reader {
    struct database db;
    const struct model_sink *sink;
    struct model_shape shape;
    uint64_t *rows; /* by table */
    uint8_t *seen;  /* by state */
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

void read_labels(struct reader *r);
void read_services(struct reader *r);
void read_session_rows(struct reader *r);

#endif
