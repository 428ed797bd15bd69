/*
 * ipv4_options.h - the options of an IPv4 header (RFC 791): which of them take a packet nowhere else. Pure.
 */
#ifndef NET_IPV4_OPTIONS_H
#define NET_IPV4_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The header that begins there, of whose packet `size` bytes are there, is whole, and has no option but end of list, no
 * operation and router alert (RFC 2113): no source route, no other one with addresses.
 */
bool ipv4_options_are_plain(const uint8_t *ip, size_t size);

#endif
