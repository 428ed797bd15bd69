#include "cli/options.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/time_zone.h"
#include "cli/cli.h"
#include "cli/crowds.h"
#include "net/wire.h"
#include "scenario/scenario.h"

static int complain(const char *name, const char *text, const char *wanted, struct error *err)
{
    return error_set(err, "%s: '%s' is not %s", name, text, wanted);
}

int options_read(const struct option_reader *reader, int argc, char **argv)
{
    struct error err = { "" };
    int c;

    while ((c = getopt_long(argc, argv, reader->short_options, reader->long_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(reader->help, stdout);
            return OPTIONS_HELP;
        }
        if (c == '?')
            return EXIT_USAGE;
        if (reader->take(reader->self, c, optarg, &err) < 0)
            return cli_fail(&err);
    }
    return EXIT_OK;
}

int options_misused(const char *verb, const char *wrong)
{
    fprintf(stderr, "dayshift %s: %s; see dayshift %s --help\n", verb, wrong, verb);
    return EXIT_USAGE;
}

int option_u64(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
               struct error *err)
{
    if (text_to_u64(text, value) < 0 || *value < least || *value > most)
        return error_set(err, "%s: '%s' is not a whole number from %" PRIu64 " to %" PRIu64, name, text,
                         least, most);
    return 0;
}

int option_u32(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *value, struct error *err)
{
    uint64_t number;

    if (option_u64(name, text, least, most, &number, err) < 0)
        return -1;
    *value = (uint32_t)number;
    return 0;
}

int option_crowd(const char *name, const char *text, uint32_t *least, struct error *err)
{
    return option_u32(name, text, CROWD_LEAST, CROWD_MOST, least, err);
}

int option_speed(const char *name, const char *text, double *value, struct error *err)
{
    if (text_to_double(text, value) < 0 || *value < 0.001 || *value > 1e6)
        return complain(name, text, "a number from 0.001 to 1000000", err);
    return 0;
}

int option_activity(const char *name, const char *text, double *value, struct error *err)
{
    if (text_to_double(text, value) < 0 || *value < SCENARIO_LEAST_ACTIVITY || *value > SCENARIO_MOST_ACTIVITY)
        return complain(name, text, "a number from 0.001 to 1000", err);
    return 0;
}

int option_rate(const char *name, const char *text, double *value, struct error *err)
{
    if (text_to_double(text, value) < 0 || *value < 0.001 || *value > 1e6)
        return complain(name, text, "a number a second, from 0.001 to 1000000", err);
    return 0;
}

int option_record_encoding(const char *name, const char *text, const struct record_encoding **encoding,
                           struct error *err)
{
    char names[TEXT_NAMES];

    *encoding = record_encoding_find(text);
    return *encoding ? 0 : error_set(err, "%s: '%s' is not one of: %s", name, text, record_encoding_names(names));
}

int option_protocol(const char *name, const char *text, bool with_icmp, uint8_t *protocol, struct error *err)
{
    static const uint8_t protocols[] = { IP_TCP, IP_UDP, IP_ICMP };

    for (int i = 0; i < (with_icmp ? 3 : 2); i++) {
        if (strcmp(text, cli_protocol_name(protocols[i])) == 0) {
            *protocol = protocols[i];
            return 0;
        }
    }
    return complain(name, text, with_icmp ? "one of: tcp, udp, icmp" : "one of: tcp, udp", err);
}

int option_fold(const char *name, const char *text, uint32_t *fold, uint32_t *folds, struct error *err)
{
    enum { MAX_FOLDS = 1000 };
    const char *slash = strchr(text, '/');
    char number[8] = "";
    uint64_t k = 0;
    uint64_t n = 0;

    if (slash != NULL && (size_t)(slash - text) < sizeof number)
        memcpy(number, text, (size_t)(slash - text));
    if (slash == NULL || text_to_u64(number, &k) < 0 || text_to_u64(slash + 1, &n) < 0 || n < 2 || n > MAX_FOLDS ||
        k >= n)
        return error_set(err, "%s: '%s' is not K/N, a fold from 0 to N-1 of 2 to %d", name, text, MAX_FOLDS);
    *fold = (uint32_t)k;
    *folds = (uint32_t)n;
    return 0;
}

int option_duration(const char *name, const char *text, int64_t *ns, struct error *err)
{
    return text_to_duration_ns(text, ns) < 0
               ? complain(name, text, "a duration (20ms, 90s, 5m, 1.5h, 1d)", err)
               : 0;
}

int option_size(const char *name, const char *text, uint64_t least, uint64_t *bytes, struct error *err)
{
    char smallest[TEXT_NUMBER];

    if (text_to_size(text, bytes) < 0 || *bytes < least)
        return error_set(err, "%s: '%s' is not a size of at least %s (512M, 2G)", name, text,
                         text_from_size(least, smallest));
    return 0;
}

int option_time_of_day(const char *name, const char *text, int64_t *ns, struct error *err)
{
    return text_to_time_of_day_ns(text, ns) < 0 ? complain(name, text, "a time of day (09:00)", err)
                                                : 0;
}

int option_date(const char *name, const char *text, int32_t *date, struct error *err)
{
    return text_to_date(text, date) < 0 ? complain(name, text, "a date (2026-01-31)", err) : 0;
}

int option_network(const char *name, const char *text, struct ip_network *network, struct error *err)
{
    return ip_network_parse(network, text) < 0
               ? complain(name, text, "a network (10.0.0.0/8, all host bits 0)", err)
               : 0;
}

int option_timezone(const char *text, struct error *err)
{
    return time_zone_set(text, err) < 0 ? error_prefix(err, "--timezone") : 0;
}

int option_fallback(const char *name, const char *text, enum day_fallback *fallback,
                    struct error *err)
{
    char names[TEXT_NAMES];

    if (day_fallback_parse(text, fallback) < 0)
        return error_set(err, "%s: '%s' is not one of: %s", name, text, day_fallback_names(names));
    return 0;
}
