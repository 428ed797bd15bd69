/*
 * gaps.h - where records are missing: marked by the user, or found.
 */
#ifndef CLI_GAPS_H
#define CLI_GAPS_H

#include "base/error.h"
#include "scenario/recording.h"

/* Records that begin strictly between the two times are missing: of one host, or of all that are filled. */
struct gap {
    uint32_t host; /* or RECORDING_NOBODY: of all */
    struct day_time from, to;
};

struct gaps {
    struct gap *list; /* owned */
    size_t count, capacity;
};

/* Whose gaps are looked for. */
struct gap_hosts {
    const bool *are_wanted; /* by host of the recording; borrowed */
    bool are_named;         /* by the user */
};

void gaps_add(struct gaps *gaps, struct gap gap);

/* In order of their ends. */
void gaps_sort(struct gaps *gaps);

/*
 * What the user marked, and hides the records that lie in it. Of all hosts; or, as the others' records are all
 * there, of each that is named. 0, or -1 with *err: outside of the records, or one in the other.
 */
int gaps_mark(struct gaps *gaps, struct gaps *marked, struct recording *recording,
              const struct gap_hosts *hosts, size_t *hidden, struct error *err);

/* Silences that are too long (learn/silence.h): of the whole network, and beyond these of each host. */
void gaps_find(struct gaps *gaps, const struct recording *recording, const struct gap_hosts *hosts);

/*
 * Whether the host is filled in a gap. Of one that was seen on one side alone nobody knows whether it was
 * there: it is not, unless it was named, and counts as one-sided. Where a host was silent for longer than the
 * network that is its gap.
 */
bool gaps_fill(const struct gaps *gaps, const struct gap *gap, const struct recording *recording,
               const struct gap_hosts *hosts, uint32_t host, size_t *one_sided);

#endif
