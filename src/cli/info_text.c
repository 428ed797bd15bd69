/*
 * dayshift info, for people: columns as wide as what is in them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/info.h"

enum {
    SHOWN_SERVICES = 12,
    SHOWN_CLASSES = 3,
    SHOWN_PORTS = 6,
    HOURS = 24,
    SLICES_AN_HOUR = DAY_SLICES / HOURS
};

/* Room for the largest number, and for the heading above it. */
static int wide_enough(uint64_t most, const char *heading)
{
    int digits = snprintf(NULL, 0, "%" PRIu64, most);
    int heading_width = (int)strlen(heading);

    return digits > heading_width ? digits : heading_width;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- the model ---- */

static void print_when(const struct model *model)
{
    char first[TEXT_DATE];
    char last[TEXT_DATE];
    char length[TEXT_NUMBER];
    uint32_t days = 0;

    for (int i = 0; i < DAYS_A_WEEK; i++)
        days += model->weekdays[i];
    printf("  when          %s to %s, %s\n", text_from_date(day_time_date(model->first), first),
           text_from_date(day_time_date(model->last), last),
           text_from_duration(model->last.ns - model->first.ns, length));
    printf("  days          %" PRIu32, days);
    for (int i = 0; i < DAYS_A_WEEK; i++) {
        if (model->weekdays[i] > 0)
            printf("  %s %" PRIu32, info_weekdays[i], model->weekdays[i]);
    }
    putchar('\n');
}

/* One sign an hour: nothing, a part, or all of it was observed on some day. */
static void print_coverage(const struct model *model)
{
    char bar[HOURS + 1] = "";

    for (int hour = 0; hour < HOURS; hour++) {
        int observed = 0;

        for (int i = 0; i < SLICES_AN_HOUR; i++)
            observed += model->observed_days[hour * SLICES_AN_HOUR + i] > 0;
        bar[hour] = observed == 0 ? '.' : observed < SLICES_AN_HOUR ? '-' : '#';
    }
    printf("  day profile   %" PRIu32 " of %d slices observed  00:00 %s 24:00\n",
           model->covered_slices, DAY_SLICES, bar);
}

static void print_sizes(const struct model *model, uint64_t file_bytes)
{
    struct info_memory memory = info_memory(model);
    char text[4][TEXT_NUMBER];

    printf("  file          %s bytes\n", text_from_count(file_bytes, text[0]));
    printf("  memory        %s bytes a host on average, median %s, largest %s (host %" PRIu32 "),"
           " together %s\n",
           text_from_count(memory.average, text[0]), text_from_count(memory.median, text[1]),
           text_from_count(memory.largest, text[2]), memory.largest_host,
           text_from_count(memory.total, text[3]));
}

static void print_source(const struct model *model, const char *path, uint64_t file_bytes)
{
    char flows[TEXT_NUMBER];
    char packets[TEXT_NUMBER];

    printf("%s\n", path);
    printf("  learned from  %s flows, %s packets\n", text_from_count(model->flows, flows),
           text_from_count(model->packets, packets));
    print_when(model);
    print_coverage(model);
    printf("  hosts         %" PRIu32, model->host_count);
    if (model->member_count > model->host_count)
        printf(", crowds that stand for %" PRIu32, model->member_count);
    printf(", and %" PRIu32 " peers outside that are told apart\n", model->outside_count);
    printf("  key           %s\n", model->has_tags ? "yes: models of the same key merge host by host"
                                                   : "none: merged models keep their hosts apart");
    print_sizes(model, file_bytes);
}

static void print_hosts(const struct model *model)
{
    uint64_t flows = 0;
    uint64_t states = 0;
    int widths[4];

    for (uint32_t i = 0; i < model->host_count; i++) {
        flows = larger(flows, model->hosts[i].flows);
        states = larger(states, model->hosts[i].state_count);
    }
    widths[0] = wide_enough(model->host_count, "host");
    widths[1] = wide_enough(flows, "flows");
    widths[2] = wide_enough(states, "states");
    widths[3] = wide_enough(info_memory(model).largest, "bytes");
    printf("\n  %*s  %*s  %*s  slices  %*s  most used states\n", widths[0], "host", widths[1], "flows",
           widths[2], "states", widths[3], "bytes");
    for (uint32_t i = 0; i < model->host_count; i++) {
        const struct host_model *host = &model->hosts[i];
        const struct state_model **by_use = info_states_by_use(host);
        char name[STATE_NAME];

        printf("  %*" PRIu32 "  %*" PRIu64 "  %*" PRIu32 "  %6" PRIu32 "  %*zu", widths[0], host->id,
               widths[1], host->flows, widths[2], host->state_count, info_active_slices(host), widths[3],
               host_model_bytes(host));
        for (uint32_t k = 0; k < host->state_count && k < INFO_BUSIEST_STATES; k++)
            printf("%s %s %.2f", k ? "," : " ", cli_state_name(by_use[k]->key, name),
                   info_state_share(host, by_use[k]));
        putchar('\n');
        free(by_use);
    }
}

static void print_service(const struct info_service *service, int width)
{
    size_t count;
    const struct service_model **classes = info_classes_by_use(service, &count);
    char name[STATE_NAME];

    printf("  %-10s  %*" PRIu64 "  %7zu", info_service_name(service, name), width, service->flows,
           service->sampled);
    for (size_t i = 0; i < count && i < SHOWN_CLASSES; i++)
        printf("%s%s %" PRIu64, i ? ", " : "  ", classes[i]->label, classes[i]->flows);
    if (count > SHOWN_CLASSES)
        printf(", %zu more", count - SHOWN_CLASSES);
    putchar('\n');
    free(classes);
}

static void print_services(const struct info_service *services, size_t count)
{
    int width = wide_enough(count > 0 ? services[0].flows : 0, "flows");

    printf("\n  service     %*s  sampled  classes\n", width, "flows");
    for (size_t i = 0; i < count && i < SHOWN_SERVICES; i++)
        print_service(&services[i], width);
    if (count > SHOWN_SERVICES)
        printf("  and %zu more services (--json has them all)\n", count - SHOWN_SERVICES);
}

static double percent(uint64_t times, uint64_t of)
{
    return 100 * info_rate(times, of);
}

static void print_service_conditions(const struct info_service *service, int width)
{
    const struct service_conditions *c = &service->conditions;
    char name[STATE_NAME];

    printf("  %-10s  %*" PRIu64 "  %10.3f  %9.3f  %10.3f  %9.3f  %6.2f  %10.2f  %11.3f\n",
           info_service_name(service, name), width, c->packets, percent(c->retransmitted, c->packets),
           percent(c->reordered, c->packets), percent(c->duplicated, c->packets),
           percent(c->fragments, c->packets), percent(c->resets, c->flows),
           percent(c->unanswered, c->attempts), percent(c->unreachable, c->packets));
}

/* Only of flows that were measured by their packets. */
static void print_conditions(const struct info_service *services, size_t count)
{
    uint64_t packets = 0;
    int width;

    for (size_t i = 0; i < count && i < SHOWN_SERVICES; i++)
        packets = larger(packets, services[i].conditions.packets);
    if (packets == 0)
        return;
    width = wide_enough(packets, "packets");
    printf("\n  how the network treated them, in %% of packets; resets in %% of flows,"
           " unanswered in %% of SYNs:\n"
           "  service     %*s  retransmit  reordered  duplicated  fragments  resets  unanswered"
           "  unreachable\n",
           width, "packets");
    for (size_t i = 0; i < count && i < SHOWN_SERVICES; i++) {
        if (services[i].conditions.packets > 0)
            print_service_conditions(&services[i], width);
    }
}

static void print_tables(const struct model *model)
{
    uint64_t most = 0;
    int width;

    for (int i = 0; i < MODEL_TABLES; i++)
        most = larger(most, model->rows[i]);
    width = wide_enough(most, "rows");
    printf("\n  %-14s  %*s\n", "table", width, "rows");
    for (int i = 0; i < MODEL_TABLES; i++)
        printf("  %-14s  %*" PRIu64 "\n", model_table_name((enum model_table)i), width, model->rows[i]);
}

void info_print_model(const struct model *model, const char *path, uint64_t file_bytes)
{
    size_t count;
    struct info_service *services = info_services_by_use(model, &count);

    print_source(model, path, file_bytes);
    print_hosts(model);
    print_services(services, count);
    print_conditions(services, count);
    print_tables(model);
    free(services);
}

/* ---- a host ---- */

static void print_volume(const struct state_model *state)
{
    for (uint32_t k = 0; k < state->packets.size; k++) {
        const struct mixture_component *c = &state->packets.components[k];

        printf("      %5.3f of flows have %.1f packets, sd of ln %.2f\n", c->weight, exp(c->mean),
               c->sd);
    }
    if (state->mean_bytes > 0)
        printf("      %.0f bytes a flow on average\n", (double)state->mean_bytes);
}

/* The most used ones; they are few, so the next one is looked for each time. */
static void print_ports(const struct state_model *state)
{
    const struct discrete *ports = &state->responder_ports;
    uint32_t last_count = UINT32_MAX;
    uint32_t last_index = 0;

    if (ports->size == 0)
        return;
    printf("      answering ports:");
    for (uint32_t shown = 0; shown < ports->size && shown < SHOWN_PORTS; shown++) {
        uint32_t best = ports->size;

        for (uint32_t i = 0; i < ports->size; i++) {
            uint32_t count = discrete_count(ports, i);
            bool is_left = count < last_count || (count == last_count && i > last_index);

            if (is_left && (best == ports->size || count > discrete_count(ports, best)))
                best = i;
        }
        last_index = best;
        last_count = discrete_count(ports, best);
        if (discrete_symbol(ports, best) == PORT_OTHER)
            printf("  others %.2f", discrete_share(ports, best));
        else
            printf("  %" PRIu32 " %.2f", discrete_symbol(ports, best), discrete_share(ports, best));
    }
    if (ports->size > SHOWN_PORTS)
        printf("  and %" PRIu32 " more", ports->size - SHOWN_PORTS);
    putchar('\n');
}

static void print_peers(const struct state_model *state)
{
    struct info_peers peers = info_peers(state);

    printf("      peers: %" PRIu32 " local, %" PRIu32 " outside", peers.local, peers.outside);
    if (peers.group_share > 0)
        printf(", %.2f of flows to all or to a group", peers.group_share);
    putchar('\n');
}

static void print_states(const struct host_model *host)
{
    const struct state_model **states = info_states_by_use(host);
    int width = wide_enough(host->flows, "flows");
    char name[STATE_NAME];

    printf("  %-28s  share  %*s  median gap to the next flow (s)\n", "state", width, "flows");
    for (uint32_t i = 0; i < host->state_count; i++) {
        printf("  %-28s  %5.3f  %*" PRIu64 "  %.3g\n", cli_state_name(states[i]->key, name),
               info_state_share(host, states[i]), width, states[i]->flows,
               info_median_gap_s(&states[i]->gaps));
        print_volume(states[i]);
        print_ports(states[i]);
        print_peers(states[i]);
    }
    free(states);
}

/* The states that a capture, or the end of a long silence, finds first. */
static void print_beginnings(const struct host_model *host)
{
    char name[STATE_NAME];

    printf("\n  begins with:\n");
    for (uint32_t i = 0; i < host->initial.size; i++)
        printf("    %-28s %5.3f\n",
               cli_state_name(host->states[discrete_symbol(&host->initial, i)].key, name),
               discrete_share(&host->initial, i));
}

static void print_class(const struct host_model *host, int class)
{
    const struct class_profile *days = &host->days[class];

    printf("\n  slices with activity, %s (time, share of the days observed, packets, sd of ln, flows):\n",
           info_day_class_name(host, class));
    for (uint32_t i = 0; i < days->size; i++) {
        const struct slice_profile *p = &days->slices[i];

        printf("    %02d:%02d  %.2f of %" PRIu64 "  %.0f  %.2f  %.1f\n", p->slice / SLICES_AN_HOUR,
               p->slice % SLICES_AN_HOUR * 5, slice_profile_share(p),
               (uint64_t)host->members * days->observed[p->slice],
               exp(slice_profile_log_packets(p)), slice_profile_log_sd(p), exp(slice_profile_log_flows(p)));
    }
}

static void print_profile(const struct host_model *host)
{
    for (int class = 0; class < info_day_classes(host); class++)
        print_class(host, class);
}

void info_print_host(const struct host_model *host)
{
    printf("host %" PRIu32 ": %" PRIu64 " flows, %.1f packets each, %zu bytes in memory\n", host->id,
           host->flows, host->mean_packets, host_model_bytes(host));
    if (host->members > 1)
        printf("a crowd of %" PRIu32 " hosts: flows are those of all, days those of each\n", host->members);
    else
        printf("it behaves like the others of crowd %" PRIu32 "\n", host->crowd);
    putchar('\n');
    print_states(host);
    print_beginnings(host);
    print_profile(host);
}
