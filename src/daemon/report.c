#include "daemon/report.h"

#include <string.h>

#include "base/text.h"
#include "daemon/table.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void report_counts_add(struct report_counts *sum, const struct report_counts *more)
{
    sum->hosts = larger(sum->hosts, more->hosts);
    sum->flows += more->flows;
    sum->flows_left_out += more->flows_left_out;
    sum->flows_under_way += more->flows_under_way;
    sum->complete_tcp += more->complete_tcp;
    sum->hurried += more->hurried;
    sum->repeated_syns += more->repeated_syns;
    sum->most_live = larger(sum->most_live, more->most_live);
    sum->overlays += more->overlays;
    sum->overlay_frames += more->overlay_frames;
    sum->overlays_cut += more->overlays_cut;
    sum->overlays_left_out += more->overlays_left_out;
    sum->logged += more->logged;
    sum->unlogged += more->unlogged;
    sum->planned += more->planned;
    sum->sent += more->sent;
    sum->sent_bytes += more->sent_bytes;
    sum->dropped += more->dropped;
    sum->refused += more->refused;
    sum->unsent += more->unsent;
    sum->late += more->late;
    sum->lost += more->lost;
    sum->busy += more->busy;
    sum->held_back += more->held_back;
    sum->stalls += more->stalls;
    sum->stalled_ns += more->stalled_ns;
    sum->page_faults += more->page_faults;
    sum->clock_steps += more->clock_steps;
    sum->suspensions += more->suspensions;
    sum->arp_answers += more->arp_answers;
    sum->nd_answers += more->nd_answers;
    sum->echo_answers += more->echo_answers;
    sum->resets += more->resets;
    sum->unreachable += more->unreachable;
    sum->unasked += more->unasked;
    sum->answers_dropped += more->answers_dropped;
    sum->answers_withheld += more->answers_withheld;
    sum->conflicts += more->conflicts;
    sum->has_crossings = sum->has_crossings || more->has_crossings;
    sum->crossed += more->crossed;
    sum->arrived += more->arrived;
    log_histogram_add_all(&sum->lateness, &more->lateness);
    log_histogram_add_all(&sum->kernel_lateness, &more->kernel_lateness);
}

/* Of a thread that goes on counting: they are read again, a few times, until they add up, and made to if they never do. */
static void add_frames(struct report_counts *counts, const struct emit_counts *emitted)
{
    uint64_t planned, sent, dropped, refused;

    for (int i = 0; i < 100; i++) {
        planned = emitted->planned;
        sent = emitted->sent;
        dropped = emitted->dropped;
        refused = emitted->refused;
        if (planned == sent + dropped + refused)
            break;
    }
    counts->planned += sent + dropped + refused;
    counts->sent += sent;
    counts->dropped += dropped;
    counts->refused += refused;
}

void report_counts_add_emitted(struct report_counts *counts, const struct emit_counts *emitted)
{
    add_frames(counts, emitted);
    counts->sent_bytes += emitted->sent_bytes;
    counts->unsent += emitted->unsent;
    counts->late += emitted->late;
    counts->lost += emitted->lost;
    counts->busy += emitted->busy;
    counts->held_back += emitted->held_back;
    counts->stalls += emitted->stalls;
    counts->stalled_ns += emitted->stalled_ns;
    counts->page_faults += emitted->page_faults;
    log_histogram_add_all(&counts->lateness, &emitted->lateness);
}

void report_counts_add_answers(struct report_counts *counts, const struct answer_counts *answers)
{
    counts->arp_answers += answers->sent[RESPONSE_ARP];
    counts->nd_answers += answers->sent[RESPONSE_ND];
    counts->echo_answers += answers->sent[RESPONSE_ECHO];
    counts->resets += answers->sent[RESPONSE_RESET];
    counts->unreachable += answers->sent[RESPONSE_UNREACHABLE];
    counts->unasked += answers->unasked;
    counts->answers_dropped += answers->dropped;
    counts->answers_withheld += answers->withheld;
    counts->conflicts += answers->conflicts;
}

void report_counts_set_emitted(struct report_counts *counts, const struct emit_counts *emitted, size_t links)
{
    counts->planned = counts->sent = counts->sent_bytes = counts->dropped = counts->refused = 0;
    counts->unsent = counts->late = counts->lost = counts->busy = counts->held_back = 0;
    counts->page_faults = counts->stalls = counts->stalled_ns = 0;
    memset(&counts->lateness, 0, sizeof counts->lateness);
    for (size_t i = 0; i < links; i++)
        report_counts_add_emitted(counts, &emitted[i]);
}

void report_counts_set_logged(struct report_counts *counts, struct flow_ledger_counts logged)
{
    counts->logged = logged.logged;
    counts->unlogged = logged.no_room + logged.lost;
}

/* ---- for people ---- */

/* What is seldom and bad is said where it happened. */
static void count_unless_none(FILE *to, const char *name, uint64_t count, const char *remark)
{
    if (count > 0)
        table_count(to, name, count, remark);
}

static void print_lateness(FILE *to, const struct report_counts *counts)
{
    const struct log_histogram *kernel = &counts->kernel_lateness;

    table_time(to, "lateness p50", log_histogram_quantile(&counts->lateness, 0.5), "");
    table_time(to, "lateness p99", log_histogram_quantile(&counts->lateness, 0.99), "");
    table_time(to, "lateness p99.9", log_histogram_quantile(&counts->lateness, 0.999), "");
    table_time(to, "lateness max", counts->lateness.max_ns, "");
    if (kernel->count == 0)
        return;
    table_time(to, "kernel p50", log_histogram_quantile(kernel, 0.5), "by the kernel's stamps of a sample");
    table_time(to, "kernel p99", log_histogram_quantile(kernel, 0.99), "");
}

static void print_stalls(FILE *to, const struct report_counts *counts)
{
    char text[TEXT_NUMBER];
    char remark[TEXT_NUMBER + sizeof " in all, by which the run was put off"];

    snprintf(remark, sizeof remark, "%s in all, by which the run was put off",
             text_from_ns((int64_t)counts->stalled_ns, text));
    table_count(to, "stalls", counts->stalls, counts->stalls ? remark : "");
}

/* A frame may arrive twice, and before it is counted as sent. */
static uint64_t missing(const struct report_counts *counts)
{
    return counts->crossed > counts->arrived ? counts->crossed - counts->arrived : 0;
}

static void print_crossings(FILE *to, const struct report_counts *counts)
{
    if (!counts->has_crossings)
        return;
    table_count(to, "crossed", counts->crossed, "sent on one link for receivers on another");
    table_count(to, "  arrived", counts->arrived, "there");
    table_count(to, "  missing", missing(counts), "dropped on the way, or still on it");
}

void report_print_flows(const struct report_counts *counts, FILE *to)
{
    table_count(to, "virtual hosts", counts->hosts, "");
    table_count(to, "flows planned", counts->flows, "");
    count_unless_none(to, "  not played", counts->flows_left_out, "ends of connections that the run did not leave open");
    count_unless_none(to, "  under way", counts->flows_under_way, "when the run began: see lead_in");
    table_count(to, "  TCP, open to close", counts->complete_tcp, "");
    table_count(to, "  cut by the end", counts->hurried, "");
    table_count(to, "most at once", counts->most_live, "");
    table_count(to, "repeated SYNs", counts->repeated_syns, "as the model asked");
    count_unless_none(to, "overlays", counts->overlays, "begun");
    count_unless_none(to, "  left out", counts->overlays_left_out, "still under way when their time came again");
    count_unless_none(to, "  cut", counts->overlays_cut, "their captures could not be read any more");
    count_unless_none(to, "  frames", counts->overlay_frames, "of those planned");
    count_unless_none(to, "flows logged", counts->logged, "those that were sent, in whole or in part");
    count_unless_none(to, "flows not logged", counts->unlogged, "the log could not be written, or there was no room");
}

static void print_answers(FILE *to, const struct report_counts *counts)
{
    table_count(to, "ARP answers", counts->arp_answers, "");
    count_unless_none(to, "ND answers", counts->nd_answers, "neighbours of IPv6");
    table_count(to, "ping answers", counts->echo_answers, "");
    count_unless_none(to, "resets", counts->resets, "of TCP that was no session's");
    count_unless_none(to, "unreachable", counts->unreachable, "errors of ICMP");
    table_count(to, "answers dropped", counts->answers_dropped, "");
    count_unless_none(to, "answers withheld", counts->answers_withheld, "as by the hosts' systems");
    count_unless_none(to, "unasked", counts->unasked, "probes, announcements, questions for gateways");
    count_unless_none(to, "conflicts", counts->conflicts, "addresses of virtual hosts that somebody else has");
}

void report_print_frames(const struct report_counts *counts, FILE *to, bool is_live)
{
    table_count(to, "frames planned", counts->planned, "= sent + dropped + refused");
    table_count(to, "frames sent", counts->sent, "");
    table_count(to, "frames dropped", counts->dropped, "");
    count_unless_none(to, "  not due yet", counts->unsent, "rendered ahead when the run was stopped");
    count_unless_none(to, "  too late", counts->late, "");
    count_unless_none(to, "  lost", counts->lost, "the interface was down, or had no room for too long");
    table_count(to, "frames refused", counts->refused, "");
    table_count(to, "bytes sent", counts->sent_bytes, "");
    if (!is_live)
        return;
    print_lateness(to, counts);
    print_stalls(to, counts);
    count_unless_none(to, "no room", counts->busy, "times, in the interface");
    count_unless_none(to, "held back", counts->held_back, "times, by the ceiling");
    count_unless_none(to, "page faults", counts->page_faults, "in the loop that sends");
    count_unless_none(to, "clock steps", counts->clock_steps, "of the wall clock");
    count_unless_none(to, "suspensions", counts->suspensions, "of the machine");
    print_crossings(to, counts);
    print_answers(to, counts);
}

static void print_text(FILE *to, const struct report *r)
{
    fprintf(to, "dayshiftd: ran %.1f s, ended by %s\n", r->seconds, r->ended);
    report_print_flows(r->counts, to);
    report_print_frames(r->counts, to, r->is_live);
    if (!r->is_live)
        return;
    count_unless_none(to, "restarts", r->restarts, "after the engine crashed or failed");
    if (r->interface_known)
        table_count(to, "interface counted", r->interface_packets, "packets sent, answers included");
    else
        table_text(to, "interface counted", "unknown", "it is gone");
}

/* ---- JSON ---- */

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *lateness_json(const struct log_histogram *lateness)
{
    json_t *object = json_object();

    set(object, "p50", (uint64_t)log_histogram_quantile(lateness, 0.5));
    set(object, "p99", (uint64_t)log_histogram_quantile(lateness, 0.99));
    set(object, "p999", (uint64_t)log_histogram_quantile(lateness, 0.999));
    set(object, "max", (uint64_t)lateness->max_ns);
    return object;
}

static json_t *crossings_json(const struct report_counts *counts)
{
    json_t *object = json_object();

    set(object, "sent", counts->crossed);
    set(object, "arrived", counts->arrived);
    set(object, "missing", missing(counts));
    return object;
}

void report_set_flows(json_t *object, const struct report_counts *counts)
{
    set(object, "hosts", counts->hosts);
    set(object, "flows", counts->flows);
    set(object, "flows_left_out", counts->flows_left_out);
    set(object, "flows_under_way", counts->flows_under_way);
    set(object, "complete_tcp", counts->complete_tcp);
    set(object, "hurried", counts->hurried);
    set(object, "repeated_syns", counts->repeated_syns);
    set(object, "most_live", counts->most_live);
    set(object, "overlays", counts->overlays);
    set(object, "overlays_left_out", counts->overlays_left_out);
    set(object, "overlays_cut", counts->overlays_cut);
    set(object, "overlay_frames", counts->overlay_frames);
    set(object, "logged", counts->logged);
    set(object, "unlogged", counts->unlogged);
}

void report_set_frames(json_t *object, const struct report_counts *counts, bool is_live)
{
    set(object, "planned", counts->planned);
    set(object, "sent", counts->sent);
    set(object, "sent_bytes", counts->sent_bytes);
    set(object, "dropped", counts->dropped);
    set(object, "refused", counts->refused);
    if (!is_live)
        return;
    set(object, "unsent", counts->unsent);
    set(object, "late", counts->late);
    set(object, "lost", counts->lost);
    set(object, "busy", counts->busy);
    set(object, "held_back", counts->held_back);
    json_object_set_new(object, "lateness_ns", lateness_json(&counts->lateness));
    if (counts->kernel_lateness.count > 0)
        json_object_set_new(object, "kernel_lateness_ns", lateness_json(&counts->kernel_lateness));
    set(object, "stalls", counts->stalls);
    set(object, "stalled_ns", counts->stalled_ns);
    set(object, "page_faults", counts->page_faults);
    set(object, "clock_steps", counts->clock_steps);
    set(object, "suspensions", counts->suspensions);
    if (counts->has_crossings)
        json_object_set_new(object, "crossed", crossings_json(counts));
    set(object, "arp_answers", counts->arp_answers);
    set(object, "nd_answers", counts->nd_answers);
    set(object, "echo_answers", counts->echo_answers);
    set(object, "resets", counts->resets);
    set(object, "unreachable", counts->unreachable);
    set(object, "answers_dropped", counts->answers_dropped);
    set(object, "answers_withheld", counts->answers_withheld);
    set(object, "unasked", counts->unasked);
    set(object, "conflicts", counts->conflicts);
}

static void print_json(FILE *to, const struct report *r)
{
    json_t *root = json_object();

    report_set_flows(root, r->counts);
    report_set_frames(root, r->counts, r->is_live);
    json_object_set_new(root, "seconds", json_real(r->seconds));
    json_object_set_new(root, "ended", json_string(r->ended));
    if (r->is_live) {
        set(root, "restarts", r->restarts);
        json_object_set_new(root, "interface_packets",
                            r->interface_known ? json_integer((json_int_t)r->interface_packets) : json_null());
    }
    json_dumpf(root, to, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putc('\n', to);
    json_decref(root);
}

void report_print(const struct report *report, FILE *to, bool json)
{
    if (json)
        print_json(to, report);
    else
        print_text(to, report);
    fflush(to);
}
