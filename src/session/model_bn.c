/*
 * The packet models "bn" and "bn-tcp": Falk's Bayesian network over all services, with the service as its
 * label. TCP has a network of its own, as in the paper, which knows nothing else; all other protocols share one.
 */
#include "session/packet_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/wire.h"
#include "session/bn_packets.h"

enum {
    MAX_LABELS = UINT16_MAX + 1,
    MAX_PACKETS = 100000 /* of a session: a network can fail to end one */
};

/* What the tables of all services have in common. */
struct shared_packets {
    struct bn_packets *packets;
    size_t users;
};

struct packet_tables {
    struct shared_packets *shared;
    uint16_t label;
};

/* ---- fitting ---- */

static bool is_of(const struct service_model *service, bool tcp)
{
    return (service->protocol == IP_TCP) == tcp;
}

/* The flows of all services of TCP, or of none of TCP; labels are places among `services`. */
static struct bn_flow *collect_flows(const struct service_model *const *services, size_t count, bool tcp,
                                     size_t *flow_count)
{
    struct bn_flow *flows = NULL;
    size_t capacity = 0;

    *flow_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t row = 0; is_of(services[i], tcp) && row < services[i]->row_count; row++) {
            if (services[i]->rows[row].sequence_length == 0)
                continue;
            flows = memory_grow(flows, &capacity, *flow_count + 1, sizeof *flows);
            flows[(*flow_count)++] = (struct bn_flow){ &services[i]->rows[row], (uint16_t)i };
        }
    }
    return flows;
}

static struct packet_tables *new_tables(struct shared_packets *shared, uint16_t label)
{
    struct packet_tables *tables = memory_alloc(sizeof *tables);

    *tables = (struct packet_tables){ shared, label };
    shared->users++;
    return tables;
}

static void fit_protocol(const struct service_model *const *services, size_t count, bool tcp,
                         enum bn_impaired impaired, struct packet_tables **tables)
{
    size_t flow_count;
    struct bn_flow *flows = collect_flows(services, count, tcp, &flow_count);
    struct bn_packets *packets = bn_packets_new(flows, flow_count, (uint32_t)count, impaired);
    struct shared_packets *shared;

    if (packets != NULL) {
        shared = memory_alloc(sizeof *shared);
        shared->packets = packets;
        for (size_t i = 0; i < flow_count; i++) {
            uint16_t label = flows[i].label;

            if (tables[label] == NULL)
                tables[label] = new_tables(shared, label);
        }
    }
    free(flows);
}

static void fit_all(const struct service_model *const *services, size_t count, enum bn_impaired impaired,
                    struct packet_tables **tables)
{
    memset(tables, 0, count * sizeof *tables);
    count = count < MAX_LABELS ? count : MAX_LABELS;
    fit_protocol(services, count, true, impaired, tables);
    fit_protocol(services, count, false, impaired, tables);
}

static void fit_all_bn(const struct service_model *const *services, size_t count,
                       struct packet_tables **tables)
{
    fit_all(services, count, BN_WITH_IMPAIRED, tables);
}

/* What the network does to packets is done behind the machine, which would not allow it. */
static void fit_all_bn_tcp(const struct service_model *const *services, size_t count,
                           struct packet_tables **tables)
{
    fit_all(services, count, BN_WITHOUT_IMPAIRED, tables);
}

static void release(struct packet_tables *tables)
{
    if (tables == NULL)
        return;
    if (--tables->shared->users == 0) {
        bn_packets_free(tables->shared->packets);
        free(tables->shared);
    }
    free(tables);
}

/* Its share of what is shared. */
static size_t bytes(const struct packet_tables *tables)
{
    return sizeof *tables + bn_packets_bytes(tables->shared->packets) / tables->shared->users;
}

/* ---- drawing ---- */

static void begin(const struct packet_tables *tables, const struct packet_shape *shape,
                  union packet_memory *memory, struct random_stream *random)
{
    (void)shape;
    (void)random;
    memory->bn = (struct bn_memory){ .state = bn_state_begin(tables->label) };
}

static void to_draw(const struct bn_packet *packet, const struct packet_shape *shape,
                    struct packet_draw *draw)
{
    uint16_t most = shape->most_bytes[packet->side];

    *draw = (struct packet_draw){
        .side = packet->side,
        .mark = PACKET_PLAIN,
        .tcp_flags = packet->tcp_flags,
        .payload_bytes = packet->payload_bytes < most ? packet->payload_bytes : most,
        .gap_ns = packet->gap_ns,
    };
}

static bool next_bn(const struct packet_tables *tables, const struct packet_shape *shape,
                    const struct packet_progress *progress, union packet_memory *memory,
                    struct random_stream *random, struct packet_draw *draw)
{
    struct bn_memory *own = &memory->bn;
    struct bn_packet packet;

    (void)progress;
    if (own->is_over)
        return false;
    bn_packets_draw(tables->shared->packets, &own->state, &packet, random);
    to_draw(&packet, shape, draw);
    own->is_over = packet.is_last || ++own->packets == MAX_PACKETS;
    return true;
}

/* After both FINs a connection is over with the answer to the last one. */
static bool is_closed(struct bn_memory *own, const struct tcp_machine *machine,
                      const struct packet_draw *draw)
{
    if (draw->tcp_flags & TCP_FIN)
        own->last_fin_side = (uint8_t)draw->side;
    return machine->fin[FLOW_INITIATOR] && machine->fin[FLOW_RESPONDER] &&
           draw->side != (enum flow_side)own->last_fin_side;
}

static bool next_bn_tcp(const struct packet_tables *tables, const struct packet_shape *shape,
                        const struct packet_progress *progress, union packet_memory *memory,
                        struct random_stream *random, struct packet_draw *draw)
{
    struct bn_memory *own = &memory->bn;
    struct bn_packet packet;

    if (shape->protocol != IP_TCP)
        return next_bn(tables, shape, progress, memory, random, draw);
    if (own->is_over)
        return false;
    if (!bn_packets_draw_legal(tables->shared->packets, &progress->machine, &own->state, &packet, random)) {
        if (own->packets > 0)
            return false;
        /* a service of which no opening was seen: there has to be a packet */
        packet = (struct bn_packet){ .side = FLOW_INITIATOR, .is_last = true,
                                     .tcp_flags = shape->under_way ? TCP_ACK : TCP_SYN };
    }
    to_draw(&packet, shape, draw);
    own->is_over = is_closed(own, &progress->machine, draw) || packet.is_last ||
                   ++own->packets == MAX_PACKETS;
    return true;
}

const struct packet_model packet_model_bn = {
    .name = "bn",
    .ignores_budget = true,
    .is_lawless = true,
    .fit_all = fit_all_bn,
    .release = release,
    .bytes = bytes,
    .begin = begin,
    .next = next_bn,
};

const struct packet_model packet_model_bn_tcp = {
    .name = "bn-tcp",
    .ignores_budget = true,
    .fit_all = fit_all_bn_tcp,
    .release = release,
    .bytes = bytes,
    .begin = begin,
    .next = next_bn_tcp,
};
