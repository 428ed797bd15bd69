#include "net/wire.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * Sums 32-bit words as they lie in memory: one's complement addition does not care about
 * byte order as long as the result is swapped once, in checksum_finish(). Only the last
 * piece of a sum may have an odd size.
 */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t word;

    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        sum += word;
    }
    word = 0;
    memcpy(&word, at, size);
    return sum + word;
}

uint16_t checksum_finish(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ntohs((uint16_t)~sum);
}
