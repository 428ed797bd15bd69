/*
 * answer_filter.h - which frames of a link the kernel hands to who answers there, by the configuration: what is known while
 * there are rights to say so.
 */
#ifndef DAEMON_ANSWER_FILTER_H
#define DAEMON_ANSWER_FILTER_H

#include <stddef.h>

#include "daemon/configuration.h"
#include "emit/receive_filter.h"

/*
 * Packets to the networks of this link. None from hosts on other links, where the configuration tells how many these are:
 * real machines may have the other addresses of their networks.
 */
void answer_filter(const struct configuration *configuration, size_t link, struct receive_filter *filter);

#endif
