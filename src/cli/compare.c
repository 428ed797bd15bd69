/*
 * dayshift compare: two models, host by host; or two captures.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/compare_captures.h"
#include "cli/options.h"
#include "eval/model_compare.h"
#include "eval/network_compare.h"
#include "model/model.h"

static const char help[] =
    "Usage: dayshift compare [OPTION]... MODEL MODEL\n"
    "       dayshift compare [OPTION]... REAL SYNTHETIC\n"
    "\n"
    "Of models, compares host 0 of one with host 0 of the other, and so on, or hosts of equal tags:\n"
    "the states that each uses most with their shares of its flows, the Jensen-Shannon\n"
    "divergence of all shares (base 2; 0 alike, 1 nothing in common) and the Wasserstein-1\n"
    "distance of the natural logarithm of the packets of a flow. Then the networks as wholes:\n"
    "flows and packets a second, states, day profiles, and how many peers hosts have.\n"
    "\n"
    "Of captures, or directories of them, compares the distributions of packets and flows, and how\n"
    "packets come over time, each next to what two halves of the first differ in.\n"
    "\n"
    "      --states N  of models: show N states a host (0 to 64, default 3)\n"
    "      --packets   these are captures, whatever they begin with\n"
    "      --json      as JSON\n"
    "  -h, --help      this text\n"
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of a capture could not be read.\n";

enum { MAX_STATES_SHOWN = 64 };

struct comparison {
    const struct host_model *a, *b;
    struct state_share shares[MAX_STATES_SHOWN];
    size_t shown;
    double divergence;
    double volume;
};

static struct comparison compare_hosts(const struct host_model *a, const struct host_model *b,
                                       size_t states)
{
    struct comparison c = { .a = a, .b = b };

    c.shown = model_compare_states(a, b, c.shares, states);
    if (c.shown > states)
        c.shown = states;
    c.divergence = model_compare_divergence(a, b);
    c.volume = model_compare_volume(a, b);
    return c;
}

/* Without flows there is nothing to compare. */
static bool is_silent(const struct comparison *c)
{
    return c->a->flows == 0 || c->b->flows == 0;
}

static void print_text(const struct comparison *c)
{
    char name[STATE_NAME];

    printf("host %-4" PRIu32 " %8" PRIu64 " %8" PRIu64, c->a->id, c->a->flows, c->b->flows);
    if (is_silent(c)) {
        printf("   silent in one of them\n");
        return;
    }
    printf("   divergence %.4f   volume %.3f\n", c->divergence, c->volume);
    for (size_t i = 0; i < c->shown; i++)
        printf("  %-28s %6.3f %6.3f\n", cli_state_name(c->shares[i].key, name),
               c->shares[i].share[0], c->shares[i].share[1]);
}

static json_t *to_json(const struct comparison *c)
{
    json_t *states = json_array();
    char name[STATE_NAME];

    for (size_t i = 0; i < c->shown; i++)
        json_array_append_new(states, json_pack("{s:s,s:[f,f]}", "state",
                                                cli_state_name(c->shares[i].key, name), "shares",
                                                c->shares[i].share[0], c->shares[i].share[1]));
    if (is_silent(c))
        return json_pack("{s:I,s:[I,I],s:o}", "host", (json_int_t)c->a->id, "flows",
                         (json_int_t)c->a->flows, (json_int_t)c->b->flows, "states", states);
    return json_pack("{s:I,s:[I,I],s:f,s:f,s:o}", "host", (json_int_t)c->a->id, "flows",
                     (json_int_t)c->a->flows, (json_int_t)c->b->flows, "divergence", c->divergence,
                     "volume_distance", c->volume, "states", states);
}

struct summary { /* over hosts with flows in both, weighted by those in the first model */
    double flows, divergence, volume;
    double largest_divergence;
    uint32_t silent; /* hosts that are not in it */
};

static void add_to_summary(struct summary *sum, const struct comparison *c)
{
    double weight = (double)c->a->flows;

    if (is_silent(c)) {
        sum->silent++;
        return;
    }
    sum->flows += weight;
    sum->divergence += weight * c->divergence;
    sum->volume += weight * c->volume;
    if (c->divergence > sum->largest_divergence)
        sum->largest_divergence = c->divergence;
}

static void print_summary(const struct summary *sum, size_t pairs)
{
    printf("%zu hosts with flows in both, mean over flows: divergence %.4f (largest %.4f)   volume %.3f\n",
           pairs - sum->silent, sum->divergence, sum->largest_divergence, sum->volume);
}

/* ---- the networks as wholes ---- */

static const char *const degree_names[] = { "peers that a host contacts", "peers that contact a host" };
static const char *const degree_keys[] = { "out_degree", "in_degree" }; /* by enum host_role */

static void print_network(const struct network_comparison *n)
{
    printf("networks  flows a second %.4g and %.4g   packets a second %.4g and %.4g   states: divergence"
           " %.4f\n", n->flows[0], n->flows[1], n->packets[0], n->packets[1], n->divergence);
    if (n->points == 0)
        printf("  day profile: no part of the day was observed in both\n");
    else
        printf("  day profile, %" PRIu32 " points of %" PRIu32 " minutes: correlation\n", n->points,
               n->slices * SLICE_SECONDS / 60);
    for (enum profile_measure m = 0; n->points > 0 && m < PROFILE_MEASURES; m++)
        printf("    %-12s network %6.3f   hosts: 10 %% %6.3f   median %6.3f   90 %% %6.3f   (of %zu)\n",
               profile_measure_name(m), n->profile[m].network, n->profile[m].low, n->profile[m].median,
               n->profile[m].high, n->profile[m].hosts);
    for (int role = 0; role < 2; role++) {
        const struct degree_comparison *d = &n->degrees[role];

        printf("  %s: distance %.4g, of the logarithm %.4f\n", degree_names[role], d->distance,
               d->log_distance);
        printf("    mean %.4g and %.4g   median %g and %g   largest %g and %g   repeats %.3f and %.3f\n",
               d->mean[0], d->mean[1], d->median[0], d->median[1], d->largest[0], d->largest[1],
               d->repeats[0], d->repeats[1]);
    }
}

/* What is no number is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *both(const double values[2])
{
    return json_pack("[o,o]", number(values[0]), number(values[1]));
}

static json_t *degrees_to_json(const struct degree_comparison *d)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "distance", number(d->distance), "log_distance",
                     number(d->log_distance), "mean", both(d->mean), "median", both(d->median),
                     "largest", both(d->largest), "repeats", both(d->repeats));
}

static json_t *network_to_json(const struct network_comparison *n)
{
    json_t *profile = json_pack("{s:i,s:i}", "points", (int)n->points, "minutes",
                                (int)n->slices * SLICE_SECONDS / 60);
    json_t *root = json_pack("{s:f,s:o,s:o,s:o,s:o}", "divergence", n->divergence, "observed_s",
                             both(n->seconds), "flows_per_s", both(n->flows), "packets_per_s",
                             both(n->packets), "profile", profile);

    for (enum profile_measure m = 0; m < PROFILE_MEASURES; m++) {
        const struct profile_comparison *p = &n->profile[m];

        json_object_set_new(profile, profile_measure_name(m),
                            json_pack("{s:o,s:o,s:o,s:o,s:I}", "network", number(p->network),
                                      "host_10", number(p->low), "host_median", number(p->median),
                                      "host_90", number(p->high), "hosts", (json_int_t)p->hosts));
    }
    for (int role = 0; role < 2; role++)
        json_object_set_new(root, degree_keys[role], degrees_to_json(&n->degrees[role]));
    return root;
}

/* ---- all of it ---- */

struct compare_options {
    uint64_t states;
    bool packets;
    bool json;
};

/* A model, and the statistics that it was made of. */
struct network {
    struct model *model;
    struct network_stats stats;
};

static int network_load(struct network *network, const char *path, struct error *err)
{
    network_stats_init(&network->stats);
    network->model = model_load(path, err);
    return network->model ? model_load_stats(path, &network->stats, err) : -1;
}

static void network_release(struct network *network)
{
    network_stats_release(&network->stats);
    model_free(network->model);
}

static int compare(const struct network *a, const struct network *b, const struct compare_options *o)
{
    json_t *hosts = json_array();
    struct network_comparison whole;
    struct summary sum = { 0 };
    size_t count;
    struct host_pair *pairs = network_compare_pairs(&a->stats, &b->stats, &count);
    int status = EXIT_OK;

    for (size_t i = 0; i < count; i++) {
        struct comparison c =
            compare_hosts(&a->model->hosts[pairs[i].a], &b->model->hosts[pairs[i].b], (size_t)o->states);

        add_to_summary(&sum, &c);
        if (o->json)
            json_array_append_new(hosts, to_json(&c));
        else
            print_text(&c);
    }
    sum.divergence /= sum.flows > 0 ? sum.flows : 1;
    sum.volume /= sum.flows > 0 ? sum.flows : 1;
    network_compare(&whole, &a->stats, &b->stats, pairs, count);
    if (o->json) {
        status = cli_print_json(
            json_pack("{s:[i,i],s:i,s:f,s:f,s:f,s:o,s:O}", "hosts_in", (int)a->model->host_count,
                      (int)b->model->host_count, "silent", (int)sum.silent, "mean_divergence",
                      sum.divergence, "largest_divergence", sum.largest_divergence,
                      "mean_volume_distance", sum.volume, "networks", network_to_json(&whole), "hosts",
                      hosts));
    } else {
        print_summary(&sum, count);
        print_network(&whole);
    }
    json_decref(hosts);
    free(pairs);
    return status;
}

static int load_and_compare(const char *first, const char *second, const struct compare_options *o)
{
    struct error err = { "" };
    struct network a = { .model = NULL };
    struct network b = { .model = NULL };
    int status = EXIT_OK;

    if (network_load(&a, first, &err) < 0)
        status = cli_fail(&err);
    else if (network_load(&b, second, &err) < 0)
        status = cli_fail(&err);
    else
        status = compare(&a, &b, o);
    network_release(&a);
    network_release(&b);
    return status;
}

/* ---- the verb ---- */

enum { OPTION_STATES = 256, OPTION_PACKETS, OPTION_JSON };

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct compare_options *o = self;

    if (option == OPTION_STATES)
        return option_u64("--states", value, 0, MAX_STATES_SHOWN, &o->states, err);
    o->packets |= option == OPTION_PACKETS;
    o->json |= option == OPTION_JSON;
    return 0;
}

static int parse(struct compare_options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "states", required_argument, NULL, OPTION_STATES },
        { "packets", no_argument, NULL, OPTION_PACKETS },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "h", options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && argc - optind != 2)
        return options_misused("compare", "two models, or two captures, are needed");
    return status;
}

/* The first decides, but for a directory, which may be a mistake for a model. */
static int compare_files(char *first, char *second, const struct compare_options *o)
{
    enum comparable a = comparable_of(first);
    bool captures = a == COMPARABLE_CAPTURE ||
                    (a == COMPARABLE_DIRECTORY && comparable_of(second) != COMPARABLE_MODEL);

    return o->packets || captures ? compare_captures(first, second, o->json) : load_and_compare(first, second, o);
}

int verb_compare(int argc, char **argv)
{
    struct compare_options o = { .states = 3 };
    int status = parse(&o, argc, argv);

    if (status == EXIT_OK)
        return compare_files(argv[optind], argv[optind + 1], &o);
    return status < 0 ? EXIT_OK : status;
}
