#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strptime, timegm */
#endif
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time_types.h"

int text_to_u64(const char *text, uint64_t *value)
{
    char *end;
    uintmax_t parsed;

    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    parsed = strtoumax(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return -1;
    *value = parsed;
    return 0;
}

int text_to_double(const char *text, double *value)
{
    char *end;

    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value) ? 0 : -1;
}

int text_to_duration_ns(const char *text, int64_t *ns)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "", 1 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end;
    double number = strtod(text, &end);

    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double result_ns = number * units[i].seconds * (double)NS_PER_SECOND;

        if (strcmp(end, units[i].unit) != 0 || end == text)
            continue;
        if (!(result_ns >= 1 && result_ns < 0x1p62))
            return -1;
        *ns = (int64_t)result_ns;
        return 0;
    }
    return -1;
}

int text_to_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "kMG";
    char *end;
    double number = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;

    if (end == text || (*end && (unit == NULL || end[1])))
        return -1;
    number *= unit ? exp2(10.0 * (double)(unit - units + 1)) : 1.0;
    if (!(number >= 0 && number < 0x1p63))
        return -1;
    *bytes = (uint64_t)number;
    return 0;
}

/* ".25": what is behind it, and in *ns a quarter of a second. NULL: it is no such thing. */
static const char *read_fraction(const char *text, int64_t *ns)
{
    int64_t unit = NS_PER_SECOND;

    for (text++; *text >= '0' && *text <= '9' && unit > 1; text++) {
        unit /= 10;
        *ns += (*text - '0') * unit;
    }
    return unit < NS_PER_SECOND ? text : NULL;
}

int text_to_time_of_day_ns(const char *text, int64_t *ns)
{
    struct tm tm = { 0 };
    int64_t fraction_ns = 0;
    const char *end = strptime(text, "%H:%M", &tm);

    if (end && *end == ':')
        end = strptime(text, "%H:%M:%S", &tm);
    if (end && *end == '.')
        end = strchr(text, ':') == strrchr(text, ':') ? NULL : read_fraction(end, &fraction_ns);
    if (end == NULL || *end != '\0' || tm.tm_sec > 59)
        return -1;
    *ns = ((tm.tm_hour * 60 + tm.tm_min) * 60 + tm.tm_sec) * NS_PER_SECOND + fraction_ns;
    return 0;
}

int text_to_date(const char *text, int32_t *date)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    char again[TEXT_DATE];

    if (end == NULL || *end != '\0' || tm.tm_year < 70 || tm.tm_year > 300)
        return -1;
    *date = (int32_t)(timegm(&tm) / 86400);
    /* strptime lets February 31 pass; it comes back as another day. */
    text_from_date(*date, again);
    return atoi(again + 8) == atoi(strrchr(text, '-') + 1) ? 0 : -1;
}

const char *text_from_date(int32_t date, char text[TEXT_DATE])
{
    time_t seconds = (time_t)date * 86400;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, TEXT_DATE, "%Y-%m-%d", &tm);
    return text;
}

const char *text_from_count(uint64_t count, char text[TEXT_NUMBER])
{
    char digits[TEXT_NUMBER];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *text_from_size(uint64_t bytes, char text[TEXT_NUMBER])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, TEXT_NUMBER, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

const char *text_from_duration(int64_t ns, char text[TEXT_NUMBER])
{
    double minutes = (double)ns / (60.0 * (double)NS_PER_SECOND);

    if (minutes < 120)
        snprintf(text, TEXT_NUMBER, "%.1f minutes", minutes);
    else if (minutes < 2 * 24 * 60)
        snprintf(text, TEXT_NUMBER, "%.1f hours", minutes / 60);
    else
        snprintf(text, TEXT_NUMBER, "%.1f days", minutes / (24 * 60));
    return text;
}

const char *text_from_ns(int64_t ns, char text[TEXT_NUMBER])
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = { { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 } };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double value = (double)ns / units[i].ns;

        if (value >= 0.9995) { /* what would be rounded up to 1000 of the next smaller unit */
            snprintf(text, TEXT_NUMBER, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value,
                     units[i].unit);
            return text;
        }
    }
    snprintf(text, TEXT_NUMBER, "%" PRId64 " ns", ns);
    return text;
}

void text_add_name(char names[TEXT_NAMES], const char *name)
{
    size_t length = strlen(names);

    assert(length + strlen(name) + sizeof ", " <= TEXT_NAMES);
    snprintf(names + length, TEXT_NAMES - length, "%s%s", length > 0 ? ", " : "", name);
}
