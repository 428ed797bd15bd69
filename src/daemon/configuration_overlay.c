#include "daemon/configuration_overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { MAPPINGS_MOST = 1024, LABEL_MOST = 63 };

static int take_pcap(struct parser *p, const config_setting_t *setting)
{
    value_keep_place(p, setting, &p->overlay->pcap_place);
    return value_take_path(p, setting, &p->overlay->pcap);
}

/* What a log can hold without quotes of its own. */
static int take_label(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);
    size_t length = text ? strlen(text) : 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < ' ' || text[i] > '~' || strchr("\"\\,", text[i]))
            length = 0;
    }
    if (length < 1 || length > LABEL_MOST)
        return value_complain(p, setting, "a text of 1 to 63 characters of ASCII, without '\"', '\\' and ','");
    return value_take_text(p, setting, &p->overlay->label);
}

/* "10:15", "10:15:30.250" or "2026-01-31 10:15". */
static int parse_time(const char *text, struct overlay_time *time)
{
    const char *space = strchr(text, ' ');
    char date[TEXT_DATE];

    time->when = space ? OVERLAY_ONCE : OVERLAY_DAILY;
    if (text_to_time_of_day_ns(space ? space + 1 : text, &time->ns) < 0)
        return -1;
    if (space == NULL)
        return 0;
    snprintf(date, sizeof date, "%.*s", space - text < TEXT_DATE ? (int)(space - text) : 0, text);
    return text_to_date(date, &time->date);
}

static int take_at(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    return text && parse_time(text, &p->overlay->time) == 0
               ? 0
               : value_complain(p, setting, "a time of every day such as \"10:15\" or \"10:15:30.250\", or one with a date"
                                            " such as \"2026-01-31 10:15\"");
}

static int take_after(struct parser *p, const config_setting_t *setting)
{
    const char *text = config_setting_get_string(setting);

    p->overlay->time.when = OVERLAY_AFTER;
    return text && text_to_duration_ns(text, &p->overlay->time.ns) == 0
               ? 0
               : value_complain(p, setting, "a duration such as \"90s\", \"250ms\"");
}

static int take_speed(struct parser *p, const config_setting_t *setting)
{
    return value_take_number(p, setting, OVERLAY_LEAST_SPEED, OVERLAY_MOST_SPEED, &p->overlay->speed);
}

/* ---- map ---- */

static struct overlay_mapping *mapping_of(struct parser *p)
{
    return &p->overlay->map[p->overlay->map_count - 1];
}

static int take_side(struct parser *p, const config_setting_t *setting, struct ip_network *to)
{
    const char *text = config_setting_get_string(setting);

    return text && ip_network_parse(to, text) == 0
               ? 0
               : value_complain(p, setting, "an address, or a network such as \"10.1.0.0/24\" (all host bits 0)");
}

static int take_from(struct parser *p, const config_setting_t *setting)
{
    return take_side(p, setting, &mapping_of(p)->from);
}

static int take_to(struct parser *p, const config_setting_t *setting)
{
    return take_side(p, setting, &mapping_of(p)->to);
}

static bool are_alike(const struct overlay_mapping *mapping)
{
    return mapping->from.prefix == mapping->to.prefix &&
           ip_address_is_v4(&mapping->from.base) == ip_address_is_v4(&mapping->to.base);
}

static int take_mapping(struct parser *p, const config_setting_t *group)
{
    static const struct key keys[] = { { "from", take_from }, { "to", take_to }, { NULL, NULL } };
    char from[IP_NETWORK_TEXT], to[IP_NETWORK_TEXT], text[VALUE_TEXT];
    char what[3 * VALUE_TEXT];

    if (!config_setting_is_group(group)) {
        snprintf(what, sizeof what, "map: %s is not { from = ...; to = ...; }", value_text(group, text));
        return value_refuse(p, group, what);
    }
    value_keep_place(p, group, &p->overlay->map_places[p->overlay->map_count]);
    p->overlay->map[p->overlay->map_count].place = p->overlay->map_places[p->overlay->map_count];
    p->overlay->map_count++;
    if (value_take_group(p, group, keys) < 0)
        return -1;
    for (size_t i = 0; keys[i].name; i++) {
        if (config_setting_get_member(group, keys[i].name))
            continue;
        snprintf(what, sizeof what, "map: one has no %s", keys[i].name);
        return value_refuse(p, group, what);
    }
    if (are_alike(mapping_of(p)))
        return 0;
    snprintf(what, sizeof what, "map: %s and %s are not of one family and size",
             ip_network_format(&mapping_of(p)->from, from), ip_network_format(&mapping_of(p)->to, to));
    return value_refuse(p, group, what);
}

static int take_map(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (value_check_list(p, list, MAPPINGS_MOST, "groups { from = ...; to = ...; }") < 0)
        return -1;
    p->overlay->map = memory_alloc_array(count, sizeof *p->overlay->map);
    p->overlay->map_places = memory_alloc_array(count, sizeof *p->overlay->map_places);
    for (unsigned i = 0; i < count; i++) {
        if (take_mapping(p, config_setting_get_elem(list, i)) < 0)
            return -1;
    }
    return 0;
}

/* ---- overlays ---- */

static int check_when(struct parser *p, const config_setting_t *group)
{
    bool has_at = config_setting_get_member(group, "at") != NULL;
    bool has_after = config_setting_get_member(group, "after") != NULL;
    char what[2 * VALUE_TEXT];

    if (has_at != has_after)
        return 0;
    snprintf(what, sizeof what, "overlays: \"%.*s\" has %s", VALUE_TEXT,
             config_setting_get_string(config_setting_get_member(group, "pcap")),
             has_at ? "at and after: one of them says when it is played"
                    : "neither at nor after: one of them says when it is played");
    return value_refuse(p, group, what);
}

static int take_overlay(struct parser *p, const config_setting_t *group)
{
    static const struct key keys[] = {
        { "pcap", take_pcap },   { "at", take_at },       { "after", take_after }, { "label", take_label },
        { "speed", take_speed }, { "map", take_map }, { NULL, NULL },
    };
    char text[VALUE_TEXT];
    char what[2 * VALUE_TEXT];

    if (!config_setting_is_group(group)) {
        snprintf(what, sizeof what, "overlays: %s is not { pcap = ...; at = ...; }", value_text(group, text));
        return value_refuse(p, group, what);
    }
    p->overlay = &p->to->overlays[p->to->overlay_count++];
    p->overlay->speed = 1;
    if (value_take_group(p, group, keys) < 0)
        return -1;
    if (p->overlay->pcap == NULL)
        return value_refuse(p, group, "overlays: one has no pcap");
    return check_when(p, group);
}

int overlay_take_list(struct parser *p, const config_setting_t *list)
{
    unsigned count = (unsigned)config_setting_length(list);

    if (value_check_list(p, list, OVERLAY_SET_MAX, "overlays") < 0)
        return -1;
    p->to->overlays = memory_alloc_array(count, sizeof *p->to->overlays);
    for (unsigned i = 0; i < count; i++) {
        if (take_overlay(p, config_setting_get_elem(list, i)) < 0)
            return -1;
    }
    return 0;
}

void configuration_overlays_release(struct configuration *c)
{
    for (size_t i = 0; i < c->overlay_count; i++) {
        for (size_t j = 0; j < c->overlays[i].map_count; j++)
            free(c->overlays[i].map_places[j]);
        free(c->overlays[i].map_places);
        free(c->overlays[i].pcap);
        free(c->overlays[i].pcap_place);
        free(c->overlays[i].label);
        free(c->overlays[i].map);
    }
    free(c->overlays);
}
