/*
 * pcap_format.h - the classic pcap file: its header and what stands before each frame.
 *
 * In the byte order of this machine; the magic tells readers. libpcap's dumper would close the stream, which
 * belongs to the output file, and does not say when a write failed.
 */
#ifndef BASE_PCAP_FORMAT_H
#define BASE_PCAP_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"

enum { PCAP_LINK_ETHERNET = 1, PCAP_SNAPLEN = 65535 };

struct pcap_header {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t zone;     /* always 0 */
    uint32_t accuracy; /* always 0 */
    uint32_t snaplen;
    uint32_t link_type;
};

struct pcap_record {
    uint32_t seconds;
    uint32_t fraction; /* nanoseconds, or microseconds */
    uint32_t captured;
    uint32_t original;
};

_Static_assert(sizeof(struct pcap_header) == 24, "as in the file");
_Static_assert(sizeof(struct pcap_record) == 16, "as in the file");

/* Of frames of Ethernet. Without `nanoseconds` the fractions are microseconds. */
struct pcap_header pcap_header(bool nanoseconds);

/*
 * A file has 32 bits for the seconds, 1970 to 2106: beyond, -1 with *err. What is finer than the fraction is cut
 * off.
 */
int pcap_record(struct pcap_record *record, struct day_time time, bool nanoseconds, uint32_t captured,
                uint32_t original, struct error *err);

#endif
