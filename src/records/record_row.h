/*
 * record_row.h - the fields of one line by what they mean, and the record they make.
 *
 * Formats fill in rows; what a row means is decided here once for all of them.
 */
#ifndef RECORDS_RECORD_ROW_H
#define RECORDS_RECORD_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "records/field.h"
#include "records/host_names.h"
#include "records/log_record.h"

/* What a column means. Those of the destination begin with R: what comes back. */
enum row_role {
    ROLE_START,
    ROLE_END,
    ROLE_DURATION,
    ROLE_SRC,
    ROLE_DST,
    ROLE_SPORT,
    ROLE_DPORT,
    ROLE_PROTO,
    ROLE_PACKETS,
    ROLE_BYTES,
    ROLE_RPACKETS,
    ROLE_RBYTES,
    ROLE_TOTAL_PACKETS,
    ROLE_TOTAL_BYTES,
    ROLE_PAYLOAD,
    ROLE_RPAYLOAD,
    ROLE_FLAGS,
    ROLE_RFLAGS,
    ROLE_STATE,
    ROLE_HISTORY,
    ROLE_DIRECTION,
    ROLE_COUNT,
    ROLE_NONE = ROLE_COUNT
};

/* How a format tells the type of an ICMP message. */
enum icmp_style {
    ICMP_IN_DPORT, /* destination port: type << 8 | code, or "8.0" (NetFlow) */
    ICMP_WITH_IDENTIFIER, /* the same; source port: the identifier */
    ICMP_IN_SPORT, /* source port: type (Zeek) */
    ICMP_IN_ARGUS, /* source port: code << 8 | type; destination port: the identifier */
};

/* What a format says by itself. */
struct row_rules {
    enum icmp_style icmp;
    bool knows_initiator; /* the source initiated, unless the direction says that it is not known */
    bool pairs;           /* nothing back means that it comes in a line of its own */
    bool is_cumulative;   /* see log_record.h */
    bool udp_by_content;  /* UDP may be called by what it carries: "rtp" */
};

/* Fields that are absent are empty, never NULL. */
struct record_row {
    struct field fields[ROLE_COUNT];
};

enum row_result {
    ROW_RECORD,
    ROW_OTHER_PROTOCOL, /* not TCP, UDP or ICMP */
    ROW_OTHER_ICMP,     /* neither echo request nor echo reply, or of unknown type */
    ROW_EMPTY,          /* no packet either way */
    ROW_MALFORMED,      /* problem: what and why */
    ROW_HOPELESS        /* so will every other row be */
};

struct row_problem {
    enum row_role role;
    const char *why; /* ends the sentence: column X: "value" ... */
};

/* What reading one file needs from row to row. */
struct row_context {
    struct row_rules rules;
    struct field_clock clock;
    struct host_names *names; /* NULL: addresses only */
};

void record_row_clear(struct record_row *row);

enum row_result record_row_decode(const struct record_row *row, struct row_context *context,
                                  struct log_record *record, struct row_problem *problem);

const char *row_role_name(enum row_role role); /* as users write it: "start", "rbytes" */
enum row_role row_role_of(const char *name, size_t size); /* ROLE_NONE: there is none of this name */

#endif
