#include "cli/judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "learn/fit.h"

enum { SEGMENT_DEFAULT = 150, SEGMENT_MOST = 10000, MIN_RECORDS_DEFAULT = 450 };

#define MAX_MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MAX_MEMORY_LEAST (UINT64_C(64) << 20)
#define STEP_BYTES 768 /* most that a step takes: itself, its counts, and what a likelihood keeps of it */

void judge_options_init(struct judge_options *o)
{
    *o = (struct judge_options){
        .choice.names = host_names_new(MAX_MEMORY_DEFAULT / 8),
        .segment = SEGMENT_DEFAULT,
        .train = 2.0 / 3,
        .min_records = MIN_RECORDS_DEFAULT,
        .terms = LIKELIHOOD_ALL_TERMS,
        .max_memory = MAX_MEMORY_DEFAULT,
    };
    o->read.names = o->choice.names;
}

void judge_options_release(struct judge_options *o)
{
    host_choice_release(&o->choice);
}

/* ---- options ---- */

static int take_number(const char *name, const char *value, uint64_t least, uint64_t most, uint32_t *number,
                       struct error *err)
{
    uint64_t wide;

    if (option_u64(name, value, least, most, &wide, err) < 0)
        return -1;
    *number = (uint32_t)wide;
    return 0;
}

static int take_train(struct judge_options *o, const char *value, struct error *err)
{
    char *end;

    o->train = strtod(value, &end);
    if (end == value || *end != '\0' || !(o->train > 0 && o->train < 1))
        return error_set(err, "--train: '%s' is not a share between 0 and 1 (0.667)", value);
    return 0;
}

static int take_term(struct judge_options *o, const char *name, size_t length)
{
    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        const char *known = likelihood_term_name((enum likelihood_term)t);

        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            o->terms |= 1u << t;
            return 0;
        }
    }
    return -1;
}

static int take_terms(struct judge_options *o, const char *value, struct error *err)
{
    o->terms = 0;
    for (const char *at = value; *at;) {
        size_t length = strcspn(at, ",");

        if (take_term(o, at, length) < 0)
            return error_set(err, "--terms: '%.*s' is not one of: state, packets, bytes, initiator_port,"
                             " responder_port, gap", (int)length, at);
        at += length + (at[length] == ',');
    }
    return o->terms ? 0 : error_set(err, "--terms: there is none in it");
}

int judge_take_option(struct judge_options *o, int option, const char *value, struct error *err)
{
    switch (option) {
    case JUDGE_SEGMENT: return take_number("--segment", value, 1, SEGMENT_MOST, &o->segment, err);
    case JUDGE_TRAIN: return take_train(o, value, err);
    case JUDGE_MIN_RECORDS: return take_number("--min-records", value, 1, UINT32_MAX, &o->min_records, err);
    case JUDGE_TERMS: return take_terms(o, value, err);
    case 'l': return host_choice_add_local(&o->choice, value, err);
    case JUDGE_HOSTS: o->choice.file = value; return 0;
    case JUDGE_FORMAT: o->read.records.format = value; return 0;
    case JUDGE_COLUMNS: o->read.records.columns = value; return 0;
    case JUDGE_ONE_WAY: o->read.one_way = true; return 0;
    case JUDGE_MAX_MEMORY: return option_size("--max-memory", value, MAX_MEMORY_LEAST, &o->max_memory, err);
    case 'q': o->quiet = true; return 0;
    default: o->json = true; return 0;
    }
}

/* ---- reading ---- */

int judge_choose_hosts(struct judge_options *o, const char *verb, int inputs)
{
    struct error err = { "" };

    if (inputs == 0)
        return options_misused(verb, "at least one input is needed");
    return host_choice_read(&o->choice, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}

static uint32_t trained_records(const struct judge_options *o, size_t records)
{
    return (uint32_t)((double)records * o->train + 1e-9);
}

/* Learns the first part of every host, and lists those that have enough. */
static void cut(struct judged *judged, const struct judge_options *o)
{
    judged->hosts = memory_alloc_array(judged->steps.host_count, sizeof *judged->hosts);
    for (uint32_t id = 0; id < judged->steps.host_count; id++) {
        const struct step_list *list = &judged->steps.hosts[id];
        uint32_t trained = trained_records(o, list->used);
        const struct step_sequence learned = { list->steps, trained };
        uint32_t left = (uint32_t)list->used - trained;

        if (trained > 0)
            host_steps_count(&judged->trained, id, &learned);
        if ((trained > 0 || o->train == 0) && list->used >= o->min_records && left >= o->segment)
            judged->hosts[judged->host_count++] =
                (struct judged_host){ id, (uint32_t)list->used, { list->steps + trained, left } };
    }
}

static int check_steps(const struct judged *judged, const struct judge_options *o, const char *path,
                       struct error *err)
{
    const struct learner_given_up *up = learner_given_up(judged->learner);

    if (judged->steps.is_full || up->hosts > 0 || up->states > 0)
        return error_set(err, "%s: more than %zu records of hosts: they do not fit into --max-memory %"
                         PRIu64 "M; allow more, or give fewer", path, judged->steps.steps,
                         o->max_memory >> 20);
    if (judged->host_count == 0)
        return error_set(err, "%s: of %zu hosts none has %" PRIu32 " records, %" PRIu32 " of them to be judged;"
                         " see --min-records, --segment and --train", path, judged->steps.host_count,
                         o->min_records, o->segment);
    if (judged->host_count == 1 && o->train > 0)
        return error_set(err, "%s: of %zu hosts one alone has %" PRIu32 " records: it has no other to be told from",
                         path, judged->steps.host_count, o->min_records);
    return 0;
}

int judge_read(struct judged *judged, struct judge_options *o, char **paths, int count, struct error *err)
{
    uint64_t share = o->max_memory / 8;
    const struct learner_config config = {
        .local = o->choice.local,
        .local_count = o->choice.local_count,
        .hosts = o->choice.hosts,
        .host_count = o->choice.host_count,
        .on_step = host_steps_add,
        .on_step_self = &judged->steps,
        .max_bytes = (size_t)(2 * share),
    };

    *judged = (struct judged){ .steps.max_steps = (size_t)(4 * share / STEP_BYTES) };
    network_stats_init(&judged->trained);
    judged->learner = learner_new(&config);
    o->read.quiet = o->quiet;
    o->read.max_bytes = share;
    if (read_inputs(paths, count, &o->read, learner_add, judged->learner, &judged->totals, err) < 0)
        return -1;
    if (o->read.one_way && judged->totals.kind != INPUT_FLOW_LOGS)
        return error_set(err, "%s: --one-way goes with flow logs, not with captures", paths[0]);
    learner_finish(judged->learner);
    cut(judged, o);
    return check_steps(judged, o, paths[0], err);
}

struct likelihood *judge_likelihood(const struct network_stats *stats)
{
    struct likelihood *likelihood;
    struct network_fit fit;

    network_fit_init(&fit, stats);
    likelihood = likelihood_new(stats, fit.crowds);
    network_fit_release(&fit);
    return likelihood;
}

void judge_release(struct judged *judged)
{
    learner_free(judged->learner);
    host_steps_release(&judged->steps);
    network_stats_release(&judged->trained);
    free(judged->hosts);
}
