/*
 * dayshift score: nats per record of genuine, synthetic and spliced flows under a host's model. Song, Table II.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/judge.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "eval/fidelity.h"
#include "learn/fit.h"
#include "model/model.h"
#include "synth/chain.h"
#include "synth/flow_draw.h"

static const char help[] =
    "Usage: dayshift score [OPTION]... INPUT...\n"
    "\n"
    "Learns the first two thirds of each host's flows, and asks the host's model how likely other flows\n"
    "are: genuine ones of the last third; synthetic ones from a model of that third; its own; and\n"
    "pieces of what other hosts did, spliced together (Song, Table II). Natural logarithms of\n"
    "probabilities, a record. Inputs are those of dayshift learn.\n"
    "\n"
    "      --trials N         segments of each kind for every host (default 10)\n"
    "      --seed N           of what is drawn (default 1)\n"
    JUDGE_HELP("state,packets,gap")
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

enum { OPTION_TRIALS = JUDGE_OWN_OPTIONS, OPTION_SEED };
enum { TRIALS_DEFAULT = 10, TRIALS_MOST = 1000 };

struct options {
    struct judge_options judge;
    uint64_t trials;
    uint64_t seed;
};

/* ---- models of parts ---- */

/* Statistics as the model that is learned from them. */
static struct model *model_of(const struct network_stats *stats, struct error *err)
{
    struct model_image image;
    struct model *model = NULL;
    struct network_fit fit;

    network_fit_init(&fit, stats);
    if (model_image_make(&image, stats, &fit, err) == 0) {
        model = model_from_image(&image, err);
        model_image_release(&image);
    }
    network_fit_release(&fit);
    return model;
}

static struct model *model_of_held_out(const struct judged *judged, struct error *err)
{
    struct network_stats stats;
    struct model *model;

    network_stats_init(&stats);
    for (size_t i = 0; i < judged->host_count; i++)
        host_steps_count(&stats, judged->hosts[i].id, &judged->hosts[i].held_out);
    model = model_of(&stats, err);
    network_stats_release(&stats);
    return model;
}

/* ---- synthetic steps ---- */

static void synthesize(const struct host_model *model, struct host_step *steps, uint32_t count,
                       struct random_stream *random)
{
    /* By flows, not by time as chain_enter() does it: segments are cut out of flows. */
    uint32_t state = discrete_symbol(&model->frequency, discrete_draw(&model->frequency, random));
    double gap_ns = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct state_model *s = &model->states[state];
        uint64_t packets = flow_draw_packets(&s->packets, random);
        uint16_t ports[2];

        flow_draw_ports(s, ports, random);
        steps[i] = (struct host_step){
            .state = state_key_pack(s->key),
            .gap_bin = i == 0 ? STEP_NO_GAP : (uint16_t)log_grid_bin(gap_ns, GAP_GRID_PER_OCTAVE),
            .packets_bin = (uint16_t)log_grid_bin((double)packets, VOLUME_GRID_PER_OCTAVE),
            .initiator_feature = state_key_has_ports(s->key) ? (uint16_t)port_feature_of(ports[0]) : 0,
            .responder_port = state_key_has_ports(s->key) ? ports[1] : 0,
        };
        state = chain_step(model, state, &gap_ns, random);
    }
}

/* ---- trials ---- */

struct bench {
    const struct options *options;
    struct likelihood *likelihood;
    const struct model *held_out, *own;
    struct fidelity_host *hosts;
    size_t count;
};

/* One sequence of each kind and trial, and room for those that are made. */
static void score_host(const struct bench *bench, size_t self)
{
    uint32_t length = bench->options->judge.segment;
    uint32_t trials = (uint32_t)bench->options->trials;
    size_t count = (size_t)trials * FIDELITY_KINDS;
    struct step_sequence *sequences = memory_alloc_array(count, sizeof *sequences);
    struct host_step *made = memory_alloc_array(count * length, sizeof *made);
    struct fidelity_host *host = &bench->hosts[self];

    for (uint32_t i = 0; i < count; i++) {
        struct host_step *steps = made + (size_t)i * length;
        struct random_stream random;

        random_init(&random, bench->options->seed, RANDOM_JUDGE, host->host, i, 0);
        sequences[i] = (struct step_sequence){ steps, length };
        switch ((enum fidelity_kind)(i / trials)) {
        case FIDELITY_GENUINE: fidelity_genuine(host, i % trials, trials, length, steps); break;
        case FIDELITY_SYNTHETIC: synthesize(&bench->held_out->hosts[host->host], steps, length, &random); break;
        case FIDELITY_OWN: synthesize(&bench->own->hosts[host->host], steps, length, &random); break;
        default: fidelity_splice(bench->hosts, bench->count, self, length, steps, &random); break;
        }
    }
    fidelity_score(bench->likelihood, host, sequences, trials, bench->options->judge.terms);
    free(made);
    free(sequences);
}

static void score_all(const struct bench *bench)
{
    struct progress progress;

    progress_init(&progress, bench->options->judge.quiet);
    for (size_t i = 0; i < bench->count; i++) {
        score_host(bench, i);
        progress_update(&progress, "judging", i + 1, bench->count, "hosts");
    }
    progress_finish(&progress);
}

/* ---- output ---- */

static json_t *nats_json(const double nats[FIDELITY_KINDS])
{
    json_t *json = json_object();

    for (int kind = 0; kind < FIDELITY_KINDS; kind++)
        json_object_set_new(json, fidelity_kind_name((enum fidelity_kind)kind), json_real(nats[kind]));
    return json;
}

static int print_json(const struct bench *bench, const struct judged *judged)
{
    struct fidelity_summary s = fidelity_summarize(bench->hosts, bench->count);
    json_t *root = nats_json(s.nats);
    json_t *hosts = json_array();

    for (size_t i = 0; i < bench->count; i++) {
        json_t *host = nats_json(bench->hosts[i].nats);
        char text[IP_ADDRESS_TEXT];

        json_object_set_new(host, "host", json_integer(bench->hosts[i].host));
        json_object_set_new(host, "address", json_string(ip_address_format(
            learner_host_address(judged->learner, bench->hosts[i].host), text)));
        json_object_set_new(host, "records", json_integer(judged->hosts[i].records));
        json_array_append_new(hosts, host);
    }
    json_object_set_new(root, "hosts", json_integer((json_int_t)bench->count));
    json_object_set_new(root, "genuine_above", json_integer((json_int_t)s.genuine_above));
    json_object_set_new(root, "genuine_level", json_integer((json_int_t)s.genuine_level));
    json_object_set_new(root, "spliced_below", json_integer((json_int_t)s.spliced_below));
    json_object_set_new(root, "in_order", json_integer((json_int_t)s.in_order));
    json_object_set_new(root, "gap", json_real(s.gap));
    json_object_set_new(root, "trials", json_integer((json_int_t)bench->options->trials));
    json_object_set_new(root, "segment_records", json_integer(bench->options->judge.segment));
    json_object_set_new(root, "per_host", hosts);
    return cli_print_json(root);
}

static void print_text(const struct bench *bench, const struct judged *judged)
{
    struct fidelity_summary s = fidelity_summarize(bench->hosts, bench->count);

    printf("nats a record, mean of %zu hosts\n", bench->count);
    for (int kind = 0; kind < FIDELITY_KINDS; kind++)
        printf("  %-10s %8.3f\n", fidelity_kind_name((enum fidelity_kind)kind), s.nats[kind]);
    printf("genuine >= synthetic   %zu hosts to the letter, %zu within the error of the trials\n",
           s.genuine_above, s.genuine_level);
    printf("synthetic > spliced    %zu hosts\n", s.spliced_below);
    printf("both, within the error %zu hosts of %zu, %.3f\n", s.in_order, bench->count,
           (double)s.in_order / (double)bench->count);
    printf("(genuine - synthetic) / (synthetic - spliced)  %.3f\n\n", s.gap);
    printf("  host  address          records  genuine  synthetic      own  spliced\n");
    for (size_t i = 0; i < bench->count; i++) {
        const double *nats = bench->hosts[i].nats;
        char text[IP_ADDRESS_TEXT];

        printf("%6" PRIu32 "  %-15s %8" PRIu32 " %8.2f %10.2f %8.2f %8.2f\n", bench->hosts[i].host,
               ip_address_format(learner_host_address(judged->learner, bench->hosts[i].host), text),
               judged->hosts[i].records, nats[FIDELITY_GENUINE], nats[FIDELITY_SYNTHETIC], nats[FIDELITY_OWN],
               nats[FIDELITY_SPLICED]);
    }
}

/* ---- the verb ---- */

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    if (option == OPTION_TRIALS)
        return option_u64("--trials", value, 1, TRIALS_MOST, &o->trials, err);
    if (option == OPTION_SEED)
        return option_u64("--seed", value, 0, UINT64_MAX, &o->seed, err);
    return judge_take_option(&o->judge, option, value, err);
}

/* EXIT_OK to go on, or as options_read(). */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        JUDGE_LONG_OPTIONS,
        { "trials", required_argument, NULL, OPTION_TRIALS },
        { "seed", required_argument, NULL, OPTION_SEED },
        { 0 },
    };
    const struct option_reader reader = { help, JUDGE_SHORT_OPTIONS, long_options, take_option, o };
    int status = options_read(&reader, argc, argv);
    struct error err;

    if (status != EXIT_OK)
        return status;
    if (o->judge.terms & 1u << TERM_BYTES) {
        error_set(&err, "--terms: bytes: synthetic flows have none, the session that plays them has");
        return cli_fail(&err);
    }
    return judge_choose_hosts(&o->judge, "score", argc - optind);
}

/* 0 or -1 with *err, or without when it was said. */
static int judge(const struct options *o, const struct judged *judged, struct error *err)
{
    struct model *held_out = NULL;
    struct model *own = NULL;
    struct bench bench = { .options = o, .count = judged->host_count };
    int status = -1;

    held_out = model_of_held_out(judged, err);
    if (held_out)
        own = model_of(&judged->trained, err);
    if (own) {
        bench.held_out = held_out;
        bench.own = own;
        bench.likelihood = judge_likelihood(&judged->trained);
        bench.hosts = memory_alloc_array(bench.count, sizeof *bench.hosts);
        for (size_t i = 0; i < bench.count; i++)
            bench.hosts[i] = (struct fidelity_host){ judged->hosts[i].id, judged->hosts[i].held_out, { 0 }, { 0 } };
        score_all(&bench);
        status = 0;
        if (!o->judge.json)
            print_text(&bench, judged);
        else if (print_json(&bench, judged) != EXIT_OK)
            status = -1;
    }
    free(bench.hosts);
    likelihood_free(bench.likelihood);
    model_free(own);
    model_free(held_out);
    return status;
}

int verb_score(int argc, char **argv)
{
    struct options o = { .trials = TRIALS_DEFAULT, .seed = 1 };
    struct error err = { "" };
    struct judged judged;
    int status;

    judge_options_init(&o.judge);
    o.judge.terms = 1u << TERM_STATE | 1u << TERM_PACKETS | 1u << TERM_GAP; /* what the chain is */
    status = parse(&o, argc, argv);
    if (status == EXIT_OK) {
        status = judge_read(&judged, &o.judge, argv + optind, argc - optind, &err);
        if (status == 0)
            status = judge(&o, &judged, &err);
        if (status < 0 && err.text[0] != '\0')
            cli_fail(&err);
        status = status < 0 ? EXIT_FAILED : judged.totals.damaged > 0 ? EXIT_DAMAGED : EXIT_OK;
        judge_release(&judged);
    }
    judge_options_release(&o.judge);
    return status < 0 ? EXIT_OK : status;
}
