#include "cli/check_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "net/wire.h"

enum { ENDPOINT_TEXT = IP_ADDRESS_TEXT + 8 };

static double share_of(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static const char *endpoint_text(const struct illegal_flow *flow, enum flow_side side, char text[ENDPOINT_TEXT])
{
    char address[IP_ADDRESS_TEXT];

    ip_address_format(&flow->address[side], address);
    if (ip_address_is_v4(&flow->address[side]))
        snprintf(text, ENDPOINT_TEXT, "%s:%u", address, flow->port[side]);
    else
        snprintf(text, ENDPOINT_TEXT, "[%s]:%u", address, flow->port[side]);
    return text;
}

/* ---- services ---- */

struct service {
    uint32_t feature;
    uint64_t flows;
};

/* Most flows first. */
static int compare_services(const void *x, const void *y)
{
    const struct service *a = x;
    const struct service *b = y;

    if (a->flows != b->flows)
        return a->flows > b->flows ? -1 : 1;
    return a->feature < b->feature ? -1 : 1;
}

/* Those with flows. */
static size_t order_services(const struct check_report *report, struct service services[PORT_FEATURES])
{
    size_t count = 0;

    for (uint32_t feature = 0; feature < PORT_FEATURES; feature++) {
        uint64_t flows = report->services[feature].domain.flows;

        if (flows > 0)
            services[count++] = (struct service){ feature, flows };
    }
    qsort(services, count, sizeof *services, compare_services);
    return count;
}

/* The next rule that the flow breaks, `rule` or one behind it; LEGALITY_RULES: there is none. */
static enum legality_rule broken_rule(const struct illegal_flow *flow, enum legality_rule rule)
{
    while (rule < LEGALITY_RULES && !(flow->broken >> rule & 1))
        rule++;
    return rule;
}

/* ---- text ---- */

static void print_rules(const struct check_report *report)
{
    const struct legality_counts *legality = &report->all.legality;

    printf("%-40s %10.4f\n", "legal: no rule below is broken", share_of(legality->legal, legality->flows));
    printf("%-40s %10.4f\n", "legal but for offloading (*)",
           share_of(legality->legal_but_offloaded, legality->flows));
    for (enum legality_rule rule = 0; rule < LEGALITY_RULES; rule++)
        printf("  %-38s %10.4f   of %" PRIu64 "%s\n", legality_rule_text(rule), legality_share(legality, rule),
               legality->judged[rule], LEGALITY_OFFLOADED >> rule & 1 ? " (*)" : "");
    if (report->udp.flows > 0)
        printf("%-40s %10" PRIu64 "\n%-40s %10.4f\n", "UDP flows", report->udp.flows, "checksums right (*)",
               share_of(report->udp.legal, report->udp.flows));
}

static void print_service(const char *name, const struct check_counts *counts)
{
    printf("%-16s %8" PRIu64, name, counts->domain.flows);
    for (enum domain_check check = 0; check < DOMAIN_CHECKS; check++)
        printf(" %9.4f", domain_checks_share(&counts->domain, check));
    printf(" %9.4f %9.4f\n", share_of(counts->legality.legal, counts->legality.flows),
           share_of(counts->legality.legal_but_offloaded, counts->legality.flows));
}

static void print_services(const struct check_report *report)
{
    struct service services[PORT_FEATURES];
    size_t count = order_services(report, services);
    char text[PORT_NAME];

    printf("\n%-16s %8s %9s %9s %9s %9s %9s %9s %9s\n", "service", "flows", "handshake", "no early",
           "no second", "termin.", "no late", "legal", "but (*)");
    for (size_t i = 0; i < count; i++)
        print_service(cli_port_name(IP_TCP, services[i].feature, text), &report->services[services[i].feature]);
    print_service("all", &report->all);
}

/* A line for each rule. */
static void print_illegal(const struct illegal_flow *flow, bool several_files)
{
    char time[CLI_TIME];
    char from[ENDPOINT_TEXT];
    char to[ENDPOINT_TEXT];

    for (enum legality_rule rule = broken_rule(flow, 0); rule < LEGALITY_RULES; rule = broken_rule(flow, rule + 1)) {
        const struct legality_place *place = &flow->places[rule];

        printf("%8" PRIu64 "  %s  %-12s  %s > %s%s%s\n", place->frame, cli_time(place->time, time),
               legality_rule_key(rule), endpoint_text(flow, FLOW_INITIATOR, from),
               endpoint_text(flow, FLOW_RESPONDER, to), several_files ? "  " : "", several_files ? place->file : "");
    }
}

void check_report_text(const struct check_report *report, const struct check_style *style)
{
    const struct domain_checks *domain = &report->all.domain;

    printf("%-40s %10" PRIu64 "\n", "TCP flows", domain->flows);
    for (enum domain_check check = 0; check < DOMAIN_CHECKS; check++)
        printf("%-40s %10.4f\n", domain_check_name(check), domain_checks_share(domain, check));
    print_rules(report);
    if (style->per_service)
        print_services(report);
    if (report->listed > 0)
        printf("\n%8s  %-23s  %-12s  flow\n", "frame", "time (UTC)", "breaks");
    for (size_t i = 0; i < report->listed; i++)
        print_illegal(&report->list[i], style->several_files);
}

/* ---- JSON ---- */

/* With the Falk shares, as members of the object. */
static void put_counts(json_t *object, const struct check_counts *counts)
{
    const struct legality_counts *legality = &counts->legality;
    json_t *rules = json_object();

    json_object_set_new(object, "tcp_flows", json_integer((json_int_t)counts->domain.flows));
    for (enum domain_check check = 0; check < DOMAIN_CHECKS; check++)
        json_object_set_new(object, domain_check_name(check), json_real(domain_checks_share(&counts->domain, check)));
    json_object_set_new(object, "legal", json_real(share_of(legality->legal, legality->flows)));
    json_object_set_new(object, "legal_but_for_offloading",
                        json_real(share_of(legality->legal_but_offloaded, legality->flows)));
    for (enum legality_rule rule = 0; rule < LEGALITY_RULES; rule++)
        json_object_set_new(rules, legality_rule_key(rule),
                            json_pack("{s:f,s:I}", "share", legality_share(legality, rule), "flows",
                                      (json_int_t)legality->judged[rule]));
    json_object_set_new(object, "rules", rules);
}

static json_t *services_json(const struct check_report *report)
{
    struct service services[PORT_FEATURES];
    size_t count = order_services(report, services);
    json_t *array = json_array();
    char text[PORT_NAME];

    for (size_t i = 0; i < count; i++) {
        json_t *service = json_pack("{s:s}", "service", cli_port_name(IP_TCP, services[i].feature, text));

        put_counts(service, &report->services[services[i].feature]);
        json_array_append_new(array, service);
    }
    return array;
}

static json_t *illegal_json(const struct illegal_flow *flow)
{
    json_t *breaks = json_array();
    char time[CLI_TIME];
    char from[ENDPOINT_TEXT];
    char to[ENDPOINT_TEXT];

    for (enum legality_rule rule = broken_rule(flow, 0); rule < LEGALITY_RULES; rule = broken_rule(flow, rule + 1)) {
        const struct legality_place *place = &flow->places[rule];

        json_array_append_new(breaks, json_pack("{s:s,s:I,s:o,s:s}", "rule", legality_rule_key(rule), "frame",
                                                (json_int_t)place->frame, "file", cli_json_text(place->file), "time",
                                                cli_time(place->time, time)));
    }
    return json_pack("{s:s,s:s,s:o}", "initiator", endpoint_text(flow, FLOW_INITIATOR, from), "responder",
                     endpoint_text(flow, FLOW_RESPONDER, to), "breaks", breaks);
}

int check_report_json(const struct check_report *report, const struct check_style *style)
{
    json_t *root = json_object();

    put_counts(root, &report->all);
    json_object_set_new(root, "udp_flows", json_integer((json_int_t)report->udp.flows));
    json_object_set_new(root, "udp_checksums_right", json_real(share_of(report->udp.legal, report->udp.flows)));
    if (style->per_service)
        json_object_set_new(root, "services", services_json(report));
    if (report->list_most > 0) {
        json_t *list = json_array();

        for (size_t i = 0; i < report->listed; i++)
            json_array_append_new(list, illegal_json(&report->list[i]));
        json_object_set_new(root, "illegal", list);
    }
    return cli_print_json(root);
}
