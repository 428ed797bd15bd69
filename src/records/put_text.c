#include "records/put_text.h"

#include "base/time_types.h"

enum { MICROSECONDS = 1000000, SECONDS_OF_DAY = 86400 };

static char *put_six_digits(char *to, unsigned value)
{
    to = put_two_digits(to, value / 10000);
    to = put_two_digits(to, value / 100 % 100);
    return put_two_digits(to, value % 100);
}

char *put_seconds(char *to, int64_t ns)
{
    uint64_t us = (uint64_t)ns / NS_PER_US;

    to = put_char(put_u64(to, us / MICROSECONDS), '.');
    return put_six_digits(to, (unsigned)(us % MICROSECONDS));
}

/*
 * A date of the Gregorian calendar from days since 1970. Years are counted from March, so that the leap day is
 * their last, and in cycles of 400, which all have the same days (Richards, "Calendars", 2013).
 */
static char *put_date(char *to, uint32_t days)
{
    uint32_t since_march_0 = days + 719468;
    uint32_t cycle = since_march_0 / 146097;
    uint32_t day = since_march_0 % 146097;
    uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint32_t month;

    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153; /* from March, 0 */
    day -= (153 * month + 2) / 5;
    year += 400 * cycle + (month >= 10);
    to = put_two_digits(put_two_digits(to, year / 100), year % 100);
    to = put_two_digits(put_char(to, '-'), month < 10 ? month + 3 : month - 9);
    return put_two_digits(put_char(to, '-'), day + 1);
}

char *put_date_and_time(char *to, int64_t ns)
{
    uint64_t us = (uint64_t)ns / NS_PER_US;
    uint64_t seconds = us / MICROSECONDS;
    uint32_t second = (uint32_t)(seconds % SECONDS_OF_DAY);

    to = put_char(put_date(to, (uint32_t)(seconds / SECONDS_OF_DAY)), ' ');
    to = put_char(put_two_digits(to, second / 3600), ':');
    to = put_char(put_two_digits(to, second / 60 % 60), ':');
    to = put_char(put_two_digits(to, second % 60), '.');
    return put_six_digits(to, (unsigned)(us % MICROSECONDS));
}

char *put_date_and_time_like(char *to, int64_t ns, const char *text, int64_t text_ns)
{
    enum { UP_TO_POINT = PUT_DATE_AND_TIME - 6 };

    if (ns / NS_PER_SECOND != text_ns / NS_PER_SECOND)
        return put_date_and_time(to, ns);
    memcpy(to, text, UP_TO_POINT);
    return put_six_digits(to + UP_TO_POINT, (unsigned)(ns % NS_PER_SECOND / NS_PER_US));
}

static char *put_octet(char *to, unsigned value)
{
    if (value >= 100) {
        to = put_char(to, (char)('0' + value / 100));
        return put_two_digits(to, value % 100);
    }
    return value >= 10 ? put_two_digits(to, value) : put_char(to, (char)('0' + value));
}

char *put_address(char *to, const struct ip_address *address)
{
    char text[IP_ADDRESS_TEXT];

    if (!ip_address_is_v4(address))
        return put_text(to, ip_address_format(address, text));
    for (int i = 12; i < 16; i++) {
        if (i > 12)
            to = put_char(to, '.');
        to = put_octet(to, address->bytes[i]);
    }
    return to;
}
