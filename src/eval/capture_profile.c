#include "eval/capture_profile.h"

#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "dayshift/port_feature.h"

struct capture_profile *capture_profile_new(void)
{
    struct capture_profile *profile = memory_alloc(sizeof *profile);

    packet_clock_init(&profile->clock);
    for (int half = 0; half < 2; half++) {
        for (int c = 0; c < PROFILE_CATEGORIES; c++)
            tally_init(&profile->half[half].categories[c]);
    }
    return profile;
}

void capture_profile_free(struct capture_profile *profile)
{
    if (profile == NULL)
        return;
    for (int half = 0; half < 2; half++) {
        for (int c = 0; c < PROFILE_CATEGORIES; c++)
            tally_release(&profile->half[half].categories[c]);
    }
    free(profile);
}

static void add_category(struct distributions *d, enum profile_category category, uint32_t symbol)
{
    tally_add(&d->categories[category], 0, symbol, 1);
}

static void add_number(struct distributions *d, enum profile_number number, double value)
{
    uint32_t bin = log_grid_bin(value, PROFILE_PER_OCTAVE);

    d->numbers[number][bin < PROFILE_BINS ? bin : PROFILE_BINS - 1]++;
}

static double in_us(int64_t ns)
{
    return (double)ns / NS_PER_US;
}

void capture_profile_packet(struct capture_profile *profile, struct profiled_flow *flow, enum flow_side side,
                            const struct packet_view *packet)
{
    bool begins = !flow->has_begun;
    struct distributions *d;

    if (begins) {
        flow->has_begun = true;
        flow->half = random_mix64(profile->begun++) & 1;
    }
    d = &profile->half[flow->half];
    if (!begins)
        add_number(d, NUMBER_GAP, in_us(packet->time.ns - flow->last.ns));
    flow->last = packet->time;
    d->packets++;
    packet_clock_add(&profile->clock, packet->time, begins);
    add_category(d, CATEGORY_PROTOCOL, packet->protocol);
    add_category(d, CATEGORY_DIRECTION, side);
    if (packet->protocol == IP_TCP)
        add_category(d, CATEGORY_TCP_FLAGS, packet->tcp_flags);
    add_category(d, CATEGORY_TTL, packet->ttl);
    add_number(d, NUMBER_PACKET_BYTES, packet->ip_bytes);
    add_number(d, NUMBER_PAYLOAD_BYTES, packet->payload_bytes + 1.0);
}

/* FNV-1a, to 32 bits: names are compared, never shown. */
static uint32_t label_symbol(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

void capture_profile_flow(struct capture_profile *profile, const struct profiled_flow *flow,
                          const struct flow_record *record)
{
    struct distributions *d = &profile->half[flow->half];

    d->flows++;
    add_category(d, CATEGORY_SERVICE,
                 (uint32_t)record->protocol << 16 | port_feature_of(record->port[FLOW_RESPONDER]));
    if (record->application != NULL)
        add_category(d, CATEGORY_LABEL, label_symbol(record->application));
    add_number(d, NUMBER_FLOW_DURATION, in_us(record->duration_ns));
    add_number(d, NUMBER_FLOW_PACKETS, (double)flow_record_packets(record));
    add_number(d, NUMBER_FLOW_BYTES, (double)(record->bytes[FLOW_INITIATOR] + record->bytes[FLOW_RESPONDER]));
    if (record->rtt_ns > 0)
        add_number(d, NUMBER_RTT, in_us(record->rtt_ns));
}

void capture_profile_end(struct capture_profile *profile)
{
    packet_clock_end(&profile->clock);
}
