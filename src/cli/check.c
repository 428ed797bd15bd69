/*
 * dayshift check: the domain checks of Falk's Table II on the TCP flows of captures, and strict legality.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/check_report.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/read_inputs.h"
#include "net/wire.h"

static const char help[] =
    "Usage: dayshift check [OPTION]... CAPTURE...\n"
    "\n"
    "Judges the TCP flows of captures: was a handshake observed, did data come before it, was\n"
    "it repeated, was a termination observed, did data come after it. Shares of flows. Then the\n"
    "share that holds nothing a TCP stack could not have sent, and of each rule that was judged.\n"
    "Captures are what 'dayshift learn' reads, without flow logs.\n"
    "\n"
    "      --per-service  a line for each service as well\n"
    "      --list N       where the first N flows break which rule (1 to 100000)\n"
    "      --json         as JSON\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

enum { LIST_MOST = 100000 };
enum { OPTION_PER_SERVICE = 256, OPTION_LIST, OPTION_JSON };

struct check_options {
    struct check_style style;
    uint64_t list_most;
    bool json;
};

/* ---- what packets and flows add ---- */

static void add_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    (void)self;
    legality_add(state, side, packet);
}

/* The name as long as the report; the capture's own goes with the capture. */
static const char *keep_name(struct check_report *report, const char *name)
{
    for (size_t i = report->name_count; i > 0; i--) {
        if (strcmp(report->names[i - 1], name) == 0)
            return report->names[i - 1];
    }
    report->names = memory_grow(report->names, &report->name_capacity, report->name_count + 1,
                                sizeof *report->names);
    return report->names[report->name_count++] = memory_copy_text(name);
}

static void list_illegal(struct check_report *report, const struct legality *legality,
                         const struct flow_record *record)
{
    struct illegal_flow *flow = &report->list[report->listed];

    if (legality->broken == 0 || report->listed == report->list_most)
        return;
    *flow = (struct illegal_flow){
        .address = { record->address[0], record->address[1] },
        .port = { record->port[0], record->port[1] },
        .broken = legality->broken,
    };
    memcpy(flow->places, legality->places, sizeof flow->places);
    for (int rule = 0; rule < LEGALITY_RULES; rule++) {
        if (flow->broken >> rule & 1)
            flow->places[rule].file = keep_name(report, flow->places[rule].file);
    }
    report->listed++;
}

static void end_flow(void *self, void *state, const struct flow_record *record)
{
    struct check_report *report = self;

    if (record->protocol == IP_TCP) {
        uint32_t feature = port_feature_of(record->port[FLOW_RESPONDER]);

        legality_counts_add(&report->all.legality, state);
        legality_counts_add(&report->services[feature].legality, state);
        list_illegal(report, state, record);
    } else if (record->protocol == IP_UDP) {
        legality_counts_add(&report->udp, state);
    }
}

static void add_record(void *self, const struct flow_record *record)
{
    struct check_report *report = self;

    domain_checks_add(&report->all.domain, record);
    domain_checks_add(&report->services[port_feature_of(record->port[FLOW_RESPONDER])].domain, record);
}

/* ---- the verb ---- */

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct check_options *o = self;

    if (option == OPTION_LIST)
        return option_u64("--list", value, 1, LIST_MOST, &o->list_most, err);
    o->json |= option == OPTION_JSON;
    o->style.per_service |= option == OPTION_PER_SERVICE;
    return 0;
}

static int parse(struct check_options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "per-service", no_argument, NULL, OPTION_PER_SERVICE },
        { "list", required_argument, NULL, OPTION_LIST },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "h", options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && optind == argc)
        return options_misused("check", "at least one capture is needed");
    return status;
}

static struct check_report *report_new(uint64_t list_most)
{
    struct check_report *report = memory_alloc(sizeof *report);

    report->list_most = (size_t)list_most;
    report->list = memory_alloc_array(report->list_most + 1, sizeof *report->list);
    return report;
}

static void report_free(struct check_report *report)
{
    for (size_t i = 0; i < report->name_count; i++)
        free(report->names[i]);
    free(report->names);
    free(report->list);
    free(report);
}

static int check(const struct check_options *o, char **paths, int count)
{
    struct check_report *report = report_new(o->list_most);
    const struct flow_observer observer = { report, sizeof(struct legality), add_packet, end_flow, NULL };
    const struct read_options read = {
        .captures_only = true,
        .max_bytes = READ_MAX_BYTES_DEFAULT,
        .observer = &observer,
    };
    struct check_style style = o->style;
    struct read_totals totals = { 0 };
    struct error err = { "" };
    int status = EXIT_OK;

    if (read_inputs(paths, count, &read, add_record, report, &totals, &err) < 0)
        status = cli_fail(&err);
    style.several_files = totals.inputs > 1;
    if (status == EXIT_OK && o->json)
        status = check_report_json(report, &style);
    else if (status == EXIT_OK)
        check_report_text(report, &style);
    if (status == EXIT_OK && totals.damaged > 0)
        status = EXIT_DAMAGED;
    report_free(report);
    return status;
}

int verb_check(int argc, char **argv)
{
    struct check_options o = { .json = false };
    int status = parse(&o, argc, argv);

    if (status == EXIT_OK)
        return check(&o, argv + optind, argc - optind);
    return status < 0 ? EXIT_OK : status;
}
