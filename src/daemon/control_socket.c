#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/control_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "daemon/trust.h"

enum { BACKLOG = 64 };

static int complain(const char *path, const char *what, struct error *err)
{
    return error_set(err, "%s: %s: %s", path, what, strerror(errno));
}

static char *directory_of(const char *path)
{
    char *directory = memory_copy_text(path);
    char *slash = strrchr(directory, '/');

    if (slash == NULL)
        strcpy(directory, *path ? "." : "");
    else if (slash > directory)
        *slash = '\0';
    else
        slash[1] = '\0';
    return directory;
}

/* Only where nobody else could put something in its place. */
static int make_directory(const char *directory, struct error *err)
{
    char *above_name = directory_of(directory);
    char *above = trust_directory(above_name, err);
    mode_t mask = umask(022);
    int status = above == NULL ? -1 : mkdir(directory, 0755) == 0 || errno == EEXIST ? 0
                                    : complain(directory, "cannot make this directory", err);

    umask(mask);
    free(above);
    free(above_name);
    return status;
}

/* Who may write on the way to it could put another socket there, or have root remove what it should not. */
static int prepare_directory(const char *path, struct control_socket *control, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *directory = directory_of(path);
    char *real = NULL;
    int status = access(directory, F_OK) < 0 && errno == ENOENT ? make_directory(directory, err) : 0;

    if (status == 0)
        real = trust_directory(directory, err);
    free(directory);
    if (real == NULL)
        return -1;
    status = snprintf(control->path, sizeof control->path, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    free(real);
    return status < (int)sizeof control->path
               ? 0 : error_set(err, "%s: the path without links has more than %d bytes", path, CONTROL_MOST_PATH);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static int new_socket(const char *path, struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? complain(path, "cannot make a socket", err) : fd;
}

/* 1: somebody listens; 0: nobody does. */
static int is_listened_on(const char *path, struct error *err)
{
    struct sockaddr_un address = address_of(path);
    int fd = new_socket(path, err);
    int status;

    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN)
        status = 1; /* EAGAIN: more are waiting there than it takes */
    else
        status = errno == ECONNREFUSED ? 0 : complain(path, "cannot tell whether somebody listens there", err);
    close(fd);
    return status;
}

/* Something lies where the socket is to be. */
static int clear_place(const char *path, struct error *err)
{
    struct stat status;
    int listened;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : complain(path, "cannot look at it", err);
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, "%s: there is a file, and it is no socket", path);
    listened = is_listened_on(path, err);
    if (listened < 0)
        return -1;
    if (listened)
        return error_set(err, "%s: another dayshiftd answers there", path);
    return unlink(path) < 0 ? complain(path, "cannot remove the socket that nobody listens on", err) : 0;
}

/* With its final rights from the first moment: nobody can connect before they hold. */
static int bind_for(int fd, const char *path, gid_t group)
{
    struct sockaddr_un address = address_of(path);
    mode_t mask = umask(group == CONTROL_NO_GROUP ? 0177 : 0117);
    gid_t own = getegid();
    int status = group == CONTROL_NO_GROUP ? 0 : setegid(group);
    int reason;

    if (status == 0)
        status = bind(fd, (struct sockaddr *)&address, sizeof address);
    reason = errno;
    umask(mask);
    if (setegid(own) < 0)
        return -1;
    errno = reason;
    return status;
}

static int take_place(int fd, const char *path, gid_t group, struct error *err)
{
    if (bind_for(fd, path, group) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return complain(path, "cannot make the socket", err);
    if (clear_place(path, err) < 0)
        return -1;
    return bind_for(fd, path, group) < 0 ? complain(path, "cannot make the socket", err) : 0;
}

/* Nobody can connect before it listens, whatever the rights. */
static int listen_at(struct control_socket *control, gid_t group, struct error *err)
{
    struct stat status;

    if (lstat(control->path, &status) < 0)
        return complain(control->path, "cannot look at the socket", err);
    control->device = status.st_dev;
    control->inode = status.st_ino;
    if (group != CONTROL_NO_GROUP && status.st_gid != group)
        return error_set(err, "%s: its directory gives it another group (the setgid bit)", control->path);
    return listen(control->fd, BACKLOG) < 0 ? complain(control->path, "cannot listen", err) : 0;
}

int control_socket_open(struct control_socket *control, const char *path, gid_t group, struct error *err)
{
    *control = (struct control_socket){ .fd = -1 };
    if (*path == '\0' || strlen(path) > CONTROL_MOST_PATH)
        return error_set(err, "'%s': the path of a socket has 1 to %d bytes", path, CONTROL_MOST_PATH);
    if (prepare_directory(path, control, err) < 0)
        return -1;
    path = control->path;
    control->fd = new_socket(path, err);
    if (control->fd < 0)
        return -1;
    if (take_place(control->fd, path, group, err) < 0) {
        close(control->fd);
        control->fd = -1;
        return -1;
    }
    if (listen_at(control, group, err) < 0) {
        control_socket_close(control);
        return -1;
    }
    return 0;
}

void control_socket_close(struct control_socket *control)
{
    struct stat status;

    if (control->fd < 0)
        return;
    if (lstat(control->path, &status) == 0 && status.st_dev == control->device && status.st_ino == control->inode)
        unlink(control->path);
    close(control->fd);
    control->fd = -1;
}
