/*
 * fuzz_labels.c - a libFuzzer target: any bytes as a table of labels, and what it finds.
 */
#include <stdlib.h>
#include <string.h>

#include "net/wire.h"
#include "records/label_table.h"

/* What whoever writes a label relies on. */
static void check(const char *label)
{
    size_t size = strlen(label);

    if (size == 0 || size > LABEL_MAX_BYTES || strpbrk(label, ",\"\n") != NULL)
        abort();
}

static void look_up(const struct label_table *table)
{
    struct flow_record record = { .protocol = IP_UDP, .port = { 1, 2 },
                                  .address = { ip_address_from_v4(0x0a000001), ip_address_from_v4(0x0a000002) } };
    const char *names[] = { NULL, "a", "dir/a.pcap" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *label = label_table_find(table, names[i], &record);

        if (label != NULL)
            check(label);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err = { "" };
    struct label_table *table = label_table_read_input(input_file_from_memory(bytes, size, "fuzz"), &err);

    if (table == NULL) {
        if (err.text[0] == '\0')
            abort();
        return 0;
    }
    if (label_table_count(table) == 0)
        abort();
    for (size_t i = 0; i < label_table_count(table); i++)
        check(label_table_label(table, i));
    look_up(table);
    label_table_free(table);
    return 0;
}
