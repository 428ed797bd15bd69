#include "cli/learn_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "capture/link_type.h"
#include "cli/cli.h"
#include "model/day_profile.h"

enum { NETWORKS_SHOWN = 8 };

/* ---- what both forms tell, by name ---- */

struct count {
    const char *key;  /* in JSON */
    const char *line; /* in text, behind the number */
    uint64_t count;
};

enum { MAX_COUNTS = 20 };

/* What was in the input and did not become a flow. */
static size_t skipped(const struct read_totals *totals, struct count counts[MAX_COUNTS])
{
    const struct capture_counts *capture = &totals->capture;
    const struct record_counts *records = &totals->records;
    const struct count all[] = {
        { "not_ip", "frames: not IP", capture->by_result[DECODE_NOT_IP] },
        { "other_ip", "frames: IP, but not TCP, UDP or ping", capture->by_result[DECODE_OTHER_IP] },
        { "fragments", "fragments whose first is not there", capture->by_result[DECODE_FRAGMENT] },
        { "malformed", "frames: malformed", capture->by_result[DECODE_MALFORMED] },
        { "cut", "frames: cut by the snaplen", capture->by_result[DECODE_CUT] },
        { "unknown_link", "frames of a link type that is not known", capture->unknown_link },
        { "duplicates", "frames: copies of another", capture->duplicates },
        { "dropped", "frames dropped by the kernel", capture->dropped },
        { "other_protocol_records", "records: neither TCP, UDP nor ICMP", records->other_protocol },
        { "other_icmp_records", "records: ICMP, but not ping", records->other_icmp },
        { "empty_records", "records without a packet", records->empty },
        { "malformed_records", "records that cannot be read", records->malformed },
        { "files", "files: neither capture nor flow log, or found before", totals->passed_over },
    };

    _Static_assert(sizeof all <= MAX_COUNTS * sizeof *all, "room for all");
    memcpy(counts, all, sizeof all);
    return sizeof all / sizeof *all;
}

/* What is learned in another way than it may have been. */
static size_t remarks(const struct learn_report *report, struct count counts[MAX_COUNTS])
{
    const struct read_totals *totals = report->totals;
    const struct count all[] = {
        { "foreign", "flows: neither end is local", learner_foreign_flows(report->learner) },
        { "refused", "flows: to themselves, or times or numbers that no flow can have",
          learner_refused_flows(report->learner) },
        { "late", "flows are not in their host's sequence: they came too late",
          learner_late_flows(report->learner) },
        { "late_packets", "packets count as of the one before them, which is newer",
          totals->flow.late_packets },
        { "other_services", "flows of services beyond the 1024 of most flows, counted together",
          learner_given_up(report->learner)->services },
        { "clock_steps", "times the clock stepped back, which ended all flows", totals->flow.clock_steps },
    };

    _Static_assert(sizeof all <= MAX_COUNTS * sizeof *all, "room for all");
    memcpy(counts, all, sizeof all);
    return sizeof all / sizeof *all;
}

/* What there was no memory for. */
static size_t given_up(const struct learn_report *report, struct count counts[MAX_COUNTS])
{
    const struct learner_given_up *given = learner_given_up(report->learner);
    const struct read_totals *totals = report->totals;
    const struct count all[] = {
        { "ended_early", "flows ended before their time", totals->flow.ended_early + totals->pairing.ended_early },
        { "not_inspected", "flows without a look for their application", 
          report->labeller ? application_labeller_refused(report->labeller) : 0 },
        { "cut_sequences", "flows with fewer of their packets one by one", totals->flow.cut_sequences },
        { "names", "times a host without a name of its own: it counts as one with others like it",
          host_names_unnamed(report->names) },
        { "hosts", "flows of a host too many: it is a peer outside", given->hosts },
        { "states", "flows that would have been another state of their host", given->states },
        { "transitions", "flows that would have been another transition", given->transitions },
        { "gaps", "gaps that would have been another bin", given->gaps },
        { "volumes", "volumes that would have been another bin", given->volumes },
        { "ports", "flows from another kind of port", given->ports },
        { "peers", "flows with another local peer", given->peers },
        { "activity", "flows of a time that counts as not observed", given->activity },
        { "samples", "flows that would have been a sample, or have kept their packets", given->samples },
        { "labels", "flows of another class", given->labels },
    };

    _Static_assert(sizeof all <= MAX_COUNTS * sizeof *all, "room for all");
    memcpy(counts, all, sizeof all);
    return sizeof all / sizeof *all;
}

static const char *network_text(const struct learn_report *report, const struct ip_network *network,
                                char text[HOST_NAME_MAX_BYTES + 2])
{
    const char *class = host_names_class(report->names, network);
    char plain[IP_NETWORK_TEXT];

    if (class != NULL)
        snprintf(text, HOST_NAME_MAX_BYTES + 2, "%s*", class);
    else
        snprintf(text, HOST_NAME_MAX_BYTES + 2, "%s", ip_network_format(network, plain));
    return text;
}

static uint32_t covered_slices(const struct network_stats *stats)
{
    struct day_coverage coverage;

    day_coverage_init(&coverage, &stats->coverage);
    return coverage.covered_slices;
}

/* ---- text ---- */

static void print_counts(const char *word, const struct count *counts, size_t size)
{
    char number[TEXT_NUMBER];

    for (size_t i = 0; i < size; i++) {
        if (counts[i].count > 0)
            printf("%-8s %s %s\n", word, text_from_count(counts[i].count, number), counts[i].line);
    }
}

static void print_read(const struct learn_report *report)
{
    const struct read_totals *totals = report->totals;
    bool packets = totals->kind == INPUT_CAPTURES;
    char units[TEXT_NUMBER];
    char flows[TEXT_NUMBER];
    char first[TEXT_DATE];
    char length[TEXT_NUMBER];

    printf("read     %s %s, %s flows", text_from_count(packets ? totals->capture.frames
                                                               : totals->records.lines, units),
           packets ? "frames" : "records", text_from_count(report->stats->flows, flows));
    if (totals->inputs > 1)
        printf(" in %" PRIu64 " files", totals->inputs);
    if (report->stats->flows > 0)
        printf(", %s from %s on", text_from_duration(report->stats->last.ns - report->stats->first.ns, length),
               text_from_date(day_time_date(report->stats->first), first));
    putchar('\n');
    if (totals->damaged > 0)
        printf("damaged  %" PRIu64 " of the inputs, as said\n", totals->damaged);
}

static void print_local(const struct learn_report *report)
{
    static const char *const basis[] = {
        [LOCAL_GIVEN] = "as given",
        [LOCAL_FOUND] = "found from the data; --local names others",
        [LOCAL_GUESSED] = "a guess, for no network stands out: name them with --local",
    };
    size_t count;
    const struct ip_network *networks = learner_local_networks(report->learner, &count);
    char text[HOST_NAME_MAX_BYTES + 2];

    if (count == 0)
        return;
    printf("local    ");
    for (size_t i = 0; i < count && i < NETWORKS_SHOWN; i++)
        printf("%s%s", i ? ", " : "", network_text(report, &networks[i], text));
    if (count > NETWORKS_SHOWN)
        printf(" and %zu more", count - NETWORKS_SHOWN);
    printf(" (%s)\n", basis[learner_local_basis(report->learner)]);
}

void learn_report_print(const struct learn_report *report)
{
    const struct network_stats *stats = report->stats;
    struct count counts[MAX_COUNTS];
    char size[TEXT_NUMBER];
    size_t count;
    bool some = false;

    print_read(report);
    count = skipped(report->totals, counts);
    print_counts("skipped", counts, count);
    if (report->totals->capture.unknown_link > 0)
        printf("         (link type %s)\n", link_type_name(report->totals->capture.unknown_link_type));
    count = remarks(report, counts);
    print_counts("but", counts, count);
    count = given_up(report, counts);
    print_counts("gave up", counts, count);
    for (size_t i = 0; i < count; i++)
        some = some || counts[i].count > 0;
    if (some)
        printf("         for want of memory (--max-memory is %s)\n",
               text_from_size(report->max_memory, size));
    print_local(report);
    printf("learned  %" PRIu32 " hosts, %zu states, %zu transitions, %zu services, %" PRIu32
           " of %d slices of the day\n",
           stats->host_count, stats->states.used, stats->transitions.used, stats->services.used,
           covered_slices(stats), DAY_SLICES);
    if (report->crowds)
        crowds_print(report->crowds, report->crowd_least);
    printf("wrote    %s\n", report->output);
}

/* ---- JSON ---- */

static json_t *counts_json(const struct count *counts, size_t size)
{
    json_t *object = json_object();

    for (size_t i = 0; i < size; i++)
        json_object_set_new(object, counts[i].key, json_integer((json_int_t)counts[i].count));
    return object;
}

static json_t *local_json(const struct learn_report *report)
{
    static const char *const basis[] = { [LOCAL_GIVEN] = "given", [LOCAL_FOUND] = "found",
                                         [LOCAL_GUESSED] = "guessed" };
    json_t *networks = json_array();
    size_t count;
    const struct ip_network *local = learner_local_networks(report->learner, &count);
    char text[HOST_NAME_MAX_BYTES + 2];

    for (size_t i = 0; i < count; i++)
        json_array_append_new(networks, json_string(network_text(report, &local[i], text)));
    return json_pack("{s:s,s:o}", "basis", basis[learner_local_basis(report->learner)], "networks",
                     networks);
}

int learn_report_print_json(const struct learn_report *report)
{
    const struct read_totals *totals = report->totals;
    const struct network_stats *stats = report->stats;
    struct count counts[MAX_COUNTS];
    json_t *root = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:i,s:i,s:i,s:i,s:i,s:o}",
        "inputs", (json_int_t)totals->inputs, "damaged", (json_int_t)totals->damaged,
        "frames", (json_int_t)totals->capture.frames, "records", (json_int_t)totals->records.lines,
        "flows", (json_int_t)stats->flows, "packets", (json_int_t)stats->packets,
        "first_ns", (json_int_t)stats->first.ns, "last_ns", (json_int_t)stats->last.ns,
        "hosts", (int)stats->host_count, "states", (int)stats->states.used,
        "transitions", (int)stats->transitions.used, "services", (int)stats->services.used,
        "covered_slices", (int)covered_slices(stats), "model", cli_json_text(report->output));

    json_object_set_new(root, "skipped", counts_json(counts, skipped(totals, counts)));
    json_object_set_new(root, "remarks", counts_json(counts, remarks(report, counts)));
    json_object_set_new(root, "given_up", counts_json(counts, given_up(report, counts)));
    json_object_set_new(root, "local", local_json(report));
    if (report->crowds)
        json_object_set_new(root, "crowds", crowds_json(report->crowds, report->crowd_least));
    return cli_print_json(root);
}
