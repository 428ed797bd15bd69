/*
 * echo.h - answers to pings: echo of ICMP (RFC 792) and of ICMPv6 (RFC 4443, section 4.1).
 */
#ifndef EMIT_ECHO_H
#define EMIT_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emit/host_answer.h"

/* Of a packet whose checksum is right. */
bool echo_is_request(const struct ip_packet *packet);

/* The reply, as long as the request. Returns its length. */
size_t echo_put_reply(uint8_t *frame, const struct host_answer *answer);

#endif
