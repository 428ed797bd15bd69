/*
 * judge.h - what identify and score begin with: inputs in, each host's own stream cut in two, one part learned.
 */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include <getopt.h>

#include "cli/host_choice.h"
#include "cli/read_inputs.h"
#include "eval/likelihood.h"
#include "learn/host_steps.h"
#include "learn/learner.h"

struct judge_options {
    struct host_choice choice;
    struct read_options read;
    uint32_t segment;     /* records */
    double train;         /* share of each host's records that is learned; 0: none, all are held out */
    uint32_t min_records; /* of a host that takes part */
    unsigned terms;       /* set of likelihood_term */
    uint64_t max_memory;
    bool json;
    bool quiet;
};

/* For the long options of a verb; those of its own have numbers from JUDGE_OWN_OPTIONS on. */
enum {
    JUDGE_SEGMENT = 256, JUDGE_TRAIN, JUDGE_MIN_RECORDS, JUDGE_TERMS, JUDGE_HOSTS, JUDGE_FORMAT,
    JUDGE_COLUMNS, JUDGE_ONE_WAY, JUDGE_MAX_MEMORY, JUDGE_JSON, JUDGE_OWN_OPTIONS
};

#define JUDGE_LONG_OPTIONS                                                                        \
    { "segment", required_argument, NULL, JUDGE_SEGMENT },                                        \
    { "train", required_argument, NULL, JUDGE_TRAIN },                                            \
    { "min-records", required_argument, NULL, JUDGE_MIN_RECORDS },                                \
    { "terms", required_argument, NULL, JUDGE_TERMS },                                            \
    { "local", required_argument, NULL, 'l' },                                                    \
    { "hosts", required_argument, NULL, JUDGE_HOSTS },                                            \
    { "format", required_argument, NULL, JUDGE_FORMAT },                                          \
    { "columns", required_argument, NULL, JUDGE_COLUMNS },                                        \
    { "one-way", no_argument, NULL, JUDGE_ONE_WAY },                                              \
    { "max-memory", required_argument, NULL, JUDGE_MAX_MEMORY },                                  \
    { "json", no_argument, NULL, JUDGE_JSON },                                                    \
    { "quiet", no_argument, NULL, 'q' },                                                          \
    { "help", no_argument, NULL, 'h' }

#define JUDGE_SHORT_OPTIONS "l:qh"

/* What --help says of them. */
#define JUDGE_HELP(terms_default)                                                                                  \
    "      --segment N        records that are judged together (default 150)\n"                       \
    "      --train SHARE      of each host's records, the first, that are learned (default 0.667)\n"  \
    "      --min-records N    a host with fewer does not take part (default 450)\n"                   \
    "      --terms LIST       only these terms of the likelihood: state, packets, bytes,\n"           \
    "                         initiator_port, responder_port, gap (default: " terms_default ")\n"     \
    "  -l, --local NETWORK    hosts in this network are local; may be repeated (without: found\n"     \
    "                         from the data)\n"                                                       \
    "      --hosts FILE       these addresses, one a line, are the hosts\n"                           \
    "      --format NAME      the format of a flow log, when it is not recognized\n"                  \
    "      --columns SPEC     as for dayshift learn\n"                                                \
    "      --one-way          each record of a flow log is judged by itself: its directions are not\n"    \
    "                         put together\n"                                                        \
    "      --max-memory SIZE  fail rather than use more (default 1G, at least 64M)\n"                 \
    "      --json             as JSON\n"                                                              \
    "  -q, --quiet            no progress\n"                                                          \
    "  -h, --help             this text\n"

void judge_options_init(struct judge_options *o);
void judge_options_release(struct judge_options *o);

/* One of JUDGE_LONG_OPTIONS but help. 0, or -1 with *err. */
int judge_take_option(struct judge_options *o, int option, const char *value, struct error *err);

/* All options were taken: the hosts that were named, for a verb with so many inputs. EXIT_OK, or the status to
 * end with, of which all was said. */
int judge_choose_hosts(struct judge_options *o, const char *verb, int inputs);

/* A host that takes part: its number in the learner and in `trained`, and what of its steps is held out. */
struct judged_host {
    uint32_t id;
    uint32_t records;
    struct step_sequence held_out;
};

struct judged {
    struct learner *learner; /* for addresses */
    struct host_steps steps;
    struct network_stats trained; /* from the first part of each host's steps, of all hosts */
    struct judged_host *hosts;
    size_t host_count;
    struct read_totals totals;
};

/*
 * Reads all inputs. Each host's own steps are cut: the first `train` of them are learned, the last are held
 * out. 0, or -1 with *err: also when fewer than two hosts have enough (one, when nothing is learned), or when
 * they have more than memory allows.
 */
int judge_read(struct judged *judged, struct judge_options *o, char **paths, int count, struct error *err);
void judge_release(struct judged *judged);

/* Of the hosts of the statistics, which are put into crowds first. The caller frees it. */
struct likelihood *judge_likelihood(const struct network_stats *stats);

#endif
