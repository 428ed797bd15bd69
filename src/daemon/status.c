#include <config.h>

#include "daemon/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/table.h"

enum { ISO_TIME = 40 };

struct status_lateness status_lateness_of(const struct log_histogram *histogram)
{
    return (struct status_lateness){
        .count = histogram->count,
        .p50_ns = log_histogram_quantile(histogram, 0.5),
        .p99_ns = log_histogram_quantile(histogram, 0.99),
        .p999_ns = log_histogram_quantile(histogram, 0.999),
        .max_ns = histogram->max_ns,
    };
}

const char *status_state_name(enum status_state state)
{
    switch (state) {
    case STATUS_STARTING: return "starting";
    case STATUS_PLAYING: return "playing";
    case STATUS_PAUSED: return "paused";
    default: return "ending";
    }
}

struct status_link status_sum(const struct status *status)
{
    struct status_link sum = { 0 };

    for (size_t i = 0; i < status->link_count; i++) {
        const struct status_link *link = &status->links[i];

        sum.planned += link->planned;
        sum.sent += link->sent;
        sum.sent_bytes += link->sent_bytes;
        sum.dropped += link->dropped;
        sum.refused += link->refused;
        sum.unsent += link->unsent;
        sum.late += link->late;
        sum.lost += link->lost;
        sum.busy += link->busy;
        sum.held_back += link->held_back;
        sum.stalls += link->stalls;
        sum.stalled_ns += link->stalled_ns;
        sum.page_faults += link->page_faults;
        sum.arp_answers += link->arp_answers;
        sum.echo_answers += link->echo_answers;
        sum.answers_dropped += link->answers_dropped;
    }
    return sum;
}

/* "2026-11-23T09:12:31+01:00", on the wall of the zone that is set. */
static const char *iso_time(struct day_time t, char text[ISO_TIME])
{
    struct day_time wall = time_zone_wall(t);
    int minutes = (int)((wall.ns - t.ns) / (60 * NS_PER_SECOND));
    time_t seconds = (time_t)(wall.ns / NS_PER_SECOND);
    struct tm tm;
    size_t used;

    gmtime_r(&seconds, &tm);
    used = strftime(text, ISO_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + used, ISO_TIME - used, "%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60 % 24,
             abs(minutes) % 60);
    return text;
}

/* ---- JSON ---- */

static void set(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_lateness(json_t *object, const char *key, const struct status_lateness *lateness, bool is_whole)
{
    json_t *times = json_object();

    if (is_whole) {
        set(times, "p50", (uint64_t)lateness->p50_ns);
        set(times, "p99", (uint64_t)lateness->p99_ns);
        set(times, "p999", (uint64_t)lateness->p999_ns);
        set(times, "max", (uint64_t)lateness->max_ns);
    } else {
        set(times, "count", lateness->count);
        set(times, "p50", (uint64_t)lateness->p50_ns);
        set(times, "p99", (uint64_t)lateness->p99_ns);
    }
    json_object_set_new(object, key, times);
}

/* What a link and all of them have in common. */
static void set_counts(json_t *object, const struct status_link *counts)
{
    set(object, "planned", counts->planned);
    set(object, "sent", counts->sent);
    set(object, "sent_bytes", counts->sent_bytes);
    set(object, "dropped", counts->dropped);
    set(object, "unsent", counts->unsent);
    set(object, "late", counts->late);
    set(object, "lost", counts->lost);
    set(object, "refused", counts->refused);
    set(object, "busy", counts->busy);
    set(object, "held_back", counts->held_back);
    set(object, "stalls", counts->stalls);
    set(object, "stalled_ns", counts->stalled_ns);
    set(object, "page_faults", counts->page_faults);
    set(object, "arp_answers", counts->arp_answers);
    set(object, "echo_answers", counts->echo_answers);
    set(object, "answers_dropped", counts->answers_dropped);
}

static json_t *link_json(const struct status_link *link)
{
    json_t *object = json_pack("{s:s,s:s,s:s,s:b,s:i}", "name", link->name, "interface", link->interface, "sink",
                               link->sink, "up", (int)link->is_up, "mtu", link->mtu);

    if (object == NULL) /* a name that is no UTF-8 */
        object = json_pack("{s:b,s:i}", "up", (int)link->is_up, "mtu", link->mtu);
    set_counts(object, link);
    json_object_set_new(object, "packets_per_second", json_real(link->packets_per_second));
    json_object_set_new(object, "bits_per_second", json_real(link->bits_per_second));
    set_lateness(object, "lateness_ns", &link->lateness, true);
    if (link->kernel_lateness.count > 0)
        set_lateness(object, "kernel_lateness_ns", &link->kernel_lateness, false);
    return object;
}

json_t *status_json(const struct status *status)
{
    const struct status_link sum = status_sum(status);
    char day[ISO_TIME];
    json_t *links = json_array();
    json_t *root = json_pack("{s:b,s:s,s:s,s:i,s:f,s:I,s:s,s:f,s:f}", "ok", 1, "state",
                             status_state_name(status->state), "version", PACKAGE_VERSION, "engine", status->engine,
                             "uptime", status->uptime_s, "restarts", (json_int_t)status->restarts, "day",
                             iso_time(status->day, day), "speed", status->speed, "activity", status->activity);

    set(root, "hosts", status->hosts);
    set(root, "flows", status->flows);
    set(root, "complete_tcp", status->complete_tcp);
    set(root, "hurried", status->hurried);
    set(root, "repeated_syns", status->repeated_syns);
    set(root, "live", status->live);
    set(root, "most_live", status->most_live);
    set(root, "rendered", status->rendered);
    set_counts(root, &sum);
    set(root, "clock_steps", status->clock_steps);
    set(root, "suspensions", status->suspensions);
    set(root, "skipped_ns", status->skipped_ns);
    for (size_t i = 0; i < status->link_count; i++)
        json_array_append_new(links, link_json(&status->links[i]));
    json_object_set_new(root, "links", links);
    return root;
}

/* ---- for people ---- */

static void print_lateness(FILE *to, const struct status_lateness *lateness)
{
    table_time(to, "lateness p50", lateness->p50_ns, "");
    table_time(to, "lateness p99", lateness->p99_ns, "");
    table_time(to, "lateness p99.9", lateness->p999_ns, "");
    table_time(to, "lateness max", lateness->max_ns, "");
}

/* What is seldom and bad is said where it happened. */
static void count_unless_none(FILE *to, const char *name, uint64_t count, const char *remark)
{
    if (count > 0)
        table_count(to, name, count, remark);
}

static void print_rates(FILE *to, const struct status_link *link)
{
    char text[TEXT_NUMBER];

    snprintf(text, sizeof text, "%.0f", link->packets_per_second);
    table_text(to, "frames/s", text, "");
    snprintf(text, sizeof text, "%.3f", link->bits_per_second / 1e6);
    table_text(to, "Mbit/s", text, "");
}

static void print_link(FILE *to, const struct status_link *link)
{
    fprintf(to, "link %s: %s, sink %s, %s, MTU %d\n", link->name, link->interface, link->sink,
            link->is_up ? "up" : "down", link->mtu);
    print_rates(to, link);
    table_count(to, "frames planned", link->planned, "= sent + dropped + refused");
    table_count(to, "frames sent", link->sent, "");
    table_count(to, "frames dropped", link->dropped, "");
    count_unless_none(to, "  not due yet", link->unsent, "");
    count_unless_none(to, "  too late", link->late, "");
    count_unless_none(to, "  lost", link->lost, "the interface was down, or had no room for too long");
    table_count(to, "frames refused", link->refused, "");
    count_unless_none(to, "no room", link->busy, "times, in the interface");
    count_unless_none(to, "held back", link->held_back, "times, by the ceiling");
    table_count(to, "bytes sent", link->sent_bytes, "");
    print_lateness(to, &link->lateness);
    if (link->kernel_lateness.count > 0) {
        table_time(to, "kernel p50", link->kernel_lateness.p50_ns, "lateness by the stamps of the kernel");
        table_time(to, "kernel p99", link->kernel_lateness.p99_ns, "");
    }
    table_stalls(to, link->stalls, (int64_t)link->stalled_ns);
    count_unless_none(to, "page faults", link->page_faults, "in the loop that sends");
    table_count(to, "ARP answers", link->arp_answers, "");
    table_count(to, "ping answers", link->echo_answers, "");
    table_count(to, "answers dropped", link->answers_dropped, "");
}

void status_print(const struct status *status, FILE *to)
{
    char day[ISO_TIME];
    char count[TEXT_NUMBER];

    fprintf(to, "dayshiftd: %s for %.0f s, at %s, speed %g, activity %g\n", status_state_name(status->state),
            status->uptime_s, iso_time(status->day, day), status->speed, status->activity);
    table_count(to, "virtual hosts", status->hosts, "");
    table_count(to, "flows planned", status->flows, "");
    table_count(to, "sessions now", status->live, "");
    table_count(to, "most at once", status->most_live, "");
    table_count(to, "frames rendered", status->rendered, "");
    count_unless_none(to, "restarts", status->restarts, "after the engine crashed or failed");
    count_unless_none(to, "clock steps", status->clock_steps, "of the wall clock");
    count_unless_none(to, "suspensions", status->suspensions, "of the machine");
    if (status->skipped_ns > 0)
        table_text(to, "left out", text_from_duration((int64_t)status->skipped_ns, count), "of the day");
    for (size_t i = 0; i < status->link_count; i++)
        print_link(to, &status->links[i]);
}
