/*
 * configuration_value.h - values of a configuration: their types, and complaints about them.
 *
 * All that takes a value returns 0, or -1 with the parser's *err naming file, line, key and value. Known to the files
 * configuration*.c alone.
 */
#ifndef DAEMON_CONFIGURATION_VALUE_H
#define DAEMON_CONFIGURATION_VALUE_H

#include <libconfig.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/configuration.h"

struct parser {
    const char *path;
    struct configuration *to;
    struct configuration_link defaults;          /* what links have that say nothing else; no texts */
    struct configuration_link *link;             /* the one being read; outside of links the defaults */
    struct configuration_population *population; /* the one being read */
    struct configuration_overlay *overlay;       /* the one being read */
    struct error *err;
};

/* A key that may stand in a group, and what to do with its value. */
struct key {
    const char *name;
    int (*take)(struct parser *parser, const config_setting_t *setting);
};

/*
 * Takes the settings of a group in the order of `keys`, whatever their order in the file: what others refer to stands
 * first. The last key has no name. A setting that is no key is refused.
 */
int value_take_group(struct parser *parser, const config_setting_t *group, const struct key *keys);

/* A list of 1 to `most` of what is named so. 0 or -1. */
int value_check_list(struct parser *parser, const config_setting_t *list, int most, const char *what);

enum { VALUE_TEXT = 128 };

/* A value as the file has it, as far as that is one word. */
const char *value_text(const config_setting_t *setting, char text[VALUE_TEXT]);

/* "file:line: name: value is not `wanted`". Returns -1. */
int value_complain(struct parser *parser, const config_setting_t *setting, const char *wanted);

/* "file:line: `what`", for what is more than one value. Returns -1. */
int value_refuse(struct parser *parser, const config_setting_t *setting, const char *what);

/* "file:line: name", of what has no name "file:line"; what *to was is freed. */
void value_keep_place(const struct parser *parser, const config_setting_t *setting, char **to);

/* Puts file, line and name before what is in *err already. Returns -1. */
int value_say_where(struct parser *parser, const config_setting_t *setting);

/* Not empty; the text that *to was is freed. */
int value_take_text(struct parser *parser, const config_setting_t *setting, char **to);

/* Of a file: a relative one is taken from the directory of the configuration. */
int value_take_path(struct parser *parser, const config_setting_t *setting, char **to);

int value_take_bool(struct parser *parser, const config_setting_t *setting, bool *to);
int value_take_integer(struct parser *parser, const config_setting_t *setting, int64_t least, int64_t most, int64_t *to);
int value_take_number(struct parser *parser, const config_setting_t *setting, double least, double most, double *to);

/* Networks and addresses of that family. */
int value_take_network(struct parser *parser, const config_setting_t *setting, enum ip_family family,
                       struct ip_network *to);
int value_take_address(struct parser *parser, const config_setting_t *setting, enum ip_family family,
                       struct ip_address *to);

/* "02:00:5e:00:53:01", of one host. */
int value_take_mac(struct parser *parser, const config_setting_t *setting, uint8_t to[6]);
int value_take_gateway(struct parser *parser, const config_setting_t *setting, struct gateway *to);

/* One of `count` names; *to becomes its place among them. */
int value_take_choice(struct parser *parser, const config_setting_t *setting, const char *const *names, size_t count,
                      unsigned *to);

#endif
