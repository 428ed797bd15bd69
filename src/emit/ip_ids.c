#include "emit/ip_ids.h"

#include "base/random.h"
#include "base/time_types.h"

#define STEP_NS (16 * NS_PER_MS) /* as in src/session/frame_template.c */

uint16_t ip_ids_next(struct ip_ids *ids, const struct ip_address *host, enum ip_id_kind kind, int64_t now_ns)
{
    uint64_t name = random_mix64(ip_address_to_v4(host));
    uint16_t count;

    if (kind == IP_ID_ZERO)
        return 0;
    count = (uint16_t)((name >> 48) + (uint64_t)(now_ns / STEP_NS) + ids->counts[name % IP_IDS_COUNTS]++);
    return kind == IP_ID_RANDOM ? (uint16_t)(random_mix64(name << 16 | count) >> 32) : count;
}
