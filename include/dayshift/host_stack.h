/*
 * host_stack.h - how the TCP/IP stack of a host shows itself in what it sends unasked for by a model: answers to pings,
 * refusals. The contract from scenario to emit.
 */
#ifndef DAYSHIFT_HOST_STACK_H
#define DAYSHIFT_HOST_STACK_H

#include <stdint.h>

#include "dayshift/flow_record.h"

/* What an answer looks like, which errors are sent and how many (src/emit/stack_traits.h). */
enum host_os {
    HOST_OS_LEARNED, /* of a configuration alone: what the sessions of a host show */
    HOST_OS_LINUX,
    HOST_OS_WINDOWS,
    HOST_OS_MACOS,
    HOST_OS_ROUTER
};

struct host_stack {
    enum host_os os; /* never HOST_OS_LEARNED */
    uint8_t ttl;     /* or hop limit */
    enum ip_id_kind ip_id; /* never IP_ID_UNKNOWN */
};

#endif
