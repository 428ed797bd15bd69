/*
 * play.h - what is played: the models of a configuration wired to a scenario, and how far it has come.
 *
 * Both kinds of run are made of one: live_run.h, file_run.h.
 */
#ifndef DAEMON_PLAY_H
#define DAEMON_PLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mono_time.h"
#include "base/time_types.h"
#include "daemon/configuration.h"
#include "daemon/link_gates.h"
#include "daemon/play_files.h"
#include "daemon/report.h"
#include "emit/emitter.h"
#include "model/model.h"
#include "records/flow_ledger.h"
#include "scenario/scenario.h"

/* Which part of the days is played, and how. */
struct play_span {
    struct day_time begin;
    int64_t duration_ns; /* on the clock; 0: until stopped */
    double speed;
    double activity; /* factor on that of every population */
    bool is_paused;  /* it begins with a pause */
    int64_t before_ns; /* of the run that has passed already */
    bool goes_on;      /* another engine has played before: captures that cannot be read now are left out */
};

/* All that a configuration asks for, from now on. */
struct play_span play_span_of(const struct configuration *configuration);

struct play {
    struct model **models; /* owned */
    size_t model_count;
    struct scenario *scenario;
    struct day_time begin;
    struct link_gates gates;
    atomic_bool stop;  /* set by anyone: no more is planned */
    bool goes_on;      /* as of its span */
    const char *ended; /* by what, for the report */
    struct mono_time started;
    bool said_failure[OVERLAY_SET_MAX];
};

struct play_options {
    bool json;  /* the final table */
    bool quiet; /* no progress */
};

/*
 * `mtus`: by link; NULL where nothing limits frames. Takes the images, also when it fails. Configuration, files and the
 * `keeper` of the ground truth (NULL: nobody asks) are borrowed for the play's life. 0, or -1 with nothing to release. The play must not move.
 */
int play_init(struct play *play, const struct configuration *configuration, const struct play_files *files,
              const struct play_span *span, const uint16_t *mtus, struct model_image *images,
              const struct sent_flow_keeper *keeper, struct error *err);
void play_release(struct play *play);

/* That there is a time before the run to be played, which may take a while: a line on standard error. */
void play_say_lead_in(const struct play *play, const struct configuration *c);

/* What of the overlays cannot be played, and which the run does not come to: a line each on standard error. */
void play_say_overlays(const struct play *play);

/* Which of them failed since this was called last, and why: the same. */
void play_say_failures(struct play *play);

/* The first of those; 0: there is none. */
int play_check_overlays(const struct play *play, struct error *err);

/* What is played of them, and when. */
void play_print_overlays(const struct play *play, FILE *to);

/* Tells the ledger whose hosts are whose. */
void play_name_populations(const struct play *play, struct flow_ledger *ledger);

/* One line on a terminal. */
void play_show_progress(const struct play *play, const struct report_counts *counts);
void play_clear_progress(void);

/* So far: what any run has to say; `emitted` has counts of so many links. What is answered stays 0. */
void play_count(const struct play *play, const struct emit_counts *emitted, size_t links, struct report_counts *counts);

#endif
