/*
 * bench_session - what the packet model of symbols costs: fits, tables, draws.
 *
 * usage: bench_session MODEL [SECONDS]
 * One line a service of which packets were kept, and one of all; in one thread, nothing is rendered. Draws take about
 * SECONDS (10) of CPU time in all, as long for each service; a service of few packets is done sooner.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/model.h"
#include "net/wire.h"
#include "session/model_symbols.h"
#include "session/session.h"
#include "bench.h"

enum { SESSIONS = 20000, SECONDS = 10 };

struct cost {
    uint64_t packets_learned, bytes, draws;
    double fit_seconds, draw_seconds;
};

/* Of sessions like the sampled flows, in turn, for so many seconds. */
static void measure(const struct service_model *service, struct packet_models *models, double seconds,
                    struct cost *cost)
{
    double began = bench_cpu_seconds();
    const struct packet_tables *tables = packet_models_tables(models, service);
    struct session session;
    struct session_packet packet;

    if (tables == NULL)
        return;
    cost->fit_seconds = bench_cpu_seconds() - began;
    cost->bytes = packet_model_symbols.bytes(tables);
    for (size_t i = 0; i < service->row_count; i++)
        cost->packets_learned += service->rows[i].sequence_length;
    began = bench_cpu_seconds();
    for (uint32_t i = 0; i < SESSIONS && bench_cpu_seconds() - began < seconds; i++) {
        struct flow_plan plan = {
            .key = i,
            .protocol = service->protocol,
            .service = service,
            .packets = session_row_packets(&service->rows[i % service->row_count]),
            .ends = { { .name = i }, { .name = ~i, .port = 1 /* payload of no protocol */ } },
        };

        session_begin(&session, &plan, 1, models, NULL, NULL);
        while (session_next(&session, &packet))
            cost->draws++;
    }
    cost->draw_seconds = bench_cpu_seconds() - began;
}

static void print_cost(const char *name, const struct cost *cost)
{
    printf("%-10s %8" PRIu64 " packets learned in %6.1f ms, %6" PRIu64 " bytes of tables; %9" PRIu64
           " packets drawn, %4.0f ns each\n",
           name, cost->packets_learned, cost->fit_seconds * 1e3, cost->bytes, cost->draws,
           cost->draws > 0 ? cost->draw_seconds * 1e9 / (double)cost->draws : 0.0);
}

int main(int argc, char **argv)
{
    struct error err = { "" };
    struct model *model = argc == 2 || argc == 3 ? model_load(argv[1], &err) : NULL;
    double seconds = argc == 3 ? atof(argv[2]) : SECONDS;
    struct packet_models *models;
    struct cost all = { 0 };

    if (model == NULL) {
        fprintf(stderr, "bench_session: %s\n", err.text[0] ? err.text : "usage: bench_session MODEL [SECONDS]");
        return 1;
    }
    models = packet_models_new(&packet_model_symbols, NULL, 0);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *service = &model->services[i];
        struct cost cost = { 0 };
        char name[24];

        measure(service, models, seconds / (double)model->service_count, &cost);
        if (cost.draws == 0)
            continue;
        snprintf(name, sizeof name, "%u/%u", service->protocol, service->port);
        print_cost(name, &cost);
        all.packets_learned += cost.packets_learned;
        all.bytes += cost.bytes;
        all.draws += cost.draws;
        all.fit_seconds += cost.fit_seconds;
        all.draw_seconds += cost.draw_seconds;
    }
    print_cost("all", &all);
    packet_models_free(models);
    model_free(model);
    return 0;
}
