/*
 * transmit_stamps.h - the kernel's word on when frames left: a check of the emitter's own, on a sample.
 *
 * For a frame of the sample the kernel is asked when it gave it to the driver (SO_TIMESTAMPING, in software). The stamp
 * comes back by the socket's error queue, and is compared with the frame's due time: lateness as the kernel sees it,
 * system call included. About one frame in 1,000 is asked for, but at least 10 and at most 100 a second.
 *
 * Two threads: the one that sends notes what it asked for in a ring of its own, with no lock; one other reads. A stamp
 * is taken within the call that sent the frame, and is found by that: the kernel's own numbers also count frames that
 * were not sent.
 */
#ifndef EMIT_TRANSMIT_STAMPS_H
#define EMIT_TRANSMIT_STAMPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log_histogram.h"
#include "base/time_types.h"
#include "dayshift/frame.h"
#include "emit/emit_clock.h"

enum { TRANSMIT_STAMPS_OPEN = 512 }; /* asked for and not read yet: five seconds of them */

/* A call that sent a frame of the sample. CLOCK_MONOTONIC. */
struct transmit_call {
    int64_t begin_ns, end_ns;
    int64_t due_ns; /* of the frame */
};

struct transmit_stamps {
    const struct emit_clock *clock; /* borrowed: of the frames' due times */
    int fd;                         /* borrowed: of the socket; -1: nothing is asked */
    struct transmit_call calls[TRANSMIT_STAMPS_OPEN];
    _Atomic uint32_t written; /* stored (release) by the sender, loaded (acquire) by the reader; `read` the other way */
    _Atomic uint32_t read;

    /* The sender's. */
    _Alignas(struct cmsghdr) uint8_t request[CMSG_SPACE(sizeof(uint32_t))];
    struct run_time sampled; /* due time of the last one */
    uint32_t since;          /* frames sent since */
    int64_t begin_ns;

    /* The reader's. */
    int64_t pending_ns; /* CLOCK_MONOTONIC of a stamp whose call is still to come; 0: none */
    struct log_histogram lateness;
    uint64_t missing; /* calls without a stamp */
    uint64_t strange; /* stamps without a call: of frames that the driver dropped */
};

/* Asks for nothing, until it is attached. */
void transmit_stamps_init(struct transmit_stamps *stamps, const struct emit_clock *clock);

/* To the socket that sends. */
int transmit_stamps_attach(struct transmit_stamps *stamps, int fd, struct error *err);

/*
 * The sender, before a call with so many frames: true when it is to ask for one, with transmit_stamps_request() in the
 * message of that frame. At once after such a call: what became of it.
 */
bool transmit_stamps_begin(struct transmit_stamps *stamps, const struct frame *frames, size_t count, size_t *which);
void transmit_stamps_end(struct transmit_stamps *stamps, const struct frame *frame, bool was_sent);

/* The sender, after any call. */
static inline void transmit_stamps_count(struct transmit_stamps *stamps, size_t sent)
{
    stamps->since += (uint32_t)sent;
}

/* Makes a message one that asks. */
static inline void transmit_stamps_request(struct transmit_stamps *stamps, struct msghdr *message)
{
    message->msg_control = stamps->request;
    message->msg_controllen = sizeof stamps->request;
}

/* The reader: takes in what has come since the last time; to be called every second or so. */
void transmit_stamps_read(struct transmit_stamps *stamps);

#endif
