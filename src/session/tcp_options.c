#include "session/tcp_options.h"

#include "net/wire.h"

enum { KIND_NOP = 1, KIND_MSS = 2, KIND_WINDOW_SCALE = 3, KIND_SACK_PERMITTED = 4, KIND_SACK = 5, KIND_TIMESTAMPS = 8 };
enum { LINUX_TTL = 64, WORD = 4 };

/* A SYN offers what its side can; other segments, but for bare RSTs, carry what both did. */
static uint8_t options_of(const struct stack_profile *stack, enum flow_side side, uint8_t tcp_flags)
{
    if (tcp_flags & TCP_SYN)
        return stack->tcp_options[side];
    return tcp_flags & TCP_ACK && stack_profile_has_timestamps(stack) ? TCP_OPTION_TIMESTAMPS : 0;
}

uint32_t tcp_options_bytes(const struct stack_profile *stack, enum flow_side side, uint8_t tcp_flags)
{
    uint8_t options = options_of(stack, side, tcp_flags);
    bool has_timestamps = options & TCP_OPTION_TIMESTAMPS;

    return (options & TCP_OPTION_MSS ? WORD : 0) + (options & TCP_OPTION_WINDOW_SCALE ? WORD : 0) +
           (has_timestamps ? TCP_TIMESTAMPS_BYTES : options & TCP_OPTION_SACK ? WORD : 0);
}

static uint8_t *put_u8s(uint8_t *to, uint8_t a, uint8_t b)
{
    to[0] = a;
    to[1] = b;
    return to + 2;
}

static uint8_t *put_window_scale(uint8_t *to, uint8_t scale)
{
    to = put_u8s(to, KIND_NOP, KIND_WINDOW_SCALE);
    return put_u8s(to, 3, scale);
}

/* SACK permitted takes the place of the padding, where there is one. */
static uint8_t *put_sack_and_timestamps(uint8_t *to, uint8_t options, struct tcp_timestamps timestamps)
{
    bool has_sack = options & TCP_OPTION_SACK;
    bool has_timestamps = options & TCP_OPTION_TIMESTAMPS;

    if (!has_sack || !has_timestamps)
        to = has_sack || has_timestamps ? put_u8s(to, KIND_NOP, KIND_NOP) : to;
    if (has_sack)
        to = put_u8s(to, KIND_SACK_PERMITTED, 2);
    if (!has_timestamps)
        return to;
    to = put_u8s(to, KIND_TIMESTAMPS, 10);
    wire_put_u32(to, timestamps.value);
    wire_put_u32(to + 4, timestamps.echo);
    return to + 8;
}

static uint8_t *put_sack(uint8_t *to, struct sack_block sack)
{
    to = put_u8s(to, KIND_NOP, KIND_NOP);
    to = put_u8s(to, KIND_SACK, 10);
    wire_put_u32(to, sack.left);
    wire_put_u32(to + 4, sack.right);
    return to + 8;
}

uint32_t tcp_options_put(const struct stack_profile *stack, enum flow_side side, uint8_t tcp_flags,
                         struct tcp_timestamps timestamps, struct sack_block sack, uint8_t *to)
{
    uint8_t options = options_of(stack, side, tcp_flags);
    bool scale_first = stack->ttl[side] > LINUX_TTL;
    uint8_t *at = to;

    if (options & TCP_OPTION_MSS) {
        at = put_u8s(at, KIND_MSS, 4);
        wire_put_u16(at, stack->mss[side]);
        at += 2;
    }
    if (scale_first && options & TCP_OPTION_WINDOW_SCALE)
        at = put_window_scale(at, stack->window_scale[side]);
    at = put_sack_and_timestamps(at, options, timestamps);
    if (!scale_first && options & TCP_OPTION_WINDOW_SCALE)
        at = put_window_scale(at, stack->window_scale[side]);
    if (sack.left != sack.right && stack_profile_has_sack(stack))
        at = put_sack(at, sack);
    return (uint32_t)(at - to);
}
