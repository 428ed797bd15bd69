/*
 * stack_traits.h - what is typical of the answers of an operating system: a table.
 *
 * After what the systems do by default (sysctl net.ipv4.icmp_ratelimit and icmp_ratemask of Linux, net.inet.icmp.icmplim
 * of BSD and macOS, `ip icmp rate-limit unreachable` of Cisco IOS), and after the tests IE, U1 and T5 to T7 of Nmap's
 * published fingerprints.
 */
#ifndef EMIT_STACK_TRAITS_H
#define EMIT_STACK_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "dayshift/host_stack.h"

/* At most one in `interval_ns`, but for `burst` at once. */
struct answer_rate {
    int64_t interval_ns; /* 0: as many as are asked for */
    uint32_t burst;      /* at least 1 */
    bool per_asker;      /* for each one who asks; else all together */
};

struct stack_traits {
    bool echo_copies_df;      /* "don't fragment" of an echo reply is that of the request; else it is not set */
    bool echo_copies_code;    /* and so is its code; else it is 0 */
    bool reset_has_df;
    uint8_t error_class;      /* type of service, or traffic class, of ICMP errors */
    uint16_t quoted_bytes;    /* most of an IPv4 packet that an ICMP error quotes, behind the IP header */
    struct answer_rate errors; /* ICMP destination unreachable, parameter problem */
    struct answer_rate resets;
};

const struct stack_traits *stack_traits_of(enum host_os os);

#endif
