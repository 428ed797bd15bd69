/*
 * bench_play - what it costs to synthesize and render: a model's day into a sink that counts.
 *
 * usage: bench_play MODEL [HOSTS [HOURS [LOG]]]
 * LOG is where the log of the flows goes; default: there is none.
 * Prints the median of several runs, in one thread, from plan to finished frame.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "emit/emitter.h"
#include "model/model.h"
#include "records/flow_output.h"
#include "scenario/scenario.h"
#include "bench.h"

enum { RUNS = 7 };

struct result {
    double seconds;
    uint64_t flows, frames, bytes, most_live;
};

static struct result play(struct model *model, uint32_t hosts, int64_t day_ns, const char *log)
{
    struct scenario_group group = { .model = model, .hosts = hosts };
    struct scenario_config config = {
        .groups = &group, .group_count = 1, .seed = 1, .day_ns = day_ns, .speed = 1,
    };
    struct emit_clock clock = emit_clock_simulated();
    const struct ip_network *networks;
    struct gate_network *allowed;
    struct gate gate = { 0 };
    struct emit_link link = { .gate = &gate };
    atomic_bool stop = false;
    struct emitter *emitter = calloc(1, sizeof *emitter);
    struct emit_counts *counts = calloc(1, sizeof *counts);
    struct error err = { "" };
    struct frame_source frames;
    struct scenario *scenario;
    struct result result = { .seconds = bench_cpu_seconds() };
    struct flow_output *output = log ? flow_output_new(&err) : NULL;

    if (output == NULL ? log != NULL : flow_output_open(output, log, FLOW_LOG_CSV, 0, &err) < 0) {
        fprintf(stderr, "bench_play: %s\n", err.text);
        exit(1);
    }
    config.how.keeper = flow_output_keeper(output);
    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    scenario = scenario_new(&config, &err);
    if (scenario == NULL || emitter == NULL || counts == NULL) {
        fprintf(stderr, "bench_play: %s\n", err.text);
        exit(1);
    }
    networks = scenario_networks(scenario, &gate.network_count);
    gate.networks = allowed = gate_networks_new(networks, gate.network_count);
    link.counts = counts;
    link.sink = sink_open(SINK_NULL, NULL, NULL, NULL, NULL);
    emitter->links[0] = &link;
    emitter->clock = &clock;
    emitter->stop = &stop;
    emitter->tallies = flow_output_tallies(output);
    frames = scenario_frames(scenario);
    if (emitter_run_source(emitter, &frames, &err) < 0) {
        fprintf(stderr, "bench_play: %s\n", err.text);
        exit(1);
    }
    if (flow_output_commit(output, &err) < 0) {
        fprintf(stderr, "bench_play: %s\n", err.text);
        exit(1);
    }
    flow_output_free(output);
    result.seconds = bench_cpu_seconds() - result.seconds;
    result.flows = scenario_counts(scenario)->flows;
    result.most_live = scenario_counts(scenario)->most_live;
    result.frames = counts->sent;
    result.bytes = counts->sent_bytes;
    sink_close(link.sink);
    scenario_free(scenario);
    free(allowed);
    free(emitter);
    free(counts);
    return result;
}

static int compare_seconds(const void *a, const void *b)
{
    const struct result *x = a;
    const struct result *y = b;

    return x->seconds == y->seconds ? 0 : x->seconds < y->seconds ? -1 : 1;
}

int main(int argc, char **argv)
{
    struct result results[RUNS];
    const struct result *median = &results[RUNS / 2];
    struct error err = { "" };
    struct model *model = argc > 1 ? model_load(argv[1], &err) : NULL;
    uint32_t hosts = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    int64_t hours = argc > 3 ? atoi(argv[3]) : 2;

    if (model == NULL) {
        fprintf(stderr, "bench_play: %s\n", argc > 1 ? err.text : "usage: bench_play MODEL [HOSTS [HOURS [LOG]]]");
        return 1;
    }
    for (int i = 0; i < RUNS; i++)
        results[i] = play(model, hosts, hours * 3600 * NS_PER_SECOND, argc > 4 ? argv[4] : NULL);
    qsort(results, RUNS, sizeof *results, compare_seconds);
    printf("%" PRIu64 " flows, %" PRIu64 " frames of %.0f bytes, %" PRIu64 " sessions at once at most\n",
           median->flows, median->frames, (double)median->bytes / (double)median->frames,
           median->most_live);
    printf("%.0f ns a frame, %.0f ns a flow, %.2f million frames/s, %.2f Gbit/s (CPU, median of %d;"
           " fastest %.0f ns, slowest %.0f ns a frame)\n",
           median->seconds * 1e9 / (double)median->frames, median->seconds * 1e9 / (double)median->flows,
           (double)median->frames / median->seconds / 1e6,
           (double)median->bytes * 8 / median->seconds / 1e9, RUNS,
           results[0].seconds * 1e9 / (double)results[0].frames,
           results[RUNS - 1].seconds * 1e9 / (double)results[RUNS - 1].frames);
    model_free(model);
    return 0;
}
