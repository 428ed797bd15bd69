/*
 * bench_fill - NETFLOW-REGRESSION on real records: exact filling beside the paper's search.
 *
 * usage: bench_fill FILE [GAPS [LENGTH [SEED]]]
 * FILE is a capture or a flow log. Its first two thirds are learned. In the rest, of each of GAPS (200)
 * random gaps a host, a place and 5 to 50 records are drawn; these are hidden and filled. The search has a
 * synthetic sequence of LENGTH (20000) records; the exact method draws 1, 10, 100 fillings, or as many as
 * make LENGTH records together ("equal"), and keeps the most likely.
 *
 * Of each: nats a record; overlap, the share of its states that the hidden records have too, in any order;
 * how often it is more likely than the search's filling, or as likely; of boundary transitions between
 * states that were learned ln p, and the share that was never learned itself; how many have probability 0.
 * Of genuine records nats are the median, over gaps in which no state is new: an outlier of volume costs
 * hundreds.
 */
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/order.h"
#include "capture/capture_set.h"
#include "dayshift/flow_state.h"
#include "flow/flow_table.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "learn/record_hold.h"
#include "model/model.h"
#include "records/record_file.h"
#include "records/record_pairer.h"
#include "synth/regression.h"
#include "bench.h"

enum { COUNT_LEAST = 5, COUNT_MOST = 50, STEPS_LEAST = COUNT_MOST + 2 * REGRESSION_CONTEXT };
enum { MAX_FLOWS = 1 << 20 };
enum trial { TRIAL_EQUAL = 3, TRIALS };

static const uint32_t draws_of[TRIALS] = { 1, 10, 100, 0 };

/* What one host did that was not learned. */
struct stream {
    struct smoothed_chain chain;
    struct regression_record *steps;
    size_t used, capacity;
};

struct score {
    double log_likelihood, log_ends, overlap, cpu_seconds;
    uint32_t wins, ties, ends, impossible, never_seen;
};

/* ---- records ---- */

static void hold(void *self, const struct flow_record *record)
{
    struct flow_record bare = *record;

    bare.sequence = NULL;
    bare.sequence_length = 0;
    record_hold_add(self, &bare);
}

static void damage(void *self, const char *message)
{
    (void)self;
    fprintf(stderr, "bench_fill: %s\n", message);
}

static void read_capture(struct input_file *input, struct record_hold *records)
{
    const struct capture_options options = { 0 };
    const struct flow_table_options flow = { .max_flows = MAX_FLOWS };
    struct capture_set *set = capture_set_new(&options, damage, NULL);
    struct flow_table *table = flow_table_new(&flow, hold, records);
    struct packet_view packet;
    struct error err;

    if (capture_set_add(set, input, &err) < 0)
        errx(1, "%s", err.text);
    while (capture_set_next(set, &packet))
        flow_table_add(table, &packet);
    flow_table_flush(table);
    flow_table_free(table);
    capture_set_free(set);
}

static void read_log(struct input_file *input, struct record_hold *records)
{
    const struct record_options options = { 0 };
    struct host_names *names = host_names_new(MAX_FLOWS);
    struct record_pairer *pairer = record_pairer_new(MAX_FLOWS, hold, records);
    struct error err;
    struct record_file *file = record_file_open(input, &options, names, &err);
    struct log_record record;

    if (file == NULL)
        errx(1, "%s", err.text);
    while (record_file_next(file, &record, &err) > 0)
        record_pairer_add(pairer, &record);
    record_pairer_flush(pairer);
    record_pairer_free(pairer);
    record_file_close(file);
    host_names_free(names);
}

static void read_records(const char *path, struct record_hold *records)
{
    struct error err;
    struct input_file *input = input_file_open(path, &err);
    const uint8_t *bytes;
    size_t size;

    if (input == NULL)
        errx(1, "%s", err.text);
    bytes = input_file_peek(input, CAPTURE_MAGIC_BYTES, &size);
    if (capture_file_recognizes(bytes, size))
        read_capture(input, records);
    else
        read_log(input, records);
}

/* ---- models and what they did not see ---- */

static struct model *fit(const struct network_stats *stats)
{
    struct model_image image;
    struct network_fit fitted;
    struct model *model;
    struct error err;

    network_fit_init(&fitted, stats);
    if (model_image_make(&image, stats, &fitted, &err) < 0 || (model = model_from_image(&image, &err)) == NULL)
        errx(1, "%s", err.text);
    model_image_release(&image);
    network_fit_release(&fitted);
    return model;
}

static void add_step(struct stream *stream, const struct flow_record *record, enum host_role role)
{
    stream->steps = memory_grow(stream->steps, &stream->capacity, stream->used + 1, sizeof *stream->steps);
    stream->steps[stream->used++] = (struct regression_record){
        smoothed_chain_find(&stream->chain, flow_state_key(record, role)), flow_record_packets(record)
    };
}

static void add_record(struct stream *streams, uint32_t hosts, const struct learner *learner,
                       const struct flow_record *record)
{
    for (uint32_t host = 0; host < hosts; host++) {
        for (enum host_role role = ROLE_INITIATOR; role <= ROLE_RESPONDER; role++) {
            if (ip_address_equal(learner_host_address(learner, host), &record->address[role]) &&
                flow_is_step(record, role) && streams[host].chain.states > 0)
                add_step(&streams[host], record, role);
        }
    }
}

/* ---- one gap ---- */

static struct regression_gap draw_gap(const struct stream *streams, uint32_t hosts, size_t *place,
                                      const struct stream **stream, struct random_stream *random)
{
    struct regression_gap gap = { .before_count = REGRESSION_CONTEXT, .after_count = REGRESSION_CONTEXT,
                                  .to = { NS_PER_SLICE }, .pace = 1 };

    do
        *stream = &streams[random_below(random, hosts)];
    while ((*stream)->used < STEPS_LEAST);
    gap.chain = &(*stream)->chain;
    gap.count = COUNT_LEAST + (uint32_t)random_below(random, COUNT_MOST - COUNT_LEAST + 1);
    *place = REGRESSION_CONTEXT +
             random_below(random, (*stream)->used - gap.count - 2 * REGRESSION_CONTEXT + 1);
    for (uint32_t k = 0; k < REGRESSION_CONTEXT; k++) {
        gap.before[k] = (*stream)->steps[*place - 1 - k];
        gap.after[k] = (*stream)->steps[*place + gap.count + k];
    }
    return gap;
}

/* Share of the filling's states that the genuine records have too, whatever their order. */
static double overlap(const struct regression_record *genuine, const uint32_t *states, uint32_t count)
{
    bool taken[COUNT_MOST] = { false };
    uint32_t common = 0;

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            if (!taken[k] && genuine[k].state == states[i]) {
                taken[k] = true;
                common++;
                break;
            }
        }
    }
    return (double)common / count;
}

static void judge_boundary(const struct regression_gap *gap, uint32_t from, uint32_t to, struct score *score)
{
    bool is_known = from != CHAIN_UNKNOWN && to != CHAIN_UNKNOWN;

    score->impossible += !(exp(smoothed_chain_log(gap->chain, from, to)) > 0);
    score->ends += is_known;
    score->log_ends += is_known ? smoothed_chain_log(gap->chain, from, to) : 0;
    score->never_seen += is_known && !smoothed_chain_has(gap->chain, from, to);
}

static void judge(const struct regression_gap *gap, const struct regression_record *genuine,
                  const struct regression_filling *filling, double search, struct score *score)
{
    judge_boundary(gap, regression_before(gap), filling->states[0], score);
    judge_boundary(gap, filling->states[gap->count - 1], regression_after(gap), score);
    score->log_likelihood += filling->log_likelihood / gap->count;
    score->overlap += overlap(genuine, filling->states, gap->count);
    score->ties += fabs(filling->log_likelihood - search) < 1e-6; /* as a rule the same records */
    score->wins += filling->log_likelihood > search + 1e-6;
}

/* Per record; false when one of its states is not known to the model. */
static bool genuine_likelihood(const struct regression_gap *gap, const struct regression_record *genuine,
                               double *likelihood)
{
    uint32_t states[COUNT_MOST];
    uint64_t packets[COUNT_MOST];

    for (uint32_t i = 0; i < gap->count; i++) {
        states[i] = genuine[i].state;
        packets[i] = genuine[i].packets;
        if (states[i] == CHAIN_UNKNOWN)
            return false;
    }
    *likelihood = regression_log_likelihood(gap, states, packets) / gap->count;
    return true;
}

static void print_score(const char *name, const struct score *score, uint32_t gaps)
{
    printf("%-14s %9.3f %9.3f %7.1f %% %7.1f %% %9.3f %9.2f %% %10u %9.2f\n", name,
           score->log_likelihood / gaps, score->overlap / gaps, 100.0 * score->wins / gaps, 100.0 * score->ties / gaps,
           score->log_ends / score->ends, 100.0 * score->never_seen / score->ends, score->impossible,
           1e3 * score->cpu_seconds / gaps);
}

static void run(const struct stream *streams, uint32_t hosts, uint32_t gaps, uint32_t length, uint64_t seed)
{
    static const char *const names[TRIALS] = { "exact, 1", "exact, 10", "exact, 100", "exact, equal" };
    struct score search = { 0 };
    struct score exact[TRIALS] = { 0 };
    struct random_stream random;
    double *genuine = memory_alloc_array(gaps, sizeof *genuine);
    struct score ends = { 0 }; /* of genuine records */
    uint32_t known = 0;

    random_init(&random, seed, RANDOM_FILL, 0, 0, 0);
    for (uint32_t i = 0; i < gaps; i++) {
        struct regression_filling filling;
        const struct stream *stream;
        size_t at;
        struct regression_gap gap = draw_gap(streams, hosts, &at, &stream, &random);
        double began = bench_cpu_seconds();
        double by_search;

        regression_search(&gap, length, &random, &filling);
        search.cpu_seconds += bench_cpu_seconds() - began;
        by_search = filling.log_likelihood;
        judge(&gap, stream->steps + at, &filling, by_search, &search);
        regression_filling_release(&filling);
        for (int k = 0; k < TRIALS; k++) {
            began = bench_cpu_seconds();
            regression_exact(&gap, k == TRIAL_EQUAL ? length / gap.count : draws_of[k], &random, &filling);
            exact[k].cpu_seconds += bench_cpu_seconds() - began;
            judge(&gap, stream->steps + at, &filling, by_search, &exact[k]);
            regression_filling_release(&filling);
        }
        judge_boundary(&gap, regression_before(&gap), stream->steps[at].state, &ends);
        judge_boundary(&gap, stream->steps[at + gap.count - 1].state, regression_after(&gap), &ends);
        known += genuine_likelihood(&gap, stream->steps + at, &genuine[known]);
    }
    printf("%-14s %9s %9s %9s %9s %9s %11s %10s %9s\n", "", "nats/rec", "overlap", "wins", "ties", "boundary",
           "never seen", "impossible", "ms a gap");
    qsort(genuine, known, sizeof *genuine, order_double);
    printf("%-14s %9.3f %9s %9s %9s %9.3f %9.2f %%\n", "genuine", known ? genuine[known / 2] : 0, "", "", "",
           ends.log_ends / ends.ends, 100.0 * ends.never_seen / ends.ends);
    print_score("search", &search, gaps);
    for (int k = 0; k < TRIALS; k++)
        print_score(names[k], &exact[k], gaps);
    free(genuine);
}

int main(int argc, char **argv)
{
    const struct learner_config config = { 0 };
    struct learner *learner = learner_new(&config);
    struct record_hold records = { 0 };
    struct stream *streams;
    struct model *model;
    uint32_t usable = 0;
    size_t learned;

    if (argc < 2)
        errx(1, "usage: bench_fill FILE [GAPS [LENGTH [SEED]]]");
    read_records(argv[1], &records);
    learned = records.used / 3 * 2;
    for (size_t i = 0; i < learned; i++)
        learner_add(learner, &records.records[i]);
    model = fit(learner_finish(learner));
    streams = memory_alloc_array(model->host_count, sizeof *streams);
    for (uint32_t i = 0; i < model->host_count; i++) {
        if (model->hosts[i].state_count > 0)
            smoothed_chain_init(&streams[i].chain, &model->hosts[i]);
    }
    for (size_t i = learned; i < records.used; i++)
        add_record(streams, model->host_count, learner, &records.records[i]);
    for (uint32_t i = 0; i < model->host_count; i++)
        usable += streams[i].used >= STEPS_LEAST;
    printf("%s: %zu records, %zu learned; %u hosts, %u with at least %d records not learned\n", argv[1],
           records.used, learned, model->host_count, usable, STEPS_LEAST);
    if (usable > 0)
        run(streams, model->host_count, argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 200,
            argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : REGRESSION_SEARCH_LENGTH,
            argc > 4 ? strtoull(argv[4], NULL, 10) : 1);
    for (uint32_t i = 0; i < model->host_count; i++) {
        smoothed_chain_release(&streams[i].chain);
        free(streams[i].steps);
    }
    free(streams);
    model_free(model);
    learner_free(learner);
    record_hold_release(&records);
    return 0;
}
