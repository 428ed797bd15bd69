/*
 * bench_synth - records a second: flows of one host in memory (SYNTHESIZE-STATS and FEATURES-TO-DATA), with
 * addresses and services (SYNTHESIZE-NETFLOW), as records, and as text. CPU time of one thread.
 *
 *   bench_synth MODEL [HOST [RECORDS]]      HOST: of the model (default: the one of most flows)
 *   bench_synth --linear MODEL              seconds for 1000 to 10,000,000 records, as CSV (Song, Fig. 6)
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "records/record_writer.h"
#include "scenario/scenario.h"
#include "synth/flow_sequence.h"
#include "synth/netflow.h"
#include "bench.h"

enum { SEED = 1, RECORDS = 3000000 };

static void report(const char *what, uint64_t records, double seconds, uint64_t check)
{
    printf("%-44s %8.3f s  %6.2f million/s  (%016" PRIx64 ")\n", what, seconds,
           (double)records / seconds / 1e6, check);
}

/* ---- in memory ---- */

static void bench_features(const struct host_model *host, uint64_t records)
{
    struct random_stream random;
    struct flow_sequence sequence;
    struct flow_features f;
    double began;
    uint64_t check = 0;

    random_init(&random, SEED, RANDOM_NETFLOW, 1, 0, 0);
    flow_sequence_begin(&sequence, host, SEED, 1, &random);
    began = bench_cpu_seconds();
    for (uint64_t i = 0; i < records; i++) {
        double gap_ns = flow_sequence_next(&sequence, &f);

        check += f.packets + f.ports[0] + f.peer.id + (uint64_t)gap_ns;
    }
    report("states, ports, volumes, peers, gaps", records, bench_cpu_seconds() - began, check);
}

static struct netflow *open_netflow(const struct scenario *scenario, uint32_t host)
{
    struct error err;
    struct netflow_config config = { .population = scenario_population(scenario), .hosts = &host,
                                     .host_count = 1, .seed = SEED, .begin = { NS_PER_DAY } };
    struct netflow *netflow = netflow_new(&config, &err);

    if (netflow == NULL)
        errx(1, "%s", err.text);
    return netflow;
}

static double seconds_of(const struct scenario *scenario, uint32_t host, uint64_t records, const char *format,
                         bool makes_records, uint64_t *check)
{
    struct netflow *netflow = open_netflow(scenario, host);
    const struct record_encoding *encoding = format ? record_encoding_find(format) : NULL;
    struct record_batch batch = { .bytes = NULL };
    struct flow_record record;
    struct flow_plan plan;
    struct error err;
    double began = bench_cpu_seconds();

    *check = 0;
    for (uint64_t i = 0; i < records; i++) {
        if (netflow_next(netflow, &plan, &err) < 0)
            errx(1, "%s", err.text);
        *check += plan.packets + plan.ends[0].name + (uint64_t)plan.start.ns;
        if (!makes_records)
            continue;
        scenario_record(&plan, SEED, &record);
        *check += record.bytes[1] + (uint64_t)record.duration_ns;
        if (encoding == NULL)
            continue;
        record_batch_add(&batch, encoding, &record);
        if (record_batch_is_full(&batch)) {
            *check += (uint8_t)batch.bytes[batch.used - 2];
            record_batch_clear(&batch);
        }
    }
    began = bench_cpu_seconds() - began;
    record_batch_release(&batch);
    netflow_free(netflow);
    return began;
}

static void bench_all(const struct scenario *scenario, const struct model *model, uint32_t host, uint64_t records)
{
    static const struct {
        const char *what, *format;
        bool makes_records;
    } cases[] = {
        { "the same with addresses, services, start", NULL, false }, { "as flow records", NULL, true },
        { "as CSV (text made, not written)", "csv", true }, { "as JSON lines", "json", true },
        { "as nfcapd records", "nfcapd", true },
    };
    uint64_t check;

    bench_features(&model->hosts[host], records);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double seconds = seconds_of(scenario, host, records, cases[i].format, cases[i].makes_records, &check);

        report(cases[i].what, records, seconds, check);
    }
}

static void bench_linear(const struct scenario *scenario, uint32_t host)
{
    uint64_t check;

    printf("%10s %12s %14s\n", "records", "seconds", "million/s");
    for (uint64_t records = 1000; records <= 10000000; records *= 10) {
        double seconds = seconds_of(scenario, host, records, "csv", true, &check);

        printf("%10" PRIu64 " %12.6f %14.2f\n", records, seconds, (double)records / seconds / 1e6);
    }
}

static uint32_t busiest_host(const struct model *model)
{
    uint32_t host = 0;

    for (uint32_t i = 1; i < model->host_count; i++) {
        if (model->hosts[i].flows > model->hosts[host].flows)
            host = i;
    }
    return host;
}

int main(int argc, char **argv)
{
    bool is_linear = argc > 2 && strcmp(argv[1], "--linear") == 0;
    struct error err;
    struct model *model = argc > 1 ? model_load(argv[argc > 2 && is_linear ? 2 : 1], &err) : NULL;
    struct scenario_group group = { .model = model };
    struct scenario_config config = { .groups = &group, .group_count = 1, .seed = SEED, .day_ns = NS_PER_DAY,
                                      .speed = 1 };
    struct scenario *scenario;
    uint32_t host;

    if (argc < 2) {
        fputs("usage: bench_synth [--linear] MODEL [HOST [RECORDS]]\n", stderr);
        return 2;
    }
    if (model == NULL)
        errx(1, "%s", err.text);
    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&config.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    scenario = scenario_new(&config, &err);
    if (scenario == NULL)
        errx(1, "%s", err.text);
    host = !is_linear && argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : busiest_host(model);
    if (host >= model->host_count) {
        fputs("bench_synth: there is no such host\n", stderr);
        return 2;
    }
    if (is_linear)
        bench_linear(scenario, host);
    else
        bench_all(scenario, model, host, argc > 3 ? strtoull(argv[3], NULL, 10) : RECORDS);
    scenario_free(scenario);
    model_free(model);
    return 0;
}
