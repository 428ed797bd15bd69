/*
 * rate_ceiling.h - no more than so many packets and so many bits in any second, whoever sends.
 *
 * The virtual scheduling algorithm of ATM (ITU-T I.371, annex A), for packets and for bits: each takes its share of
 * time, and what has been taken may be ahead of the clock by a tenth of a second at most. In any second there is room
 * for 1.1 seconds of shares; so a share is made for 11/10 of the rate, and no second has more than the ceiling.
 * In the long run 10/11 of the ceiling gets through.
 *
 * Several threads may take; each of the two counts is one atomic word, and what was taken in vain is given back. The
 * emitter goes first: who takes only what is to spare gets nothing while it waits for room.
 */
#ifndef EMIT_RATE_CEILING_H
#define EMIT_RATE_CEILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A smaller ceiling would never let a full frame pass. */
#define RATE_CEILING_LEAST_PACKETS 20
#define RATE_CEILING_LEAST_BITS 200000

struct rate_ceiling {
    double packet_ns; /* the share of a packet; 0: as many as there are */
    double bit_ns;
    _Atomic int64_t packets_until_ns; /* what has been taken, as a time of the caller's clock */
    _Atomic int64_t bits_until_ns;
    _Atomic int64_t kept_until_ns; /* for who waits; it ends by itself when he gives up */
};

/* 0: no ceiling; else at least what is above. Bits are those of Ethernet frames without their check sums. */
void rate_ceiling_init(struct rate_ceiling *ceiling, uint64_t packets_per_second, uint64_t bits_per_second);

/* 0: a frame of so many bytes may go out now, and is counted. Else how many ns to wait before it is asked again. */
int64_t rate_ceiling_take(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/*
 * The same, for who asks again when it is time, as the emitter does: until a little after then the room that there will be
 * is kept from rate_ceiling_take_spare().
 */
int64_t rate_ceiling_take_first(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/* For who does not wait. False: there is no room, or somebody waits for it. */
bool rate_ceiling_take_spare(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/* The frame that was counted did not go out. */
void rate_ceiling_give_back(struct rate_ceiling *ceiling, uint32_t frame_bytes);

#endif
