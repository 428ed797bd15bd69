#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/flow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/say.h"
#include "daemon/trust.h"

/*
 * Where it is, without links on the way: what was looked at is what is opened. NULL with *err; for the caller to free.
 */
static char *find_place(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *directory = memory_copy_text(slash ? path : ".");
    char *place = NULL;
    char *real;

    if (slash)
        directory[slash == path ? 1 : slash - path] = '\0';
    real = trust_directory(directory, err);
    free(directory);
    if (real == NULL)
        return NULL;
    if (asprintf(&place, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < 0)
        abort(); /* only for want of memory */
    free(real);
    return place;
}

static int open_place(const char *place, int flags, struct error *err)
{
    int fd = open(place, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    return error_set(err, "%s: %s", place, errno == ELOOP ? "refused, because it is a symbolic link" : strerror(errno));
}

static int check_file(int fd, const char *place, struct error *err)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return error_set(err, "%s: cannot be looked at: %s", place, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, "%s: not a regular file", place);
    if (info.st_nlink != 1)
        return error_set(err, "%s: refused, because it has other names", place);
    return trust_check(fd, place, err);
}

static bool is_same_file(int a, int b)
{
    struct stat info[2];

    return a >= 0 && b >= 0 && fstat(a, &info[0]) == 0 && fstat(b, &info[1]) == 0 &&
           info[0].st_dev == info[1].st_dev && info[0].st_ino == info[1].st_ino;
}

/* ---- what is in it ---- */

static int begin_file(int fd, const char *place, const char *header, struct error *err)
{
    size_t size = strlen(header);
    ssize_t written = size > 0 ? write(fd, header, size) : 0;

    if (written == (ssize_t)size)
        return 0;
    error_set(err, "%s: cannot write: %s", place, written < 0 ? strerror(errno) : "no room");
    (void)!ftruncate(fd, 0);
    return -1;
}

static int check_beginning(int fd, const char *place, enum flow_log_format format, struct error *err)
{
    char found[FLOW_LOG_BEGINNING];
    ssize_t got = pread(fd, found, sizeof found, 0);

    if (got < 0)
        return error_set(err, "%s: cannot read: %s", place, strerror(errno));
    if (flow_log_begins_so(format, found, (size_t)got))
        return 0;
    return error_set(err, "%s: does not begin as this log does: move it away, or name another file", place);
}

/* Both processes may have been killed while a line was being written. -1: it is no log. */
static int64_t find_whole(int fd, const char *place, struct error *err)
{
    int64_t whole = flow_log_whole(fd, 0);

    return whole < 0 ? error_set(err, "%s: does not end with a line of a log", place) : whole;
}

static int cut_broken_line(int fd, const char *place, struct error *err)
{
    int64_t whole = find_whole(fd, place, err);

    if (whole < 0)
        return -1;
    if (whole == lseek(fd, 0, SEEK_END))
        return 0;
    say("%s: ended in the middle of a line, which is cut off", place);
    if (ftruncate(fd, whole) < 0)
        return error_set(err, "%s: cannot be shortened: %s", place, strerror(errno));
    return 0;
}

static int go_on(int fd, const char *place, enum flow_log_format format, struct error *err)
{
    if (lseek(fd, 0, SEEK_END) > 0 && (check_beginning(fd, place, format, err) < 0 || cut_broken_line(fd, place, err) < 0))
        return -1;
    return lseek(fd, 0, SEEK_END) > 0 ? 0 : begin_file(fd, place, flow_log_header(format), err);
}

/* ---- to write ---- */

/* The directory is trusted: whoever puts another file there meanwhile may. */
static int open_append(const struct flow_file *file, const char *place, struct error *err)
{
    int fd = open_place(place, O_WRONLY | O_APPEND, err);

    if (fd < 0)
        return -1;
    if (!is_same_file(fd, file->whole))
        error_set(err, "%s: was replaced while it was being opened", place);
    else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    else
        error_set(err, "%s: %s", place,
                  errno == EWOULDBLOCK ? "another dayshiftd writes it: name another file" : strerror(errno));
    close(fd);
    return -1;
}

/* One that is new has the rights that are promised, whatever the umask: who ships logs is in its group. */
static int open_or_make(const char *place, struct error *err)
{
    const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(place, flags | O_CREAT | O_EXCL, 0640);

    if (fd < 0)
        return open_place(place, flags, err);
    if (fchmod(fd, 0640) == 0)
        return fd;
    error_set(err, "%s: %s", place, strerror(errno));
    close(fd);
    return -1;
}

static int open_both(struct flow_file *file, const char *place, enum flow_log_format format, struct error *err)
{
    file->whole = open_or_make(place, err);
    if (file->whole < 0 || check_file(file->whole, place, err) < 0)
        return -1;
    file->append = open_append(file, place, err);
    return file->append < 0 ? -1 : go_on(file->whole, place, format, err);
}

int flow_file_open(struct flow_file *file, const char *path, enum flow_log_format format, struct error *err)
{
    char *place = find_place(path, err);
    int status;

    *file = (struct flow_file){ -1, -1 };
    if (place == NULL)
        return -1;
    status = open_both(file, place, format, err);
    free(place);
    if (status < 0)
        flow_file_close(file);
    return status;
}

void flow_file_close(struct flow_file *file)
{
    if (file->append >= 0)
        close(file->append);
    if (file->whole >= 0)
        close(file->whole);
    *file = (struct flow_file){ -1, -1 };
}

/* ---- to look ---- */

static int check_free(int fd, const char *place, const struct flow_file *own, struct error *err)
{
    if (own == NULL || is_same_file(fd, own->append) || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    return error_set(err, "%s: another dayshiftd writes it: name another file", place);
}

static int look_at(int fd, const char *place, enum flow_log_format format, const struct flow_file *own, struct error *err)
{
    if (check_file(fd, place, err) < 0 || check_free(fd, place, own, err) < 0)
        return -1;
    if (lseek(fd, 0, SEEK_END) == 0)
        return 0;
    return check_beginning(fd, place, format, err) < 0 || find_whole(fd, place, err) < 0 ? -1 : 0;
}

static int check_can_be_made(char *place, struct error *err)
{
    char *slash = strrchr(place, '/');
    int status;

    *slash = '\0';
    status = access(slash == place ? "/" : place, W_OK);
    *slash = '/';
    return status < 0 ? error_set(err, "%s: %s", place, strerror(errno)) : 0;
}

int flow_file_look(const char *path, enum flow_log_format format, const struct flow_file *own, struct error *err)
{
    char *place = find_place(path, err);
    struct stat info;
    int status = -1;
    int fd;

    if (place == NULL)
        return -1;
    if (lstat(place, &info) < 0 && errno == ENOENT) {
        status = check_can_be_made(place, err);
    } else if ((fd = open_place(place, O_RDWR, err)) >= 0) { /* as to write, for what that refuses */
        status = look_at(fd, place, format, own, err);
        close(fd);
    }
    free(place);
    return status;
}
