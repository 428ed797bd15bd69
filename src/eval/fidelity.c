#include "eval/fidelity.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PIECES = 10 /* of a spliced sequence */ };

const char *fidelity_kind_name(enum fidelity_kind kind)
{
    static const char *const names[] = { "genuine", "synthetic", "own", "spliced" };

    return names[kind];
}

struct step_sequence fidelity_genuine(const struct fidelity_host *host, uint32_t trial, uint32_t trials,
                                      uint32_t length)
{
    uint64_t room = host->held_out.length - length;

    return (struct step_sequence){ host->held_out.steps + (trials > 1 ? room * trial / (trials - 1) : 0),
                                   length };
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

void fidelity_score(struct likelihood *likelihood, struct fidelity_host *host,
                    const struct step_sequence *sequences, uint32_t trials, unsigned terms)
{
    size_t count = (size_t)trials * FIDELITY_KINDS;
    struct likelihood_sample *sample = likelihood_sample_new(likelihood, sequences, count);
    double *nats = memory_alloc_array(count, sizeof *nats);

    likelihood_score(likelihood, sample, host->host, terms, nats);
    for (size_t i = 0; i < count; i++) {
        if (i % trials == 0)
            host->nats[i / trials] = 0;
        host->nats[i / trials] += nats[i] / sequences[i].length / trials;
    }
    likelihood_sample_free(sample);
    free(nats);
}

struct fidelity_summary fidelity_summarize(const struct fidelity_host *hosts, size_t count)
{
    struct fidelity_summary s = { { 0 }, 0, 0, 0, 0 };

    for (size_t i = 0; i < count; i++) {
        const double *nats = hosts[i].nats;
        bool above = nats[FIDELITY_GENUINE] >= nats[FIDELITY_SYNTHETIC];
        bool below = nats[FIDELITY_SYNTHETIC] > nats[FIDELITY_SPLICED];

        for (int kind = 0; kind < FIDELITY_KINDS; kind++)
            s.nats[kind] += nats[kind] / (double)count;
        s.genuine_above_synthetic += above;
        s.synthetic_above_spliced += below;
        s.in_order += above && below;
    }
    s.gap = (s.nats[FIDELITY_GENUINE] - s.nats[FIDELITY_SYNTHETIC]) /
            (s.nats[FIDELITY_SYNTHETIC] - s.nats[FIDELITY_SPLICED]);
    return s;
}
