/*
 * put_text.h - numbers, addresses and times as text, for the writers of flow records: no locale, no
 * allocation, no format to be parsed.
 *
 * Each function writes at `to`, without an end, and returns where the text ends. The caller has room.
 */
#ifndef RECORDS_PUT_TEXT_H
#define RECORDS_PUT_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/ip_address.h"

static inline char *put_char(char *to, char c)
{
    *to = c;
    return to + 1;
}

/* A literal, or another text with an end. */
static inline char *put_text(char *to, const char *text)
{
    size_t size = strlen(text);

    memcpy(to, text, size);
    return to + size;
}

/* A name of somebody's: what CSV or JSON would have to quote, and what is not ASCII, is an underscore. */
static inline char *put_label(char *to, const char *label)
{
    for (; label && *label; label++) {
        bool is_plain = (unsigned char)*label >= ' ' && (unsigned char)*label < 0x7f && !strchr(",\"\\", *label);

        *to++ = is_plain ? *label : '_';
    }
    return to;
}

/* Exactly two digits; below 100. */
static inline char *put_two_digits(char *to, unsigned value)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
    return to + 2;
}

static inline char *put_u64(char *to, uint64_t value)
{
    char digits[20];
    char *at = digits + sizeof digits;

    while (value >= 100) {
        at -= 2;
        put_two_digits(at, (unsigned)(value % 100));
        value /= 100;
    }
    if (value >= 10)
        put_two_digits(at -= 2, (unsigned)value);
    else
        *--at = (char)('0' + value);
    memcpy(to, at, (size_t)(digits + sizeof digits - at));
    return to + (digits + sizeof digits - at);
}

/* Seconds with six digits behind the point; what is less than a microsecond is dropped. >= 0. */
char *put_seconds(char *to, int64_t ns);

/* "2026-01-31 09:00:00.123456", UTC; from 1970 on. */
enum { PUT_DATE_AND_TIME = 26 /* its characters up to the year 9999 */ };
char *put_date_and_time(char *to, int64_t ns);

/* The same, where the text of another time is there already: often one of the same second. */
char *put_date_and_time_like(char *to, int64_t ns, const char *text, int64_t text_ns);

char *put_address(char *to, const struct ip_address *address);

#endif
