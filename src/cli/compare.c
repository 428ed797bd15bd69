/*
 * dayshift compare: two models, host by host.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "eval/model_compare.h"
#include "model/model.h"

static const char help[] =
    "Usage: dayshift compare [OPTION]... MODEL MODEL\n"
    "\n"
    "Compares host 0 of one model with host 0 of the other, and so on: the states that\n"
    "each uses most with their shares of its flows, the Jensen-Shannon divergence of all\n"
    "shares (base 2; 0 alike, 1 nothing in common) and the Wasserstein-1 distance of the\n"
    "natural logarithm of the packets of a flow.\n"
    "\n"
    "      --states N  show N states a host (0 to 64, default 3)\n"
    "      --json      as JSON\n"
    "  -h, --help      this text\n";

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

static int compare(const struct model *a, const struct model *b, size_t states, bool json)
{
    json_t *hosts = json_array();
    struct summary sum = { 0 };
    uint32_t common = a->host_count < b->host_count ? a->host_count : b->host_count;
    int status = EXIT_OK;

    for (uint32_t i = 0; i < common; i++) {
        struct comparison c = compare_hosts(&a->hosts[i], &b->hosts[i], states);

        add_to_summary(&sum, &c);
        if (json)
            json_array_append_new(hosts, to_json(&c));
        else
            print_text(&c);
    }
    sum.divergence /= sum.flows > 0 ? sum.flows : 1;
    sum.volume /= sum.flows > 0 ? sum.flows : 1;
    if (json) {
        json_t *root = json_pack("{s:[i,i],s:i,s:f,s:f,s:f,s:O}", "hosts_in", (int)a->host_count,
                                 (int)b->host_count, "silent", (int)sum.silent, "mean_divergence",
                                 sum.divergence, "largest_divergence", sum.largest_divergence,
                                 "mean_volume_distance", sum.volume, "hosts", hosts);

        status = cli_print_json(root);
    } else {
        printf("%" PRIu32 " hosts with flows in both, mean over flows: divergence %.4f (largest %.4f)"
               "   volume %.3f\n", common - sum.silent, sum.divergence, sum.largest_divergence,
               sum.volume);
    }
    json_decref(hosts);
    return status;
}

static int load_and_compare(const char *first, const char *second, size_t states, bool json)
{
    struct error err = { "" };
    struct model *a = model_load(first, &err);
    struct model *b = a ? model_load(second, &err) : NULL;
    int status = EXIT_OK;

    if (b == NULL)
        status = cli_fail(&err);
    else
        status = compare(a, b, states, json);
    model_free(a);
    model_free(b);
    return status;
}

int verb_compare(int argc, char **argv)
{
    static const struct option options[] = {
        { "states", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct error err = { "" };
    uint64_t states = 3;
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 's':
            if (option_u64("--states", optarg, 0, MAX_STATES_SHOWN, &states, &err) < 0)
                return cli_fail(&err);
            break;
        case 'j': json = true; break;
        case 'h':
            fputs(help, stdout);
            return EXIT_OK;
        default: return EXIT_USAGE;
        }
    }
    if (argc - optind != 2) {
        fputs("dayshift compare: two models are needed; see dayshift compare --help\n", stderr);
        return EXIT_USAGE;
    }
    return load_and_compare(argv[optind], argv[optind + 1], states, json);
}
