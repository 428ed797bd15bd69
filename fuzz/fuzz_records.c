/*
 * fuzz_records.c - a libFuzzer target: any bytes as a flow log, through reading, pairing and order.
 *
 * The first byte chooses how it is read: by what it looks like, as a named format, or by named columns; and
 * whether there is room for flows and names.
 */
#include <stdlib.h>

#include "records/record_file.h"
#include "records/record_pairer.h"

enum {
    FEW_FLOWS = 8,          /* so that flows have to leave early */
    FEW_NAMES_BYTES = 1000, /* so that names get no room */
};

static const struct record_options ways[] = {
    { NULL, NULL },
    { "nfdump", NULL },
    { "ugr16", NULL },
    { "argus", NULL },
    { "lanl", NULL },
    { "zeek", NULL },
    { "zeek-json", NULL },
    { NULL, "start=1,duration=2,src=3,dst=4,sport=5,dport=6,proto=7,packets=8,bytes=9,rpackets=10,rbytes=11,"
            "flags=12,rflags=13,state=14" },
    { NULL, "end=1,start=2,src=3,dst=4,sport=5,dport=6,proto=7,totpackets=8,totbytes=9,bytes=10,direction=11,"
            "history=12,payload=13,rpayload=14,delimiter=space" },
    { NULL, "start=ts,src=sa,dst=da,sport=sp,dport=dp,proto=pr,packets=ipkt,bytes=ibyt,delimiter=semicolon" },
    { NULL, "start=start,src=src,dst=dst,sport=sport,dport=dport,proto=proto,packets=packets,bytes=bytes,"
            "delimiter=space" },
};

enum { WAYS = sizeof ways / sizeof *ways };

/* What everything downstream relies on. */
static void check(void *self, const struct flow_record *r)
{
    (void)self;
    if (r->start.ns < 0 || r->duration_ns < 0 || flow_record_packets(r) == 0)
        abort();
    for (int side = 0; side < 2; side++) {
        if (r->data_packets[side] > r->packets[side] ||
            (r->data_packets[side] > 0) != (r->payload_bytes[side] > 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct host_names *names;
    struct record_pairer *pairer;
    struct record_file *file;
    struct log_record record;
    struct error err = { "" };

    if (size < 1)
        return 0;
    names = host_names_new(bytes[0] & 0x40 ? FEW_NAMES_BYTES : 64 << 20);
    pairer = record_pairer_new(bytes[0] & 0x80 ? FEW_FLOWS : 1000000, check, NULL);
    file = record_file_open(input_file_from_memory(bytes + 1, size - 1, "/nonexistent/fuzz"),
                            &ways[(bytes[0] & 0x3f) % WAYS], names, &err);
    if (file != NULL) {
        while (record_file_next(file, &record, &err) == 1)
            record_pairer_add(pairer, &record);
        (void)record_file_damage(file);
    }
    record_pairer_flush(pairer);
    record_file_close(file);
    record_pairer_free(pairer);
    host_names_free(names);
    return 0;
}
