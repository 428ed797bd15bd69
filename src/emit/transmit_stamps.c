#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/transmit_stamps.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <time.h>

#define LEAST_GAP_NS (10 * NS_PER_MS)  /* between frames of the sample */
#define MOST_GAP_NS (100 * NS_PER_MS)
#define SAMPLED_FRAMES 1000            /* one of so many, between the two */
#define CLOCK_SLACK_NS (100 * NS_PER_US) /* error of what lies between the two clocks; far below LEAST_GAP_NS */
#define OFFSET_TRIES 5

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t); /* cannot fail: the clock exists and t is ours */
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

void transmit_stamps_init(struct transmit_stamps *stamps, const struct emit_clock *clock)
{
    memset(stamps, 0, sizeof *stamps);
    stamps->clock = clock;
    stamps->fd = -1;
    stamps->sampled.ns = -MOST_GAP_NS; /* the first frame is one of the sample */
}

int transmit_stamps_attach(struct transmit_stamps *stamps, int fd, struct error *err)
{
    const uint32_t report = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    const uint32_t ask = SOF_TIMESTAMPING_TX_SOFTWARE;
    struct cmsghdr *header = (struct cmsghdr *)(void *)stamps->request;

    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &report, sizeof report) < 0)
        return error_set(err, "the kernel gives no transmit time stamps: %s", strerror(errno));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SO_TIMESTAMPING;
    header->cmsg_len = CMSG_LEN(sizeof ask);
    memcpy(CMSG_DATA(header), &ask, sizeof ask);
    stamps->fd = fd;
    return 0;
}

/* ---- the sender ---- */

/* By due times, which cost nothing to look at. */
static bool is_time_for_one(const struct transmit_stamps *stamps, struct run_time due)
{
    int64_t gap_ns = due.ns - stamps->sampled.ns;

    return gap_ns >= MOST_GAP_NS || (gap_ns >= LEAST_GAP_NS && stamps->since >= SAMPLED_FRAMES);
}

bool transmit_stamps_begin(struct transmit_stamps *stamps, const struct frame *frames, size_t count, size_t *which)
{
    uint32_t written = atomic_load_explicit(&stamps->written, memory_order_relaxed);

    if (stamps->fd < 0 || !is_time_for_one(stamps, frames[0].due) ||
        written - atomic_load_explicit(&stamps->read, memory_order_acquire) == TRANSMIT_STAMPS_OPEN)
        return false;
    *which = written % count; /* those behind wait for those before */
    stamps->begin_ns = clock_ns(CLOCK_MONOTONIC);
    return true;
}

void transmit_stamps_end(struct transmit_stamps *stamps, const struct frame *frame, bool was_sent)
{
    uint32_t written = atomic_load_explicit(&stamps->written, memory_order_relaxed);
    int64_t anchor_ns = atomic_load_explicit(&stamps->clock->anchor_ns, memory_order_relaxed);

    if (!was_sent)
        return;
    stamps->calls[written % TRANSMIT_STAMPS_OPEN] = (struct transmit_call){
        .begin_ns = stamps->begin_ns,
        .end_ns = clock_ns(CLOCK_MONOTONIC),
        .due_ns = anchor_ns + frame->due.ns,
    };
    atomic_store_explicit(&stamps->written, written + 1, memory_order_release);
    stamps->sampled = frame->due;
    stamps->since = 0;
}

/* ---- the reader ---- */

/* CLOCK_REALTIME minus CLOCK_MONOTONIC, now: by the narrowest of a few looks. */
static int64_t wall_offset_ns(void)
{
    int64_t least_ns = INT64_MAX;
    int64_t offset_ns = 0;

    for (int i = 0; i < OFFSET_TRIES; i++) {
        int64_t before_ns = clock_ns(CLOCK_MONOTONIC);
        int64_t wall_ns = clock_ns(CLOCK_REALTIME);
        int64_t took_ns = clock_ns(CLOCK_MONOTONIC) - before_ns;

        if (took_ns < least_ns) {
            least_ns = took_ns;
            offset_ns = wall_ns - before_ns - took_ns / 2;
        }
    }
    return offset_ns;
}

/* The next stamp of the error queue, CLOCK_REALTIME; false when there is none. Passes over anything else. */
static bool next_stamp(int fd, int64_t *stamp_ns)
{
    union {
        struct cmsghdr header;
        char bytes[512];
    } control;
    struct msghdr message;

    for (;;) {
        memset(&message, 0, sizeof message);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return false;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            struct scm_timestamping stamps;

            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING ||
                c->cmsg_len < CMSG_LEN(sizeof stamps))
                continue;
            memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
            *stamp_ns = stamps.ts[0].tv_sec * NS_PER_SECOND + stamps.ts[0].tv_nsec;
            return true;
        }
    }
}

/* Gives a stamp to its call. False when that may still have to be noted: the sender is just behind it. */
static bool assign(struct transmit_stamps *stamps, int64_t stamp_ns)
{
    uint32_t written = atomic_load_explicit(&stamps->written, memory_order_acquire);
    uint32_t at = atomic_load_explicit(&stamps->read, memory_order_relaxed);
    bool is_assigned = false;

    for (; at != written && !is_assigned; at++) {
        const struct transmit_call *call = &stamps->calls[at % TRANSMIT_STAMPS_OPEN];

        if (stamp_ns < call->begin_ns - CLOCK_SLACK_NS) {
            stamps->strange++;
            return true;
        }
        is_assigned = stamp_ns <= call->end_ns + CLOCK_SLACK_NS;
        if (is_assigned)
            log_histogram_add(&stamps->lateness, stamp_ns - call->due_ns);
        else
            stamps->missing++;
        atomic_store_explicit(&stamps->read, at + 1, memory_order_release);
    }
    return is_assigned;
}

void transmit_stamps_read(struct transmit_stamps *stamps)
{
    int64_t offset_ns = wall_offset_ns();
    int64_t wall_ns;

    if (stamps->fd < 0)
        return;
    for (;;) {
        if (stamps->pending_ns == 0) {
            if (!next_stamp(stamps->fd, &wall_ns))
                return;
            stamps->pending_ns = wall_ns - offset_ns;
        }
        if (!assign(stamps, stamps->pending_ns))
            return;
        stamps->pending_ns = 0;
    }
}
