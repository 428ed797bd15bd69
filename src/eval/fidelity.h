/*
 * fidelity.h - how much like a host's own are synthetic flows? Song, Table II.
 *
 * The judge is the model of the first part of a host's flows. It is shown
 *
 *   genuine    flows of the part held out
 *   synthetic  flows synthesized from a model of the part held out
 *   own        flows synthesized from the judge's own model
 *   spliced    short pieces of what other hosts did, one after the other
 *
 * Genuine and synthetic flows are thus equally new to the judge, and tell of the same time. Its own draws are
 * something else: a model likes what it said itself better than anything that happens, however bad it is.
 */
#ifndef EVAL_FIDELITY_H
#define EVAL_FIDELITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "eval/likelihood.h"

enum fidelity_kind { FIDELITY_GENUINE, FIDELITY_SYNTHETIC, FIDELITY_OWN, FIDELITY_SPLICED, FIDELITY_KINDS };

const char *fidelity_kind_name(enum fidelity_kind kind);

struct fidelity_host {
    uint32_t host;                  /* of the likelihood */
    struct step_sequence held_out;  /* at least as long as a trial */
    double nats[FIDELITY_KINDS];    /* a record, mean of all trials; filled by fidelity_score() */
    double error[FIDELITY_KINDS];   /* standard error of that mean, by how much the trials differ */
};

/*
 * Genuine trial `trial` of `trials`: they begin at even distances, and what is behind the end of what was held
 * out goes on at its beginning, as a sequence that begins. So all of it counts alike, as in the model of it.
 */
void fidelity_genuine(const struct fidelity_host *host, uint32_t trial, uint32_t trials, uint32_t length,
                      struct host_step *steps);

/* Pieces of a tenth of `length` records from hosts drawn at random, but never from hosts[self]; needs two hosts. */
void fidelity_splice(const struct fidelity_host *hosts, size_t count, size_t self, uint32_t length,
                     struct host_step *steps, struct random_stream *random);

/* Judges `trials` sequences of every kind, kind by kind, and sets host->nats. */
void fidelity_score(struct likelihood *likelihood, struct fidelity_host *host,
                    const struct step_sequence *sequences, uint32_t trials, unsigned terms);

struct fidelity_summary {
    double nats[FIDELITY_KINDS]; /* means over hosts */
    /* Hosts where genuine flows are no less likely than synthetic ones: to the letter, and within the error
     * of the trials. As likely as genuine ones is the best that synthetic flows can be, and then the
     * letter is a coin's. */
    size_t genuine_above, genuine_level;
    size_t spliced_below; /* where spliced flows are less likely than synthetic ones */
    size_t in_order;      /* where both hold, the former within the error */
    double gap; /* (genuine - synthetic) / (synthetic - spliced), of the means */
};

struct fidelity_summary fidelity_summarize(const struct fidelity_host *hosts, size_t count);

#endif
