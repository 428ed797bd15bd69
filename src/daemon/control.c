#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time_types.h"
#include "dayshift/control.h"

#define PATIENCE_NS (200 * NS_PER_MS) /* that a client has to say something before it has to make room */
#define PAUSE_NS NS_PER_SECOND        /* before the next one is accepted, when that failed */

enum { MOST_WORDS = 8 };

static const char no_answer[] = "{\"error\":\"the answer cannot be given\"}\n";

enum client_state { CLIENT_NONE, CLIENT_ASKS, CLIENT_WAITS, CLIENT_READS };

struct client {
    enum client_state state;
    int fd;
    int64_t since_ns; /* of its state */
    char request[CONTROL_MOST_REQUEST + 1];
    size_t asked; /* bytes of it */
    char *answer; /* owned */
    size_t answer_bytes, read; /* bytes of it */
};

struct control {
    int listening_fd;
    struct control_handler handler;
    int64_t accept_again_ns;
    struct client clients[CONTROL_CLIENTS];
};

struct control *control_new(int listening_fd, const struct control_handler *handler)
{
    struct control *control = memory_alloc(sizeof *control);

    control->listening_fd = listening_fd;
    control->handler = *handler;
    return control;
}

static void close_client(struct client *client)
{
    close(client->fd);
    free(client->answer);
    *client = (struct client){ .state = CLIENT_NONE };
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i].state != CLIENT_NONE)
            close_client(&control->clients[i]);
    }
    free(control);
}

json_t *control_error(const char *text)
{
    json_t *answer = json_pack("{s:s}", "error", text);

    return answer ? answer : json_pack("{s:s}", "error", "what went wrong cannot be said in JSON");
}

/* ---- answers ---- */

static void write_answer(struct client *client)
{
    while (client->read < client->answer_bytes) {
        ssize_t sent = send(client->fd, client->answer + client->read, client->answer_bytes - client->read,
                            MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (sent < 0)
            break;
        client->read += (size_t)sent;
    }
    close_client(client);
}

/* One line; what cannot be said becomes an error. */
static char *line_of(json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(9));
    size_t size = text ? strlen(text) : 0;
    char *line;

    if (text == NULL || size >= CONTROL_MOST_ANSWER) {
        free(text);
        return memory_copy_text(no_answer);
    }
    line = memory_alloc(size + 2);
    memcpy(line, text, size);
    line[size] = '\n';
    free(text);
    return line;
}

/* Takes the answer. */
static void answer_client(struct client *client, json_t *answer, struct mono_time now)
{
    client->answer = line_of(answer);
    client->answer_bytes = strlen(client->answer);
    client->state = CLIENT_READS;
    client->since_ns = now.ns;
    json_decref(answer);
    write_answer(client);
}

void control_answer_pending(struct control *control, json_t *answer, struct mono_time now)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i].state == CLIENT_WAITS)
            answer_client(&control->clients[i], json_incref(answer), now);
    }
    json_decref(answer);
}

/* ---- requests ---- */

static bool is_plain_text(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    return true;
}

/* Cuts the text at its spaces. How many words there are, which may be more than there is room for. */
static size_t split(char *text, const char *words[MOST_WORDS])
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (count < MOST_WORDS)
            words[count] = word;
        count++;
    }
    return count;
}

/* A request that is complete: `size` bytes. */
static json_t *handle(struct control *control, char *request, size_t size)
{
    const char *words[MOST_WORDS];
    size_t count;

    if (!is_plain_text(request, size))
        return control_error("a request is a line of plain text");
    request[size] = '\0';
    count = split(request, words);
    if (count == 0)
        return control_error("a request has a word at least");
    if (count > MOST_WORDS)
        return control_error("a request has fewer words");
    return control->handler.handle(control->handler.self, words, count);
}

static void take_request(struct control *control, struct client *client, struct mono_time now)
{
    const char *end = memchr(client->request, '\n', client->asked);
    json_t *answer;

    if (end == NULL && client->asked < sizeof client->request)
        return;
    answer = end ? handle(control, client->request, (size_t)(end - client->request))
                 : control_error("a request is a line of at most 255 bytes");
    if (answer != NULL) {
        answer_client(client, answer, now);
        return;
    }
    client->state = CLIENT_WAITS;
    client->since_ns = now.ns;
}

static void read_request(struct control *control, struct client *client, struct mono_time now)
{
    ssize_t got = recv(client->fd, client->request + client->asked, sizeof client->request - client->asked,
                       MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got < 0) {
        close_client(client);
    } else if (got == 0) { /* it may have closed one direction only, and read */
        answer_client(client, control_error("a request ends with a newline"), now);
    } else {
        client->asked += (size_t)got;
        take_request(control, client, now);
    }
}

/* ---- clients ---- */

static int64_t time_limit_ns(const struct client *client)
{
    return (client->state == CLIENT_WAITS ? CONTROL_LONG_WAIT_S : CONTROL_WAIT_S) * NS_PER_SECOND;
}

static void serve_client(struct control *control, struct client *client, struct mono_time now)
{
    if (client->state == CLIENT_ASKS)
        read_request(control, client, now);
    else if (client->state == CLIENT_READS)
        write_answer(client);
    if (client->state == CLIENT_NONE || now.ns - client->since_ns < time_limit_ns(client))
        return;
    if (client->state == CLIENT_WAITS)
        answer_client(client, control_error("no answer came in time"), now);
    else
        close_client(client);
}

/* A place that is free, or NULL. */
static struct client *free_place(struct control *control)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i].state == CLIENT_NONE)
            return &control->clients[i];
    }
    return NULL;
}

/* Who has not asked, or does not read, for the longest time; NULL when all had no time to, or wait for us. */
static struct client *idlest(struct control *control, struct mono_time now)
{
    struct client *found = NULL;

    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->clients[i];

        if (client->state == CLIENT_WAITS || now.ns - client->since_ns < PATIENCE_NS)
            continue;
        if (found == NULL || client->since_ns < found->since_ns)
            found = client;
    }
    return found;
}

/* False when there is nobody to accept, or it failed. */
static bool accept_into(struct control *control, struct client *place, struct mono_time now)
{
    int fd = accept4(control->listening_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED)
            control->accept_again_ns = now.ns + PAUSE_NS;
        return false;
    }
    *place = (struct client){ .state = CLIENT_ASKS, .fd = fd, .since_ns = now.ns };
    serve_client(control, place, now);
    return true;
}

/* Somebody is at the door, and all places are taken. */
static bool is_wanted(const struct control *control)
{
    struct pollfd door = { .fd = control->listening_fd, .events = POLLIN };

    return poll(&door, 1, 0) > 0;
}

static void accept_clients(struct control *control, struct mono_time now)
{
    if (now.ns < control->accept_again_ns)
        return;
    control->accept_again_ns = 0;
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *place = free_place(control);

        if (place == NULL) {
            place = idlest(control, now);
            if (place == NULL || !is_wanted(control))
                return;
            close_client(place);
        }
        if (!accept_into(control, place, now))
            return;
    }
}

void control_serve(struct control *control, struct mono_time now)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        serve_client(control, &control->clients[i], now);
    accept_clients(control, now);
}

size_t control_fill_pollfds(const struct control *control, struct pollfd *pollfds)
{
    bool has_room = false;
    size_t count = 0;

    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct client *client = &control->clients[i];

        has_room = has_room || client->state == CLIENT_NONE;
        if (client->state == CLIENT_ASKS)
            pollfds[count++] = (struct pollfd){ .fd = client->fd, .events = POLLIN };
        else if (client->state == CLIENT_READS)
            pollfds[count++] = (struct pollfd){ .fd = client->fd, .events = POLLOUT };
    }
    /* Without room, who is at the door is looked after when the caller comes for the time limits. */
    if (has_room && control->accept_again_ns == 0)
        pollfds[count++] = (struct pollfd){ .fd = control->listening_fd, .events = POLLIN };
    return count;
}
