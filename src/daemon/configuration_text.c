#include "daemon/configuration_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_BYTES = 16 << 20, MOST_QUOTED = 80 };

int configuration_text_read(struct configuration_text *text, FILE *file, const char *path, struct error *err)
{
    size_t capacity = 0;
    size_t got;

    *text = (struct configuration_text){ NULL, 0 };
    do {
        text->bytes = memory_grow(text->bytes, &capacity, text->size + BUFSIZ, 1);
        got = fread(text->bytes + text->size, 1, BUFSIZ, file);
        text->size += got;
    } while (got > 0 && text->size <= MOST_BYTES);
    if (ferror(file))
        error_set(err, "%s: cannot read: %s", path, strerror(errno));
    else if (text->size > MOST_BYTES)
        error_set(err, "%s: no configuration: more than %d bytes", path, MOST_BYTES);
    else {
        if (text->size == 0 || text->bytes[text->size - 1] != '\n')
            text->bytes[text->size++] = '\n'; /* there is room: what was read last was nothing */
        return 0;
    }
    configuration_text_release(text);
    return -1;
}

void configuration_text_release(struct configuration_text *text)
{
    free(text->bytes);
    *text = (struct configuration_text){ NULL, 0 };
}

/* ---- numbers ---- */

/* Where a look at the text has come to; beyond the end there are zeros. */
struct scan {
    const struct configuration_text *text;
    size_t at;
    unsigned line;
    size_t key, key_length; /* the name that stood last before it */
};

static char look(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->text->size ? s->text->bytes[s->at + ahead] : '\0';
}

static void step(struct scan *s)
{
    if (look(s, 0) == '\n')
        s->line++;
    s->at++;
}

/* The length of what is made of these letters. */
static size_t span(const struct scan *s, size_t from, const char *letters)
{
    size_t length = 0;

    while (look(s, from + length) != '\0' && strchr(letters, look(s, from + length)))
        length++;
    return length;
}

/* A text in quotes, or a comment to the end of the line, or one between marks; false: none begins here. */
static bool skip_words(struct scan *s)
{
    const char *end = look(s, 0) == '"' ? "\"" : look(s, 0) == '/' && look(s, 1) == '*' ? "*/" : "\n";

    if (look(s, 0) != '"' && look(s, 0) != '#' && !(look(s, 0) == '/' && (look(s, 1) == '/' || look(s, 1) == '*')))
        return false;
    if (*end == '*')
        step(s); /* its star does not end it */
    for (step(s); s->at < s->text->size && !(look(s, 0) == end[0] && (!end[1] || look(s, 1) == end[1])); step(s)) {
        if (*end == '"' && look(s, 0) == '\\')
            step(s);
    }
    for (; *end; end++)
        step(s);
    return true;
}

static bool is_hexadecimal(const struct scan *s)
{
    return look(s, 0) == '0' && (look(s, 1) == 'x' || look(s, 1) == 'X');
}

/* Of a sign that a decimal number follows, 0 or 1. */
static size_t sign_length(const struct scan *s)
{
    return span(s, 0, "+-") == 1 && span(s, 1, "0123456789.") > 0 ? 1 : 0;
}

/* The integer of `length` letters here, its sign included, its suffix not. */
static int check_integer(const struct scan *s, size_t length, const char *path, struct error *err)
{
    bool is_long = look(s, length) == 'L';
    bool is_negative = look(s, 0) == '-';
    int quoted = (int)(length < MOST_QUOTED ? length : MOST_QUOTED);
    const char *digits = s->text->bytes + s->at;
    int64_t number;

    errno = 0;
    number = strtoll(digits, NULL, is_hexadecimal(s) ? 16 : 10);
    if (errno == 0 && (is_long || (number >= INT32_MIN && number <= INT32_MAX)))
        return 0;
    if (errno == 0)
        error_set(err, "%.*s is %s and must be followed by an L: %.*sL", quoted, digits,
                  is_negative ? "below -2147483648" : "above 2147483647", quoted, digits);
    else
        error_set(err, "%.*s is %s", quoted, digits,
                  is_negative ? "below -9223372036854775808" : "above 9223372036854775807");
    return error_prefix(err, "%s:%u: %.*s", path, s->line, (int)s->key_length, s->text->bytes + s->key);
}

static int take_number(struct scan *s, const char *path, struct error *err)
{
    size_t sign = sign_length(s);
    size_t length = is_hexadecimal(s) ? 2 + span(s, 2, "0123456789abcdefABCDEF") : sign + span(s, sign, "0123456789");
    bool is_integer = is_hexadecimal(s) || strchr(".eE", look(s, length)) == NULL || look(s, length) == '\0';
    size_t suffix = span(s, length, "L");

    if (is_integer && length > sign && check_integer(s, length, path, err) < 0)
        return -1;
    s->at += is_integer ? length + (suffix < 2 ? suffix : 2) : span(s, 0, "0123456789.eE+-");
    return 0;
}

int configuration_text_check_numbers(const struct configuration_text *text, const char *path, struct error *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*";
    static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz*0123456789-_";
    struct scan s = { .text = text, .line = 1 };

    while (s.at < text->size) {
        if (skip_words(&s))
            continue;
        if (span(&s, 0, letters) > 0) {
            s.key = s.at;
            s.key_length = span(&s, 0, others);
            s.at += s.key_length;
        } else if (sign_length(&s) > 0 || span(&s, 0, "0123456789.") > 0) {
            if (take_number(&s, path, err) < 0)
                return -1;
        } else {
            step(&s);
        }
    }
    return 0;
}

/* ---- lines ---- */

/* The line without what is around it; its length, 0 when it is not there, has nothing in it or is not to be shown. */
static size_t find_line(const struct configuration_text *text, unsigned line, const char **begin)
{
    const char *at = text->bytes, *end = text->bytes + text->size;
    size_t length;

    for (unsigned i = 1; i < line && at < end; i++)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    for (; at < end && (*at == ' ' || *at == '\t'); at++)
        ;
    *begin = at;
    for (length = 0; at + length < end && (unsigned char)at[length] >= ' ' && at[length] != 0x7f; length++)
        ;
    return at + length < end && at[length] != '\n' && at[length] != '\t' && at[length] != '\r' ? 0 : length;
}

int configuration_text_refuse(const struct configuration_text *text, const char *path, unsigned line, const char *what,
                              struct error *err)
{
    const char *begin;
    size_t length = find_line(text, line, &begin);

    if (begin == text->bytes + text->size)
        return error_set(err, "%s:%u: %s at the end of the file: a quote or a bracket may be open", path, line, what);
    if (length == 0)
        return error_set(err, "%s:%u: %s", path, line, what);
    return error_set(err, "%s:%u: %s: %.*s%s", path, line, what, (int)(length < MOST_QUOTED ? length : MOST_QUOTED), begin,
                     length < MOST_QUOTED ? "" : "...");
}
