#include "daemon/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/text.h"

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
    sum->stalls += more->stalls;
    sum->stalled_ns += more->stalled_ns;
    sum->arp_answers += more->arp_answers;
    sum->echo_answers += more->echo_answers;
    sum->answers_dropped += more->answers_dropped;
    log_histogram_add_all(&sum->lateness, &more->lateness);
}

static void row(FILE *to, const char *name, uint64_t count, const char *remark)
{
    char text[TEXT_NUMBER];

    fprintf(to, "  %-22s %15s%s%s\n", name, text_from_count(count, text), *remark ? "  " : "", remark);
}

static void print_lateness(FILE *to, const struct log_histogram *lateness)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = { { "lateness p50", 0.5 }, { "lateness p99", 0.99 }, { "lateness p99.9", 0.999 } };
    char text[TEXT_NUMBER];

    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        fprintf(to, "  %-22s %15s\n", quantiles[i].name,
                text_from_ns(log_histogram_quantile(lateness, quantiles[i].q), text));
    fprintf(to, "  %-22s %15s\n", "lateness max", text_from_ns(lateness->max_ns, text));
}

static void print_stalls(FILE *to, const struct report *r)
{
    char text[TEXT_NUMBER];
    char remark[TEXT_NUMBER + sizeof " in all, by which the run was put off"];

    snprintf(remark, sizeof remark, "%s in all, by which the run was put off",
             text_from_ns((int64_t)r->counts->stalled_ns, text));
    row(to, "stalls", r->counts->stalls, r->counts->stalls ? remark : "");
}

static void print_text(FILE *to, const struct report *r)
{
    fprintf(to, "dayshiftd: ran %.1f s, ended by %s\n", r->seconds, r->ended);
    row(to, "virtual hosts", r->counts->hosts, "");
    row(to, "flows planned", r->counts->flows, "");
    row(to, "  TCP, open to close", r->counts->complete_tcp, "");
    row(to, "  cut by the end", r->counts->hurried, "");
    row(to, "most at once", r->counts->most_live, "");
    row(to, "frames planned", r->counts->planned, "= sent + dropped + refused");
    row(to, "frames sent", r->counts->sent, "");
    row(to, "frames dropped", r->counts->dropped, "");
    if (r->counts->unsent > 0)
        row(to, "  not due yet", r->counts->unsent, "rendered ahead when the run was stopped");
    row(to, "frames refused", r->counts->refused, "");
    row(to, "repeated SYNs", r->counts->repeated_syns, "as the model asked");
    row(to, "bytes sent", r->counts->sent_bytes, "");
    if (!r->is_live)
        return;
    print_lateness(to, &r->counts->lateness);
    print_stalls(to, r);
    row(to, "ARP answers", r->counts->arp_answers, "");
    row(to, "ping answers", r->counts->echo_answers, "");
    row(to, "answers dropped", r->counts->answers_dropped, "");
    if (r->restarts > 0)
        row(to, "restarts", r->restarts, "after the engine crashed or failed");
    if (r->interface_known)
        row(to, "interface counted", r->interface_packets, "packets sent, answers included");
    else
        fprintf(to, "  %-22s %15s  %s\n", "interface counted", "unknown", "it is gone");
}

static void print_json(FILE *to, const struct report *r)
{
    json_t *root = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:s}", "hosts", (json_int_t)r->counts->hosts,
        "flows", (json_int_t)r->counts->flows, "complete_tcp", (json_int_t)r->counts->complete_tcp, "hurried",
        (json_int_t)r->counts->hurried, "repeated_syns", (json_int_t)r->counts->repeated_syns, "most_live",
        (json_int_t)r->counts->most_live, "planned", (json_int_t)r->counts->planned, "sent", (json_int_t)r->counts->sent,
        "sent_bytes", (json_int_t)r->counts->sent_bytes, "dropped", (json_int_t)r->counts->dropped, "refused",
        (json_int_t)r->counts->refused, "seconds", r->seconds, "ended", r->ended);

    if (r->is_live) {
        json_t *late = json_pack(
            "{s:I,s:I,s:I,s:I}", "p50", (json_int_t)log_histogram_quantile(&r->counts->lateness, 0.5), "p99",
            (json_int_t)log_histogram_quantile(&r->counts->lateness, 0.99), "p999",
            (json_int_t)log_histogram_quantile(&r->counts->lateness, 0.999), "max",
            (json_int_t)r->counts->lateness.max_ns);

        json_object_set_new(root, "lateness_ns", late);
        json_object_set_new(root, "unsent", json_integer((json_int_t)r->counts->unsent));
        json_object_set_new(root, "stalls", json_integer((json_int_t)r->counts->stalls));
        json_object_set_new(root, "stalled_ns", json_integer((json_int_t)r->counts->stalled_ns));
        json_object_set_new(root, "arp_answers", json_integer((json_int_t)r->counts->arp_answers));
        json_object_set_new(root, "echo_answers", json_integer((json_int_t)r->counts->echo_answers));
        json_object_set_new(root, "answers_dropped", json_integer((json_int_t)r->counts->answers_dropped));
        json_object_set_new(root, "restarts", json_integer((json_int_t)r->restarts));
        json_object_set_new(root, "interface_packets",
                            r->interface_known ? json_integer((json_int_t)r->interface_packets)
                                               : json_null());
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
