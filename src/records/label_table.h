/*
 * label_table.h - labels of flows, as somebody else gave them: a table of text, a flow a line.
 *
 * The first line names the columns, whose order does not matter, separated by tabs or else by commas. Names
 * that are known, without regard to case:
 *
 *   label      ndpi_label, application, class or label; where there are several, the first of these
 *   protocol   l4, pr, proto or protocol: TCP or UDP, or the number; lines of others are passed over
 *   one end    client_ip, sa, src or initiator; client_port, sp, sport or initiator_port
 *   the other  server_ip, da, dst or responder; server_port, dp, dport or responder_port
 *   file       file: the capture of the flow, of which the base name counts. May be missing
 *   start      start_ns (nanoseconds), or ts, first_seen or start (as record_file.h reads times). May be missing
 *
 * So it reads what labellers for captures write, what `dayshift sessions --truth` writes, and what `dayshift
 * features` does. An empty label, or "-", is none: its line is passed over. One thread.
 */
#ifndef RECORDS_LABEL_TABLE_H
#define RECORDS_LABEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/input_file.h"
#include "dayshift/flow_record.h"

enum {
    LABEL_MAX_BYTES = 63,
    LABEL_TABLE_MAX_LABELS = 1 << 16, /* and as many files */
    LABEL_TABLE_MAX_ROWS = 1 << 24    /* bounds memory at about 1.5 GiB */
};

struct label_table; /* opaque */

/*
 * Reads all of it; "-" is standard input. A label has at most LABEL_MAX_BYTES of printable ASCII, and neither " nor
 * a comma, so that it needs no quotes anywhere. Lines that cannot be read are left out when they are at most
 * one in a hundred; more fail, and so does a table that labels no flow of TCP or UDP. NULL on failure.
 */
struct label_table *label_table_read(const char *path, struct error *err);

/* The same of an open input, which it takes, also when it fails. */
struct label_table *label_table_read_input(struct input_file *input, struct error *err);

/* That some lines were left out, and the first of them; NULL: none was. */
const char *label_table_damage(const struct label_table *table);

void label_table_free(struct label_table *table); /* NULL is fine */

/*
 * The label of a flow of TCP or UDP between these ends, either way round; NULL: it has none. The table owns
 * it. `file` is the name of the flow's capture, of which the base name counts: where the table has files, a
 * line of another is none; NULL: any will do. Of several lines that of the nearest start counts, where the
 * table has starts; then the first.
 */
const char *label_table_find(const struct label_table *table, const char *file,
                             const struct flow_record *record);

/* The labels, each once, in order of their letters. */
size_t label_table_count(const struct label_table *table);
const char *label_table_label(const struct label_table *table, size_t index);

#endif
