#include "daemon/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "daemon/trust.h"

enum { DEFAULT_STOP_S = 10, LONGEST_STOP_S = 300 };

struct parser {
    const char *path;
    struct configuration *to;
    struct configuration_population *population; /* the one being read */
    struct error *err;
};

/* A key that may stand in a group, and what to do with its value: 0, or -1 with *err set. */
struct key {
    const char *name;
    int (*take)(struct parser *parser, const config_setting_t *setting);
};

/* ---- complaints and values ---- */

/* The file a setting stands in: the one that was asked for, or one that it includes. */
static const char *file_of(const struct parser *p, const config_setting_t *setting)
{
    const char *included = config_setting_source_file(setting);

    return included ? included : p->path;
}

enum { VALUE_TEXT = 128 };

/* A value as the file has it, as far as that is one word. */
static const char *value_text(const config_setting_t *setting, char text[VALUE_TEXT])
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(text, VALUE_TEXT, "%lld", config_setting_get_int64(setting));
        break;
    case CONFIG_TYPE_FLOAT: snprintf(text, VALUE_TEXT, "%g", config_setting_get_float(setting)); break;
    case CONFIG_TYPE_BOOL: return config_setting_get_bool(setting) ? "true" : "false";
    case CONFIG_TYPE_STRING:
        snprintf(text, VALUE_TEXT, "\"%s\"", config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_GROUP: return "{...}";
    case CONFIG_TYPE_ARRAY: return "[...]";
    default: return config_setting_length(setting) > 0 ? "(...)" : "()";
    }
    return text;
}

static int complain(struct parser *p, const config_setting_t *setting, const char *wanted)
{
    char text[VALUE_TEXT];

    return error_set(p->err, "%s:%u: %s: %s is not %s", file_of(p, setting),
                     config_setting_source_line(setting), config_setting_name(setting),
                     value_text(setting, text), wanted);
}

/* Another room has complained of the value. */
static int say_where(struct parser *p, const config_setting_t *setting)
{
    return error_prefix(p->err, "%s:%u: %s", file_of(p, setting), config_setting_source_line(setting),
                        config_setting_name(setting));
}

static int take_text(struct parser *p, const config_setting_t *setting, char **to)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL || *text == '\0')
        return complain(p, setting, "a text in quotes with something in it");
    free(*to);
    *to = memory_copy_text(text);
    return 0;
}

static int take_integer(struct parser *p, const config_setting_t *setting, int64_t least, int64_t most,
                        int64_t *to)
{
    int type = config_setting_type(setting);
    char wanted[96];

    *to = config_setting_get_int64(setting);
    if ((type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) && *to >= least && *to <= most)
        return 0;
    snprintf(wanted, sizeof wanted, "a whole number from %" PRId64 " to %" PRId64, least, most);
    return complain(p, setting, wanted);
}

static int take_network(struct parser *p, const config_setting_t *setting, struct ip_network *to)
{
    const char *text = config_setting_get_string(setting);

    return text && ip_network_parse(to, text) == 0
               ? 0
               : complain(p, setting, "a network such as \"198.18.0.0/24\" (all host bits 0)");
}

/* ---- keys ---- */

static int take_interface(struct parser *p, const config_setting_t *setting)
{
    return take_text(p, setting, &p->to->interface);
}

static int take_user(struct parser *p, const config_setting_t *setting)
{
    return take_text(p, setting, &p->to->user);
}

static int take_allow_default_route(struct parser *p, const config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return complain(p, setting, "true or false");
    p->to->allow_default_route = config_setting_get_bool(setting);
    return 0;
}

static int take_seed(struct parser *p, const config_setting_t *setting)
{
    int64_t seed;

    if (take_integer(p, setting, 0, INT64_MAX, &seed) < 0)
        return -1;
    p->to->seed = (uint64_t)seed;
    return 0;
}

static int take_number(struct parser *p, const config_setting_t *setting, double least, double most, double *to)
{
    char wanted[96];

    *to = config_setting_type(setting) == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting)
                                                            : (double)config_setting_get_int64(setting);
    if (config_setting_is_number(setting) && *to >= least && *to <= most)
        return 0;
    snprintf(wanted, sizeof wanted, "a number from %.15g to %.15g", least, most);
    return complain(p, setting, wanted);
}

static int take_speed(struct parser *p, const config_setting_t *setting)
{
    return take_number(p, setting, 0.001, 1e6, &p->to->speed);
}

static int take_date(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    p->to->has_date = text == NULL || strcmp(text, "today") != 0;
    if (p->to->has_date && (text == NULL || text_to_date(text, &p->to->date) < 0))
        return complain(p, setting, "\"today\" or a date such as \"2026-01-31\"");
    return 0;
}

static int take_start(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    p->to->has_start = text == NULL || strcmp(text, "now") != 0;
    if (p->to->has_start && (text == NULL || text_to_time_of_day_ns(text, &p->to->start_ns) < 0))
        return complain(p, setting, "\"now\" or a time such as \"09:00\"");
    return 0;
}

static int take_duration(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text && strcmp(text, "forever") == 0)
        p->to->duration_ns = 0;
    else if (text == NULL || text_to_duration_ns(text, &p->to->duration_ns) < 0)
        return complain(p, setting, "\"forever\" or a duration such as \"90s\", \"1.5h\"");
    return 0;
}

static int take_unobserved(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    char wanted[TEXT_NAMES + 16];
    char names[TEXT_NAMES];

    if (text != NULL && day_fallback_parse(text, &p->to->unobserved) == 0)
        return 0;
    snprintf(wanted, sizeof wanted, "one of: %s", day_fallback_names(names));
    return complain(p, setting, wanted);
}

static int take_threads(struct parser *p, const config_setting_t *setting)
{
    int64_t threads;

    if (take_integer(p, setting, 1, SCENARIO_MAX_THREADS, &threads) < 0)
        return -1;
    p->to->threads = (unsigned)threads;
    return 0;
}

static int take_packet_model(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return complain(p, setting, "the name of a packet model in quotes, such as \"symbols\"");
    return session_options_set_packet_model(&p->to->sessions, text, p->err) < 0 ? say_where(p, setting) : 0;
}

static int take_impairments(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return complain(p, setting, "\"learned\", \"none\" or rates in quotes");
    return impairment_rates_parse(&p->to->sessions.impairments, text, p->err) < 0 ? say_where(p, setting) : 0;
}

static int take_timezone(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return complain(p, setting, "the name of a time zone in quotes, such as \"Europe/Madrid\"");
    if (time_zone_set(text, p->err) < 0)
        return say_where(p, setting);
    return take_text(p, setting, &p->to->timezone);
}

static int take_stop_seconds(struct parser *p, const config_setting_t *setting)
{
    int64_t seconds;

    if (take_integer(p, setting, 0, LONGEST_STOP_S, &seconds) < 0)
        return -1;
    p->to->stop_ns = seconds * NS_PER_SECOND;
    return 0;
}

static int take_outside(struct parser *p, const config_setting_t *setting)
{
    return take_network(p, setting, &p->to->outside);
}

static int take_model(struct parser *p, const config_setting_t *setting)
{
    const char *slash = strrchr(p->path, '/');
    char *directory;

    if (take_text(p, setting, &p->population->model) < 0)
        return -1;
    if (p->population->model[0] == '/' || slash == NULL)
        return 0;
    directory = memory_copy_text(p->path);
    directory[slash - p->path] = '\0';
    free(p->population->model);
    p->population->model = memory_join_path(directory, config_setting_get_string(setting));
    free(directory);
    return 0;
}

static int take_population_network(struct parser *p, const config_setting_t *setting)
{
    return take_network(p, setting, &p->population->network);
}

static int take_hosts(struct parser *p, const config_setting_t *setting)
{
    int64_t hosts;

    if (take_integer(p, setting, 1, SCENARIO_MAX_HOSTS, &hosts) < 0)
        return -1;
    p->population->hosts = (uint32_t)hosts;
    return 0;
}

static int take_pick(struct parser *p, const config_setting_t *setting)
{
    return take_text(p, setting, &p->population->pick);
}

static int take_activity(struct parser *p, const config_setting_t *setting)
{
    return take_number(p, setting, SCENARIO_LEAST_ACTIVITY, SCENARIO_MOST_ACTIVITY, &p->population->activity);
}

/* ---- groups of keys ---- */

static int take_group(struct parser *p, const config_setting_t *group, const struct key *keys)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, i);
        const struct key *key = keys;

        while (key->name && strcmp(key->name, config_setting_name(setting)) != 0)
            key++;
        if (key->name == NULL)
            return error_set(p->err, "%s:%u: unknown key '%s'", file_of(p, setting),
                             config_setting_source_line(setting), config_setting_name(setting));
        if (key->take(p, setting) < 0)
            return -1;
    }
    return 0;
}

static int take_population(struct parser *p, const config_setting_t *group)
{
    static const struct key keys[] = {
        { "model", take_model },
        { "network", take_population_network },
        { "hosts", take_hosts },
        { "pick", take_pick },
        { "activity", take_activity },
        { NULL, NULL },
    };

    char text[VALUE_TEXT];

    if (!config_setting_is_group(group))
        return error_set(p->err, "%s:%u: populations: %s is not { model = ...; network = ...; }",
                         file_of(p, group), config_setting_source_line(group),
                         value_text(group, text));
    p->population = &p->to->populations[p->to->population_count++];
    ip_network_parse(&p->population->network, SCENARIO_DEFAULT_NETWORK);
    if (take_group(p, group, keys) < 0)
        return -1;
    if (p->population->model == NULL)
        return error_set(p->err, "%s:%u: populations: one has no model", file_of(p, group),
                         config_setting_source_line(group));
    return 0;
}

static int take_populations(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (!config_setting_is_list(list) || count < 1 || count > SCENARIO_MAX_GROUPS)
        return complain(p, list, "a list of 1 to 64 populations in round brackets");
    p->to->populations = memory_alloc_array(count, sizeof *p->to->populations);
    for (unsigned i = 0; i < count; i++) {
        if (take_population(p, config_setting_get_elem(list, i)) < 0)
            return -1;
    }
    return 0;
}

static int take_root(struct parser *p, const config_setting_t *root)
{
    static const struct key keys[] = {
        { "interface", take_interface },   { "user", take_user },
        { "allow_default_route", take_allow_default_route },
        { "seed", take_seed },             { "speed", take_speed },
        { "date", take_date },             { "start", take_start },
        { "duration", take_duration },     { "unobserved", take_unobserved },
        { "outside", take_outside },       { "populations", take_populations },
        { "timezone", take_timezone },     { "threads", take_threads },
        { "packet_model", take_packet_model },
        { "impairments", take_impairments }, { "stop_seconds", take_stop_seconds },
        { NULL, NULL },
    };

    if (take_group(p, root, keys) < 0)
        return -1;
    if (p->to->population_count == 0)
        return error_set(p->err, "%s: populations are missing: who is to be played?", p->path);
    return 0;
}

/* ---- files ---- */

static int check_included(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status;

    if (fd < 0)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    status = trust_check(fd, path, err);
    close(fd);
    return status;
}

/*
 * The files that settings come from, but the first one. libconfig opens them by itself; to put another one in the
 * place of one that was checked takes rights on the way to it, which is checked too.
 */
static int check_files(const config_setting_t *setting, const char **checked, struct error *err)
{
    const char *file = config_setting_source_file(setting);

    if (file && (*checked == NULL || strcmp(file, *checked) != 0) && check_included(file, err) < 0)
        return -1;
    if (file)
        *checked = file;
    for (unsigned i = 0; config_setting_is_aggregate(setting) && i < (unsigned)config_setting_length(setting); i++) {
        if (check_files(config_setting_get_elem(setting, i), checked, err) < 0)
            return -1;
    }
    return 0;
}

static int read_file(config_t *config, const char *path, bool must_be_trusted, struct error *err)
{
    FILE *file = fopen(path, "re");
    const char *included;
    int first;

    if (file == NULL)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (must_be_trusted && trust_check(fileno(file), path, err) < 0) {
        fclose(file);
        return -1;
    }
    /* libconfig's scanner ends the process when a read fails, as that of a directory does. */
    first = getc(file);
    if (ferror(file)) {
        error_set(err, "%s: cannot read: %s", path, strerror(errno));
        fclose(file);
        return -1;
    }
    ungetc(first, file);
    if (config_read(config, file)) {
        fclose(file);
        return 0;
    }
    fclose(file);
    included = config_error_file(config);
    return error_set(err, "%s:%d: %s", included ? included : path, config_error_line(config),
                     config_error_text(config));
}

static int load(struct configuration *c, const char *path, bool must_be_trusted, struct error *err)
{
    struct parser parser = { .path = path, .to = c, .err = err };
    const char *checked = NULL;
    config_t config;
    int status;

    memset(c, 0, sizeof *c);
    c->path = memory_copy_text(path);
    c->seed = 1;
    c->speed = 1;
    c->stop_ns = DEFAULT_STOP_S * NS_PER_SECOND;
    c->sessions.impairments = IMPAIRMENTS_LEARNED;
    c->user = memory_copy_text("nobody");
    ip_network_parse(&c->outside, SCENARIO_DEFAULT_OUTSIDE);
    time_zone_set(TIME_ZONE_DEFAULT, err); /* one before may have set another */
    config_init(&config);
    config_set_options(&config, 0);
    status = read_file(&config, path, must_be_trusted, err);
    if (status == 0 && must_be_trusted)
        status = check_files(config_root_setting(&config), &checked, err);
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
    for (size_t i = 0; i < c->population_count; i++) {
        free(c->populations[i].model);
        free(c->populations[i].pick);
    }
    free(c->populations);
    free(c->path);
    free(c->interface);
    free(c->timezone);
    free(c->user);
    memset(c, 0, sizeof *c);
}
