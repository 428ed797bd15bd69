/*
 * compare_captures.h - dayshift compare, of two captures.
 */
#ifndef CLI_COMPARE_CAPTURES_H
#define CLI_COMPARE_CAPTURES_H

#include <stdbool.h>

#include "base/error.h"

/* What an argument can be, by its first bytes. */
enum comparable {
    COMPARABLE_MODEL, /* or nothing at all, as reading it will tell; pipes, which cannot be looked at twice */
    COMPARABLE_CAPTURE,
    COMPARABLE_DIRECTORY /* of captures, if anything */
};

enum comparable comparable_of(const char *path);

/* Reads both and prints how alike they are. An exit status. */
int compare_captures(char *real, char *synthetic, bool json);

#endif
