#include "daemon/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libconfig.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/configuration_link.h"
#include "daemon/configuration_overlay.h"
#include "daemon/configuration_population.h"
#include "daemon/configuration_text.h"
#include "daemon/configuration_value.h"
#include "daemon/privileges.h"
#include "daemon/trust.h"
#include "dayshift/control.h"

enum { MOST_LATE_US = 60000000, MOST_STOP_SECONDS = 300, MOST_CPU = 1023 /* of a cpu_set_t */, MOST_PRIORITY = 99 };

#define DEFAULT_STOP_NS (10 * NS_PER_SECOND)
#define LEAST_PROBE_SECONDS 0.1
#define MOST_PROBE_SECONDS 60.0
#define DEFAULT_PROBE_NS (3 * NS_PER_SECOND / 2) /* real hosts answer within milliseconds */

/* ---- who runs it, and who steers it ---- */

static int take_allow_default_route(struct parser *p, const config_setting_t *setting)
{
    return value_take_bool(p, setting, &p->to->allow_default_route);
}

static int take_user(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    const char *wanted = text ? privileges_user_wanted(getpwnam(text)) : "the name of a user in quotes, such as \"nobody\"";

    if (wanted)
        return value_complain(p, setting, wanted);
    return value_take_text(p, setting, &p->to->user);
}

static int take_control(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    char wanted[80];

    snprintf(wanted, sizeof wanted, "\"\" or a path from / on of at most %d bytes", CONTROL_MOST_PATH);
    if (text == NULL || (*text != '\0' && *text != '/') || strlen(text) > CONTROL_MOST_PATH)
        return value_complain(p, setting, wanted);
    value_keep_place(p, setting, &p->to->control_place);
    free(p->to->control);
    p->to->control = *text ? memory_copy_text(text) : NULL;
    return 0;
}

static int take_control_group(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    const struct group *group = text ? getgrnam(text) : NULL;

    if (group == NULL)
        return value_complain(p, setting, "a group of this machine");
    p->to->control_group = group->gr_gid;
    return 0;
}

/* ---- what is drawn, and when ---- */

static int take_seed(struct parser *p, const config_setting_t *setting)
{
    int64_t seed;

    if (value_take_integer(p, setting, 0, INT64_MAX, &seed) < 0)
        return -1;
    p->to->seed = (uint64_t)seed;
    return 0;
}

static int take_speed(struct parser *p, const config_setting_t *setting)
{
    return value_take_number(p, setting, CONFIGURATION_LEAST_SPEED, CONFIGURATION_MOST_SPEED, &p->to->speed);
}

/* "now", "09:00", "2026-01-31" or "2026-01-31 09:00": what is not said is as it is now. */
static int parse_start(const char *text, struct configuration *c)
{
    const char *space = strchr(text, ' ');
    char date[TEXT_DATE];

    if (strcmp(text, "now") == 0)
        return 0;
    c->has_start = text_to_time_of_day_ns(space ? space + 1 : text, &c->start_ns) == 0;
    if (space == NULL && c->has_start)
        return 0;
    if (space && !c->has_start)
        return -1;
    snprintf(date, sizeof date, "%.*s", space ? (int)(space - text) : TEXT_DATE, text);
    c->has_date = text_to_date(date, &c->date) == 0;
    return c->has_date ? 0 : -1;
}

static int take_start(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    return text && parse_start(text, p->to) == 0
               ? 0
               : value_complain(p, setting, "\"now\", a time such as \"09:00\", a date such as \"2026-01-31\", or both");
}

static int take_duration(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text && strcmp(text, "forever") == 0)
        p->to->duration_ns = 0;
    else if (text == NULL || text_to_duration_ns(text, &p->to->duration_ns) < 0)
        return value_complain(p, setting, "\"forever\" or a duration such as \"90s\", \"1.5h\"");
    return 0;
}

static int take_lead_in(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    return text && scenario_lead_parse(text, &p->to->lead_ns) == 0 ? 0
                                                                  : value_complain(p, setting, SCENARIO_LEAD_WANTED);
}

static int take_stop_seconds(struct parser *p, const config_setting_t *setting)
{
    int64_t seconds;

    if (value_take_integer(p, setting, 0, MOST_STOP_SECONDS, &seconds) < 0)
        return -1;
    p->to->stop_ns = seconds * NS_PER_SECOND;
    return 0;
}

static int take_timezone(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return value_complain(p, setting, "the name of a time zone in quotes, such as \"Europe/Madrid\"");
    if (time_zone_set(text, p->err) < 0)
        return value_say_where(p, setting);
    return value_take_text(p, setting, &p->to->timezone);
}

/* ---- how it is sent ---- */

static int take_timing(struct parser *p, const config_setting_t *setting)
{
    static const char *const names[] = { [EMIT_EXACT] = "exact", [EMIT_BALANCED] = "balanced",
                                         [EMIT_FRUGAL] = "frugal" };
    unsigned timing;

    if (value_take_choice(p, setting, names, sizeof names / sizeof *names, &timing) < 0)
        return -1;
    p->to->timing = (enum emit_timing)timing;
    return 0;
}

static int take_late(struct parser *p, const config_setting_t *setting)
{
    static const char *const names[] = { [LATE_SEND] = "send", [LATE_DROP] = "drop" };
    unsigned late;

    if (value_take_choice(p, setting, names, sizeof names / sizeof *names, &late) < 0)
        return -1;
    p->to->late = (enum late_policy)late;
    return 0;
}

static int take_max_late_us(struct parser *p, const config_setting_t *setting)
{
    int64_t us;

    if (value_take_integer(p, setting, 1, MOST_LATE_US, &us) < 0)
        return -1;
    p->to->max_late_ns = us * NS_PER_US;
    return 0;
}

static int take_cpu(struct parser *p, const config_setting_t *setting)
{
    int64_t cpu;

    if (value_take_integer(p, setting, 0, MOST_CPU, &cpu) < 0)
        return -1;
    p->to->cpu = (int)cpu;
    return 0;
}

static int take_priority(struct parser *p, const config_setting_t *setting)
{
    int64_t priority;

    if (value_take_integer(p, setting, 0, MOST_PRIORITY, &priority) < 0)
        return -1;
    p->to->priority = (int)priority;
    return 0;
}

/* ---- before the first frame ---- */

static int take_probe(struct parser *p, const config_setting_t *setting)
{
    return value_take_bool(p, setting, &p->to->probe);
}

static int take_probe_seconds(struct parser *p, const config_setting_t *setting)
{
    double seconds;

    if (value_take_number(p, setting, LEAST_PROBE_SECONDS, MOST_PROBE_SECONDS, &seconds) < 0)
        return -1;
    p->to->probe_ns = (int64_t)(seconds * NS_PER_SECOND);
    return 0;
}

static int take_announce(struct parser *p, const config_setting_t *setting)
{
    return value_take_bool(p, setting, &p->to->announce);
}

/* ---- who is played, and how ---- */

static int take_outside(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->to->outside_places[IP_FAMILY_4]);
    return value_take_network(p, setting, IP_FAMILY_4, &p->to->outside.networks[IP_FAMILY_4]);
}

static int take_outside6(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->to->outside_places[IP_FAMILY_6]);
    return value_take_network(p, setting, IP_FAMILY_6, &p->to->outside.networks[IP_FAMILY_6]);
}

static int take_outside_mac(struct parser *p, const config_setting_t *setting)
{
    return value_take_mac(p, setting, p->to->outside.mac);
}

static int take_outside_gateway(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->to->outside_gateway_place);
    return value_take_gateway(p, setting, &p->to->outside.gateway);
}

static int take_outside_link(struct parser *p, const config_setting_t *setting)
{
    p->to->outside.has_link = true;
    p->to->outside.has_vlan = true; /* on a link of its own it is untagged, unless outside_vlan follows */
    return link_take_reference(p, setting, &p->to->outside.link);
}

static int take_outside_vlan(struct parser *p, const config_setting_t *setting)
{
    p->to->outside.has_vlan = true;
    return link_take_vlan(p, setting, &p->to->outside.vlan);
}

static int take_unobserved(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    char wanted[TEXT_NAMES + 16];
    char names[TEXT_NAMES];

    if (text != NULL && day_fallback_parse(text, &p->to->unobserved) == 0)
        return 0;
    snprintf(wanted, sizeof wanted, "one of: %s", day_fallback_names(names));
    return value_complain(p, setting, wanted);
}

static int take_threads(struct parser *p, const config_setting_t *setting)
{
    int64_t threads;

    if (value_take_integer(p, setting, 1, SCENARIO_MAX_THREADS, &threads) < 0)
        return -1;
    p->to->threads = (unsigned)threads;
    return 0;
}

static int take_packet_model(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return value_complain(p, setting, "the name of a packet model in quotes, such as \"symbols\"");
    return session_options_set_packet_model(&p->to->sessions, text, p->err) < 0 ? value_say_where(p, setting) : 0;
}

static int take_impairments(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return value_complain(p, setting, "\"learned\", \"none\" or rates in quotes");
    return impairment_rates_parse(&p->to->sessions.impairments, text, p->err) < 0 ? value_say_where(p, setting) : 0;
}

/* ---- what is told of it ---- */

static int take_truth(struct parser *p, const config_setting_t *setting)
{
    if (value_take_path(p, setting, &p->to->truth) < 0)
        return -1;
    value_keep_place(p, setting, &p->to->truth_place);
    p->to->truth_format = flow_log_format_of(p->to->truth);
    return 0;
}

static int take_truth_format(struct parser *p, const config_setting_t *setting)
{
    static const char *const names[] = { [FLOW_LOG_CSV] = "csv", [FLOW_LOG_JSON] = "json" };
    unsigned format;

    if (value_take_choice(p, setting, names, sizeof names / sizeof *names, &format) < 0)
        return -1;
    p->to->truth_format = (enum flow_log_format)format;
    return 0;
}

/* ---- the file ---- */

static int take_root(struct parser *p, const config_setting_t *root)
{
    static const struct key keys[] = {
        { "sink", link_take_sink },
        { "max_packets_per_second", link_take_max_packets },
        { "max_bits_per_second", link_take_max_bits },
        { "interface", link_take_short },
        { "links", link_take_list },
        { "allow_default_route", take_allow_default_route },
        { "user", take_user },
        { "control", take_control },
        { "control_group", take_control_group },
        { "timing", take_timing },
        { "late", take_late },
        { "max_late_us", take_max_late_us },
        { "cpu", take_cpu },
        { "priority", take_priority },
        { "seed", take_seed },
        { "speed", take_speed },
        { "start", take_start },
        { "duration", take_duration },
        { "lead_in", take_lead_in },
        { "stop_seconds", take_stop_seconds },
        { "probe", take_probe },
        { "probe_seconds", take_probe_seconds },
        { "announce", take_announce },
        { "timezone", take_timezone },
        { "unobserved", take_unobserved },
        { "threads", take_threads },
        { "packet_model", take_packet_model },
        { "impairments", take_impairments },
        { "truth", take_truth },
        { "truth_format", take_truth_format },
        { "populations", population_take_list },
        { "outside", take_outside },
        { "outside6", take_outside6 },
        { "outside_mac", take_outside_mac },
        { "outside_gateway", take_outside_gateway },
        { "outside_link", take_outside_link },
        { "outside_vlan", take_outside_vlan },
        { "overlays", overlay_take_list },
        { NULL, NULL },
    };

    if (value_take_group(p, root, keys) < 0)
        return -1;
    if (p->to->population_count == 0)
        return error_set(p->err, "%s: populations are missing: who is to be played?", p->path);
    return 0;
}

/* A pipe may stand in its place: it is not waited for. */
static FILE *open_included(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (file)
        return file;
    error_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int check_included(const char *path, bool must_be_trusted, struct error *err)
{
    FILE *file = open_included(path, err);
    struct configuration_text text;
    int status;

    if (file == NULL)
        return -1;
    status = must_be_trusted ? trust_check(fileno(file), path, err) : 0;
    if (status == 0)
        status = configuration_text_read(&text, file, path, err);
    if (status == 0) {
        status = configuration_text_check_numbers(&text, path, err);
        configuration_text_release(&text);
    }
    fclose(file);
    return status;
}

/*
 * The files that settings come from, but the first one. libconfig 1.5 opens them by itself and has no function to be
 * asked before (config_set_include_func came with 1.7): they have been parsed when they are looked at, and one without
 * a setting never is. To put another one in the place of one that was checked takes rights on the way to it, which is
 * checked too.
 */
static int check_files(const config_setting_t *setting, bool must_be_trusted, const char **checked, struct error *err)
{
    const char *file = config_setting_source_file(setting);

    if (file && (*checked == NULL || strcmp(file, *checked) != 0) && check_included(file, must_be_trusted, err) < 0)
        return -1;
    if (file)
        *checked = file;
    for (unsigned i = 0; config_setting_is_aggregate(setting) && i < (unsigned)config_setting_length(setting); i++) {
        if (check_files(config_setting_get_elem(setting, i), must_be_trusted, checked, err) < 0)
            return -1;
    }
    return 0;
}

/* libconfig's words about the file or about one that it includes. */
static int refuse_syntax(const config_t *config, const struct configuration_text *text, const char *path,
                         struct error *err)
{
    const char *included = config_error_file(config);
    unsigned line = (unsigned)config_error_line(config);

    if (included)
        return error_set(err, "%s:%u: %s", included, line, config_error_text(config));
    return configuration_text_refuse(text, path, line, config_error_text(config), err);
}

/*
 * libconfig's scanner ends the process when a read fails, as that of a directory does: it is given what was read of the
 * first file. A file that it includes it reads by itself, and a directory in the place of one does end the process, with
 * status 2.
 */
static int parse(config_t *config, const struct configuration_text *text, const char *path, struct error *err)
{
    FILE *file = fmemopen(text->bytes, text->size, "r");
    int is_good;

    if (file == NULL)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    is_good = config_read(config, file);
    fclose(file);
    return is_good ? configuration_text_check_numbers(text, path, err) : refuse_syntax(config, text, path, err);
}

static int read_file(config_t *config, const char *path, bool must_be_trusted, struct error *err)
{
    FILE *file = fopen(path, "re");
    const char *checked = NULL;
    struct configuration_text text;
    int status;

    if (file == NULL)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    status = must_be_trusted ? trust_check(fileno(file), path, err) : 0;
    if (status == 0)
        status = configuration_text_read(&text, file, path, err);
    fclose(file);
    if (status < 0)
        return -1;
    status = parse(config, &text, path, err);
    configuration_text_release(&text);
    return status < 0 ? -1 : check_files(config_root_setting(config), must_be_trusted, &checked, err);
}

static void set_defaults(struct configuration *c)
{
    c->user = memory_copy_text("nobody");
    c->control = geteuid() == 0 ? memory_copy_text(CONTROL_SOCKET) : NULL; /* its place is root's */
    c->control_group = (gid_t)-1;
    c->seed = 1;
    c->speed = 1;
    c->stop_ns = DEFAULT_STOP_NS;
    c->probe = true;
    c->probe_ns = DEFAULT_PROBE_NS;
    c->announce = true;
    c->max_late_ns = EMIT_MAX_LATE_NS;
    c->cpu = CONFIGURATION_ANY_CPU;
    c->sessions.impairments = IMPAIRMENTS_LEARNED;
    ip_network_parse(&c->outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    ip_network_parse(&c->outside.networks[IP_FAMILY_6], SCENARIO_DEFAULT_OUTSIDE6);
}

static int load(struct configuration *c, const char *path, bool must_be_trusted, struct error *err)
{
    struct parser parser = { .path = path, .to = c, .err = err };
    config_t config;
    int status;

    memset(c, 0, sizeof *c);
    c->path = memory_copy_text(path);
    set_defaults(c);
    parser.link = &parser.defaults;
    time_zone_set(TIME_ZONE_DEFAULT, err); /* one that was loaded before may have set another */
    config_init(&config);
    config_set_options(&config, 0);
    status = read_file(&config, path, must_be_trusted, err);
    if (status == 0)
        status = take_root(&parser, config_root_setting(&config));
    config_destroy(&config);
    if (status < 0)
        configuration_release(c);
    return status;
}

int configuration_load(struct configuration *c, const char *path, struct error *err)
{
    return load(c, path, false, err);
}

int configuration_load_trusted(struct configuration *c, const char *path, struct error *err)
{
    return load(c, path, true, err);
}

void configuration_release(struct configuration *c)
{
    configuration_populations_release(c);
    configuration_overlays_release(c);
    configuration_links_release(c);
    free(c->path);
    free(c->user);
    free(c->control);
    free(c->control_place);
    free(c->timezone);
    free(c->truth);
    free(c->truth_place);
    for (int family = 0; family < IP_FAMILIES; family++)
        free(c->outside_places[family]);
    free(c->outside_gateway_place);
    memset(c, 0, sizeof *c);
}
