/*
 * bench_bn MODEL [FLOWS]: CPU time to train Falk's Bayesian network on so many flows (100,000), drawn from the
 * sampled flows of the model with repetition, and to draw 6,000 flows from it, with and without TCP's machine.
 * Prints what was learned.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "model/model.h"
#include "net/wire.h"
#include "session/bn_packets.h"
#include "session/packet_model.h"

enum { TRAINING_FLOWS = 100000, DRAWN_FLOWS = 6000, SEED = 1 };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

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

static void print_summary(const char *what, struct bn_summary summary)
{
    static const char *const names[BN_COLUMNS] = { "label", "index", "last length", "last gap",
                                                   "last side", "last flags", "length", "gap",
                                                   "side", "flags", "end" };

    printf("  %s: %llu observations, %zu different, %u moves\n", what,
           (unsigned long long)summary.observations, summary.different, summary.moves);
    for (uint32_t c = BN_LENGTH; c < BN_COLUMNS; c++) {
        printf("    %-6s <-", names[c]);
        for (uint32_t p = 0; p < BN_COLUMNS; p++) {
            if (summary.parents[c] >> p & 1)
                printf(" %s,", names[p]);
        }
        printf("\n");
    }
}

static void bench_training(const struct bn_flow *flows, size_t count, uint32_t labels, size_t wanted)
{
    struct bn_flow *drawn = memory_alloc_array(wanted, sizeof *drawn);
    struct random_stream random;
    struct bn_packets *packets;
    double begin;
    uint64_t packet_count = 0;

    random_init(&random, SEED, RANDOM_JUDGE, 0, 0, 0);
    for (size_t i = 0; i < wanted; i++) {
        drawn[i] = flows[random_below(&random, count)];
        packet_count += drawn[i].row->sequence_length;
    }
    begin = now_s();
    packets = bn_packets_new(drawn, wanted, labels, BN_WITH_IMPAIRED);
    printf("training  %.3f s for %zu flows of %zu, %llu packets, %u labels; tables %zu bytes\n",
           now_s() - begin, wanted, count, (unsigned long long)packet_count, labels,
           bn_packets_bytes(packets));
    print_summary("first packets", bn_packets_summary(packets, true));
    print_summary("later packets", bn_packets_summary(packets, false));
    bn_packets_free(packets);
    free(drawn);
}

static uint64_t draw_flow(const struct packet_model *model, const struct packet_tables *tables,
                          uint8_t protocol, uint32_t number)
{
    struct packet_shape shape = { .protocol = protocol, .rtt_ns = 1, .most_bytes = { 1460, 1460 } };
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
    packet_model->fit_all(services, model->service_count, tables);
    random_init(&random, SEED, RANDOM_JUDGE, 1, 0, 0);
    begin = now_s();
    for (uint32_t i = 0; i < DRAWN_FLOWS; i++) {
        uint16_t label = flows[random_below(&random, count)].label;

        packets += draw_flow(packet_model, tables[label], services[label]->protocol, i);
    }
    printf("drawing   %.3f s for %d flows, %llu packets: %s\n", now_s() - begin, DRAWN_FLOWS,
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
