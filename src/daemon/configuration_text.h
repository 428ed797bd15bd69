/*
 * configuration_text.h - the text of a configuration, for what libconfig does not say of it.
 *
 * libconfig 1.5 tells the line of an error and nothing else, and reads an integer beyond 32 bits without a final L, or one
 * beyond 64 bits with it, as another number.
 */
#ifndef DAEMON_CONFIGURATION_TEXT_H
#define DAEMON_CONFIGURATION_TEXT_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

struct configuration_text {
    char *bytes;
    size_t size; /* at least 1: the last byte ends a line */
};

/* All that there is to be read. -1 with *err and nothing to release: it cannot be read, or is beyond 16 MiB. */
int configuration_text_read(struct configuration_text *text, FILE *file, const char *path, struct error *err);
void configuration_text_release(struct configuration_text *text);

/* Refuses, naming file, line, key and number, what libconfig would read as another one. The syntax is good. */
int configuration_text_check_numbers(const struct configuration_text *text, const char *path, struct error *err);

/* "file:line: what: the line", the line as far as it is printable. Returns -1. */
int configuration_text_refuse(const struct configuration_text *text, const char *path, unsigned line, const char *what,
                              struct error *err);

#endif
