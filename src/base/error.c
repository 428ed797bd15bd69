#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    struct error prefix;
    struct error old = *err;
    va_list args;

    va_start(args, format);
    vsnprintf(prefix.text, sizeof prefix.text, format, args);
    va_end(args);
    return error_set(err, "%s: %s", prefix.text, old.text);
}
