#include "daemon/configuration_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "emit/rate_ceiling.h"

enum { NAME_MOST = 31 };

#define PACKETS_MOST 1e9 /* a second; 10 Gbit/s have room for 14.9 million */
#define BITS_MOST 1e12

/* ---- keys of all links, and of each ---- */

int link_take_sink(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL)
        return value_complain(p, setting, "the name of a sink in quotes, such as \"packet\"");
    return sink_kind_parse(text, &p->link->sink, p->err) < 0 ? value_say_where(p, setting) : 0;
}

/* A number, so that 1e9 can be written: libconfig misreads large integers without an L. */
static int take_ceiling(struct parser *p, const config_setting_t *setting, double least, double most, uint64_t *to)
{
    double rate = config_setting_type(setting) == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting)
                                                                    : (double)config_setting_get_int64(setting);
    char wanted[96];

    snprintf(wanted, sizeof wanted, "0 (no ceiling) or a number from %.15g to %.15g", least, most);
    if (!config_setting_is_number(setting) || !(rate == 0 || (rate >= least && rate <= most)))
        return value_complain(p, setting, wanted);
    *to = (uint64_t)rate;
    return 0;
}

int link_take_max_packets(struct parser *p, const config_setting_t *setting)
{
    return take_ceiling(p, setting, RATE_CEILING_LEAST_PACKETS, PACKETS_MOST, &p->link->max_packets_per_second);
}

int link_take_max_bits(struct parser *p, const config_setting_t *setting)
{
    return take_ceiling(p, setting, RATE_CEILING_LEAST_BITS, BITS_MOST, &p->link->max_bits_per_second);
}

/* ---- keys of one link ---- */

static int take_name(struct parser *p, const config_setting_t *setting)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const char *text = config_setting_get_string(setting);
    size_t length = text ? strlen(text) : 0;

    if (length < 1 || length > NAME_MOST || strspn(text, letters) != length)
        return value_complain(p, setting, "a name of 1 to 31 letters, digits, '-', '_' and '.'");
    return value_take_text(p, setting, &p->link->name);
}

static int take_interface(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->link->place);
    return value_take_text(p, setting, &p->link->interface);
}

static const struct configuration_link *find_link(const struct parser *p, const char *name)
{
    for (size_t i = 0; i < p->to->link_count; i++) {
        if (strcmp(p->to->links[i].name, name) == 0)
            return &p->to->links[i];
    }
    return NULL;
}

/* Neither its name nor its interface is that of one before. */
static int check_unique(struct parser *p, const config_setting_t *group, const struct configuration_link *link)
{
    char what[2 * VALUE_TEXT];

    for (const struct configuration_link *other = p->to->links; other < link; other++) {
        bool same_name = strcmp(other->name, link->name) == 0;

        if (!same_name && strcmp(other->interface, link->interface) != 0)
            continue;
        snprintf(what, sizeof what, "links: two of them have the %s \"%.*s\"", same_name ? "name" : "interface",
                 VALUE_TEXT, same_name ? link->name : link->interface);
        return value_refuse(p, group, what);
    }
    return 0;
}

/* The next link of the configuration, as the defaults have it. */
static struct configuration_link *add_link(struct parser *p)
{
    struct configuration_link *link = &p->to->links[p->to->link_count++];

    *link = p->defaults;
    return link;
}

static int take_link(struct parser *p, const config_setting_t *group)
{
    static const struct key keys[] = {
        { "name", take_name },
        { "interface", take_interface },
        { "sink", link_take_sink },
        { "max_packets_per_second", link_take_max_packets },
        { "max_bits_per_second", link_take_max_bits },
        { NULL, NULL },
    };
    char text[VALUE_TEXT];
    char what[2 * VALUE_TEXT];

    if (!config_setting_is_group(group)) {
        snprintf(what, sizeof what, "links: %s is not { name = ...; interface = ...; }", value_text(group, text));
        return value_refuse(p, group, what);
    }
    p->link = add_link(p);
    if (value_take_group(p, group, keys) < 0)
        return -1;
    if (p->link->interface == NULL)
        return value_refuse(p, group, "links: one has no interface");
    if (p->link->name == NULL)
        p->link->name = memory_copy_text(p->link->interface);
    return check_unique(p, group, p->link);
}

/* ---- links ---- */

int link_take_short(struct parser *p, const config_setting_t *setting)
{
    p->to->links = memory_alloc_array(1, sizeof *p->to->links);
    p->link = add_link(p);
    if (take_interface(p, setting) < 0)
        return -1;
    p->link->name = memory_copy_text(p->link->interface);
    p->link = &p->defaults;
    return 0;
}

int link_take_list(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (p->to->link_count > 0)
        return value_refuse(p, list, "links: there is an interface already; it belongs into one of the links");
    if (value_check_list(p, list, CONFIGURATION_MAX_LINKS, "links") < 0)
        return -1;
    p->to->links = memory_alloc_array(count, sizeof *p->to->links);
    for (unsigned i = 0; i < count; i++) {
        if (take_link(p, config_setting_get_elem(list, i)) < 0)
            return -1;
    }
    p->link = &p->defaults;
    return 0;
}

/* ---- references ---- */

int link_take_reference(struct parser *p, const config_setting_t *setting, uint16_t *to)
{
    const char *text = config_setting_get_string(setting);
    const struct configuration_link *link = text ? find_link(p, text) : NULL;
    char wanted[CONFIGURATION_MAX_LINKS * (NAME_MOST + 2) + 32] = "the name of a link, and there is none";
    size_t length;

    if (link) {
        *to = (uint16_t)(link - p->to->links);
        return 0;
    }
    for (size_t i = 0; i < p->to->link_count; i++) {
        length = i == 0 ? 0 : strlen(wanted);
        snprintf(wanted + length, sizeof wanted - length, "%s%.*s", i == 0 ? "a link, one of: " : ", ", NAME_MOST,
                 p->to->links[i].name);
    }
    return value_complain(p, setting, wanted);
}

int link_take_vlan(struct parser *p, const config_setting_t *setting, uint16_t *to)
{
    int64_t vlan;

    if (value_take_integer(p, setting, 1, CONFIGURATION_MAX_VLAN, &vlan) < 0)
        return -1;
    *to = (uint16_t)vlan;
    return 0;
}

void configuration_links_release(struct configuration *c)
{
    for (size_t i = 0; i < c->link_count; i++) {
        free(c->links[i].name);
        free(c->links[i].interface);
        free(c->links[i].place);
    }
    free(c->links);
}
