/*
 * service_side.h - which end of a flow looks like the service, by its ports alone.
 */
#ifndef NET_SERVICE_SIDE_H
#define NET_SERVICE_SIDE_H

#include <stdint.h>

#include "net/wire.h"

enum {
    SERVICE_WELL_KNOWN_PORTS = 1024,
    SERVICE_EPHEMERAL_PORTS = 32768 /* Linux begins here, others higher */
};

/*
 * +1: the source looks like the service, -1: the destination does, 0: no telling. Registered
 * ports count for TCP alone, where a first packet without SYN says nothing about who began.
 */
static inline int service_side(uint8_t protocol, uint16_t source_port, uint16_t destination_port)
{
    uint16_t limit = SERVICE_WELL_KNOWN_PORTS;

    if ((source_port < limit) != (destination_port < limit))
        return source_port < limit ? 1 : -1;
    limit = SERVICE_EPHEMERAL_PORTS;
    if (protocol == IP_TCP && (source_port < limit) != (destination_port < limit))
        return source_port < limit ? 1 : -1;
    return 0;
}

#endif
