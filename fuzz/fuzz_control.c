/*
 * fuzz_control.c - a libFuzzer target: any bytes from a client of the control socket. It is always answered, with a line
 * of JSON, and no more is called than a request allows.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time_types.h"
#include "daemon/commands.h"
#include "daemon/configuration.h"
#include "daemon/control.h"
#include "dayshift/control.h"

static int calls;

static void call(void *self)
{
    (void)self;
    calls++;
}

static int take_speed(void *self, double speed, struct error *err)
{
    (void)err;
    call(self);
    if (!(speed >= CONFIGURATION_LEAST_SPEED && speed <= CONFIGURATION_MOST_SPEED))
        abort();
    return 0;
}

static int take_activity(void *self, double activity, struct error *err)
{
    (void)err;
    call(self);
    if (!(activity >= 0.001 && activity <= 1000))
        abort();
    return 0;
}

static int refuse(void *self, struct error *err)
{
    call(self);
    return error_set(err, "not now");
}

static void no_status(const void *self, struct status *status)
{
    (void)self;
    (void)status;
    calls++;
}

static struct run_controls controls = { NULL, refuse, call, take_speed, take_activity, call, refuse, no_status };

/* A socket with a name that the kernel chooses, in no directory. */
static int listen_somewhere(struct sockaddr_un *address, socklen_t *size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    address->sun_family = AF_UNIX;
    if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)) < 0 || listen(fd, 8) < 0)
        abort();
    *size = sizeof *address;
    getsockname(fd, (struct sockaddr *)address, size);
    return fd;
}

static void check_answer(const char *answer, size_t size)
{
    json_t *object = size > 0 && answer[size - 1] == '\n' ? json_loadb(answer, size, 0, NULL) : NULL;
    const json_t *error = json_object_get(object, "error");

    if (object == NULL || calls > 1 || (json_is_true(json_object_get(object, "ok")) == (error != NULL)))
        abort();
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct control_handler handler = { commands_handle, &controls };
    struct mono_time now = { NS_PER_SECOND };
    struct sockaddr_un address;
    socklen_t address_size;
    int listening = listen_somewhere(&address, &address_size);
    struct control *control = control_new(listening, &handler);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    char answer[8192];
    size_t half = size / 2;
    ssize_t got;

    calls = 0;
    if (size > 4096 || client < 0 || connect(client, (struct sockaddr *)&address, address_size) < 0)
        size = half = 0;
    if (half > 0)
        send(client, bytes, half, MSG_NOSIGNAL);
    control_serve(control, now);
    if (size > half)
        send(client, bytes + half, size - half, MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
    control_serve(control, now);
    control_serve(control, now);
    got = recv(client, answer, sizeof answer, MSG_DONTWAIT);
    check_answer(answer, got > 0 ? (size_t)got : 0);
    control_free(control);
    close(client);
    close(listening);
    return 0;
}
