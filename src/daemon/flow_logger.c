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
    struct flow_log log; /* its ledger NULL: there is none; its fd -1: the file is not open */
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
    return logger;
}

static void close_file(struct flow_logger *logger)
{
    if (logger->log.fd >= 0)
        close(logger->log.fd);
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

static int open_file(const struct configuration *c, struct error *err)
{
    int fd = flow_file_open(c->truth, flow_log_header(c->truth_format), err);

    return fd < 0 ? error_prefix(err, "%s: truth", c->path) : fd;
}

int flow_logger_prepare(struct flow_logger *logger, const struct configuration *c, bool reopen, struct error *err)
{
    drop_ledger(logger);
    if (c->truth == NULL || reopen)
        close_file(logger);
    if (c->truth == NULL)
        return 0;
    if (logger->log.fd < 0) {
        logger->log.fd = open_file(c, err);
        if (logger->log.fd < 0)
            return -1;
        logger->path = memory_copy_text(c->truth);
        logger->log.format = c->truth_format;
    }
    logger->log.ledger = flow_ledger_new(err);
    if (logger->log.ledger == NULL)
        return -1;
    for (size_t i = 0; i < c->link_count; i++)
        flow_ledger_name_link(logger->log.ledger, (uint16_t)i, c->links[i].name);
    return 0;
}

int flow_logger_try(const struct configuration *c, struct error *err)
{
    int fd = c->truth ? open_file(c, err) : -1;

    if (fd >= 0)
        close(fd);
    return c->truth && fd < 0 ? -1 : 0;
}

void flow_logger_settle(struct flow_logger *logger, struct flow_ledger_counts *counts)
{
    *counts = (struct flow_ledger_counts){ 0 };
    if (logger->log.ledger == NULL)
        return;
    flow_log_write_rest(&logger->log, origin_ns());
    *counts = flow_ledger_counts(logger->log.ledger);
    if (counts->lost > 0)
        say("%s: %" PRIu64 " flows could not be written%s%s", logger->path, counts->lost, logger->log.failure ? ": " : "",
            logger->log.failure ? strerror(logger->log.failure) : "");
    drop_ledger(logger);
}

/* ---- the engine ---- */

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
