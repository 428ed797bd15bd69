#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_nsec - from->tv_nsec) * 1e-9;
}

void progress_init(struct progress *progress, bool quiet)
{
    progress->shown = !quiet && isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &progress->began);
    progress->printed = progress->began;
}

void progress_update(struct progress *progress, const char *what, uint64_t done, uint64_t total,
                     const char *unit)
{
    struct timespec now;
    char count[TEXT_NUMBER];
    double elapsed;

    if (!progress->shown)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (seconds_between(&progress->printed, &now) < 0.2)
        return;
    progress->printed = now;
    elapsed = seconds_between(&progress->began, &now);
    fprintf(stderr, "\r\033[K%s: %s %s", what, text_from_count(done, count), unit);
    fprintf(stderr, ", %s/s", text_from_count((uint64_t)((double)done / elapsed), count));
    if (total > 0 && done > 0 && done <= total)
        fprintf(stderr, ", %.0f %%, %.0f s left", 100.0 * (double)done / (double)total,
                elapsed * (double)(total - done) / (double)done);
}

void progress_finish(struct progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
}
