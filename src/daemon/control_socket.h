/*
 * control_socket.h - the Unix socket on which dayshiftd listens for `dayshift ctl`.
 *
 * Made by the supervisor as root, used by the engine. It is there with its final rights before anybody can connect.
 * Not for a process with threads: the creation mask and the group of the process are set for a moment.
 */
#ifndef DAEMON_CONTROL_SOCKET_H
#define DAEMON_CONTROL_SOCKET_H

#include <sys/types.h>

#include "base/error.h"
#include "dayshift/control.h"

#define CONTROL_NO_GROUP ((gid_t)-1)

struct control_socket {
    int fd; /* listens; non-blocking, closed by exec */
    char path[CONTROL_MOST_PATH + 1]; /* without links */
    dev_t device;
    ino_t inode;
};

/*
 * Who may connect is the user of the process, and with `group` its members. Makes the directory when it is missing, but
 * not that directory's own. Takes the place of a socket that nobody listens on. -1 when another process
 * listens there, when something else lies there, or when others could put something else there: see trust_directory().
 */
int control_socket_open(struct control_socket *control, const char *path, gid_t group, struct error *err);

/* Removes the socket, unless another has taken its place. */
void control_socket_close(struct control_socket *control);

#endif
