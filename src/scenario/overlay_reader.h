/*
 * overlay_reader.h - a capture as frames that can be sent in a run: other addresses, Ethernet by the run's population, in
 * order of time.
 *
 * Read as a stream: memory is bounded by OVERLAY_WINDOW frames. Frames that lie out of order in the file are put in order
 * as far as that reaches. A capture is foreign: what cannot be played is left out and counted.
 */
#ifndef SCENARIO_OVERLAY_READER_H
#define SCENARIO_OVERLAY_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dayshift/frame.h"
#include "dayshift/packet_view.h"
#include "net/ip_address.h"
#include "scenario/overlay_addresses.h"
#include "scenario/overlay_strangers.h"
#include "synth/population.h"

enum { OVERLAY_WINDOW = 256 /* frames that one may come too late */ };

/* Why a frame is not played. */
enum overlay_fault {
    OVERLAY_NOT_IP,
    OVERLAY_NEIGHBOURS, /* neighbour discovery of IPv6: the run's own hosts do that */
    OVERLAY_CUT,
    OVERLAY_MALFORMED, /* IP's own header contradicts the bytes, or leaves its length to the network card */
    OVERLAY_TOO_LONG,
    OVERLAY_NO_ADDRESS, /* nobody in the run can have its source or its destination */
    OVERLAY_OUTSIDE,    /* neither end is in the network of a population */
    OVERLAY_FAULTS
};

struct overlay_tally {
    uint64_t frames; /* all that were read */
    uint64_t played; /* of them: = frames - all faults */
    uint64_t bytes;  /* of the frames that are played, as sent */
    uint64_t faults[OVERLAY_FAULTS];
};

struct overlay_frame {
    struct day_time time; /* of the capture */
    uint64_t number;      /* in its file, from 1 */
    uint32_t length;
    struct ip_address addresses[2]; /* new: of its sender and of its receiver */
    uint16_t link, to_link; /* as in struct frame */
    uint16_t vlan, to_vlan; /* the tags that its sender and its receiver send with; 0: none */
    bool has_flow;           /* the packet was decoded: TCP, UDP, ping, a piece of these, or an error that quotes one */
    struct packet_view view; /* with its new addresses, without bytes */
    uint8_t bytes[FRAME_MAX_BYTES];
};

/* How a capture becomes part of a run; borrowed. */
struct overlay_rewriting {
    const struct overlay_addresses *addresses;
    const struct population *population;
    struct overlay_strangers *strangers; /* the addresses that it brings are added when it is read the first time */
};

struct overlay_reader; /* opaque */

/* From the beginning of the file behind the descriptor, which stays the caller's. `name` is for messages. */
struct overlay_reader *overlay_reader_new(int fd, const char *name, const struct overlay_rewriting *rewriting,
                                          struct error *err);
void overlay_reader_free(struct overlay_reader *reader); /* NULL: nothing */

/*
 * 1 with the next frame, valid until the next call; 0: no more; -1 with *err: the file is damaged, or not in order;
 * the message names the file and the frame.
 */
int overlay_reader_next(struct overlay_reader *reader, const struct overlay_frame **frame, struct error *err);

/* As of what was read, which is ahead of what was given. */
const struct overlay_tally *overlay_reader_tally(const struct overlay_reader *reader);

/* "10 not IP, 2 cut short"; an empty text when all are played. */
enum { OVERLAY_FAULTS_TEXT = 320 };
const char *overlay_faults_text(const struct overlay_tally *tally, char text[OVERLAY_FAULTS_TEXT]);

#endif
