/*
 * options.h - values of command-line options: parsed, checked, and complained about by name.
 *
 * Each returns 0, or -1 with *err naming the option and the value.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/ip_address.h"
#include "records/record_writer.h"
#include "synth/slice.h"

enum { OPTIONS_HELP = -1 };

/* How a verb reads its options. */
struct option_reader {
    const char *help; /* printed for -h */
    const char *short_options;
    const struct option *long_options;
    int (*take)(void *self, int option, char *value, struct error *err); /* 0, or -1 with *err */
    void *self;
};

/* Takes all options; optind is then that of the first argument. EXIT_OK to go on, OPTIONS_HELP, or the status
 * to end with, of which all was said. */
int options_read(const struct option_reader *reader, int argc, char **argv);

/* Says what is wrong with how the verb is used; EXIT_USAGE. */
int options_misused(const char *verb, const char *wrong);

int option_u64(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
               struct error *err);
int option_u32(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *value, struct error *err);
/* Hosts of a crowd, at least. */
int option_crowd(const char *name, const char *text, uint32_t *least, struct error *err);
int option_speed(const char *name, const char *text, double *value, struct error *err);
int option_activity(const char *name, const char *text, double *value, struct error *err);
int option_rate(const char *name, const char *text, double *value, struct error *err);
int option_record_encoding(const char *name, const char *text, const struct record_encoding **encoding,
                           struct error *err);
/* "tcp", "udp", or "icmp" where that makes sense. */
int option_protocol(const char *name, const char *text, bool with_icmp, uint8_t *protocol, struct error *err);
/* "K/N": fold K, from 0 to N-1, of N folds, 2 to 1000. */
int option_fold(const char *name, const char *text, uint32_t *fold, uint32_t *folds, struct error *err);
int option_duration(const char *name, const char *text, int64_t *ns, struct error *err);
int option_size(const char *name, const char *text, uint64_t least, uint64_t *bytes, struct error *err);
int option_time_of_day(const char *name, const char *text, int64_t *ns, struct error *err);
int option_date(const char *name, const char *text, int32_t *date, struct error *err);
int option_network(const char *name, const char *text, struct ip_network *network, struct error *err);

/* Sets the zone of the process. */
int option_timezone(const char *text, struct error *err);

int option_fallback(const char *name, const char *text, enum day_fallback *fallback,
                    struct error *err);

#endif
