#include "daemon/flow_logger.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/flow_file.h"
#include "daemon/say.h"
#include "daemon/wall_watch.h"
#include "records/flow_log.h"

#define WRITE_EVERY_NS (100 * NS_PER_MS)

struct flow_logger {
    char *path;
    struct flow_log log;   /* its ledger NULL: there is none */
    struct flow_file file; /* append -1: it is not open */
    int64_t begun_bytes;   /* of the file, when this engine was started: nothing below is cut off */
    pthread_t thread;
    bool started;
    atomic_bool stop;
    _Atomic int failure; /* of the log, for who watches */
    int said_failure;
};

/* Of the monotonic clock, by which frames are sent. */
static int64_t origin_ns(void)
{
    struct clock_reading now = clock_reading_now();

    return now.wall_ns - now.monotonic_ns;
}

/* ---- the supervisor ---- */

struct flow_logger *flow_logger_new(void)
{
    struct flow_logger *logger = memory_alloc(sizeof *logger);

    logger->log.fd = -1;
    logger->file = (struct flow_file){ -1, -1 };
    return logger;
}

static void close_file(struct flow_logger *logger)
{
    flow_file_close(&logger->file);
    logger->log.fd = -1;
    free(logger->path);
    logger->path = NULL;
}

static void drop_ledger(struct flow_logger *logger)
{
    flow_ledger_free(logger->log.ledger);
    logger->log.ledger = NULL;
}

void flow_logger_free(struct flow_logger *logger)
{
    if (logger == NULL)
        return;
    drop_ledger(logger);
    close_file(logger);
    free(logger);
}

static int open_file(struct flow_logger *logger, const struct configuration *c, struct error *err)
{
    if (flow_file_open(&logger->file, c->truth, c->truth_format, err) < 0)
        return error_prefix(err, "%s", c->truth_place);
    logger->path = memory_copy_text(c->truth);
    logger->log.format = c->truth_format;
    logger->log.fd = logger->file.append;
    return 0;
}

int flow_logger_prepare(struct flow_logger *logger, const struct configuration *c, bool reopen, struct error *err)
{
    drop_ledger(logger);
    if (c->truth == NULL || reopen)
        close_file(logger);
    if (c->truth == NULL)
        return 0;
    if (logger->log.fd < 0 && open_file(logger, c, err) < 0)
        return -1;
    logger->begun_bytes = lseek(logger->log.fd, 0, SEEK_END);
    logger->log.ledger = flow_ledger_new(err);
    if (logger->log.ledger == NULL)
        return -1;
    for (size_t i = 0; i < c->link_count; i++)
        flow_ledger_name_link(logger->log.ledger, (uint16_t)i, c->links[i].name);
    return 0;
}

int flow_logger_try(const struct flow_logger *running, const struct configuration *c, struct error *err)
{
    if (c->truth == NULL || flow_file_look(c->truth, c->truth_format, running ? &running->file : NULL, err) == 0)
        return 0;
    return error_prefix(err, "%s", c->truth_place);
}

/* Before and after its own lines: the disk may be full. */
static void mend(struct flow_logger *logger)
{
    flow_log_mend(&logger->log, logger->file.whole, logger->begun_bytes);
}

void flow_logger_settle(struct flow_logger *logger, struct flow_ledger_counts *counts)
{
    *counts = (struct flow_ledger_counts){ 0 };
    if (logger->log.ledger == NULL)
        return;
    mend(logger);
    flow_log_write_rest(&logger->log, origin_ns());
    mend(logger);
    *counts = flow_ledger_counts(logger->log.ledger);
    if (counts->lost > 0)
        say("%s: %" PRIu64 " flows could not be written%s%s", logger->path, counts->lost, logger->log.failure ? ": " : "",
            logger->log.failure ? strerror(logger->log.failure) : "");
    drop_ledger(logger);
}

/* ---- the engine ---- */

void flow_logger_enter_engine(struct flow_logger *logger)
{
    if (logger->file.whole >= 0)
        close(logger->file.whole);
    logger->file.whole = -1;
}

struct flow_ledger *flow_logger_ledger(const struct flow_logger *logger)
{
    return logger->log.ledger;
}

static void *write_flows(void *argument)
{
    const struct timespec nap = { .tv_nsec = WRITE_EVERY_NS };
    struct flow_logger *logger = argument;

    while (!atomic_load(&logger->stop)) {
        flow_log_write(&logger->log, origin_ns());
        atomic_store(&logger->failure, logger->log.failure);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

int flow_logger_start(struct flow_logger *logger, struct error *err)
{
    int status;

    if (logger->log.ledger == NULL)
        return 0;
    status = pthread_create(&logger->thread, NULL, write_flows, logger);
    if (status != 0)
        return error_set(err, "cannot start a thread: %s", strerror(status));
    logger->started = true;
    return 0;
}

void flow_logger_watch(struct flow_logger *logger)
{
    int failure = atomic_load(&logger->failure);

    if (failure == logger->said_failure)
        return;
    if (failure != 0)
        say("%s: cannot write: %s; flows are kept until it can be", logger->path, strerror(failure));
    else
        say("%s: flows are written again", logger->path);
    logger->said_failure = failure;
}

void flow_logger_end(struct flow_logger *logger)
{
    if (!logger->started)
        return;
    atomic_store(&logger->stop, true);
    pthread_join(logger->thread, NULL);
    logger->started = false;
    flow_log_write(&logger->log, origin_ns());
    flow_log_write_rest(&logger->log, origin_ns());
}
