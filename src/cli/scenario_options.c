#include "cli/scenario_options.h"

#include <string.h>

#include "base/time_zone.h"
#include "cli/options.h"

void scenario_options_init(struct scenario_options *options)
{
    *options = (struct scenario_options){ .scenario = { .seed = 1, .speed = 1, .threads = 1 } };
    options->group.addresses.ipv6 = SCENARIO_USUAL_IPV6;
    ip_network_parse(&options->group.addresses.networks[IP_FAMILY_4], SCENARIO_DEFAULT_NETWORK);
    ip_network_parse(&options->scenario.outside.networks[IP_FAMILY_4], SCENARIO_DEFAULT_OUTSIDE);
    ip_network_parse(&options->scenario.outside.networks[IP_FAMILY_6], SCENARIO_DEFAULT_OUTSIDE6);
}

/* One of IPv6 takes the place of the default of IPv4; one of each family: the hosts have both. */
static int take_network(struct scenario_options *o, const char *value, struct error *err)
{
    struct ip_network network;

    if (option_network("--network", value, &network, err) < 0)
        return -1;
    if (!o->has_network)
        memset(o->group.addresses.networks, 0, sizeof o->group.addresses.networks);
    o->has_network = true;
    o->group.addresses.networks[ip_address_family(&network.base)] = network;
    return 0;
}

static int take_outside(struct scenario_options *o, const char *value, struct error *err)
{
    struct ip_network network;

    if (option_network("--outside", value, &network, err) < 0)
        return -1;
    o->scenario.outside.networks[ip_address_family(&network.base)] = network;
    return 0;
}

int scenario_options_take(struct scenario_options *o, int option, const char *value, struct error *err)
{
    switch (option) {
    case SCENARIO_OPTION_HOSTS: return option_u32("--hosts", value, 1, SCENARIO_MAX_HOSTS, &o->group.hosts, err);
    case SCENARIO_OPTION_PICK: o->group.pick = value; return 0;
    case SCENARIO_OPTION_ACTIVITY: return option_activity("--activity", value, &o->group.activity, err);
    case SCENARIO_OPTION_NETWORK: return take_network(o, value, err);
    case SCENARIO_OPTION_OUTSIDE: return take_outside(o, value, err);
    case SCENARIO_OPTION_DATE: o->has_date = true; return option_date("--date", value, &o->date, err);
    case SCENARIO_OPTION_TIMEZONE: return option_timezone(value, err);
    case SCENARIO_OPTION_START: return option_time_of_day("--start", value, &o->start_ns, err);
    case SCENARIO_OPTION_FOR: return option_duration("--for", value, &o->scenario.day_ns, err);
    case SCENARIO_OPTION_SEED: return option_u64("--seed", value, 0, UINT64_MAX, &o->scenario.seed, err);
    case SCENARIO_OPTION_UNOBSERVED:
        o->has_unobserved = true;
        return option_fallback("--unobserved", value, &o->scenario.fallback, err);
    default: return option_u32("--jobs", value, 1, SCENARIO_MAX_THREADS, &o->scenario.threads, err);
    }
}

struct day_time scenario_options_begin(const struct scenario_options *options, const struct model *model)
{
    int32_t date = options->has_date ? options->date : day_time_date(model->first);

    return time_zone_instant((struct day_time){ (int64_t)date * NS_PER_DAY + options->start_ns });
}
