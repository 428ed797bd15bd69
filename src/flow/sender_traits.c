#include "flow/sender_traits.h"

#include <stddef.h>

#include "net/ip_address.h"
#include "net/wire.h"

static void add_ip_id(struct sender_traits *traits, const struct packet_view *packet)
{
    uint16_t id = (uint16_t)packet->ip_id;
    uint16_t step = (uint16_t)(id - traits->last_id);

    if (!ip_address_is_v4(&packet->source) || packet->later_fragment)
        return;
    if (id == 0) {
        traits->saw_zero_id = true;
        return;
    }
    if (traits->last_id != 0 && traits->steps < UINT16_MAX) {
        traits->steps++;
        if (step > 0 && step <= IP_ID_MOST_STEP)
            traits->small_steps++;
    }
    traits->last_id = id;
}

static void add_timestamp(struct sender_traits *traits, const struct packet_view *packet)
{
    uint32_t ms = (uint32_t)(packet->time.ns / NS_PER_MS);

    if (!traits->has_stamps) {
        traits->has_stamps = true;
        traits->first_stamp = packet->tcp_timestamp;
        traits->first_ms = ms;
    }
    traits->last_stamp = packet->tcp_timestamp;
    traits->last_ms = ms;
}

void sender_traits_add(struct sender_traits *traits, const struct packet_view *packet)
{
    add_ip_id(traits, packet);
    if (packet->protocol != IP_TCP || packet->later_fragment)
        return;
    if (packet->tcp_options & TCP_OPTION_TIMESTAMPS)
        add_timestamp(traits, packet);
    if (!(packet->tcp_flags & (TCP_SYN | TCP_RST)) && packet->tcp_window > traits->window)
        traits->window = packet->tcp_window;
}

enum ip_id_kind sender_traits_ip_id(const struct sender_traits *traits)
{
    if (traits->last_id == 0)
        return traits->saw_zero_id ? IP_ID_ZERO : IP_ID_UNKNOWN;
    if (traits->steps == 0)
        return IP_ID_UNKNOWN;
    return 2u * traits->small_steps >= traits->steps ? IP_ID_COUNTER : IP_ID_RANDOM;
}

uint16_t sender_traits_timestamp_hz(const struct sender_traits *traits)
{
    static const uint16_t rates[] = { 100, 250, 1000 };
    uint32_t ticks = traits->last_stamp - traits->first_stamp;
    uint32_t ms = traits->last_ms - traits->first_ms;
    double hz;

    if (ms == 0 || ticks < TIMESTAMP_LEAST_TICKS || ticks > INT32_MAX)
        return 0;
    hz = ticks * 1000.0 / ms;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        if (hz > 0.9 * rates[i] && hz < 1.1 * rates[i])
            return rates[i];
    }
    return 0;
}
