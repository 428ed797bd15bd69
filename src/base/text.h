/*
 * text.h - numbers, durations, times and dates as users write them, and as they read them.
 *
 * Parsers return 0, or -1 when the text is anything else; nothing may follow the value.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

int text_to_u64(const char *text, uint64_t *value);
int text_to_double(const char *text, double *value); /* finite */

/* "90", "90s", "1.5m", "2h", "1d", "20ms", "5us": nanoseconds, above 0. */
int text_to_duration_ns(const char *text, int64_t *ns);

/* "4096", "64k", "512M", "1G": bytes. */
int text_to_size(const char *text, uint64_t *bytes);

/* "09:00", "09:00:30" or "09:00:30.250": nanoseconds since midnight. */
int text_to_time_of_day_ns(const char *text, int64_t *ns);

/* "2026-11-21": days since 1970-01-01. */
int text_to_date(const char *text, int32_t *date);

enum { TEXT_DATE = 16, TEXT_NUMBER = 32, TEXT_NAMES = 256 };

const char *text_from_date(int32_t date, char text[TEXT_DATE]);

/* 1234567 as "1,234,567". */
const char *text_from_count(uint64_t count, char text[TEXT_NUMBER]);

/* 1610612736 bytes as "1.5 GiB". */
const char *text_from_size(uint64_t bytes, char text[TEXT_NUMBER]);

/* "25.1 minutes", "3.0 hours", "3.4 days". */
const char *text_from_duration(int64_t ns, char text[TEXT_NUMBER]);

/* 1500 ns as "1.5 us". */
const char *text_from_ns(int64_t ns, char text[TEXT_NUMBER]);

/* Makes "a, b" of "a": a list for messages, which has room for all the names it will get; at first an empty text. */
void text_add_name(char names[TEXT_NAMES], const char *name);

#endif
