/*
 * bench_packets - what a learner spends on the packets of flows, from which packet models are fitted.
 *
 * usage: bench_packets RUNS CAPTURE...
 * The captures are learned as one, to a model file in memory, RUNS times with the packets of flows and as often
 * without, in turn; then the default packet model is fitted to every service. Medians of CPU time, one thread, no
 * deep inspection, captures in the cache. The least of both is the surer figure on a busy machine.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/order.h"
#include "capture/capture_set.h"
#include "flow/flow_table.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "model/model.h"
#include "session/packet_model.h"
#include "bench.h"

enum { MAX_FLOWS = 1 << 20, SEQUENCE_BYTES = 64 << 20 /* what dayshift learn has by default */ };

static void damage(void *self, const char *message)
{
    (void)self;
    fprintf(stderr, "bench_packets: %s\n", message);
}

static uint64_t read_packets(char **paths, int count, size_t sequence_bytes, struct learner *learner)
{
    const struct capture_options options = { 0 };
    const struct flow_table_options flow = { .max_flows = MAX_FLOWS, .max_sequence_bytes = sequence_bytes };
    struct capture_set *set = capture_set_new(&options, damage, NULL);
    struct flow_table *table = flow_table_new(&flow, learner_add, learner);
    struct packet_view packet;
    struct error err;
    uint64_t packets;

    for (int i = 0; i < count; i++) {
        struct input_file *input = input_file_open(paths[i], &err);

        if (input == NULL || capture_set_add(set, input, &err) < 0)
            errx(1, "%s", err.text);
    }
    while (capture_set_next(set, &packet))
        flow_table_add(table, &packet);
    flow_table_flush(table);
    packets = flow_table_counts(table)->packets;
    flow_table_free(table);
    capture_set_free(set);
    return packets;
}

/* Seconds to learn the captures, as a model in *image. */
static double learn(char **paths, int count, size_t sequence_bytes, struct model_image *image, uint64_t *packets)
{
    const struct learner_config config = { 0 };
    double began = bench_cpu_seconds();
    struct learner *learner = learner_new(&config);
    const struct network_stats *stats;
    struct network_fit fit;
    struct error err;

    *packets = read_packets(paths, count, sequence_bytes, learner);
    stats = learner_finish(learner);
    network_fit_init(&fit, stats);
    if (model_image_make(image, stats, &fit, &err) < 0)
        errx(1, "%s", err.text);
    network_fit_release(&fit);
    learner_free(learner);
    return bench_cpu_seconds() - began;
}

/* Seconds to fit all services of the model, which it takes. */
static double fit_services(struct model_image *image, size_t *services)
{
    struct error err;
    struct model *model = model_from_image(image, &err);
    struct packet_models *models;
    double began;

    if (model == NULL)
        errx(1, "%s", err.text);
    began = bench_cpu_seconds();
    models = packet_models_new(packet_model_find(NULL), NULL, 0);
    *services = 0;
    for (size_t i = 0; i < model->service_count; i++)
        *services += packet_models_tables(models, &model->services[i]) != NULL;
    packet_models_free(models);
    began = bench_cpu_seconds() - began;
    model_free(model);
    return began;
}

static double print_seconds(const char *what, double *seconds, int runs)
{
    qsort(seconds, (size_t)runs, sizeof *seconds, order_double);
    printf("  %-28s %7.3f s, least %7.3f s\n", what, seconds[runs / 2], seconds[0]);
    return seconds[0];
}

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    double *with, *without, *fits;
    double least[3];
    size_t services = 0;
    uint64_t packets = 0;

    if (runs < 1)
        errx(1, "usage: bench_packets RUNS CAPTURE...");
    with = memory_alloc_array((size_t)runs, sizeof *with);
    without = memory_alloc_array((size_t)runs, sizeof *without);
    fits = memory_alloc_array((size_t)runs, sizeof *fits);
    for (int i = 0; i < runs; i++) {
        struct model_image image;

        without[i] = learn(argv + 2, argc - 2, 0, &image, &packets);
        model_image_release(&image);
        with[i] = learn(argv + 2, argc - 2, SEQUENCE_BYTES, &image, &packets);
        fits[i] = fit_services(&image, &services);
    }
    printf("%llu packets, %zu services with a packet model, %d runs\n", (unsigned long long)packets, services, runs);
    least[0] = print_seconds("learn without packets", without, runs);
    least[1] = print_seconds("learn with packets", with, runs);
    least[2] = print_seconds("fit packet models", fits, runs);
    printf("  packets add %.0f %%, with the fits %.0f %%\n", 100 * (least[1] / least[0] - 1),
           100 * ((least[1] + least[2]) / least[0] - 1));
    free(with);
    free(without);
    free(fits);
    return 0;
}
