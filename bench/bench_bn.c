/*
 * bench_bn MODEL [FLOWS]: CPU time to train Falk's Bayesian network on so many flows (100,000): drawn from the
 * sampled flows of the model with repetition; and drawn from the network itself, so that hardly two are alike.
 * Then to draw 6,000 flows, with and without TCP's machine. Prints what was learned.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log_grid.h"
#include "base/memory.h"
#include "model/model.h"
#include "net/wire.h"
#include "session/bn_packets.h"
#include "session/model_bn.h"
#include "bench.h"

enum { TRAINING_FLOWS = 100000, DRAWN_FLOWS = 6000, SEED = 1 };

/* The sampled flows that kept their packets; the label is the service's place. */
static struct bn_flow *sampled_flows(const struct model *model, size_t *count)
{
    struct bn_flow *flows = NULL;
    size_t capacity = 0;

    *count = 0;
    for (size_t s = 0; s < model->service_count; s++) {
        for (size_t i = 0; i < model->services[s].row_count; i++) {
            if (model->services[s].rows[i].sequence_length == 0)
                continue;
            flows = memory_grow(flows, &capacity, *count + 1, sizeof *flows);
            flows[(*count)++] = (struct bn_flow){ &model->services[s].rows[i], (uint16_t)s };
        }
    }
    return flows;
}

static struct bn_packets *train(const char *what, const struct bn_flow *flows, size_t count, uint32_t labels)
{
    uint64_t packet_count = 0;
    struct bn_packets *packets;
    double begin;

    for (size_t i = 0; i < count; i++)
        packet_count += flows[i].row->sequence_length;
    begin = bench_cpu_seconds();
    packets = bn_packets_new(flows, count, labels, BN_WITH_IMPAIRED);
    printf("training  %.3f s for %zu flows %s, %llu packets, %u labels; tables %zu bytes\n",
           bench_cpu_seconds() - begin, count, what, (unsigned long long)packet_count, labels,
           bn_packets_bytes(packets));
    return packets;
}

/* A row of the network's own making, as a capture of it would have kept it; sequence: room for a whole one. */
static struct session_row draw_row(const struct bn_packets *packets, uint16_t label,
                                   struct flow_packet *sequence, struct random_stream *random)
{
    struct bn_state state = bn_state_begin(label);
    struct session_row row = { .sequence = sequence };
    struct bn_packet packet = { .is_last = false };

    while (!packet.is_last && row.sequence_length < FLOW_MAX_SEQUENCE) {
        bn_packets_draw(packets, &state, &packet, random);
        row.packets[packet.side]++;
        sequence[row.sequence_length++] = (struct flow_packet){
            (uint8_t)(packet.side << 7 | packet.tcp_flags),
            (uint8_t)log_grid_gap_bin((uint64_t)packet.gap_ns),
            packet.payload_bytes, 128, 0,
        };
    }
    row.sequence_head = row.sequence_length;
    row.packets[0] += !packet.is_last; /* it goes on */
    return row;
}

/* Replaces the rows by drawn ones. */
static void bench_different(const struct bn_packets *packets, struct bn_flow *flows, size_t count,
                            uint32_t labels)
{
    struct session_row *rows = memory_alloc_array(count, sizeof *rows);
    struct flow_packet room[FLOW_MAX_SEQUENCE];
    struct arena arena;
    struct random_stream random;

    arena_init(&arena);
    random_init(&random, SEED, RANDOM_JUDGE, 2, 0, 0);
    for (size_t i = 0; i < count; i++) {
        rows[i] = draw_row(packets, flows[i].label, room, &random);
        rows[i].sequence = memcpy(arena_alloc_array(&arena, rows[i].sequence_length, sizeof *room), room,
                                  rows[i].sequence_length * sizeof *room);
        flows[i].row = &rows[i];
    }
    bn_packets_free(train("drawn from it", flows, count, labels));
    arena_release(&arena);
    free(rows);
}

static void bench_training(const struct bn_flow *flows, size_t count, uint32_t labels, size_t wanted)
{
    struct bn_flow *drawn = memory_alloc_array(wanted, sizeof *drawn);
    struct random_stream random;
    struct bn_packets *packets;

    random_init(&random, SEED, RANDOM_JUDGE, 0, 0, 0);
    for (size_t i = 0; i < wanted; i++)
        drawn[i] = flows[random_below(&random, count)];
    packets = train("of the model", drawn, wanted, labels);
    bench_different(packets, drawn, wanted, labels);
    bn_packets_free(packets);
    free(drawn);
}

static uint64_t draw_flow(const struct packet_model *model, const struct packet_tables *tables,
                          uint8_t protocol, uint32_t number)
{
    struct packet_shape shape = { .protocol = protocol, .rtt_ns = 1, .ip_payload = 1480, .most_bytes = { 1460, 1460 } };
    struct packet_progress progress = { .machine = tcp_machine_begin(false) };
    union packet_memory memory;
    struct random_stream random;
    struct packet_draw draw;
    uint64_t packets = 0;

    random_init(&random, SEED, RANDOM_SESSION, number, 0, 0);
    model->begin(tables, &shape, &memory, &random);
    while (model->next(tables, &shape, &progress, &memory, &random, &draw)) {
        tcp_machine_send(&progress.machine, draw.side, draw.tcp_flags, draw.mark);
        packets++;
    }
    return packets;
}

static void bench_drawing(const struct packet_model *packet_model, const struct model *model,
                          const struct bn_flow *flows, size_t count)
{
    const struct service_model **services = memory_alloc_array(model->service_count, sizeof *services);
    struct packet_tables **tables = memory_alloc_array(model->service_count, sizeof *tables);
    struct random_stream random;
    uint64_t packets = 0;
    double begin;

    for (size_t i = 0; i < model->service_count; i++)
        services[i] = &model->services[i];
    packet_model->fit_all(packet_model, services, model->service_count, tables);
    random_init(&random, SEED, RANDOM_JUDGE, 1, 0, 0);
    begin = bench_cpu_seconds();
    for (uint32_t i = 0; i < DRAWN_FLOWS; i++) {
        uint16_t label = flows[random_below(&random, count)].label;

        packets += draw_flow(packet_model, tables[label], services[label]->protocol, i);
    }
    printf("drawing   %.3f s for %d flows, %llu packets: %s\n", bench_cpu_seconds() - begin, DRAWN_FLOWS,
           (unsigned long long)packets, packet_model->name);
    for (size_t i = 0; i < model->service_count; i++)
        packet_model->release(tables[i]);
    free(services);
    free(tables);
}

int main(int argc, char **argv)
{
    size_t wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : TRAINING_FLOWS;
    struct error err = { "" };
    struct model *model = argc > 1 ? model_load(argv[1], &err) : NULL;
    struct bn_flow *flows;
    size_t count;

    if (model == NULL) {
        fprintf(stderr, "usage: bench_bn MODEL [FLOWS]\n%s\n", err.text);
        return 1;
    }
    flows = sampled_flows(model, &count);
    if (count == 0) {
        fprintf(stderr, "bench_bn: %s: no flow of the model kept its packets\n", argv[1]);
        return 1;
    }
    bench_training(flows, count, (uint32_t)model->service_count, wanted);
    bench_drawing(&packet_model_bn, model, flows, count);
    bench_drawing(&packet_model_bn_tcp, model, flows, count);
    free(flows);
    model_free(model);
    return 0;
}
