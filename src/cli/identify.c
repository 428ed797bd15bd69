/*
 * dayshift identify: which host made a segment of held-out flows? Song, Table I.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/judge.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "eval/identify.h"
#include "model/model.h"

static const char help[] =
    "Usage: dayshift identify [OPTION]... INPUT...\n"
    "\n"
    "Learns the first two thirds of each host's flows, cuts the last third into segments, and asks the\n"
    "models of all hosts whose each segment is: the one that gives it the highest likelihood. How often\n"
    "that is right says how much of a host is in its model (Song, Table I). Inputs are those of\n"
    "dayshift learn.\n"
    "\n"
    "      --model MODEL          learn nothing: ask the hosts of this model about all the flows\n"
    "      --segments-per-host N  no more than so many of one host, evenly chosen (default: all)\n"
    JUDGE_HELP("all")
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

enum { OPTION_PER_HOST = JUDGE_OWN_OPTIONS, OPTION_MODEL };

struct options {
    struct judge_options judge;
    uint64_t per_host; /* segments; 0: all */
    const char *model; /* whose hosts are asked; NULL: those of the input itself */
};

/* ---- segments ---- */

struct segments {
    struct identified *all; /* host by host */
    size_t used, capacity;
    json_t *weights; /* of the likelihood they were judged by; owned */
};

static void cut_segments(struct segments *segments, const struct options *o, const struct judged_host *host)
{
    uint32_t length = o->judge.segment;
    uint64_t there = host->held_out.length / length;
    uint64_t wanted = o->per_host > 0 && o->per_host < there ? o->per_host : there;

    for (uint64_t i = 0; i < wanted; i++) {
        const struct host_step *begin = host->held_out.steps + i * there / wanted * length;

        segments->all = memory_grow(segments->all, &segments->capacity, segments->used + 1,
                                    sizeof *segments->all);
        segments->all[segments->used++] =
            (struct identified){ .sequence = { begin, length }, .truth = host->id };
    }
}

static void show_progress(void *self, size_t done, size_t total)
{
    progress_update(self, "judging", done, total, "models");
}

/* By term, the most general level first. */
static json_t *weights_json(const struct likelihood *likelihood)
{
    json_t *json = json_object();

    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        json_t *levels = json_array();
        double weight;

        for (uint32_t l = 0; (weight = likelihood_weight(likelihood, (enum likelihood_term)t, l)) > 0; l++)
            json_array_append_new(levels, json_real(weight));
        json_object_set_new(json, likelihood_term_name((enum likelihood_term)t), levels);
    }
    return json;
}

static void ask(const struct options *o, const struct judged *judged, const struct network_stats *stats,
                const uint32_t *candidates, size_t candidate_count, struct segments *segments)
{
    struct likelihood *likelihood = judge_likelihood(stats);
    struct progress progress;

    for (size_t i = 0; i < judged->host_count; i++)
        cut_segments(segments, o, &judged->hosts[i]);
    progress_init(&progress, o->judge.quiet);
    identify(likelihood, candidates, candidate_count, o->judge.terms, segments->all, segments->used,
             show_progress, &progress);
    progress_finish(&progress);
    segments->weights = weights_json(likelihood);
    likelihood_free(likelihood);
}

/* All hosts that take part are asked. */
static void ask_each_other(const struct options *o, const struct judged *judged, struct segments *segments)
{
    uint32_t *candidates = memory_alloc_array(judged->host_count, sizeof *candidates);

    for (size_t i = 0; i < judged->host_count; i++)
        candidates[i] = judged->hosts[i].id;
    ask(o, judged, &judged->trained, candidates, judged->host_count, segments);
    free(candidates);
}

/* All hosts of a model are asked that ever did something. */
static int ask_model(const struct options *o, const struct judged *judged, struct segments *segments,
                     struct error *err)
{
    struct network_stats stats;
    uint32_t *candidates;
    size_t count = 0;
    int status;

    network_stats_init(&stats);
    status = model_load_stats(o->model, &stats, err);
    candidates = memory_alloc_array(stats.host_count, sizeof *candidates);
    for (size_t i = 0; i < stats.states.used; i++)
        candidates[stats.states.entries[i].owner] = 1;
    for (uint32_t host = 0; host < stats.host_count; host++) {
        if (candidates[host])
            candidates[count++] = host;
    }
    if (status == 0 && count == 0)
        status = error_set(err, "%s: no host in it did anything", o->model);
    if (status == 0)
        ask(o, judged, &stats, candidates, count, segments);
    free(candidates);
    network_stats_release(&stats);
    return status;
}

/* ---- one host ---- */

struct verdict {
    const struct judged_host *host;
    size_t segments, right;
    uint32_t taken_for; /* most often: of those that are wrong; of all, by a model's hosts */
    double nats;        /* a record, under its own model; under the likeliest host of a model */
};

/* Of the segments from *at on, which follow one another; moves *at behind them. */
static struct verdict judge_host(const struct segments *segments, size_t *at, const struct judged_host *host,
                                 bool is_by_model)
{
    struct verdict verdict = { .host = host };
    struct tally taken; /* (0, host) -> segments */
    uint64_t most = 0;

    tally_init(&taken);
    for (; *at < segments->used && segments->all[*at].truth == host->id; ++*at) {
        const struct identified *s = &segments->all[*at];
        uint32_t index = tally_add(&taken, 0, s->best, 1);
        uint64_t times = taken.entries[index].count;

        verdict.segments++;
        verdict.right += !is_by_model && s->best == s->truth;
        verdict.nats += (is_by_model ? s->best_nats : s->true_nats) / s->sequence.length;
        if ((is_by_model || s->best != s->truth) && times > most) {
            most = times;
            verdict.taken_for = s->best;
        }
    }
    tally_release(&taken);
    verdict.nats /= (double)verdict.segments;
    return verdict;
}

/* ---- output ---- */

static double share(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static json_t *summary_json(const struct identify_summary *s)
{
    return json_pack("{s:I, s:I, s:I, s:f, s:f}", "hosts", (json_int_t)s->hosts, "segments",
                     (json_int_t)s->segments, "right", (json_int_t)s->right, "accuracy",
                     share(s->right, s->segments), "host_mean", s->host_mean);
}

static json_t *terms_json(unsigned terms)
{
    json_t *list = json_array();

    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        if (terms & 1u << t)
            json_array_append_new(list, json_string(likelihood_term_name((enum likelihood_term)t)));
    }
    return list;
}

static json_t *verdict_json(const struct verdict *v, const struct judged *judged)
{
    char text[IP_ADDRESS_TEXT];
    json_t *json = json_pack("{s:I, s:s, s:I, s:I, s:I, s:f}", "host", (json_int_t)v->host->id, "address",
                             ip_address_format(learner_host_address(judged->learner, v->host->id), text),
                             "records", (json_int_t)v->host->records, "segments", (json_int_t)v->segments,
                             "right", (json_int_t)v->right, "nats_per_record", v->nats);

    if (v->right < v->segments)
        json_object_set_new(json, "taken_for", json_integer(v->taken_for));
    return json;
}

/* What was told right: of all hosts, of every second one from the first on, and of the others. */
static json_t *shares_json(const struct judged *judged, const struct segments *segments)
{
    struct identify_summary all = identify_summarize(segments->all, segments->used, 0, 1);
    json_t *root = summary_json(&all);
    json_t *halves = json_array();

    for (size_t half = 0; half < 2; half++) {
        struct identify_summary part = identify_summarize(segments->all, segments->used, half, 2);

        json_array_append_new(halves, summary_json(&part));
    }
    json_object_set_new(root, "halves", halves);
    json_object_set_new(root, "chance", json_real(1.0 / (double)judged->host_count));
    return root;
}

static int print_json(const struct options *o, const struct judged *judged, const struct segments *segments)
{
    json_t *root = o->model ? json_object() : shares_json(judged, segments);
    json_t *hosts = json_array();
    size_t at = 0;

    for (size_t i = 0; i < judged->host_count; i++) {
        struct verdict verdict = judge_host(segments, &at, &judged->hosts[i], o->model != NULL);

        json_array_append_new(hosts, verdict_json(&verdict, judged));
    }
    json_object_set_new(root, "segment_records", json_integer(o->judge.segment));
    json_object_set_new(root, "terms", terms_json(o->judge.terms));
    json_object_set(root, "weights", segments->weights);
    json_object_set_new(root, "per_host", hosts);
    return cli_print_json(root);
}

static void print_summary(const char *what, const struct identify_summary *s)
{
    printf("%-11s %zu hosts, %zu segments: %.3f right, mean of hosts %.3f\n", what, s->hosts, s->segments,
           share(s->right, s->segments), s->host_mean);
}

static void print_verdict(const struct verdict *v, const struct judged *judged, bool is_by_model)
{
    char text[IP_ADDRESS_TEXT];

    printf("%6" PRIu32 "  %-15s %8" PRIu32 " %9zu", v->host->id,
           ip_address_format(learner_host_address(judged->learner, v->host->id), text), v->host->records,
           v->segments);
    if (!is_by_model)
        printf(" %6.3f", share(v->right, v->segments));
    printf(" %8.2f", v->nats);
    if (v->right < v->segments)
        printf("  %" PRIu32, v->taken_for);
    putchar('\n');
}

static void print_shares(const struct judged *judged, const struct segments *segments)
{
    static const char *const halves[] = { "1st, 3rd...", "2nd, 4th..." };
    struct identify_summary all = identify_summarize(segments->all, segments->used, 0, 1);

    print_summary("all", &all);
    for (size_t half = 0; half < 2; half++) {
        struct identify_summary part = identify_summarize(segments->all, segments->used, half, 2);

        print_summary(halves[half], &part);
    }
    printf("%-11s %.3f\n\n", "chance", 1.0 / (double)judged->host_count);
}

static void print_text(const struct options *o, const struct judged *judged, const struct segments *segments)
{
    size_t at = 0;

    if (!o->model)
        print_shares(judged, segments);
    printf("  host  address          records  segments%s   nats/r  %s\n", o->model ? "" : "  right",
           o->model ? "host of the model" : "mistaken for");
    for (size_t i = 0; i < judged->host_count; i++) {
        struct verdict verdict = judge_host(segments, &at, &judged->hosts[i], o->model != NULL);

        print_verdict(&verdict, judged, o->model != NULL);
    }
}

/* ---- the verb ---- */

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    if (option == OPTION_PER_HOST)
        return option_u64("--segments-per-host", value, 1, UINT32_MAX, &o->per_host, err);
    if (option == OPTION_MODEL) {
        o->model = value;
        return 0;
    }
    return judge_take_option(&o->judge, option, value, err);
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        JUDGE_LONG_OPTIONS,
        { "segments-per-host", required_argument, NULL, OPTION_PER_HOST },
        { "model", required_argument, NULL, OPTION_MODEL },
        { 0 },
    };
    const struct option_reader reader = { help, JUDGE_SHORT_OPTIONS, long_options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status != EXIT_OK)
        return status;
    if (o->model)
        o->judge.train = 0;
    return judge_choose_hosts(&o->judge, "identify", argc - optind);
}

/* 0, or -1 with *err, or without when it was said. */
static int judge(const struct options *o, const struct judged *judged, struct error *err)
{
    struct segments segments = { 0 };
    int status = 0;

    if (o->model)
        status = ask_model(o, judged, &segments, err);
    else
        ask_each_other(o, judged, &segments);
    if (status == 0 && o->judge.json)
        status = print_json(o, judged, &segments) == EXIT_OK ? 0 : -1;
    else if (status == 0)
        print_text(o, judged, &segments);
    json_decref(segments.weights);
    free(segments.all);
    return status;
}

static int run(struct options *o, char **paths, int count)
{
    struct error err = { "" };
    struct judged judged;
    int status = judge_read(&judged, &o->judge, paths, count, &err);

    if (status == 0)
        status = judge(o, &judged, &err);
    if (status < 0 && err.text[0] != '\0')
        cli_fail(&err);
    status = status < 0 ? EXIT_FAILED : judged.totals.damaged > 0 ? EXIT_DAMAGED : EXIT_OK;
    judge_release(&judged);
    return status;
}

int verb_identify(int argc, char **argv)
{
    struct options o = { .per_host = 0 };
    int status;

    judge_options_init(&o.judge);
    status = parse(&o, argc, argv);
    if (status == EXIT_OK)
        status = run(&o, argv + optind, argc - optind);
    judge_options_release(&o.judge);
    return status < 0 ? EXIT_OK : status;
}
