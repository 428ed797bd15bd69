#include "dayshift/impairment_rates.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    { "retransmission", offsetof(struct impairment_rates, retransmission) },
    { "reordering", offsetof(struct impairment_rates, reordering) },
    { "duplication", offsetof(struct impairment_rates, duplication) },
    { "fragmentation", offsetof(struct impairment_rates, fragmentation) },
    { "unanswered", offsetof(struct impairment_rates, unanswered) },
};

static double *find_rate(struct impairment_rates *rates, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return (double *)((char *)rates + fields[i].offset);
    }
    return NULL;
}

/* "NAME=RATE", all of `part`. */
static int parse_part(struct impairment_rates *rates, const char *part, struct error *err)
{
    const char *equals = strchr(part, '=');
    double *rate = equals ? find_rate(rates, part, (size_t)(equals - part)) : NULL;
    double value;

    if (rate == NULL)
        return error_set(err, "\"%s\": give learned, none, or rates of retransmission, reordering, duplication, "
                              "fragmentation and unanswered, as in duplication=0.001", part);
    if (text_to_double(equals + 1, &value) < 0 || value < 0 || value > 1)
        return error_set(err, "\"%s\": a rate is a number from 0 to 1", part);
    *rate = value;
    return 0;
}

static int parse_parts(struct impairment_rates *rates, const char *text, struct error *err)
{
    char part[64];

    for (;;) {
        size_t length = strcspn(text, ",");

        if (length >= sizeof part)
            return error_set(err, "\"%s\": too long for a name and a rate", text);
        memcpy(part, text, length);
        part[length] = '\0';
        if (parse_part(rates, part, err) < 0)
            return -1;
        if (text[length] == '\0')
            return 0;
        text += length + 1;
    }
}

int impairment_rates_parse(struct impairment_rates *rates, const char *text, struct error *err)
{
    struct impairment_rates parsed = { 0 };

    if (strcmp(text, "learned") == 0)
        parsed.learned = true;
    else if (strcmp(text, "none") != 0 && parse_parts(&parsed, text, err) < 0)
        return -1;
    *rates = parsed;
    return 0;
}
