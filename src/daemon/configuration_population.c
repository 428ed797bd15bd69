#include "daemon/configuration_population.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "daemon/configuration_link.h"

static int take_model(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->population->model_place);
    return value_take_path(p, setting, &p->population->model);
}

static int take_network(struct parser *p, const config_setting_t *setting)
{
    return value_take_network(p, setting, IP_FAMILY_4, &p->population->addresses.networks[IP_FAMILY_4]);
}

static int take_network6(struct parser *p, const config_setting_t *setting)
{
    return value_take_network(p, setting, IP_FAMILY_6, &p->population->addresses.networks[IP_FAMILY_6]);
}

/* Behind the networks, so that what it would be an address of is known. */
static int take_first_of(struct parser *p, const config_setting_t *setting, enum ip_family family)
{
    struct population_addresses *addresses = &p->population->addresses;
    bool has_other = addresses->networks[!family].prefix > 0;
    char what[2 * VALUE_TEXT];

    if (value_take_address(p, setting, family, &addresses->firsts[family]) < 0)
        return -1;
    if (addresses->networks[family].prefix > 0 || (family == IP_FAMILY_4 && !has_other))
        return 0;
    snprintf(what, sizeof what, "%s: the population has no %s", config_setting_name(setting),
             family == IP_FAMILY_4 ? "network" : "network6");
    return value_refuse(p, setting, what);
}

static int take_first(struct parser *p, const config_setting_t *setting)
{
    return take_first_of(p, setting, IP_FAMILY_4);
}

static int take_first6(struct parser *p, const config_setting_t *setting)
{
    return take_first_of(p, setting, IP_FAMILY_6);
}

static int take_mac(struct parser *p, const config_setting_t *setting)
{
    return value_take_mac(p, setting, p->population->addresses.mac);
}

static int take_gateway(struct parser *p, const config_setting_t *setting)
{
    return value_take_gateway(p, setting, &p->population->addresses.gateway);
}

static int take_ipv6(struct parser *p, const config_setting_t *setting)
{
    return value_take_number(p, setting, 0, 1, &p->population->addresses.ipv6);
}

static int take_link(struct parser *p, const config_setting_t *setting)
{
    return link_take_reference(p, setting, &p->population->link);
}

static int take_vlan(struct parser *p, const config_setting_t *setting)
{
    return link_take_vlan(p, setting, &p->population->vlan);
}

static int take_os(struct parser *p, const config_setting_t *setting)
{
    static const char *const names[] = { [HOST_OS_LEARNED] = "learned", [HOST_OS_LINUX] = "linux",
                                         [HOST_OS_WINDOWS] = "windows", [HOST_OS_MACOS] = "macos",
                                         [HOST_OS_ROUTER] = "router" };
    unsigned os;

    if (value_take_choice(p, setting, names, sizeof names / sizeof *names, &os) < 0)
        return -1;
    p->population->os = (enum host_os)os;
    return 0;
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
        { "network6", take_network6 },
        { "first", take_first },
        { "first6", take_first6 },
        { "mac", take_mac },
        { "gateway", take_gateway },
        { "ipv6", take_ipv6 },
        { "link", take_link },
        { "vlan", take_vlan },
        { "os", take_os },
        { "hosts", take_hosts },
        { "pick", take_pick },
        { "activity", take_activity },
        { NULL, NULL },
    };
    struct population_addresses *addresses;
    char text[VALUE_TEXT];
    char what[2 * VALUE_TEXT];

    if (!config_setting_is_group(group)) {
        snprintf(what, sizeof what, "populations: %s is not { model = ...; network = ...; }", value_text(group, text));
        return value_refuse(p, group, what);
    }
    p->population = &p->to->populations[p->to->population_count++];
    value_keep_place(p, group, &p->population->place);
    addresses = &p->population->addresses;
    addresses->ipv6 = SCENARIO_USUAL_IPV6;
    if (value_take_group(p, group, keys) < 0)
        return -1;
    if (addresses->networks[IP_FAMILY_4].prefix == 0 && addresses->networks[IP_FAMILY_6].prefix == 0)
        ip_network_parse(&addresses->networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    return p->population->model ? 0 : value_refuse(p, group, "populations: one has no model");
}

int population_take_list(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (value_check_list(p, list, SCENARIO_MAX_GROUPS, "populations") < 0)
        return -1;
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
        free(c->populations[i].place);
        free(c->populations[i].model);
        free(c->populations[i].model_place);
        free(c->populations[i].pick);
    }
    free(c->populations);
}
