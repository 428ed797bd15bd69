/*
 * support.h - what every unit test needs: cmocka with its includes, and a scratch directory.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
/* cmocka wants the four above first */
#include <cmocka.h>

/* In a struct flow_end: who has an IPv4 address, host order, which names him too. */
#define IPV4_END(v4)                                                                                             \
    .address = { { [10] = 0xff, [11] = 0xff, [12] = (uint8_t)((uint32_t)(v4) >> 24), [13] = (uint8_t)((v4) >> 16), \
                   [14] = (uint8_t)((v4) >> 8), [15] = (uint8_t)(v4) } },                                        \
    .name = (v4)

/* Skips the test, with the reason in the output. */
#define skip_because(reason)                      \
    do {                                          \
        print_message("skipped: %s\n", (reason)); \
        skip();                                   \
    } while (0)

/*
 * A path in a fresh directory of this process, removed at its end with all that is in it.
 * The text lives until the next eight calls.
 */
const char *scratch_path(const char *name);

struct archive;

/* A scratch file of these bytes, compressed by one of libarchive's archive_write_add_filter_ functions. */
const char *scratch_compressed(const char *name, int (*add_filter)(struct archive *), const void *bytes,
                               size_t size);

/* A file of the source tree (DAYSHIFT_SOURCE, or the current directory). Same lifetime. */
const char *source_path(const char *name);

#endif
