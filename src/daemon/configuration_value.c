#include "daemon/configuration_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "net/mac_address.h"

/* The file a setting stands in: the one that was asked for, or one that it includes. */
static const char *file_of(const struct parser *p, const config_setting_t *setting)
{
    const char *included = config_setting_source_file(setting);

    return included ? included : p->path;
}

const char *value_text(const config_setting_t *setting, char text[VALUE_TEXT])
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        snprintf(text, VALUE_TEXT, "%lld", config_setting_get_int64(setting));
        break;
    case CONFIG_TYPE_FLOAT: snprintf(text, VALUE_TEXT, "%g", config_setting_get_float(setting)); break;
    case CONFIG_TYPE_BOOL: return config_setting_get_bool(setting) ? "true" : "false";
    case CONFIG_TYPE_STRING:
        snprintf(text, VALUE_TEXT, "\"%s\"", config_setting_get_string(setting));
        break;
    case CONFIG_TYPE_GROUP: return "{...}";
    case CONFIG_TYPE_ARRAY: return "[...]";
    default: return config_setting_length(setting) > 0 ? "(...)" : "()";
    }
    return text;
}

int value_complain(struct parser *p, const config_setting_t *setting, const char *wanted)
{
    char text[VALUE_TEXT];

    return error_set(p->err, "%s:%u: %s: %s is not %s", file_of(p, setting),
                     config_setting_source_line(setting), config_setting_name(setting),
                     value_text(setting, text), wanted);
}

int value_refuse(struct parser *p, const config_setting_t *setting, const char *what)
{
    return error_set(p->err, "%s:%u: %s", file_of(p, setting), config_setting_source_line(setting), what);
}

void value_keep_place(const struct parser *p, const config_setting_t *setting, char **to)
{
    const char *file = file_of(p, setting);
    const char *name = config_setting_name(setting);
    size_t size = strlen(file) + (name ? strlen(name) : 0) + 16;

    free(*to);
    *to = memory_alloc(size);
    snprintf(*to, size, "%s:%u%s%s", file, config_setting_source_line(setting), name ? ": " : "", name ? name : "");
}

int value_say_where(struct parser *p, const config_setting_t *setting)
{
    return error_prefix(p->err, "%s:%u: %s", file_of(p, setting), config_setting_source_line(setting),
                        config_setting_name(setting));
}

int value_take_text(struct parser *p, const config_setting_t *setting, char **to)
{
    const char *text = config_setting_get_string(setting);

    if (text == NULL || *text == '\0')
        return value_complain(p, setting, "a text in quotes with something in it");
    free(*to);
    *to = memory_copy_text(text);
    return 0;
}

int value_take_path(struct parser *p, const config_setting_t *setting, char **to)
{
    const char *slash = strrchr(p->path, '/');
    char *directory;

    if (value_take_text(p, setting, to) < 0)
        return -1;
    if (**to == '/' || slash == NULL)
        return 0;
    directory = memory_copy_text(p->path);
    directory[slash - p->path] = '\0';
    free(*to);
    *to = memory_join_path(directory, config_setting_get_string(setting));
    free(directory);
    return 0;
}

int value_check_list(struct parser *p, const config_setting_t *list, int most, const char *what)
{
    int count = config_setting_length(list);
    char wanted[96];

    if (config_setting_is_list(list) && count >= 1 && count <= most)
        return 0;
    snprintf(wanted, sizeof wanted, "a list of 1 to %d %s in round brackets", most, what);
    return value_complain(p, list, wanted);
}

int value_take_bool(struct parser *p, const config_setting_t *setting, bool *to)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return value_complain(p, setting, "true or false");
    *to = config_setting_get_bool(setting);
    return 0;
}

int value_take_integer(struct parser *p, const config_setting_t *setting, int64_t least, int64_t most, int64_t *to)
{
    int type = config_setting_type(setting);
    char wanted[96];

    *to = config_setting_get_int64(setting);
    if ((type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) && *to >= least && *to <= most)
        return 0;
    snprintf(wanted, sizeof wanted, "a whole number from %" PRId64 " to %" PRId64, least, most);
    return value_complain(p, setting, wanted);
}

int value_take_number(struct parser *p, const config_setting_t *setting, double least, double most, double *to)
{
    char wanted[96];

    *to = config_setting_type(setting) == CONFIG_TYPE_FLOAT ? config_setting_get_float(setting)
                                                            : (double)config_setting_get_int64(setting);
    if (config_setting_is_number(setting) && *to >= least && *to <= most)
        return 0;
    snprintf(wanted, sizeof wanted, "a number from %.15g to %.15g", least, most);
    return value_complain(p, setting, wanted);
}

int value_take_network(struct parser *p, const config_setting_t *setting, enum ip_family family, struct ip_network *to)
{
    const char *text = config_setting_get_string(setting);

    if (text && ip_network_parse(to, text) == 0 && ip_address_family(&to->base) == family && to->prefix > 0)
        return 0;
    return value_complain(p, setting, family == IP_FAMILY_4
                                          ? "a network of IPv4 such as \"198.18.0.0/24\" (all host bits 0)"
                                          : "a network of IPv6 such as \"2001:db8::/64\" (all host bits 0)");
}

int value_take_address(struct parser *p, const config_setting_t *setting, enum ip_family family, struct ip_address *to)
{
    const char *text = config_setting_get_string(setting);

    if (text && ip_address_parse(to, text) == 0 && ip_address_family(to) == family && !ip_address_is_group(to))
        return 0;
    return value_complain(p, setting, family == IP_FAMILY_4 ? "an address of IPv4 such as \"198.18.0.10\""
                                                            : "an address of IPv6 such as \"2001:db8::10\"");
}

/* Of one host: neither of a group nor nobody's. */
static int parse_mac(const char *text, uint8_t mac[MAC_BYTES])
{
    for (int i = 0; i < MAC_BYTES; i++) {
        char digits[3] = { text[0], text[0] ? text[1] : '\0', '\0' };

        if (strspn(digits, "0123456789abcdefABCDEF") != 2 || text[2] != (i < MAC_BYTES - 1 ? ':' : '\0'))
            return -1;
        mac[i] = (uint8_t)strtoul(digits, NULL, 16);
        text += 3;
    }
    return mac_is_unicast(mac) ? 0 : -1;
}

int value_take_mac(struct parser *p, const config_setting_t *setting, uint8_t to[6])
{
    const char *text = config_setting_get_string(setting);

    return text && parse_mac(text, to) == 0
               ? 0
               : value_complain(p, setting, "a MAC address of one host such as \"02:00:5e:00:53:01\"");
}

int value_take_gateway(struct parser *p, const config_setting_t *setting, struct gateway *to)
{
    const char *text = config_setting_get_string(setting);

    if (text && parse_mac(text, to->mac) == 0) {
        to->kind = GATEWAY_MAC;
        return 0;
    }
    to->kind = GATEWAY_ADDRESS;
    if (text && ip_address_parse(&to->address, text) == 0 && !ip_address_is_group(&to->address))
        return 0;
    return value_complain(p, setting, "a MAC address or an IP address of one host");
}

int value_take_choice(struct parser *p, const config_setting_t *setting, const char *const *names, size_t count,
                      unsigned *to)
{
    const char *text = config_setting_get_string(setting);
    char wanted[TEXT_NAMES + 16];
    char list[TEXT_NAMES] = "";

    for (unsigned i = 0; text && i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *to = i;
            return 0;
        }
    }
    for (size_t i = 0; i < count; i++)
        text_add_name(list, names[i]);
    snprintf(wanted, sizeof wanted, "one of: %s", list);
    return value_complain(p, setting, wanted);
}

static int check_names(struct parser *p, const config_setting_t *group, const struct key *keys)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, i);
        const char *name = config_setting_name(setting);
        const struct key *key = keys;

        while (key->name && strcmp(key->name, name) != 0)
            key++;
        if (key->name == NULL)
            return error_set(p->err, "%s:%u: unknown key '%s'", file_of(p, setting),
                             config_setting_source_line(setting), name);
    }
    return 0;
}

int value_take_group(struct parser *p, const config_setting_t *group, const struct key *keys)
{
    if (check_names(p, group, keys) < 0)
        return -1;
    for (; keys->name; keys++) {
        const config_setting_t *setting = config_setting_get_member(group, keys->name);

        if (setting && keys->take(p, setting) < 0)
            return -1;
    }
    return 0;
}
