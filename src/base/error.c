#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 16384, ELLIPSIS = 3 }; /* two paths and some words */

/* Names of files are foreign: what would move a cursor or begin a line becomes a question mark. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

/* What is too long loses its middle: the reason stands at the end, the file at the beginning. */
static void take(struct error *err, char *text)
{
    size_t room = sizeof err->text - 1;
    size_t size = strlen(text);
    size_t head = (room - ELLIPSIS) / 2;
    size_t tail = room - ELLIPSIS - head;

    make_printable(text);
    if (size <= room) {
        memcpy(err->text, text, size + 1);
        return;
    }
    memcpy(err->text, text, head);
    memcpy(err->text + head, "...", ELLIPSIS);
    memcpy(err->text + head + ELLIPSIS, text + size - tail, tail + 1);
}

int error_set(struct error *err, const char *format, ...)
{
    char text[LONGEST_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    take(err, text);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char text[LONGEST_TEXT];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text - sizeof err->text - 2, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof text - sizeof err->text - 2)
        size = (int)strlen(text);
    snprintf(text + size, sizeof text - (size_t)size, ": %s", err->text);
    take(err, text);
    return -1;
}
