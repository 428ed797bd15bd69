#include "capture/frame_reader.h"

#include <stdarg.h>
#include <stdio.h>

struct day_time frame_time(__int128 ns)
{
    const int64_t last_second = INT64_MAX / 2 / NS_PER_SECOND - 1;
    const int64_t last = last_second * NS_PER_SECOND + NS_PER_SECOND - 1;

    return (struct day_time){ ns < 0 ? 0 : ns > last ? last : (int64_t)ns };
}

int frame_cut_short(const struct input_file *input, struct error *err, const char *format, ...)
{
    const char *damage = input_file_damage(input);
    va_list arguments;

    if (damage != NULL)
        return error_set(err, "%s", damage);
    va_start(arguments, format);
    vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return -1;
}
