#include "eval/flow_vector.h"

#include "base/time_types.h"

static const char *const names[FLOW_NUMBERS] = {
    "duration", "initiator_packets", "responder_packets", "initiator_payload", "responder_payload",
    "initiator_length_min", "initiator_length_mean", "initiator_length_max", "initiator_length_sd",
    "responder_length_min", "responder_length_mean", "responder_length_max", "responder_length_sd",
    "initiator_gap_min", "initiator_gap_mean", "initiator_gap_max", "initiator_gap_sd",
    "responder_gap_min", "responder_gap_mean", "responder_gap_max", "responder_gap_sd",
    "packets_per_second",
};

_Static_assert(FLOW_NUMBERS == 22, "a random forest was told of 22 statistics");

static void put_moments(const struct moments *moments, double unit, double to[4])
{
    to[0] = (double)moments->least / unit;
    to[1] = moments_mean(moments) / unit;
    to[2] = (double)moments->most / unit;
    to[3] = moments_deviation(moments) / unit;
}

void flow_vector_of(const struct flow_record *record, const struct flow_statistics *statistics,
                    double vector[FLOW_NUMBERS])
{
    int64_t duration_us = flow_statistics_us(record->start.ns + record->duration_ns) -
                          flow_statistics_us(record->start.ns);
    double duration = (double)duration_us / US_PER_SECOND;

    vector[FLOW_DURATION] = duration;
    for (int side = 0; side < 2; side++) {
        vector[FLOW_PACKETS_INITIATOR + side] = (double)record->packets[side];
        vector[FLOW_PAYLOAD_INITIATOR + side] = (double)statistics->payload[side].sum;
        put_moments(&statistics->payload[side], 1, vector + FLOW_LENGTH_INITIATOR + 4 * side);
        put_moments(&statistics->gaps_us[side], US_PER_SECOND, vector + FLOW_GAP_INITIATOR + 4 * side);
    }
    vector[FLOW_PACKET_RATE] = duration > 0 ? (double)flow_record_packets(record) / duration : 0;
}

const char *flow_number_name(enum flow_number number)
{
    return names[number];
}
