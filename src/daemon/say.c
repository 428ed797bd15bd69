#include "daemon/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void say(const char *format, ...)
{
    va_list args;

    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    fputs("dayshiftd: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
}
