#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

void progress_init(struct progress *progress, bool quiet)
{
    progress->shown = !quiet && isatty(STDERR_FILENO);
    progress->began = mono_time_now();
    progress->printed = progress->began;
}

void progress_update(struct progress *progress, const char *what, uint64_t done, uint64_t total,
                     const char *unit)
{
    char count[TEXT_NUMBER];
    double elapsed;

    if (!progress->shown)
        return;
    if (mono_time_seconds_since(progress->printed) < 0.2)
        return;
    progress->printed = mono_time_now();
    elapsed = mono_time_seconds_since(progress->began);
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
