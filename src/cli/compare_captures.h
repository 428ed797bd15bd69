/*
 * compare_captures.h - dayshift compare, of two captures.
 */
#ifndef CLI_COMPARE_CAPTURES_H
#define CLI_COMPARE_CAPTURES_H

#include <stdbool.h>

#include "base/error.h"

/* Is this a file that is a capture, or a directory, which no model is? */
bool is_capture(const char *path);

/* Reads both and prints how alike they are. An exit status. */
int compare_captures(char *real, char *synthetic, bool json);

#endif
