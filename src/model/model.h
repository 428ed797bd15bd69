/*
 * model.h - a learned network: in memory, and as a file.
 *
 * The file is one SQLite database that holds the statistics and what was fitted from them.
 * It is written whole or not at all, read into memory in one piece, opened read-only and
 * defensively, and every number is range-checked as it is read.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "dayshift/host_model.h"
#include "dayshift/network_stats.h"
#include "dayshift/service_model.h"

#define MODEL_MAX_BYTES (INT64_C(4) << 30) /* a larger file is refused */

enum model_table {
    TABLE_SUMMARY,
    TABLE_HOST,
    TABLE_OUTSIDE,
    TABLE_STATE,
    TABLE_LABEL,
    TABLE_MIXTURE,
    TABLE_PEER_PROCESS,
    TABLE_INITIAL,
    TABLE_TRANSITION,
    TABLE_GAP,
    TABLE_BEAT,
    TABLE_VOLUME,
    TABLE_BYTE_VOLUME,
    TABLE_INITIATOR_PORT,
    TABLE_RESPONDER_PORT,
    TABLE_PEER,
    TABLE_STATE_LABEL,
    TABLE_COVERAGE,
    TABLE_ACTIVITY,
    TABLE_SERVICE,
    TABLE_SESSION_ROW,
    MODEL_TABLES
};

const char *model_table_name(enum model_table table);

struct model {
    struct host_model *hosts; /* index = id */
    uint32_t host_count;
    uint32_t member_count; /* hosts that the hosts stand for: as many, but for crowds */
    char **labels; /* names of classes, by number - 1 */
    uint32_t label_count;
    struct service_model *services; /* ascending in (protocol, port, label_number) */
    size_t service_count;
    struct service_model *pools; /* the services of one port feature and class together; same order */
    size_t pool_count;
    uint64_t flows;
    uint64_t packets;
    struct day_time first, last; /* of the flows learned */
    uint32_t covered_slices;     /* of 288, by any observation */
    uint16_t observed_days[DAY_SLICES]; /* of the observation that has most */
    uint32_t weekdays[DAYS_A_WEEK]; /* dates of which a slice was observed, from Monday on */
    bool has_tags;                     /* learned with a key: can be merged host by host */
    uint32_t outside_count;            /* outside peers that have a number */
    uint64_t rows[MODEL_TABLES];       /* of the file */
    struct arena arena;                /* of the hosts */
};

/* Writes statistics and fit; `path` appears only when all of it is written. */
int model_save(const char *path, const struct network_stats *stats, const struct network_fit *fit,
               struct error *err);

/* A file as it is, read whole and not looked into. */
struct model_image {
    uint8_t *bytes; /* sqlite3_malloc'ed */
    size_t size;
    char *path;
};

int model_image_read(struct model_image *image, const char *path, struct error *err);

/*
 * The same in two steps, for a process that gives up its rights between them: opens the file, of which no byte is read,
 * and reads it from its beginning, wherever the descriptor stands. The descriptor (-1 on failure) stays the caller's.
 */
int model_file_open(const char *path, struct error *err);
int model_image_read_fd(struct model_image *image, int fd, const char *path, struct error *err);

void model_image_release(struct model_image *image);

/* What model_save() would write, without a file. 0, or -1 with nothing to release. */
int model_image_make(struct model_image *image, const struct network_stats *stats,
                     const struct network_fit *fit, struct error *err);

/* Builds a model from an image, whose bytes it takes. NULL on failure. */
struct model *model_from_image(struct model_image *image, struct error *err);

/* Both steps. */
struct model *model_load(const char *path, struct error *err);
void model_free(struct model *model); /* NULL is fine */

/*
 * The statistics themselves, checked as strictly, into *stats, which the caller initialised and
 * releases in any case: half filled on failure. What is saved again is the same file.
 */
int model_stats_from_image(struct model_image *image, struct network_stats *stats, struct error *err);
int model_load_stats(const char *path, struct network_stats *stats, struct error *err);

/*
 * The service of a protocol, responder port and class (LABEL_NONE: a flow without one). One of which few flows
 * were seen, or none (a port that changes with every session), is stood in for by all services of its port
 * feature and class together. Where nothing is known of the class there, one of those that are is taken, by
 * their flows: of the port, else of its feature, else of the nearest port; `choice`, any 64 random bits, tells
 * which. NULL when nothing is known of the protocol.
 */
const struct service_model *model_service(const struct model *model, uint8_t protocol, uint32_t port,
                                          uint32_t label, uint64_t choice);

/* A service with fewer sampled flows than this is not trusted alone where there are others of its feature. */
enum { MODEL_MIN_ROWS = 16 };

/*
 * Bytes that a host model takes in memory: all that is made for this host, and its place in `hosts`.
 * They are pieces of the model's arena. What an allocator adds is what blocks of 64 KiB leave unused
 * at their ends: less than a tenth in a model of many hosts.
 */
size_t host_model_bytes(const struct host_model *host);

#endif
