#include <config.h>

#include "daemon/status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/table.h"

enum { ISO_TIME = 40 };

static const char *state_name(enum status_state state)
{
    switch (state) {
    case STATUS_STARTING: return "starting";
    case STATUS_PLAYING: return "playing";
    case STATUS_PAUSED: return "paused";
    default: return "ending";
    }
}

/* "2026-11-23T09:12:31+01:00": what a clock shows in the zone that is set, and how far that is from UTC. */
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

static json_t *link_json(const struct status_link *link)
{
    json_t *object = json_pack("{s:s,s:s,s:s,s:b,s:i,s:f,s:f}", "name", link->name, "interface", link->interface, "sink",
                               link->sink, "up", (int)link->is_up, "mtu", link->mtu, "packets_per_second",
                               link->packets_per_second, "bits_per_second", link->bits_per_second);

    if (object == NULL) /* a name that is no UTF-8 */
        return NULL;
    report_set_frames(object, &link->counts, true);
    return object;
}

json_t *status_json(const struct status *status)
{
    char day[ISO_TIME];
    json_t *links = json_array();
    json_t *root = json_pack("{s:b,s:s,s:s,s:i,s:f,s:I,s:s,s:f,s:f,s:I}", "ok", 1, "state", state_name(status->state),
                             "version", PACKAGE_VERSION, "engine", status->engine, "seconds", status->seconds, "restarts",
                             (json_int_t)status->restarts, "day", iso_time(status->day, day), "speed", status->speed,
                             "activity", status->activity, "live", (json_int_t)status->live);

    report_set_flows(root, &status->counts);
    report_set_frames(root, &status->counts, true);
    if (status->crash.text[0])
        json_object_set_new(root, "crash", json_string(status->crash.text));
    json_object_set_new(root, "skipped_ns", json_integer(status->skipped_ns));
    for (size_t i = 0; i < status->link_count; i++)
        json_array_append_new(links, link_json(&status->links[i]));
    json_object_set_new(root, "links", links);
    return root;
}

/* ---- for people ---- */

static void print_link(FILE *to, const struct status_link *link, bool is_only)
{
    char megabits[TEXT_NUMBER];

    snprintf(megabits, sizeof megabits, "%.3f", link->bits_per_second / 1e6);
    fprintf(to, "link %s: interface %s, sink %s, %s, MTU %d\n", link->name, link->interface, link->sink,
            link->is_up ? "up" : "down", link->mtu);
    table_count(to, "frames/s", (uint64_t)(link->packets_per_second + 0.5), "");
    table_text(to, "Mbit/s", megabits, "");
    if (!is_only)
        report_print_frames(&link->counts, to, true);
}

static void print_skipped(FILE *to, int64_t ns)
{
    char text[TEXT_NUMBER];

    if (ns != 0)
        table_text(to, ns > 0 ? "left out" : "played again", text_from_duration(llabs(ns), text),
                   "of the day, by steps of the clock");
}

void status_print(const struct status *status, FILE *to)
{
    char day[ISO_TIME];

    fprintf(to, "dayshiftd: %s for %.0f s, at %s, speed %g, activity %g\n", state_name(status->state), status->seconds,
            iso_time(status->day, day), status->speed, status->activity);
    report_print_flows(&status->counts, to);
    table_count(to, "sessions now", status->live, "");
    report_print_frames(&status->counts, to, true);
    if (status->restarts > 0)
        table_count(to, "restarts", status->restarts, "after the engine crashed or failed");
    if (status->crash.text[0])
        table_text(to, "crash", "", status->crash.text);
    print_skipped(to, status->skipped_ns);
    for (size_t i = 0; i < status->link_count; i++)
        print_link(to, &status->links[i], status->link_count == 1);
}
