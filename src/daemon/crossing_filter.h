/*
 * crossing_filter.h - which frames that arrive at a link come from virtual hosts behind another one.
 */
#ifndef DAEMON_CROSSING_FILTER_H
#define DAEMON_CROSSING_FILTER_H

#include <stddef.h>

#include "daemon/configuration.h"

/*
 * A filter of pcap-filter(7): IP packets from networks that send on other links alone, to those that send on this link
 * alone. To be freed; NULL where there are none.
 */
char *crossing_filter(const struct configuration *configuration, size_t link);

#endif
