#include "records/field.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time_types.h"
#include "base/time_zone.h"
#include "net/wire.h"

enum { SECONDS_PER_DAY = 86400, FRACTION_DIGITS = 9, MAX_DIGITS = 19 };

/* What is left of a field while it is read from its front. */
struct reading {
    const char *at, *end;
};

static struct reading reading_of(struct field field)
{
    return (struct reading){ field.at, field.at + field.size };
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool field_is(struct field field, const char *text)
{
    return field.size == strlen(text) && strncasecmp(field.at, text, field.size) == 0;
}

const char *field_show(struct field field, char text[FIELD_TEXT])
{
    size_t size = field.size < FIELD_TEXT - 4 ? field.size : FIELD_TEXT - 4;

    for (size_t i = 0; i < size; i++)
        text[i] = field.at[i] >= ' ' && field.at[i] <= '~' ? field.at[i] : '?';
    strcpy(text + size, size < field.size ? "..." : "");
    return text;
}

/* Up to `max_digits` digits; at least one. */
static int take_digits(struct reading *r, unsigned max_digits, uint64_t *value)
{
    const char *begin = r->at;
    uint64_t number = 0;

    while (r->at < r->end && is_digit(*r->at)) {
        if ((unsigned)(r->at - begin) == max_digits)
            return -1;
        number = number * 10 + (uint64_t)(*r->at++ - '0');
    }
    *value = number;
    return r->at > begin ? 0 : -1;
}

/* Exactly `digits` digits. */
static int take_fixed(struct reading *r, int digits, unsigned *value)
{
    unsigned number = 0;

    if (r->end - r->at < digits)
        return -1;
    for (int i = 0; i < digits; i++, r->at++) {
        if (!is_digit(*r->at))
            return -1;
        number = number * 10 + (unsigned)(*r->at - '0');
    }
    *value = number;
    return 0;
}

static bool take(struct reading *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static int take_hexadecimal(struct reading *r, uint64_t *value)
{
    const char *begin = r->at;
    uint64_t number = 0;

    for (; r->at < r->end; r->at++) {
        char c = *r->at | 0x20;
        int digit = is_digit(*r->at) ? *r->at - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0 || r->at - begin == 15)
            return -1;
        number = number << 4 | (unsigned)digit;
    }
    *value = number;
    return r->at > begin ? 0 : -1;
}

int field_to_u64(struct field field, uint64_t max, uint64_t *value)
{
    struct reading r = reading_of(field);

    if (field.size > 2 && field.at[0] == '0' && (field.at[1] | 0x20) == 'x') {
        r.at += 2;
        if (take_hexadecimal(&r, value) < 0)
            return -1;
    } else if (take_digits(&r, MAX_DIGITS, value) < 0 || r.at < r.end) {
        return -1;
    }
    return *value <= max ? 0 : -1;
}

/* A point and digits, of which the ninth is the last that counts; or nothing. */
static int take_fraction(struct reading *r, int64_t *ns, int64_t *grain_ns)
{
    int64_t unit = NS_PER_SECOND;

    *ns = 0;
    if (take(r, '.')) {
        if (r->at == r->end || !is_digit(*r->at))
            return -1;
        for (; r->at < r->end && is_digit(*r->at); r->at++) {
            if (unit == 1)
                continue;
            unit /= 10;
            *ns += (*r->at - '0') * unit;
        }
    }
    *grain_ns = unit;
    return 0;
}

/* "15:37:30", with an hour of as many digits as there are. */
static int take_clock(struct reading *r, uint64_t max_hours, int64_t *seconds)
{
    uint64_t hours;
    unsigned minutes, rest;

    if (take_digits(r, 4, &hours) < 0 || !take(r, ':') || take_fixed(r, 2, &minutes) < 0 ||
        !take(r, ':') || take_fixed(r, 2, &rest) < 0)
        return -1;
    if (hours > max_hours || minutes > 59 || rest > 60) /* a leap second */
        return -1;
    *seconds = (int64_t)(hours * 3600 + minutes * 60 + rest);
    return 0;
}

int field_to_duration(struct field field, int64_t *ns)
{
    struct reading r = reading_of(field);
    uint64_t number;
    int64_t seconds, days = 0, fraction, grain;

    if (memchr(field.at, ':', field.size) == NULL) {
        if (take_digits(&r, 10, &number) < 0)
            return -1;
        seconds = (int64_t)number;
    } else {
        struct reading ahead = r;

        if (take_digits(&ahead, 4, &number) == 0 && take(&ahead, 'd')) {
            days = (int64_t)number;
            r = ahead;
            (void)take(&r, ' ');
        }
        if (take_clock(&r, 9999, &seconds) < 0)
            return -1;
    }
    seconds += days * SECONDS_PER_DAY;
    if (take_fraction(&r, &fraction, &grain) < 0 || r.at < r.end ||
        seconds >= FIELD_MAX_DURATION_NS / NS_PER_SECOND)
        return -1;
    *ns = seconds * NS_PER_SECOND + fraction;
    return 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t shifted = month > 2 ? month - 3 : month + 9; /* March is 0, so that a leap day comes last */
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

/* "2018-01-12" or "2018/01/12". */
static int take_date(struct reading *r, struct field_clock *clock)
{
    const char *text = r->at;
    unsigned year, month, day;

    if (clock->date[0] != '\0' && r->end - r->at >= (ptrdiff_t)sizeof clock->date &&
        memcmp(clock->date, r->at, sizeof clock->date) == 0) {
        r->at += sizeof clock->date;
        return 0;
    }
    if (take_fixed(r, 4, &year) < 0 || !(take(r, '-') || take(r, '/')) ||
        take_fixed(r, 2, &month) < 0 || !take(r, text[4]) || take_fixed(r, 2, &day) < 0)
        return -1;
    if (year < 1970 || year > 2199 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return -1;
    memcpy(clock->date, text, sizeof clock->date);
    clock->date_ns = days_of(year, month, day) * NS_PER_DAY;
    return 0;
}

#define NS_PER_QUARTER (900 * NS_PER_SECOND)

/* How far the wall clock of the network is ahead at a time that names no zone. */
static int64_t wall_offset_ns(struct field_clock *clock, int64_t wall_ns)
{
    int64_t quarter = wall_ns / NS_PER_QUARTER + 1; /* of an hour: when clocks are set */

    if (clock->quarter != quarter) {
        clock->quarter = quarter;
        clock->offset_ns = wall_ns - time_zone_instant((struct day_time){ wall_ns }).ns;
    }
    return clock->offset_ns;
}

/* Z, "+01:00", "-0530", or nothing: false in *is_named. */
static int take_zone(struct reading *r, bool *is_named, int64_t *offset_ns)
{
    unsigned hours, minutes = 0;
    bool west;

    *offset_ns = 0;
    *is_named = r->at < r->end;
    if (r->at == r->end || take(r, 'Z'))
        return 0;
    west = *r->at == '-';
    if (!(take(r, '+') || take(r, '-')) || take_fixed(r, 2, &hours) < 0)
        return -1;
    (void)take(r, ':');
    if ((r->at < r->end && take_fixed(r, 2, &minutes) < 0) || hours > 14 || minutes > 59)
        return -1;
    *offset_ns = (int64_t)(hours * 60 + minutes) * 60 * NS_PER_SECOND * (west ? -1 : 1);
    return 0;
}

static bool is_time_of_day(struct field field)
{
    struct reading r = reading_of(field);
    int64_t seconds, fraction, grain;

    return take_clock(&r, 23, &seconds) == 0 && take_fraction(&r, &fraction, &grain) == 0 &&
           r.at == r.end;
}

static int calendar_time(struct field field, struct field_clock *clock, int64_t *ns, int64_t *grain_ns)
{
    struct reading r = reading_of(field);
    int64_t seconds, fraction, offset;
    bool is_named;

    if (take_date(&r, clock) < 0 || !(take(&r, ' ') || take(&r, 'T')) ||
        take_clock(&r, 23, &seconds) < 0 || take_fraction(&r, &fraction, grain_ns) < 0 ||
        take_zone(&r, &is_named, &offset) < 0 || r.at < r.end)
        return is_time_of_day(field) ? -2 : -1;
    *ns = clock->date_ns + seconds * NS_PER_SECOND + fraction;
    *ns -= is_named ? offset : wall_offset_ns(clock, *ns);
    return *ns >= 0 ? 0 : -1;
}

int field_to_time(struct field field, struct field_clock *clock, int64_t *ns, int64_t *grain_ns)
{
    struct reading r = reading_of(field);
    uint64_t seconds;
    int64_t fraction;

    if (field.size > 4 && !is_digit(field.at[4]) && field.at[4] != '.')
        return calendar_time(field, clock, ns, grain_ns);
    if (take_digits(&r, 12, &seconds) < 0 || take_fraction(&r, &fraction, grain_ns) < 0 || r.at < r.end)
        return is_time_of_day(field) ? -2 : -1;
    if (seconds >= (uint64_t)(FIELD_MAX_TIME_NS / NS_PER_SECOND))
        return -1;
    *ns = (int64_t)seconds * NS_PER_SECOND + fraction;
    return 0;
}

/* Four numbers of 0..255, none with a leading zero. */
static int to_v4(struct field field, uint32_t *address)
{
    struct reading r = reading_of(field);
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        const char *begin;
        unsigned part = 0;

        if (i > 0 && !take(&r, '.'))
            return -1;
        begin = r.at;
        while (r.at < r.end && is_digit(*r.at) && r.at - begin < 3)
            part = part * 10 + (unsigned)(*r.at++ - '0');
        if (r.at == begin || part > 255 || (*begin == '0' && r.at - begin > 1))
            return -1;
        value = value << 8 | part;
    }
    *address = value;
    return r.at == r.end ? 0 : -1;
}

int field_to_address(struct field field, struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT];
    uint32_t v4;

    if (to_v4(field, &v4) == 0) {
        *address = ip_address_from_v4(v4);
        return 0;
    }
    if (field.size >= sizeof text || memchr(field.at, ':', field.size) == NULL)
        return -1;
    memcpy(text, field.at, field.size);
    text[field.size] = '\0';
    return ip_address_parse(address, text);
}

static bool is_word(struct field field)
{
    for (size_t i = 0; i < field.size; i++) {
        char c = field.at[i] | 0x20;

        if (!(c >= 'a' && c <= 'z') && !is_digit(field.at[i]) &&
            (field.at[i] == '\0' || strchr("-_./+*", field.at[i]) == NULL))
            return false;
    }
    return field.size > 0 && field.size <= 32 && !is_digit(field.at[0]);
}

int field_to_protocol(struct field field, unsigned *protocol)
{
    static const struct {
        const char *name;
        unsigned protocol;
    } names[] = { { "tcp", IP_TCP }, { "udp", IP_UDP }, { "icmp", IP_ICMP }, { "icmp6", IP_ICMPV6 },
                  { "icmpv6", IP_ICMPV6 }, { "ipv6-icmp", IP_ICMPV6 } };
    uint64_t number;

    if (field.size > 0 && is_digit(field.at[0])) {
        if (field_to_u64(field, UINT8_MAX, &number) < 0)
            return -1;
        *protocol = (unsigned)number;
        return 0;
    }
    *protocol = FIELD_OTHER_PROTOCOL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (field_is(field, names[i].name)) {
            *protocol = names[i].protocol;
            return 0;
        }
    }
    return is_word(field) ? 0 : -1;
}

int field_to_tcp_flags(struct field field, uint8_t *flags)
{
    static const char letters[] = "FSRPAUEC"; /* from the lowest bit */
    uint64_t number;

    if (field.size > 0 && is_digit(field.at[0])) {
        if (field_to_u64(field, UINT8_MAX, &number) < 0)
            return -1;
        *flags = (uint8_t)number;
        return 0;
    }
    *flags = 0;
    for (size_t i = 0; i < field.size; i++) {
        const char *letter = field.at[i] ? strchr(letters, field.at[i]) : NULL;

        if (letter != NULL)
            *flags |= (uint8_t)(1u << (letter - letters));
        else if (strchr(". -", field.at[i]) == NULL || field.at[i] == '\0')
            return -1;
    }
    return 0;
}
