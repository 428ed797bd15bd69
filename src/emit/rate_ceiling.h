/*
 * rate_ceiling.h - no more than so many packets and so many bits in any second, whoever sends.
 *
 * The virtual scheduling algorithm of ATM (ITU-T I.371, annex A), for packets and for bits: each takes its share of
 * time, and what has been taken may be ahead of the clock by a tenth of a second at most, or by two packets where that
 * is more. In any second there is room for 1.1 seconds of shares; so a share is 1 s / rate * 11/10, and no second has more than the ceiling.
 * In the long run 10/11 of the ceiling gets through.
 *
 * Who may take what is left, in this order:
 * - Address resolution, without which nobody can send to a virtual host: up to 1/20 of the ceiling in any second, one
 *   packet at least; half of it at once, as neighbours ask, and in the long run. The room for that half is kept for it.
 * - The emitter.
 * - Who takes only what is to spare gets nothing while the emitter waits for room; address resolution beyond its part too.
 *
 * Several threads may take; each count is one atomic word, and what was taken in vain is given back.
 */
#ifndef EMIT_RATE_CEILING_H
#define EMIT_RATE_CEILING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a ceiling is at least. Of bits it lets frames of Ethernet's usual length pass; of longer ones see below. */
#define RATE_CEILING_LEAST_PACKETS 20
#define RATE_CEILING_LEAST_BITS 200000

#define RATE_CEILING_RESOLUTION 20 /* address resolution: one in so many */

/* Of packets, or of bits. */
struct rate_count {
    double share_ns;  /* of one; 0: as many as there are */
    int64_t ahead_ns; /* so far ahead of the clock it may be */
    _Atomic int64_t until_ns; /* what has been taken, as a time of the caller's clock */
};

struct rate_counts {
    struct rate_count packets, bits;
};

struct rate_kept {
    int64_t packets_ns, bits_ns;
};

struct rate_ceiling {
    struct rate_counts all;
    struct rate_counts resolution; /* of it, what was not to spare */
    struct rate_kept kept_for_resolution;
    _Atomic int64_t kept_until_ns; /* for who waits; it ends by itself when he gives up */
};

/* The least ceiling of bits per second that frames of so many bytes ever pass: what is ahead is a tenth of a second of shares. */
uint64_t rate_ceiling_least_bits(uint32_t frame_bytes);

/* 0: no ceiling; else at least what is above. Bits are those of Ethernet frames without their check sums. */
void rate_ceiling_init(struct rate_ceiling *ceiling, uint64_t packets_per_second, uint64_t bits_per_second);

/*
 * What one sender allows himself within the ceiling of a link, of packets. Nothing is kept of it for address resolution: all
 * may be taken at once that may be ahead of the clock.
 */
void rate_ceiling_init_budget(struct rate_ceiling *budget, uint64_t packets_per_second);

/* 0: a frame of so many bytes may go out now, and is counted. Else how many ns to wait before it is asked again. */
int64_t rate_ceiling_take(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/*
 * The same, for who asks again when it is time, as the emitter does: until a little after then the room that there will be
 * is kept from rate_ceiling_take_spare().
 */
int64_t rate_ceiling_take_first(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/* For who does not wait. False: there is no room, or somebody waits for it. */
bool rate_ceiling_take_spare(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/*
 * For a frame of address resolution: what is to spare, or of its part. False: its part is used up, or a long frame has
 * left no room below the ceiling of bits.
 */
bool rate_ceiling_take_resolution(struct rate_ceiling *ceiling, int64_t now_ns, uint32_t frame_bytes);

/* The same, of a budget too: of both, or of none. A ceiling that is NULL: there is none. */
bool rate_ceiling_take_paced(struct rate_ceiling *ceiling, struct rate_ceiling *budget, int64_t now_ns,
                             uint32_t frame_bytes);

/* The frame that was counted did not go out. */
void rate_ceiling_give_back(struct rate_ceiling *ceiling, uint32_t frame_bytes);

#endif
