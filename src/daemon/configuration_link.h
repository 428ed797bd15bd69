/*
 * configuration_link.h - the links of a configuration: keys of each, defaults of all, references by name.
 */
#ifndef DAEMON_CONFIGURATION_LINK_H
#define DAEMON_CONFIGURATION_LINK_H

#include "daemon/configuration_value.h"

/* Keys of the file that hold for all links which say nothing else, taken before the links. */
int link_take_sink(struct parser *parser, const config_setting_t *setting);
int link_take_max_packets(struct parser *parser, const config_setting_t *setting);
int link_take_max_bits(struct parser *parser, const config_setting_t *setting);

/* Keys of the file: one link in short, or several. */
int link_take_short(struct parser *parser, const config_setting_t *setting);
int link_take_list(struct parser *parser, const config_setting_t *setting);

/* The name of a link; *to becomes its index. */
int link_take_reference(struct parser *parser, const config_setting_t *setting, uint16_t *to);

int link_take_vlan(struct parser *parser, const config_setting_t *setting, uint16_t *to);

void configuration_links_release(struct configuration *configuration);

#endif
