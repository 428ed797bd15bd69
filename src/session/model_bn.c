#include "session/model_bn.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tally.h"
#include "net/ip_header.h"
#include "net/wire.h"
#include "session/bn_packets.h"
#include "session/datagram.h"
#include "session/tcp_options.h"

enum {
    MAX_LABELS = UINT16_MAX + 1,
    MAX_PACKETS = 100000, /* of a session: a network can fail to end one */
    MAX_IDLE = 16         /* packets without payload after a FIN */
};

/* What the tables of all services have in common. */
struct shared_packets {
    struct bn_packets *packets;
    bool is_lawless;
    size_t users;
};

struct packet_tables {
    struct shared_packets *shared;
    uint32_t label_count;
    uint16_t labels[]; /* of the service's flows, one each; or one, which is that of all */
};

/* ---- fitting ---- */

static bool is_of(const struct service_model *service, bool tcp)
{
    return (service->protocol == IP_TCP) == tcp;
}

/* Flows to learn from, each once: a flow of a pool of services is one of its services as well. */
struct flow_list {
    struct bn_flow *flows;
    size_t count, capacity;
    struct tally places; /* of a sequence: its index is the flow's */
};

static uint32_t place_of(struct tally *places, const struct flow_packet *sequence)
{
    uint64_t address = (uint64_t)(uintptr_t)sequence;

    return tally_add(places, (uint32_t)(address >> 32), (uint32_t)address, 1);
}

/* Labels are places among the services: that of the first one that has the flow. */
static void collect_flows(struct flow_list *list, const struct service_model *service, uint16_t label)
{
    for (size_t i = 0; i < service->row_count; i++) {
        const struct session_row *row = &service->rows[i];

        if (row->sequence_length == 0 || place_of(&list->places, row->sequence) < list->count)
            continue;
        list->flows = memory_grow(list->flows, &list->capacity, list->count + 1, sizeof *list->flows);
        list->flows[list->count++] = (struct bn_flow){ row, label };
    }
}

/* NULL: none of its flows shows packets. */
static struct packet_tables *new_tables(struct shared_packets *shared, struct flow_list *list,
                                        const struct service_model *service)
{
    struct packet_tables *tables = memory_alloc(sizeof *tables + service->row_count * sizeof *tables->labels);
    bool is_one = true;

    for (size_t i = 0; i < service->row_count; i++) {
        if (service->rows[i].sequence_length == 0)
            continue;
        tables->labels[tables->label_count++] =
            list->flows[place_of(&list->places, service->rows[i].sequence)].label;
        is_one = is_one && tables->labels[tables->label_count - 1] == tables->labels[0];
    }
    if (tables->label_count == 0) {
        free(tables);
        return NULL;
    }
    if (is_one)
        tables->label_count = 1;
    tables->shared = shared;
    shared->users++;
    return tables;
}

static void fit_protocol(const struct service_model *const *services, size_t count, bool tcp,
                         bool is_lawless, struct packet_tables **tables)
{
    struct flow_list list = { .flows = NULL };
    struct shared_packets *shared;
    struct bn_packets *packets;

    tally_init(&list.places);
    for (size_t i = 0; i < count; i++) {
        if (is_of(services[i], tcp))
            collect_flows(&list, services[i], (uint16_t)i);
    }
    /* what the network does to packets is done behind the machine, which would not allow it */
    packets = bn_packets_new(list.flows, list.count, (uint32_t)count,
                             is_lawless ? BN_WITH_IMPAIRED : BN_WITHOUT_IMPAIRED);
    if (packets != NULL) {
        shared = memory_alloc(sizeof *shared);
        shared->packets = packets;
        shared->is_lawless = is_lawless;
        for (size_t i = 0; i < count; i++) {
            if (is_of(services[i], tcp))
                tables[i] = new_tables(shared, &list, services[i]);
        }
    }
    tally_release(&list.places);
    free(list.flows);
}

static void fit_all(const struct packet_model *model, const struct service_model *const *services, size_t count,
                    struct packet_tables **tables)
{
    memset(tables, 0, count * sizeof *tables);
    count = count < MAX_LABELS ? count : MAX_LABELS;
    fit_protocol(services, count, true, model->is_lawless, tables);
    fit_protocol(services, count, false, model->is_lawless, tables);
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
    return sizeof *tables + tables->label_count * sizeof *tables->labels +
           bn_packets_bytes(tables->shared->packets) / tables->shared->users;
}

/* ---- drawing ---- */

static void begin(const struct packet_tables *tables, const struct packet_shape *shape,
                  union packet_memory *memory, struct random_stream *random)
{
    uint32_t which = tables->label_count > 1 ? random_below_u32(random, tables->label_count) : 0;

    (void)shape;
    memory->bn = (struct bn_memory){ .state = bn_state_begin(tables->labels[which]) };
}

/* Where packets were learned as captured, the later pieces of a datagram are packets of their own. */
static void to_draw(const struct bn_packet *packet, const struct packet_tables *tables,
                    const struct packet_shape *shape, struct packet_draw *draw)
{
    uint16_t whole = (uint16_t)(shape->ip_payload - DATAGRAM_HEADER_BYTES);
    uint16_t of_syn = (uint16_t)(shape->ip_payload - TCP_HEADER_BYTES - TCP_OPTIONS_MAX); /* only bn gives one payload */
    uint16_t most = shape->most_bytes[packet->side];

    if (tables->shared->is_lawless && most > whole)
        most = whole;
    if (packet->tcp_flags & TCP_SYN && most > of_syn)
        most = of_syn;
    *draw = (struct packet_draw){
        .side = (uint8_t)packet->side,
        .mark = PACKET_PLAIN,
        .tcp_flags = packet->tcp_flags,
        .payload_bytes = packet->payload_bytes < most ? packet->payload_bytes : most,
        .gap_ns = packet->gap_ns,
    };
}

/*
 * A connection is over with a RST, and after both FINs with the answer to the last one. The network, which knows
 * only the packet before, can also go on acknowledging for ever after a FIN.
 */
static bool is_closed(struct bn_memory *own, const struct tcp_machine *machine, const struct packet_draw *draw)
{
    bool is_fin = draw->tcp_flags & TCP_FIN;

    if (is_fin)
        own->last_fin_side = (uint8_t)draw->side;
    if (is_fin || draw->payload_bytes > 0)
        own->idle = 0;
    else if (machine->fin[FLOW_INITIATOR] || machine->fin[FLOW_RESPONDER])
        own->idle++;
    return draw->tcp_flags & TCP_RST || own->idle == MAX_IDLE ||
           (machine->fin[FLOW_INITIATOR] && machine->fin[FLOW_RESPONDER] &&
            draw->side != (enum flow_side)own->last_fin_side);
}

static bool next(const struct packet_tables *tables, const struct packet_shape *shape,
                 const struct packet_progress *progress, union packet_memory *memory, struct random_stream *random,
                 struct packet_draw *draw)
{
    struct bn_memory *own = &memory->bn;
    bool is_lawful = shape->protocol == IP_TCP && !tables->shared->is_lawless;
    struct bn_packet packet;

    if (own->is_over)
        return false;
    if (!is_lawful) {
        bn_packets_draw(tables->shared->packets, &own->state, &packet, random);
    } else if (!bn_packets_draw_legal(tables->shared->packets, &progress->machine, &own->state, &packet, random)) {
        if (own->packets > 0)
            return false;
        /* a service of which no opening was seen: there has to be a packet */
        packet = (struct bn_packet){ .side = FLOW_INITIATOR, .is_last = true,
                                     .tcp_flags = shape->under_way ? TCP_ACK : TCP_SYN };
    }
    to_draw(&packet, tables, shape, draw);
    own->is_over = (is_lawful && is_closed(own, &progress->machine, draw)) || packet.is_last ||
                   ++own->packets == MAX_PACKETS;
    return true;
}

const struct packet_model packet_model_bn = {
    .name = "bn",
    .ignores_budget = true,
    .is_lawless = true,
    .fit_all = fit_all,
    .release = release,
    .bytes = bytes,
    .begin = begin,
    .next = next,
};

const struct packet_model packet_model_bn_tcp = {
    .name = "bn-tcp",
    .ignores_budget = true,
    .fit_all = fit_all,
    .release = release,
    .bytes = bytes,
    .begin = begin,
    .next = next,
};
