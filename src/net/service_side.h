/*
 * service_side.h - which end of a flow looks like the service, by its ports alone.
 */
#ifndef NET_SERVICE_SIDE_H
#define NET_SERVICE_SIDE_H

#include <stdint.h>

#include "net/wire.h"

enum { SERVICE_WELL_KNOWN_PORTS = 1024 };

/*
 * +1: the source looks like the service, -1: the destination does, 0: no telling. Of TCP the lower port:
 * a first packet without SYN says nothing itself about who began, so that any difference counts. Of others,
 * a well-known port against another.
 */
static inline int service_side(uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
    if (protocol == IP_TCP)
        return (source_port < destination_port) - (source_port > destination_port);
    return (source_port < SERVICE_WELL_KNOWN_PORTS) - (destination_port < SERVICE_WELL_KNOWN_PORTS);
}

#endif
