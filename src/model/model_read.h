/*
 * model_read.h - a model file, table by table: every number checked, every reference followed.
 *
 * The one reader of files; what is made of the rows is a sink's affair. What reaches a sink can be
 * relied on as if it had been learned here: ids are dense and in bounds, owners and symbols ascend,
 * nothing is there twice, states of a transition belong to one host, every state has what a
 * synthesizer needs. But a reading can fail at any row: what a sink has then is to be thrown away.
 */
#ifndef MODEL_MODEL_READ_H
#define MODEL_MODEL_READ_H

#include "dayshift/network_stats.h"
#include "model/model.h"

enum { MODEL_MAX_BIN = 1024 /* of any log grid; gaps: 2^(1024/4) ns */ };

struct model_state {
    uint32_t host;
    struct state_key key;
    uint64_t flows;
};

struct model_transition {
    uint32_t state; /* it leads out of this one */
    uint32_t index; /* among the transitions out of the same state */
};

/* What a file speaks of: what the ids of its other rows stand for. */
struct model_shape {
    uint64_t flows, packets;
    struct day_time first, last;
    bool has_tags;
    uint64_t key_check;
    uint32_t host_count;
    uint64_t *host_tags;    /* by host; 0 without tags */
    uint32_t *host_observations;
    uint32_t *host_members; /* 1, or more of a crowd */
    uint32_t *host_crowds;  /* below host_count */
    uint32_t observation_count; /* of hosts; coverage may have more */
    char **labels; /* names of classes, by number - 1 */
    uint32_t label_count;
    uint32_t *host_states;  /* by host: how many states it has */
    uint32_t outside_count;
    uint64_t *outside_tags; /* by id; NULL without tags */
    uint32_t state_count;
    struct model_state *states;
    uint32_t transition_count;            /* grows until all are read: */
    struct model_transition *transitions; /* when the gaps come they are all there */
};

/* Tables of counts. Owner and symbol are those of the tallies in network_stats.h. */
enum model_counts {
    COUNTS_INITIAL,
    COUNTS_TRANSITION, /* owners and symbols ascending: entries have the ids that follow the last ones */
    COUNTS_GAP,
    COUNTS_BEAT,
    COUNTS_VOLUME,
    COUNTS_BYTE_VOLUME,
    COUNTS_INITIATOR_PORT,
    COUNTS_RESPONDER_PORT,
    COUNTS_PEER,
    COUNTS_STATE_LABEL, /* labels from 1 on; no more flows than the state has */
    COUNTS_COVERAGE
};

struct model_service {
    uint8_t protocol;
    uint32_t port;
    uint32_t label;
    uint64_t flows;
    struct service_conditions conditions;
};

/* In the order in which they are called. NULL: not wanted, but checked all the same. */
struct model_sink {
    void *self;
    void (*shape)(void *self, const struct model_shape *shape); /* borrowed until the end */
    void (*mixture)(void *self, uint32_t state, const struct mixture *mixture);
    /* Of all states with a peer outside, ascending, and of no other. */
    void (*peer_process)(void *self, uint32_t state, const struct peer_process *process);
    /* All entries of an owner. Tables in the order of enum model_counts. */
    void (*counts)(void *self, enum model_counts what, uint32_t owner,
                   const struct tally_entry *entries, uint32_t size);
    void (*activity)(void *self, uint32_t host, uint32_t slice_number,
                     const struct activity *activity,
                     const struct crowd_activity *crowd); /* ascending in both; of one member: without sums */
    void (*service)(void *self, uint32_t service, const struct model_service *row);
    /* Ascending in service, then in packets; the sequence is borrowed for the call. */
    void (*session)(void *self, uint32_t service, const struct keyed_row *row);
};

/* Takes the image's bytes. `rows` counts rows by table. */
int model_read(struct model_image *image, const struct model_sink *sink,
               uint64_t rows[MODEL_TABLES], struct error *err);

#endif
