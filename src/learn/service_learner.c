#include "learn/service_learner.h"

#include "base/random.h"
#include "dayshift/flow_state.h"
#include "learn/row_sample.h"
#include "learn/stats_private.h"

enum {
    MOST_SERVICES = 2 * SERVICE_MAX, /* so that of every so many that come one makes all others wait */
    FEW_ROWS = 16 /* a sample has when there is no room for samples any more */
};

static uint64_t record_key(const struct flow_record *record)
{
    uint64_t ports = (uint64_t)record->port[0] << 16 | record->port[1];

    uint64_t payload = record->payload_bytes[0] << 32 ^ record->payload_bytes[1];
    uint64_t key = random_mix64(ports << 8 | record->protocol);

    key = random_mix64(key ^ (uint64_t)record->start.ns);
    return random_mix64(random_mix64(key ^ (uint64_t)record->duration_ns) ^ payload);
}

/* The services of few flows give way to those that come, which may be more. */
static void prune(struct service_learner *learner, struct network_stats *stats,
                  struct learner_given_up *given_up)
{
    given_up->services += stats_prune_services(stats);
    learner->sampled_rows = 0;
    learner->sampled_packets = 0;
    for (size_t i = 0; i < stats->services.used; i++) {
        learner->sampled_rows += stats->samples[i].used;
        learner->sampled_packets += stats->samples[i].packets;
    }
}

/* Without room for a new one: the port's without a class, or else the other ports. */
static uint32_t add_known_service(struct network_stats *stats, uint8_t protocol, uint32_t port,
                                  struct learner_given_up *given_up)
{
    uint32_t owner = service_owner_pack(protocol, LABEL_NONE);

    given_up->services++;
    if (tally_find(&stats->services, owner, port) == TALLY_NONE)
        port = SERVICE_OTHER_PORTS;
    return stats_add_service(stats, owner, port, 1);
}

static uint32_t add_service(struct service_learner *learner, struct network_stats *stats,
                            const struct flow_record *record, uint32_t label, enum learner_room room,
                            struct learner_given_up *given_up)
{
    uint8_t protocol = flow_service_protocol(record);
    uint32_t owner = service_owner_pack(protocol, label);
    uint32_t port = flow_service_port(record);

    if (tally_find(&stats->services, owner, port) == TALLY_NONE) {
        if (room < ROOM_STATES)
            return add_known_service(stats, protocol, port, given_up);
        if (stats->services.used >= MOST_SERVICES)
            prune(learner, stats, given_up);
    }
    return stats_add_service(stats, owner, port, 1);
}

static bool has_sample_room(const struct service_learner *learner)
{
    return learner->max_bytes == 0 || service_learner_bytes(learner) < learner->max_bytes;
}

/* A sample that has all its rows only exchanges them; every service has one row at least. */
static void add_sample(struct service_learner *learner, struct row_sample *sample,
                       const struct flow_record *record, enum learner_room room,
                       struct learner_given_up *given_up)
{
    bool has_room = room >= ROOM_DETAILS && has_sample_room(learner);
    size_t most = has_room || room < ROOM_DETAILS ? 1 : FEW_ROWS;
    uint64_t key = record_key(record);
    struct row_sample before = *sample;
    struct session_row row;

    if (!row_sample_wants(sample, key))
        return;
    if (!has_room && sample->used >= most && sample->used < SERVICE_MAX_ROWS) {
        given_up->samples++;
        return;
    }
    row = session_row_of(record, has_room);
    given_up->samples += record->sequence && !has_room;
    row_sample_add(sample, key, &row);
    learner->sampled_rows += sample->used - before.used;
    learner->sampled_packets += sample->packets - before.packets;
}

static uint64_t both(const uint32_t sides[2])
{
    return (uint64_t)sides[0] + sides[1];
}

static struct service_conditions conditions_of(const struct flow_record *record)
{
    return (struct service_conditions){
        .flows = 1,
        .packets = flow_record_packets(record),
        .retransmitted = both(record->retransmitted),
        .reordered = both(record->reordered),
        .duplicated = both(record->duplicated),
        .fragments = both(record->fragments),
        .resets = record->ending == FLOW_ENDING_RESET,
        .attempts = record->opening != FLOW_OPENING_NONE,
        .unanswered = record->opening == FLOW_OPENING_ATTEMPT,
        .unreachable = record->unreachable,
    };
}

void service_learner_add(struct service_learner *learner, struct network_stats *stats,
                         const struct flow_record *record, uint32_t label, enum learner_room room,
                         struct learner_given_up *given_up)
{
    uint32_t service = add_service(learner, stats, record, label, room, given_up);
    struct service_conditions conditions = conditions_of(record);

    add_sample(learner, &stats->samples[service], record, room, given_up);
    if (record->is_measured)
        service_conditions_add(&stats->conditions[service], &conditions);
}

size_t service_learner_bytes(const struct service_learner *learner)
{
    return learner->sampled_rows * (size_t)SAMPLED_ROW_BYTES +
           learner->sampled_packets * sizeof(struct flow_packet);
}

void service_learner_finish(struct service_learner *learner, struct network_stats *stats,
                            struct learner_given_up *given_up)
{
    prune(learner, stats, given_up);
    for (size_t i = 0; i < stats->services.used; i++)
        row_sample_finish(&stats->samples[i]);
}
