/*
 * nfcapd files as nfdump 1.7 writes and reads them: layout version 2, records of version 3, not compressed.
 *
 *   file header | data block ... | appendix: identity, statistics
 *
 * Numbers are in the order of the machine, which the magic number tells. A flow is one record with the counts of
 * both directions. It has one byte for TCP flags: the initiator's, and FIN and RST of either side, so that how it
 * began and ended can be told.
 */
#include <string.h>

#include "net/wire.h"
#include "records/record_encoding.h"

enum {
    MAGIC = 0xa50c,
    LAYOUT_VERSION = 2,
    NFDUMP_VERSION = 0x01070100, /* 1.7.1, of which this is the layout */
    BLOCK_TYPE = 3,
    FILE_HEADER_BYTES = 40,
    BLOCK_HEADER_BYTES = 12,
    RECORD_HEADER_BYTES = 12,
    ELEMENT_HEADER_BYTES = 4,
    RECORD_TYPE = 11,
    IDENTITY_TYPE = 0x8001,
    STATISTICS_TYPE = 0x8002
};

/* The parts of a record, and their bytes behind their header. */
enum element { GENERIC = 1, IPV4 = 2, IPV6 = 3, COUNTS = 5 };
enum { GENERIC_BYTES = 48, IPV4_BYTES = 8, IPV6_BYTES = 32, COUNTS_BYTES = 24 };

static char *put_bytes(char *to, const void *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

static char *put_8(char *to, uint8_t value)
{
    return put_bytes(to, &value, sizeof value);
}

static char *put_16(char *to, uint16_t value)
{
    return put_bytes(to, &value, sizeof value);
}

static char *put_32(char *to, uint32_t value)
{
    return put_bytes(to, &value, sizeof value);
}

static char *put_64(char *to, uint64_t value)
{
    return put_bytes(to, &value, sizeof value);
}

static char *put_element(char *to, enum element element, size_t bytes)
{
    return put_16(put_16(to, (uint16_t)element), (uint16_t)(ELEMENT_HEADER_BYTES + bytes));
}

static uint64_t milliseconds(int64_t ns)
{
    return (uint64_t)(ns / NS_PER_MS);
}

static bool is_icmp(const struct flow_record *r)
{
    return r->protocol == IP_ICMP || r->protocol == IP_ICMPV6;
}

static char *put_generic(char *to, const struct flow_record *r)
{
    uint8_t ends = r->tcp_flags[FLOW_RESPONDER] & (TCP_FIN | TCP_RST);

    to = put_element(to, GENERIC, GENERIC_BYTES);
    to = put_64(to, milliseconds(r->start.ns));
    to = put_64(to, milliseconds(r->start.ns + r->duration_ns));
    to = put_64(to, 0); /* when it was received */
    to = put_64(to, r->packets[FLOW_INITIATOR]);
    to = put_64(to, r->bytes[FLOW_INITIATOR]);
    to = put_16(to, is_icmp(r) ? 0 : r->port[FLOW_INITIATOR]);
    to = put_16(to, r->port[FLOW_RESPONDER]);
    to = put_8(to, r->protocol);
    to = put_8(to, r->tcp_flags[FLOW_INITIATOR] | ends);
    return put_16(to, 0); /* forwarding status, type of service */
}

static char *put_addresses(char *to, const struct flow_record *r)
{
    if (ip_address_is_v4(&r->address[0]) && ip_address_is_v4(&r->address[1])) {
        to = put_element(to, IPV4, IPV4_BYTES);
        to = put_32(to, ip_address_to_v4(&r->address[FLOW_INITIATOR]));
        return put_32(to, ip_address_to_v4(&r->address[FLOW_RESPONDER]));
    }
    to = put_element(to, IPV6, IPV6_BYTES);
    for (int side = 0; side < 2; side++) {
        for (int half = 0; half < 2; half++) {
            const uint8_t *bytes = r->address[side].bytes + (size_t)8 * half;

            to = put_64(to, (uint64_t)wire_get_u32(bytes) << 32 | wire_get_u32(bytes + 4));
        }
    }
    return to;
}

static char *put_counts(char *to, const struct flow_record *r)
{
    to = put_element(to, COUNTS, COUNTS_BYTES);
    to = put_64(to, 0); /* flows of an aggregate: it is none */
    to = put_64(to, r->packets[FLOW_RESPONDER]);
    return put_64(to, r->bytes[FLOW_RESPONDER]);
}

static char *nfcapd_encode(char *to, const struct flow_record *r)
{
    bool is_biflow = r->packets[FLOW_RESPONDER] > 0;
    char *begin = to;

    to = put_generic(to + RECORD_HEADER_BYTES, r);
    to = put_addresses(to, r);
    if (is_biflow)
        to = put_counts(to, r);
    memset(begin, 0, RECORD_HEADER_BYTES); /* engine, exporter, flags: nothing to tell */
    put_16(put_16(put_16(begin, RECORD_TYPE), (uint16_t)(to - begin)), is_biflow ? 3 : 2);
    return to;
}

static void write_file_header(FILE *stream, uint64_t appendix_at, uint32_t blocks)
{
    char header[FILE_HEADER_BYTES] = { 0 };
    char *to = header;

    to = put_32(put_16(put_16(to, MAGIC), LAYOUT_VERSION), NFDUMP_VERSION);
    to = put_64(to, 0); /* created: the same records make the same file */
    to = put_16(to, 0); /* not compressed, not encrypted */
    to = put_16(to, appendix_at > 0); /* blocks of the appendix */
    to = put_32(to, 0); /* creator: unknown */
    to = put_64(to, appendix_at);
    put_32(put_32(to, 0), blocks);
    fwrite(header, 1, sizeof header, stream);
}

static void write_block_header(FILE *stream, uint32_t records, size_t bytes)
{
    char header[BLOCK_HEADER_BYTES];

    put_16(put_16(put_32(put_32(header, records), (uint32_t)bytes), BLOCK_TYPE), 0);
    fwrite(header, 1, sizeof header, stream);
}

static void nfcapd_begin(FILE *stream)
{
    write_file_header(stream, 0, 0);
}

static void nfcapd_begin_batch(FILE *stream, const struct record_batch *batch)
{
    write_block_header(stream, batch->records, batch->used);
}

/* Flows, bytes and packets, in all and by class; the time; failures of sequence. */
static char *put_statistics(char *to, const struct record_sums *sums)
{
    const uint64_t *const columns[] = { sums->flows, sums->bytes, sums->packets };

    for (int i = 0; i < 3; i++) {
        uint64_t total = 0;

        for (int c = 0; c < RECORD_CLASSES; c++)
            total += columns[i][c];
        to = put_64(to, total);
    }
    for (int i = 0; i < 3; i++) {
        for (int c = 0; c < RECORD_CLASSES; c++)
            to = put_64(to, columns[i][c]);
    }
    to = put_64(put_64(to, milliseconds(sums->first.ns)), milliseconds(sums->last.ns));
    return put_64(to, 0);
}

static void nfcapd_end(FILE *stream, const struct record_sums *sums, uint32_t batches)
{
    static const char identity[] = "dayshift";
    char records[256];
    char *to = records;
    long at = ftell(stream);

    to = put_16(put_16(to, IDENTITY_TYPE), ELEMENT_HEADER_BYTES + sizeof identity);
    to = put_bytes(to, identity, sizeof identity);
    to = put_16(put_16(to, STATISTICS_TYPE), ELEMENT_HEADER_BYTES + 18 * sizeof(uint64_t));
    to = put_statistics(to, sums);
    write_block_header(stream, 2, (size_t)(to - records));
    fwrite(records, 1, (size_t)(to - records), stream);
    if (fseek(stream, 0, SEEK_SET) == 0)
        write_file_header(stream, (uint64_t)at, batches);
    fseek(stream, 0, SEEK_END);
}

const struct record_encoding encoding_nfcapd = {
    "nfcapd", true, nfcapd_encode, nfcapd_begin, nfcapd_begin_batch, nfcapd_end, NULL,
};
