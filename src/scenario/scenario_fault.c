#include "scenario/scenario_fault.h"

#include "synth/population_check.h"

/* As population_init() finds it. */
static bool is_good(const struct population_group *groups, size_t count, const struct population_outside *outside)
{
    struct population_outside checked = *outside;
    struct error ignored;

    population_outside_set_mac(&checked);
    return population_check(groups, count, &checked, &ignored) == 0;
}

static const char *place_outside(const struct scenario_outside_places *places, const struct population_outside *outside)
{
    struct population_outside part = *outside;

    part.gateway.kind = GATEWAY_NONE;
    if (is_good(NULL, 0, &part))
        return places->gateway;
    part.networks[IP_FAMILY_6].prefix = 0;
    return places->networks[is_good(NULL, 0, &part) ? IP_FAMILY_6 : IP_FAMILY_4];
}

const char *scenario_fault_place(const struct scenario_config *config, const struct population_group *groups,
                                 const struct population_outside *outside)
{
    size_t good = 0;

    if (!is_good(NULL, 0, outside))
        return place_outside(&config->outside_places, outside);
    while (good + 1 < config->group_count && is_good(groups, good + 1, outside))
        good++;
    return config->groups[good].place;
}
