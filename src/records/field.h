/*
 * field.h - the text of one column, and what it can be read as.
 *
 * A field is a piece of a line, not terminated. Readers take the whole of it and return 0, or -1 when it
 * is anything else or out of range. No allocation, no locale: this is the hot path of every text log.
 */
#ifndef RECORDS_FIELD_H
#define RECORDS_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ip_address.h"

struct field {
    const char *at;
    size_t size; /* 0: nothing was said */
};

enum {
    FIELD_TEXT = 64,          /* of a field in a message */
    FIELD_OTHER_PROTOCOL = 256 /* a name that is none of TCP, UDP, ICMP */
};

#define FIELD_MAX_TIME_NS (INT64_C(7258118400) * 1000000000)         /* the year 2200 */
#define FIELD_MAX_DURATION_NS (INT64_C(10) * 366 * 86400 * 1000000000) /* ten years */

/* Reading times of one file: the date that was read last, for most lines have the same. */
struct field_clock {
    char date[10];
    int64_t date_ns;
    int64_t quarter; /* of an hour of the wall clock, and 1: where it is offset_ns ahead */
    int64_t offset_ns;
};

bool field_is(struct field field, const char *text); /* case does not matter */

/* Printable, shortened, for a message; returns `text`. */
const char *field_show(struct field field, char text[FIELD_TEXT]);

int field_to_u64(struct field field, uint64_t max, uint64_t *value); /* decimal, or hexadecimal with 0x */

/* "1.25" or "[3d ]01:02:03.5": nanoseconds, not negative; at most FIELD_MAX_DURATION_NS. */
int field_to_duration(struct field field, int64_t *ns);

/*
 * Epoch seconds with a fraction, or a date and a time of day: "2018-01-12 15:37:30", with slashes or a T, a
 * fraction, and Z or an offset. Without these it is by the wall clock (time_zone_set()). *grain_ns is the unit of the last digit.
 * -2 for a time of day without its date.
 */
int field_to_time(struct field field, struct field_clock *clock, int64_t *ns, int64_t *grain_ns);

int field_to_address(struct field field, struct ip_address *address);

/* A number of 0..255, or FIELD_OTHER_PROTOCOL. ICMP of either version may come as IP_ICMP. */
int field_to_protocol(struct field field, unsigned *protocol);

/* "....SA", ".AP.SF", "CEUAPRSF" in any order with dots or spaces, or a number. */
int field_to_tcp_flags(struct field field, uint8_t *flags);

#endif
