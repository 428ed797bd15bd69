#include "emit/sent_count.h"

#include "net/glance.h"
#include "net/wire.h"

static struct sent_tally *tally_of(struct sent_tally *tallies, const struct frame *frame)
{
    return &tallies[frame->flow >> 1];
}

void sent_count_fetch(const struct sent_tally *tallies, const struct frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (frames[i].flow != FRAME_NO_FLOW)
            __builtin_prefetch(&tallies[frames[i].flow >> 1], 1);
    }
}

/* What ends a flow is its first RST or FIN; but for a RST that comes when only one side has sent a FIN. */
static void note_ending(struct sent_tally *tally, enum flow_side side, uint8_t tcp_flags)
{
    bool is_closed = tally->tcp_flags[0] & tally->tcp_flags[1] & TCP_FIN;

    if (tally->ending == FLOW_ENDING_RESET || (tally->ending == FLOW_ENDING_FIN && (is_closed || !(tcp_flags & TCP_RST))))
        return;
    tally->ending = tcp_flags & TCP_RST ? FLOW_ENDING_RESET : FLOW_ENDING_FIN;
    tally->closing_side = (uint8_t)side;
}

void sent_count_frame(struct sent_tally *tallies, const struct frame *frame, int64_t machine_ns)
{
    enum flow_side side = (enum flow_side)(frame->flow & 1);
    struct glance glance;
    struct sent_tally *tally;

    if (frame->flow == FRAME_NO_FLOW)
        return;
    tally = tally_of(tallies, frame);
    glance = glance_at(frame->bytes, frame->length);
    if (tally->packets[0] + tally->packets[1] == 0)
        tally->first_ns = tally->last_ns = machine_ns;
    if (glance.is_unreachable) {
        tally->errors++;
        return;
    }
    tally->last_ns = machine_ns;
    tally->packets[side]++;
    tally->bytes[side] += glance.ip_bytes;
    tally->tcp_flags[side] |= glance.tcp_flags;
    if (glance.tcp_flags & (TCP_RST | TCP_FIN))
        note_ending(tally, side, glance.tcp_flags);
}

void sent_count_handled(struct sent_tally *tallies, const struct frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sent_tally *tally;
        uint64_t handled;

        if (frames[i].flow == FRAME_NO_FLOW)
            continue;
        tally = tally_of(tallies, &frames[i]);
        handled = atomic_load_explicit(&tally->handled, memory_order_relaxed);
        atomic_store_explicit(&tally->handled, handled + 1, memory_order_release);
    }
}
