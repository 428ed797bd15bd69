/*
 * flow_logger.h - the log of the flows that a live run has sent, whole whoever of its two processes is killed.
 *
 * The supervisor opens the file and makes the ledger, for each engine a new one, before it forks. A thread of the engine
 * writes the flows that are over, and at the engine's end what is left. When the engine crashed or was killed, the
 * supervisor writes what is left from the same memory: the flows that were alive, as far as they were sent.
 *
 * The engine can append to the file, not read or shorten it; what is to be cut off of it the supervisor cuts off.
 *
 * A slow disk holds up that thread alone.
 */
#ifndef DAEMON_FLOW_LOGGER_H
#define DAEMON_FLOW_LOGGER_H

#include <stdbool.h>

#include "base/error.h"
#include "daemon/configuration.h"
#include "records/flow_ledger.h"

struct flow_logger; /* opaque */

/* ---- the supervisor ---- */

struct flow_logger *flow_logger_new(void);
void flow_logger_free(struct flow_logger *logger); /* NULL: nothing */

/*
 * Before an engine is started: the file and the ledger, as the configuration has them; when it wants none, there is none.
 * `reopen`: the file is opened by its name again, also when it is open. 0, or -1 with *err.
 */
int flow_logger_prepare(struct flow_logger *logger, const struct configuration *configuration, bool reopen,
                        struct error *err);

/*
 * Looks whether the file could be opened, and changes nothing. `running`: the run that would go on with it, whose file it
 * may be; NULL: there is none, and whether a dayshiftd writes it is not asked. 0 or -1.
 */
int flow_logger_try(const struct flow_logger *running, const struct configuration *configuration, struct error *err);

/* The engine has ended, in whatever way. What of its flows was not written is written; *counts is of all of them. */
void flow_logger_settle(struct flow_logger *logger, struct flow_ledger_counts *counts);

/* ---- the engine ---- */

/* First of all: from now on the process can append to the file, and no more. */
void flow_logger_enter_engine(struct flow_logger *logger);

/* NULL: there is no log. */
struct flow_ledger *flow_logger_ledger(const struct flow_logger *logger);

int flow_logger_start(struct flow_logger *logger, struct error *err);

/* Every now and then: says what there is to be said of the file. */
void flow_logger_watch(struct flow_logger *logger);

/* With no thread left that makes or sends frames. */
void flow_logger_end(struct flow_logger *logger);

#endif
