/*
 * configuration_overlay.h - the overlays of a configuration: captures that are played among the background.
 */
#ifndef DAEMON_CONFIGURATION_OVERLAY_H
#define DAEMON_CONFIGURATION_OVERLAY_H

#include "daemon/configuration_value.h"

/* A key of the file. */
int overlay_take_list(struct parser *parser, const config_setting_t *setting);

void configuration_overlays_release(struct configuration *configuration);

#endif
