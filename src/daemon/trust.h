/*
 * trust.h - who may write what is obeyed with root's rights.
 *
 * A file is trusted when it belongs to root, to who runs this or to who asked sudo(8) for it, and when nobody else may
 * write it or put another one in its place: no directory on the way to it may be written by others, unless it is
 * sticky, as /tmp is.
 */
#ifndef DAEMON_TRUST_H
#define DAEMON_TRUST_H

#include "base/error.h"

/*
 * Of a file that is open; `path` is how it was found. What is no regular file, as a pipe, is looked at without the way
 * to it. 0, or -1 with *err: the file, who may write it, and what can be done.
 */
int trust_check(int fd, const char *path, struct error *err);

/*
 * Of a directory: nobody else may write in it or in one above it, but where it is sticky. Its path without links, for
 * the caller to free and to use from then on; NULL with *err.
 */
char *trust_directory(const char *path, struct error *err);

#endif
