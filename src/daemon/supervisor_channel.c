#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/supervisor_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

int supervisor_channel_open(int ends[2], struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
        return 0;
    return error_set(err, "no channel between supervisor and engine: %s", strerror(errno));
}

/* One message; -1 with errno, 0 when the other end is closed. */
static ssize_t receive(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got;

    do
        got = recv(fd, bytes, size, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

int supervisor_channel_request(int fd, enum supervisor_request request, struct error *err)
{
    char byte = (char)request;

    if (send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
        return 0;
    return error_set(err, "the supervisor cannot be asked: %s", strerror(errno));
}

/* An answer is a text; an empty one is a single zero, since an empty message could not be told from a closed end. */
int supervisor_channel_take_answer(int fd, struct error *objection)
{
    char text[sizeof objection->text];
    ssize_t got = receive(fd, text, sizeof text - 1, MSG_DONTWAIT);

    if (got < 0)
        return 0;
    text[got] = '\0';
    if (got == 0)
        return error_set(objection, "the supervisor is gone");
    return text[0] == '\0' ? 1 : error_set(objection, "%s", text);
}

enum channel_find supervisor_channel_take(int fd, enum supervisor_request *request)
{
    char bytes[2]; /* room for one too many */
    ssize_t got = receive(fd, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN ? CHANNEL_NOTHING : CHANNEL_CLOSED;
    if (got == 0)
        return CHANNEL_CLOSED;
    if (got != 1 || (bytes[0] != REQUEST_RELOAD && bytes[0] != REQUEST_STOP))
        return CHANNEL_GARBAGE;
    *request = (enum supervisor_request)bytes[0];
    return CHANNEL_REQUEST;
}

void supervisor_channel_answer(int fd, const struct error *objection)
{
    const char *text = objection ? objection->text : "";
    size_t size = strlen(text);

    (void)send(fd, text, size > 0 ? size : 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}
