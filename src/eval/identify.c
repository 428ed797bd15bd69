#include "eval/identify.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static void take_candidate(struct identified *segments, size_t count, uint32_t candidate, const double *nats)
{
    for (size_t i = 0; i < count; i++) {
        if (nats[i] > segments[i].best_nats) {
            segments[i].best = candidate;
            segments[i].best_nats = nats[i];
        }
        if (candidate == segments[i].truth)
            segments[i].true_nats = nats[i];
    }
}

void identify(struct likelihood *likelihood, const uint32_t *candidates, size_t candidate_count,
              unsigned terms, struct identified *segments, size_t segment_count,
              identify_progress *progress, void *progress_self)
{
    struct step_sequence *sequences = memory_alloc_array(segment_count, sizeof *sequences);
    double *nats = memory_alloc_array(segment_count, sizeof *nats);
    struct likelihood_sample *sample;

    for (size_t i = 0; i < segment_count; i++) {
        sequences[i] = segments[i].sequence;
        segments[i].best_nats = -INFINITY;
        segments[i].true_nats = 0;
    }
    sample = likelihood_sample_new(likelihood, sequences, segment_count, true);
    for (size_t c = 0; c < candidate_count; c++) {
        likelihood_score(likelihood, sample, candidates[c], terms, nats);
        take_candidate(segments, segment_count, candidates[c], nats);
        if (progress)
            progress(progress_self, c + 1, candidate_count);
    }
    likelihood_sample_free(sample);
    free(sequences);
    free(nats);
}

struct identify_summary identify_summarize(const struct identified *segments, size_t count, size_t first,
                                           size_t step)
{
    struct identify_summary summary = { 0 };
    double shares = 0;
    size_t host = 0;
    size_t end;

    for (size_t i = 0; i < count; i = end, host++) {
        size_t right = 0;

        for (end = i; end < count && segments[end].truth == segments[i].truth; end++)
            right += segments[end].best == segments[end].truth;
        if (host % step != first)
            continue;
        summary.hosts++;
        summary.segments += end - i;
        summary.right += right;
        shares += (double)right / (double)(end - i);
    }
    summary.host_mean = summary.hosts ? shares / (double)summary.hosts : 0;
    return summary;
}
