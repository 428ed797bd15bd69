#include "base/pcap_format.h"

#define MAGIC_MICROSECONDS UINT32_C(0xa1b2c3d4)
#define MAGIC_NANOSECONDS UINT32_C(0xa1b23c4d)

struct pcap_header pcap_header(bool nanoseconds)
{
    return (struct pcap_header){
        .magic = nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS,
        .version_major = 2,
        .version_minor = 4,
        .snaplen = PCAP_SNAPLEN,
        .link_type = PCAP_LINK_ETHERNET,
    };
}

int pcap_record(struct pcap_record *record, struct day_time time, bool nanoseconds, uint32_t captured,
                uint32_t original, struct error *err)
{
    if (time.ns < 0 || time.ns / NS_PER_SECOND > UINT32_MAX)
        return error_set(err, "a frame is due at second %lld, which a pcap file cannot say",
                         (long long)(time.ns / NS_PER_SECOND));
    *record = (struct pcap_record){
        .seconds = (uint32_t)(time.ns / NS_PER_SECOND),
        .fraction = (uint32_t)(time.ns % NS_PER_SECOND / (nanoseconds ? 1 : NS_PER_US)),
        .captured = captured,
        .original = original,
    };
    return 0;
}
