#include "daemon/report.h"

#include <jansson.h>
#include <stdio.h>

#include "daemon/table.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void report_counts_add(struct report_counts *sum, const struct report_counts *more)
{
    sum->hosts = larger(sum->hosts, more->hosts);
    sum->flows += more->flows;
    sum->complete_tcp += more->complete_tcp;
    sum->hurried += more->hurried;
    sum->repeated_syns += more->repeated_syns;
    sum->most_live = larger(sum->most_live, more->most_live);
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
    sum->echo_answers += more->echo_answers;
    sum->answers_dropped += more->answers_dropped;
    log_histogram_add_all(&sum->lateness, &more->lateness);
    log_histogram_add_all(&sum->kernel_lateness, &more->kernel_lateness);
}

static void print_lateness(FILE *to, const struct report_counts *counts)
{
    table_time(to, "lateness p50", log_histogram_quantile(&counts->lateness, 0.5), "");
    table_time(to, "lateness p99", log_histogram_quantile(&counts->lateness, 0.99), "");
    table_time(to, "lateness p99.9", log_histogram_quantile(&counts->lateness, 0.999), "");
    table_time(to, "lateness max", counts->lateness.max_ns, "");
    if (counts->kernel_lateness.count == 0)
        return;
    table_time(to, "kernel p50", log_histogram_quantile(&counts->kernel_lateness, 0.5), "by the kernel's stamps of a sample");
    table_time(to, "kernel p99", log_histogram_quantile(&counts->kernel_lateness, 0.99), "");
}

/* What is seldom is said when there is some of it. */
static void print_unless_none(FILE *to, const char *name, uint64_t count, const char *remark)
{
    if (count > 0)
        table_count(to, name, count, remark);
}

static void print_frames(FILE *to, const struct report_counts *counts)
{
    table_count(to, "frames planned", counts->planned, "= sent + dropped + refused");
    table_count(to, "frames sent", counts->sent, "");
    table_count(to, "frames dropped", counts->dropped, "");
    print_unless_none(to, "  not due yet", counts->unsent, "rendered ahead when the run was stopped");
    print_unless_none(to, "  too late", counts->late, "");
    print_unless_none(to, "  lost", counts->lost, "the interface was down, or had no room for too long");
    table_count(to, "frames refused", counts->refused, "");
    table_count(to, "repeated SYNs", counts->repeated_syns, "as the model asked");
    table_count(to, "bytes sent", counts->sent_bytes, "");
}

static void print_link(FILE *to, const struct report *r)
{
    const struct report_counts *counts = r->counts;

    print_lateness(to, counts);
    table_stalls(to, counts->stalls, (int64_t)counts->stalled_ns);
    print_unless_none(to, "no room", counts->busy, "times, in the interface");
    print_unless_none(to, "held back", counts->held_back, "times, by the ceiling");
    print_unless_none(to, "page faults", counts->page_faults, "in the loop that sends");
    print_unless_none(to, "clock steps", counts->clock_steps, "of the wall clock");
    print_unless_none(to, "suspensions", counts->suspensions, "of the machine");
    table_count(to, "ARP answers", counts->arp_answers, "");
    table_count(to, "ping answers", counts->echo_answers, "");
    table_count(to, "answers dropped", counts->answers_dropped, "");
    print_unless_none(to, "restarts", r->restarts, "after the engine crashed or failed");
    if (r->interface_known)
        table_count(to, "interface counted", r->interface_packets, "packets sent, answers included");
    else
        table_text(to, "interface counted", "unknown", "it is gone");
}

static void print_text(FILE *to, const struct report *r)
{
    fprintf(to, "dayshiftd: ran %.1f s, ended by %s\n", r->seconds, r->ended);
    table_count(to, "virtual hosts", r->counts->hosts, "");
    table_count(to, "flows planned", r->counts->flows, "");
    table_count(to, "  TCP, open to close", r->counts->complete_tcp, "");
    table_count(to, "  cut by the end", r->counts->hurried, "");
    table_count(to, "most at once", r->counts->most_live, "");
    print_frames(to, r->counts);
    if (r->is_live)
        print_link(to, r);
}

/* ---- JSON ---- */

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_lateness(json_t *object, const char *key, const struct log_histogram *lateness)
{
    json_t *times = json_object();

    set(times, "p50", (uint64_t)log_histogram_quantile(lateness, 0.5));
    set(times, "p99", (uint64_t)log_histogram_quantile(lateness, 0.99));
    set(times, "p999", (uint64_t)log_histogram_quantile(lateness, 0.999));
    set(times, "max", (uint64_t)lateness->max_ns);
    json_object_set_new(object, key, times);
}

static void set_link(json_t *root, const struct report *r)
{
    const struct report_counts *counts = r->counts;

    set_lateness(root, "lateness_ns", &counts->lateness);
    if (counts->kernel_lateness.count > 0)
        set_lateness(root, "kernel_lateness_ns", &counts->kernel_lateness);
    set(root, "unsent", counts->unsent);
    set(root, "late", counts->late);
    set(root, "lost", counts->lost);
    set(root, "busy", counts->busy);
    set(root, "held_back", counts->held_back);
    set(root, "stalls", counts->stalls);
    set(root, "stalled_ns", counts->stalled_ns);
    set(root, "page_faults", counts->page_faults);
    set(root, "clock_steps", counts->clock_steps);
    set(root, "suspensions", counts->suspensions);
    set(root, "arp_answers", counts->arp_answers);
    set(root, "echo_answers", counts->echo_answers);
    set(root, "answers_dropped", counts->answers_dropped);
    set(root, "restarts", r->restarts);
    json_object_set_new(root, "interface_packets",
                        r->interface_known ? json_integer((json_int_t)r->interface_packets) : json_null());
}

static void print_json(FILE *to, const struct report *r)
{
    const struct report_counts *counts = r->counts;
    json_t *root = json_object();

    set(root, "hosts", counts->hosts);
    set(root, "flows", counts->flows);
    set(root, "complete_tcp", counts->complete_tcp);
    set(root, "hurried", counts->hurried);
    set(root, "repeated_syns", counts->repeated_syns);
    set(root, "most_live", counts->most_live);
    set(root, "planned", counts->planned);
    set(root, "sent", counts->sent);
    set(root, "sent_bytes", counts->sent_bytes);
    set(root, "dropped", counts->dropped);
    set(root, "refused", counts->refused);
    json_object_set_new(root, "seconds", json_real(r->seconds));
    json_object_set_new(root, "ended", json_string(r->ended));
    if (r->is_live)
        set_link(root, r);
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
