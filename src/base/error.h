/*
 * error.h - how a library stage says what went wrong.
 *
 * Stages return 0 (or a count) on success and -1 on failure, and on failure fill
 * the caller's struct error with one line that names the file, the place and the
 * value. They never print and never exit; programs do that, once.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
    char text[512]; /* empty when nothing went wrong; always terminated */
};

/* Sets the text and returns -1, so that a caller can `return error_set(...)`. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the text that is there; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
