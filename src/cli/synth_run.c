#include "cli/synth_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "cli/options.h"
#include "model/model.h"
#include "scenario/scenario.h"

static int find_model(struct synth_run *run, const struct synth_options *o, const char *path, uint32_t *index,
                      struct error *err)
{
    for (*index = 0; *index < run->model_count; (*index)++) {
        if (strcmp(run->paths[*index], path) == 0)
            return 0;
    }
    if (output_file_check_apart(o->output, path, err) < 0)
        return -1;
    run->models[*index] = model_load(path, err);
    if (run->models[*index] == NULL)
        return -1;
    run->paths[run->model_count++] = path;
    return 0;
}

/* The addresses of a model among several: the network is cut into equal parts. */
static struct ip_network part_of(const struct ip_network *network, uint32_t count, uint32_t index)
{
    struct ip_network part = *network;
    unsigned bits = 0;

    while (UINT32_C(1) << bits < count)
        bits++;
    if (bits == 0 || network->prefix == 0 || network->prefix + bits > 128)
        return part;
    part.prefix = (uint8_t)(network->prefix + bits);
    for (unsigned i = 0; i < bits; i++) { /* behind the prefix, the highest first */
        unsigned at = network->prefix + i;

        part.base.bytes[at / 8] |= (uint8_t)((index >> (bits - 1 - i) & 1) << (7 - at % 8));
    }
    return part;
}

static int open_scenario(struct synth_run *run, struct synth_options *o, struct error *err)
{
    struct scenario_config *config = &o->play.scenario;

    config->begin = scenario_options_begin(&o->play, run->models[0]);
    if (config->begin.ns < 0 || (double)config->begin.ns + (double)config->day_ns > (double)NETFLOW_END_NS)
        return error_set(err, "records are of the years 1970 to 2199; see --date and --for");
    for (uint32_t i = 0; i < run->model_count; i++) {
        run->groups[i] = o->play.group;
        run->groups[i].model = run->models[i];
        for (int f = 0; f < IP_FAMILIES; f++)
            run->groups[i].addresses.networks[f] = part_of(&o->play.group.addresses.networks[f], run->model_count, i);
    }
    config->groups = run->groups;
    config->group_count = run->model_count;
    run->scenario = scenario_new(config, err);
    return run->scenario ? 0 : -1;
}

/* "3,7,12", marked by host. */
static int mark_hosts(const char *text, uint32_t count, uint8_t *marks, struct error *err)
{
    char *copy = memory_copy_text(text);
    char *rest = copy;
    uint64_t id;
    int status = 0;

    while (rest != NULL && status == 0) {
        status = option_u64("--host", strsep(&rest, ","), 0, count - 1, &id, err);
        if (status == 0)
            marks[id] = 1;
    }
    free(copy);
    return status;
}

static int choose_hosts(struct synth_run *run, const struct synth_options *o, struct error *err)
{
    uint32_t count = scenario_host_count(run->scenario);
    bool all = o->hosts == NULL || strcmp(o->hosts, "all") == 0;
    uint8_t *marks = memory_alloc_array(count, 1);
    int status = all ? 0 : mark_hosts(o->hosts, count, marks, err);

    run->hosts = memory_alloc_array(count, sizeof *run->hosts);
    for (uint32_t i = 0; i < count; i++) {
        if (all || marks[i])
            run->hosts[run->host_count++] = i;
    }
    free(marks);
    return status;
}

static int open_netflow(struct synth_run *run, const struct synth_options *o, struct error *err)
{
    struct netflow_config config = { .population = scenario_population(run->scenario),
                                     .seed = o->play.scenario.seed, .begin = o->play.scenario.begin };

    if (choose_hosts(run, o, err) < 0)
        return -1;
    config.hosts = run->hosts;
    config.host_count = run->host_count;
    run->netflow = netflow_new(&config, err);
    run->plans = (struct flow_plan_source){ netflow_next, run->netflow };
    return run->netflow ? 0 : -1;
}

/* Loads the models of a mixture; *group of each of its hosts. */
static int load_mix(struct synth_run *run, const struct synth_options *o, uint32_t group[MIX_MAX_PARTS],
                    struct error *err)
{
    for (uint32_t i = 0; i < o->mix.count; i++) {
        const struct mix_host *host = &o->mix.hosts[i];
        const char *path = host->path ? host->path : run->paths[0];

        if (find_model(run, o, path, &group[i], err) < 0)
            return -1;
        if (host->id >= run->models[group[i]]->host_count)
            return error_set(err, "--mix: host %" PRIu32 ": %s has hosts 0 to %" PRIu32, host->id, path,
                             run->models[group[i]]->host_count - 1);
    }
    return 0;
}

/* The first virtual host that plays it: each is played, those that stand for many more often. */
static uint32_t player_of(const struct population *population, const struct host_model *model)
{
    uint32_t host = 0;

    while (population->hosts[host].model != model)
        host++;
    return host;
}

static int open_mix(struct synth_run *run, struct synth_options *o, struct error *err)
{
    struct mix_part parts[MIX_MAX_PARTS];
    uint32_t group[MIX_MAX_PARTS];
    struct mixed_netflow_config config = { .parts = parts, .part_count = o->mix.count, .block = o->block,
                                           .is_random = o->block_is_random,
                                           .keeps_addresses = o->keeps_addresses, .seed = o->play.scenario.seed };

    if (load_mix(run, o, group, err) < 0 || open_scenario(run, o, err) < 0)
        return -1;
    config.population = scenario_population(run->scenario);
    for (uint32_t i = 0; i < o->mix.count; i++) {
        const struct host_model *model = &run->models[group[i]]->hosts[o->mix.hosts[i].id];

        parts[i] = (struct mix_part){ player_of(config.population, model), o->mix.hosts[i].weight };
    }
    config.begin = o->play.scenario.begin;
    run->mix = mixed_netflow_new(&config, err);
    run->plans = (struct flow_plan_source){ mixed_netflow_next, run->mix };
    return run->mix ? 0 : -1;
}

int synth_run_open(struct synth_run *run, struct synth_options *o, const char *path, struct error *err)
{
    uint32_t index;

    if (path != NULL && find_model(run, o, path, &index, err) < 0)
        return -1;
    if (o->mix.count > 0)
        return open_mix(run, o, err);
    if (open_scenario(run, o, err) < 0)
        return -1;
    if (o->records > 0)
        return open_netflow(run, o, err);
    run->plans = scenario_plans(run->scenario);
    run->host_count = scenario_host_count(run->scenario);
    return 0;
}

void synth_run_release(struct synth_run *run)
{
    netflow_free(run->netflow);
    mixed_netflow_free(run->mix);
    scenario_free(run->scenario);
    free(run->hosts);
    for (uint32_t i = 0; i < run->model_count; i++)
        model_free(run->models[i]);
}
