#include "net/wire.h"

#include <arpa/inet.h>
#include <string.h>

/* Words side by side, for processors that add them at once; more of them than fit a register of any would spill. */
typedef uint64_t lanes __attribute__((vector_size(16)));

/*
 * Sums 32-bit words as they lie in memory: one's complement addition does not care about
 * byte order as long as the result is swapped once, in checksum_finish(). Only the last
 * piece of a sum may have an odd size.
 */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t word;
    lanes even = { 0 };
    lanes odd = { 0 };

    for (lanes words; size >= sizeof words; size -= sizeof words, at += sizeof words) {
        memcpy(&words, at, sizeof words);
        even += words & UINT32_MAX;
        odd += words >> 32;
    }
    even += odd;
    sum += even[0] + even[1];
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        sum += word;
    }
    if (size == 0)
        return sum;
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
