#include "session/stack_profile.h"

#include "net/wire.h"
#include "session/tcp_options.h"

enum {
    DEFAULT_OPTIONS = TCP_OPTION_MSS | TCP_OPTION_SACK | TCP_OPTION_WINDOW_SCALE,
    DEFAULT_SCALE = 7,
    DEFAULT_TIMESTAMP_HZ = 1000,
    MAX_SCALE = 14 /* RFC 7323, section 2.3 */
};

struct stack_profile stack_profile_of(const struct session_row *row)
{
    struct stack_profile stack = { 0 };

    for (int side = 0; side < 2; side++) {
        uint8_t scale = row->is_measured ? row->window_scale[side] : DEFAULT_SCALE;

        stack.mss[side] = row->mss[side];
        stack.ttl[side] = row->ttl[side];
        stack.tcp_options[side] = row->is_measured ? row->tcp_options[side] : DEFAULT_OPTIONS;
        stack.window_scale[side] = scale < MAX_SCALE ? scale : MAX_SCALE;
        stack.ip_id[side] = (uint8_t)(row->ip_id[side] != IP_ID_UNKNOWN ? row->ip_id[side] : IP_ID_COUNTER);
        stack.timestamp_hz[side] = row->timestamp_hz[side] > 0 ? row->timestamp_hz[side] : DEFAULT_TIMESTAMP_HZ;
        if (row->opening == FLOW_OPENING_NONE && row->timestamp_hz[side] > 0)
            stack.tcp_options[side] |= TCP_OPTION_TIMESTAMPS; /* agreed on in SYNs that nobody saw */
    }
    return stack;
}

static bool both_offer(const struct stack_profile *stack, enum tcp_option_bit option)
{
    return stack->tcp_options[0] & stack->tcp_options[1] & option;
}

bool stack_profile_has_timestamps(const struct stack_profile *stack)
{
    return both_offer(stack, TCP_OPTION_TIMESTAMPS);
}

bool stack_profile_has_sack(const struct stack_profile *stack)
{
    return both_offer(stack, TCP_OPTION_SACK);
}

uint8_t stack_profile_window_scale(const struct stack_profile *stack, enum flow_side side)
{
    return both_offer(stack, TCP_OPTION_WINDOW_SCALE) ? stack->window_scale[side] : 0;
}

uint16_t stack_profile_segment_bytes(const struct stack_profile *stack, enum flow_side side)
{
    return (uint16_t)(stack->mss[!side] - (stack_profile_has_timestamps(stack) ? TCP_TIMESTAMPS_BYTES : 0));
}
