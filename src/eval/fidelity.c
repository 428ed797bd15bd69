#include "eval/fidelity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PIECES = 10 /* of a spliced sequence */ };

#define ERRORS 2.0 /* standard errors that may be chance */

const char *fidelity_kind_name(enum fidelity_kind kind)
{
    static const char *const names[] = { "genuine", "synthetic", "own", "spliced" };

    return names[kind];
}

void fidelity_genuine(const struct fidelity_host *host, uint32_t trial, uint32_t trials, uint32_t length,
                      struct host_step *steps)
{
    uint64_t at = (uint64_t)host->held_out.length * trial / trials;

    for (uint32_t i = 0; i < length; i++) {
        steps[i] = host->held_out.steps[at];
        if (at == 0)
            steps[i].gap_bin = STEP_NO_GAP;
        at = (at + 1) % host->held_out.length;
    }
}

void fidelity_splice(const struct fidelity_host *hosts, size_t count, size_t self, uint32_t length,
                     struct host_step *steps, struct random_stream *random)
{
    uint32_t piece = length / PIECES > 0 ? length / PIECES : 1;

    for (uint32_t used = 0; used < length; used += piece) {
        size_t other = random_below(random, count - 1);
        const struct step_sequence *from = &hosts[other + (other >= self)].held_out;
        uint32_t left = length - used < piece ? length - used : piece;

        memcpy(steps + used, from->steps + random_below(random, from->length - left + 1),
               left * sizeof *steps);
    }
}

/* Mean and standard error of the nats a record. */
static void average(const double *nats, uint32_t trials, uint32_t length, double *mean, double *error)
{
    double squares = 0;

    *mean = 0;
    for (uint32_t i = 0; i < trials; i++)
        *mean += nats[i] / length / trials;
    for (uint32_t i = 0; i < trials; i++)
        squares += (nats[i] / length - *mean) * (nats[i] / length - *mean);
    *error = trials > 1 ? sqrt(squares / (trials - 1) / trials) : 0;
}

void fidelity_score(struct likelihood *likelihood, struct fidelity_host *host,
                    const struct step_sequence *sequences, uint32_t trials, unsigned terms)
{
    size_t count = (size_t)trials * FIDELITY_KINDS;
    struct likelihood_sample *sample = likelihood_sample_new(likelihood, sequences, count, false);
    double *nats = memory_alloc_array(count, sizeof *nats);

    likelihood_score(likelihood, sample, host->host, terms, nats);
    for (int kind = 0; kind < FIDELITY_KINDS; kind++)
        average(nats + (size_t)kind * trials, trials, sequences[(size_t)kind * trials].length,
                &host->nats[kind], &host->error[kind]);
    likelihood_sample_free(sample);
    free(nats);
}

struct fidelity_summary fidelity_summarize(const struct fidelity_host *hosts, size_t count)
{
    struct fidelity_summary s = { .genuine_above = 0 };

    for (size_t i = 0; i < count; i++) {
        const double *nats = hosts[i].nats;
        double ahead = nats[FIDELITY_GENUINE] - nats[FIDELITY_SYNTHETIC];
        double error = hypot(hosts[i].error[FIDELITY_GENUINE], hosts[i].error[FIDELITY_SYNTHETIC]);
        bool is_level = ahead >= -ERRORS * error;
        bool is_below = nats[FIDELITY_SPLICED] < nats[FIDELITY_SYNTHETIC];

        for (int kind = 0; kind < FIDELITY_KINDS; kind++)
            s.nats[kind] += nats[kind] / (double)count;
        s.genuine_above += ahead >= 0;
        s.genuine_level += is_level;
        s.spliced_below += is_below;
        s.in_order += is_level && is_below;
    }
    s.gap = (s.nats[FIDELITY_GENUINE] - s.nats[FIDELITY_SYNTHETIC]) /
            (s.nats[FIDELITY_SYNTHETIC] - s.nats[FIDELITY_SPLICED]);
    return s;
}
