#include "scenario/overlay_strangers.h"

#include "base/random.h"
#include "net/wire.h"

void overlay_strangers_init(struct overlay_strangers *strangers)
{
    tally_init(&strangers->seen);
}

void overlay_strangers_release(struct overlay_strangers *strangers)
{
    tally_release(&strangers->seen);
}

static uint64_t hash_of(const struct ip_address *address)
{
    return random_mix64(wire_get_u64(address->bytes + 8) ^ random_mix64(wire_get_u64(address->bytes)));
}

void overlay_strangers_add(struct overlay_strangers *strangers, const struct ip_address *address)
{
    uint64_t hash = hash_of(address);

    if (strangers->seen.used < OVERLAY_MOST_STRANGERS)
        tally_add(&strangers->seen, (uint32_t)(hash >> 32), (uint32_t)hash, 1);
}

bool overlay_strangers_have(const struct overlay_strangers *strangers, const struct ip_address *address)
{
    uint64_t hash = hash_of(address);

    return tally_find(&strangers->seen, (uint32_t)(hash >> 32), (uint32_t)hash) != TALLY_NONE;
}
