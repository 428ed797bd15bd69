/*
 * wire.h - protocol numbers, numbers in network byte order, sequence arithmetic, the Internet checksum.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_protocol { IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_ICMPV6 = 58 };

enum tcp_flag { /* RFC 9293, the bits of the header's flag byte */
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20
};

/* The options of a SYN; of other segments only timestamps are told. */
enum tcp_option_bit {
    TCP_OPTION_MSS = 1 << 0,
    TCP_OPTION_WINDOW_SCALE = 1 << 1,
    TCP_OPTION_SACK = 1 << 2, /* permitted */
    TCP_OPTION_TIMESTAMPS = 1 << 3
};

static inline void wire_put_u16(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void wire_put_u32(uint8_t *to, uint32_t value)
{
    wire_put_u16(to, (uint16_t)(value >> 16));
    wire_put_u16(to + 2, (uint16_t)value);
}

static inline uint16_t wire_get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t wire_get_u32(const uint8_t *from)
{
    return (uint32_t)wire_get_u16(from) << 16 | wire_get_u16(from + 2);
}

static inline void wire_put_u64(uint8_t *to, uint64_t value)
{
    wire_put_u32(to, (uint32_t)(value >> 32));
    wire_put_u32(to + 4, (uint32_t)value);
}

static inline uint64_t wire_get_u64(const uint8_t *from)
{
    return (uint64_t)wire_get_u32(from) << 32 | wire_get_u32(from + 4);
}

/* TCP sequence numbers: a before b on the circle (RFC 9293, section 3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* One's complement sum of bytes (RFC 1071), to be added up and then folded. */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t size);

/* The value for the header field. */
uint16_t checksum_finish(uint64_t sum);

#endif
