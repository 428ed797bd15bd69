#include "capture/fragment_cache.h"

#include <string.h>

#include "base/random.h"

/*
 * What tells packets in fragments apart (RFC 791, RFC 8200). With IPv6 the protocol is none of it:
 * a later fragment knows only what follows the fragment header, which may be an extension.
 */
static uint8_t protocol_of(const struct packet_view *view)
{
    return ip_address_is_v4(&view->source) ? view->protocol : 0;
}

static size_t slot_of(const struct packet_view *view)
{
    uint64_t words[4];
    uint64_t hash = (uint64_t)view->ip_id << 8 | protocol_of(view);

    memcpy(words, view->source.bytes, 16);
    memcpy(words + 2, view->destination.bytes, 16);
    for (int i = 0; i < 4; i++)
        hash = random_mix64(hash + words[i]);
    return hash % FRAGMENT_SLOTS;
}

void fragment_cache_put(struct fragment_cache *cache, const struct packet_view *first)
{
    cache->slots[slot_of(first)] = (struct fragment_slot){
        .source = first->source,
        .destination = first->destination,
        .ip_id = first->ip_id,
        .protocol = first->protocol,
        .icmp_type = first->icmp_type,
        .source_port = first->source_port,
        .destination_port = first->destination_port,
        .used = true,
        .time = first->time,
    };
}

bool fragment_cache_complete(const struct fragment_cache *cache, struct packet_view *later)
{
    const struct fragment_slot *slot = &cache->slots[slot_of(later)];
    int64_t apart_ns = later->time.ns - slot->time.ns;

    if (!slot->used || apart_ns > FRAGMENT_SECONDS * NS_PER_SECOND ||
        apart_ns < -FRAGMENT_SECONDS * NS_PER_SECOND || slot->ip_id != later->ip_id ||
        !ip_address_equal(&slot->source, &later->source) ||
        !ip_address_equal(&slot->destination, &later->destination) ||
        (protocol_of(later) != 0 && slot->protocol != later->protocol))
        return false;
    later->protocol = slot->protocol;
    later->icmp_type = slot->icmp_type;
    later->source_port = slot->source_port;
    later->destination_port = slot->destination_port;
    return true;
}
