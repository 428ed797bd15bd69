#include "cli/gaps.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/fill_list.h"
#include "learn/silence.h"

void gaps_add(struct gaps *gaps, struct gap gap)
{
    gaps->list = memory_grow(gaps->list, &gaps->capacity, gaps->count + 1, sizeof *gaps->list);
    gaps->list[gaps->count++] = gap;
}

static int compare_ends(const void *a, const void *b)
{
    const struct gap *x = a;
    const struct gap *y = b;

    if (x->to.ns != y->to.ns)
        return x->to.ns < y->to.ns ? -1 : 1;
    return (x->host > y->host) - (x->host < y->host);
}

void gaps_sort(struct gaps *gaps)
{
    if (gaps->count > 0)
        qsort(gaps->list, gaps->count, sizeof *gaps->list, compare_ends);
}

/* ---- which hosts ---- */

static bool has_known_step(const struct recording *recording, uint32_t host, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (!recording->is_hidden[recording->hosts[host].steps[i].record])
            return true;
    }
    return false;
}

static bool has_longer_gap(const struct gaps *gaps, const struct gap *gap, uint32_t host)
{
    for (size_t i = 0; i < gaps->count; i++) {
        const struct gap *own = &gaps->list[i];

        if (own->host == host && own->from.ns <= gap->from.ns && own->to.ns >= gap->to.ns)
            return true;
    }
    return false;
}

bool gaps_fill(const struct gaps *gaps, const struct gap *gap, const struct recording *recording,
               const struct gap_hosts *hosts, uint32_t host, size_t *one_sided)
{
    size_t middle = recording_first_step(recording, host, gap->from);
    size_t behind = recording_first_step(recording, host, (struct day_time){ gap->to.ns - 1 });
    bool before = has_known_step(recording, host, 0, middle);
    bool after = has_known_step(recording, host, behind, recording->hosts[host].step_count);

    if (!hosts->are_wanted[host] || (gap->host != RECORDING_NOBODY && gap->host != host) ||
        (gap->host == RECORDING_NOBODY && has_longer_gap(gaps, gap, host)))
        return false;
    *one_sided += before != after && !hosts->are_named;
    return hosts->are_named ? before || after : before && after;
}

/* ---- marked ---- */

static int check_inside(const struct recording *recording, const struct gap *gap, struct error *err)
{
    struct day_time first = recording->records[0].start;
    struct day_time last = recording->records[recording->used - 1].start;
    char times[2][CLI_TIME];

    if (gap->from.ns >= first.ns && gap->to.ns <= last.ns)
        return 0;
    return error_set(err, "--gap: it is not between the first record and the last (%s, %s)",
                     cli_time(first, times[0]), cli_time(last, times[1]));
}

static void mark(struct gaps *gaps, const struct gap *marked, struct recording *recording,
                 const struct gap_hosts *hosts, size_t *hidden)
{
    bool *are_filled = memory_alloc_array(recording->host_count, sizeof *are_filled);
    size_t ignored = 0;

    for (uint32_t host = 0; host < recording->host_count; host++) {
        are_filled[host] = gaps_fill(gaps, marked, recording, hosts, host, &ignored);
        if (are_filled[host] && hosts->are_named)
            gaps_add(gaps, (struct gap){ host, marked->from, marked->to });
    }
    if (!hosts->are_named)
        gaps_add(gaps, *marked);
    *hidden += recording_hide(recording, are_filled, marked->from, marked->to);
    free(are_filled);
}

int gaps_mark(struct gaps *gaps, struct gaps *marked, struct recording *recording,
              const struct gap_hosts *hosts, size_t *hidden, struct error *err)
{
    gaps_sort(marked);
    for (size_t i = 0; i < marked->count; i++) {
        if (i > 0 && marked->list[i].from.ns < marked->list[i - 1].to.ns)
            return error_set(err, "--gap: two gaps overlap");
        if (check_inside(recording, &marked->list[i], err) < 0)
            return -1;
        mark(gaps, &marked->list[i], recording, hosts, hidden);
    }
    return 0;
}

/* ---- found ---- */

/* Of a host that was silent between two records: how long beyond what the whole network was. */
static int64_t own_silence(const struct gaps *gaps, size_t of_all, struct day_time from, struct day_time to)
{
    int64_t silence = to.ns - from.ns;

    for (size_t i = 0; i < of_all; i++) {
        if (gaps->list[i].from.ns >= from.ns && gaps->list[i].to.ns <= to.ns)
            silence -= gaps->list[i].to.ns - gaps->list[i].from.ns;
    }
    return silence;
}

/* Of a record: of one host, or of all (RECORDING_NOBODY). */
static struct day_time start_of(const struct recording *recording, uint32_t host, size_t index)
{
    return host == RECORDING_NOBODY ? recording->records[index].start
                                    : recording_step(recording, host, index)->start;
}

/* The first `of_all` gaps are those of the whole network. */
static void find_of(struct gaps *gaps, const struct recording *recording, uint32_t host, size_t of_all)
{
    size_t count = host == RECORDING_NOBODY ? recording->used : recording->hosts[host].step_count;
    int64_t *pauses;
    int64_t threshold;

    if (count < 2)
        return;
    pauses = memory_alloc_array(count - 1, sizeof *pauses);
    for (size_t i = 0; i + 1 < count; i++)
        pauses[i] = own_silence(gaps, of_all, start_of(recording, host, i), start_of(recording, host, i + 1));
    threshold = silence_threshold(pauses, count - 1);
    free(pauses);
    for (size_t i = 0; i + 1 < count && threshold != INT64_MAX; i++) {
        struct gap gap = { host, start_of(recording, host, i), start_of(recording, host, i + 1) };

        if (own_silence(gaps, of_all, gap.from, gap.to) >= threshold)
            gaps_add(gaps, gap);
    }
}

void gaps_find(struct gaps *gaps, const struct recording *recording, const struct gap_hosts *hosts)
{
    size_t of_all;

    find_of(gaps, recording, RECORDING_NOBODY, 0);
    of_all = gaps->count;
    for (uint32_t host = 0; host < recording->host_count; host++) {
        if (hosts->are_wanted[host])
            find_of(gaps, recording, host, of_all);
    }
}
