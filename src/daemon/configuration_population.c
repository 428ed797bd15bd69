#include "daemon/configuration_population.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "daemon/configuration_link.h"

static int take_model(struct parser *p, const config_setting_t *setting)
{
    return value_take_path(p, setting, &p->population->model);
}

static int take_network(struct parser *p, const config_setting_t *setting)
{
    return value_take_network(p, setting, &p->population->network);
}

static int take_link(struct parser *p, const config_setting_t *setting)
{
    return link_take_reference(p, setting, &p->population->link);
}

static int take_vlan(struct parser *p, const config_setting_t *setting)
{
    return link_take_vlan(p, setting, &p->population->vlan);
}

static int take_hosts(struct parser *p, const config_setting_t *setting)
{
    int64_t hosts;

    if (value_take_integer(p, setting, 1, SCENARIO_MAX_HOSTS, &hosts) < 0)
        return -1;
    p->population->hosts = (uint32_t)hosts;
    return 0;
}

static int take_pick(struct parser *p, const config_setting_t *setting)
{
    return value_take_text(p, setting, &p->population->pick);
}

static int take_activity(struct parser *p, const config_setting_t *setting)
{
    return value_take_number(p, setting, SCENARIO_LEAST_ACTIVITY, SCENARIO_MOST_ACTIVITY, &p->population->activity);
}

static int take_population(struct parser *p, const config_setting_t *group)
{
    static const struct key keys[] = {
        { "model", take_model },
        { "network", take_network },
        { "link", take_link },
        { "vlan", take_vlan },
        { "hosts", take_hosts },
        { "pick", take_pick },
        { "activity", take_activity },
        { NULL, NULL },
    };
    char text[VALUE_TEXT];
    char what[2 * VALUE_TEXT];

    if (!config_setting_is_group(group)) {
        snprintf(what, sizeof what, "populations: %s is not { model = ...; network = ...; }", value_text(group, text));
        return value_refuse(p, group, what);
    }
    p->population = &p->to->populations[p->to->population_count++];
    ip_network_parse(&p->population->network, SCENARIO_DEFAULT_NETWORK);
    if (value_take_group(p, group, keys) < 0)
        return -1;
    return p->population->model ? 0 : value_refuse(p, group, "populations: one has no model");
}

int population_take_list(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (!config_setting_is_list(list) || count < 1 || count > SCENARIO_MAX_GROUPS)
        return value_complain(p, list, "a list of 1 to 64 populations in round brackets");
    p->to->populations = memory_alloc_array(count, sizeof *p->to->populations);
    for (unsigned i = 0; i < count; i++) {
        if (take_population(p, config_setting_get_elem(list, i)) < 0)
            return -1;
    }
    return 0;
}

void configuration_populations_release(struct configuration *c)
{
    for (size_t i = 0; i < c->population_count; i++) {
        free(c->populations[i].model);
        free(c->populations[i].pick);
    }
    free(c->populations);
}
