#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/flow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/say.h"
#include "daemon/trust.h"

enum { MOST_LINE = 1 << 16, MOST_HEADER = 1024 };

/* Before a file is made in it. */
static int check_directory(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *directory = memory_copy_text(slash ? path : ".");
    char *real;

    if (slash)
        directory[slash == path ? 1 : slash - path] = '\0';
    real = trust_directory(directory, err);
    free(directory);
    free(real);
    return real ? 0 : -1;
}

static int check_file(int fd, const char *path, struct error *err)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return error_set(err, "%s: cannot be looked at: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, "%s: not a regular file", path);
    if (info.st_nlink != 1)
        return error_set(err, "%s: refused, because it has other names", path);
    return trust_check(fd, path, err);
}

static int begin_file(int fd, const char *path, const char *header, struct error *err)
{
    size_t size = strlen(header);
    ssize_t written = size > 0 ? write(fd, header, size) : 0;

    if (written == (ssize_t)size)
        return 0;
    error_set(err, "%s: cannot write: %s", path, written < 0 ? strerror(errno) : "no room");
    (void)!ftruncate(fd, 0);
    return -1;
}

static int check_header(int fd, const char *path, const char *header, struct error *err)
{
    char found[MOST_HEADER];
    size_t size = strlen(header);
    ssize_t got = pread(fd, found, size, 0);

    if (got == (ssize_t)size && memcmp(found, header, size) == 0)
        return 0;
    return error_set(err, "%s: begins with another line than this log does: move it away, or name another file", path);
}

/* Both processes may have been killed while a line was being written. */
static int cut_broken_line(int fd, const char *path, int64_t size, struct error *err)
{
    char *tail = memory_alloc(MOST_LINE);
    int64_t from = size > MOST_LINE ? size - MOST_LINE : 0;
    ssize_t got = pread(fd, tail, (size_t)(size - from), from);
    ssize_t whole = got;

    while (whole > 0 && tail[whole - 1] != '\n')
        whole--;
    free(tail);
    if (got != (ssize_t)(size - from) || (whole == 0 && from > 0))
        return error_set(err, "%s: does not end with a line of a log", path);
    if (from + whole == size)
        return 0;
    say("%s: ended in the middle of a line, which is cut off", path);
    if (ftruncate(fd, from + whole) < 0)
        return error_set(err, "%s: cannot be shortened: %s", path, strerror(errno));
    return 0;
}

static int go_on(int fd, const char *path, const char *header, struct error *err)
{
    int64_t size = lseek(fd, 0, SEEK_END);

    if (size == 0)
        return begin_file(fd, path, header, err);
    if (check_header(fd, path, header, err) < 0)
        return -1;
    return cut_broken_line(fd, path, size, err);
}

int flow_file_open(const char *path, const char *header, struct error *err)
{
    int fd;

    if (check_directory(path, err) < 0)
        return -1;
    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set(err, "%s: %s", path, errno == ELOOP ? "refused, because it is a symbolic link" : strerror(errno));
    if (check_file(fd, path, err) == 0 && go_on(fd, path, header, err) == 0)
        return fd;
    close(fd);
    return -1;
}
