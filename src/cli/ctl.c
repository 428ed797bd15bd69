/*
 * dayshift ctl: tells a running dayshiftd what to do, or asks it how it does.
 *
 * One request, one answer (dayshift/control.h). The answer is foreign: bounded in time and size, and shown without
 * what would move a cursor.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/mono_time.h"
#include "base/time_types.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "dayshift/control.h"

static const char help[] =
    "Usage: dayshift ctl [OPTION]... COMMAND [VALUE]\n"
    "\n"
    "Controls a dayshiftd that plays on a link.\n"
    "\n"
    "Commands:\n"
    "  status      what it plays, and what was sent\n"
    "  pause       the day stands still: nothing is sent, nothing is lost\n"
    "  resume      it goes on where it stood\n"
    "  speed X     the day passes X times as fast, 0.001 to 1000000\n"
    "  activity X  hosts begin X times as many flows as learned, 0.001 to 1000\n"
    "  reload      reads the configuration again\n"
    "  stop        ends open sessions, then the run\n"
    "\n"
    "  -s, --socket PATH  the control socket (" CONTROL_SOCKET ")\n"
    "      --json         the answer as JSON\n"
    "  -h, --help         this text\n";

enum { PATIENCE_S = 10, LONG_PATIENCE_S = CONTROL_LONG_WAIT_S + PATIENCE_S };
enum { MOST_VALUE = CONTROL_MOST_REQUEST - sizeof "activity" }; /* that goes into a request, whatever the command */

static const struct command {
    const char *name;
    const char *request; /* how it begins, for the answer that people get */
    bool has_value;
    int patience_s;
} commands[] = {
    { "status", "status table", false, PATIENCE_S }, { "pause", "pause", false, PATIENCE_S },
    { "resume", "resume", false, PATIENCE_S },       { "speed", "speed", true, PATIENCE_S },
    { "activity", "activity", true, PATIENCE_S },    { "reload", "reload", false, LONG_PATIENCE_S },
    { "stop", "stop", false, PATIENCE_S },
};

struct options {
    const char *socket;
    bool json;
    const struct command *command;
    const char *value; /* NULL: none */
};

/* ---- the way to dayshiftd ---- */

/* Who may connect, if not the caller: owner and, where it has rights, group. */
static int not_permitted(const char *path, struct error *err)
{
    struct stat status;
    const struct passwd *user;
    const struct group *group;

    if (stat(path, &status) < 0)
        return error_set(err, "%s: permission denied", path);
    user = getpwuid(status.st_uid);
    group = (status.st_mode & S_IWGRP) ? getgrgid(status.st_gid) : NULL;
    if (group != NULL)
        return error_set(err, "%s: permission denied: only user %s and members of group %s may", path,
                         user ? user->pw_name : "?", group->gr_name);
    return error_set(err, "%s: permission denied: only user %s may", path, user ? user->pw_name : "?");
}

static int not_connected(const char *path, int patience_s, struct error *err)
{
    switch (errno) {
    case ENOENT:
    case ECONNREFUSED: return error_set(err, "%s: nobody listens: is dayshiftd running?", path);
    case EACCES: return not_permitted(path, err);
    case EAGAIN: return error_set(err, "%s: dayshiftd did not answer within %d s", path, patience_s);
    default: return error_set(err, "%s: cannot connect: %s", path, strerror(errno));
    }
}

static int connect_to(const char *path, int patience_s, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = patience_s };
    int fd;

    if (strlen(path) > CONTROL_MOST_PATH)
        return error_set(err, "%s: the path of a socket has at most %d bytes", path, CONTROL_MOST_PATH);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, "cannot make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* connecting can wait, too */
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    not_connected(path, patience_s, err);
    close(fd);
    return -1;
}

static int ask(int fd, const struct options *o, struct error *err)
{
    char request[CONTROL_MOST_REQUEST + 2];
    int size = snprintf(request, sizeof request, "%s%s%s\n", o->json ? o->command->name : o->command->request,
                        o->value ? " " : "", o->value ? o->value : "");

    /* Who was closed before it could ask may have been told why. */
    if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size && errno != EPIPE)
        return error_set(err, "%s: cannot ask: %s", o->socket, strerror(errno));
    return 0;
}

/* Milliseconds until `patience_s` after `begun`, not below 0. */
static int left_ms(struct mono_time begun, int patience_s)
{
    double left_s = patience_s - mono_time_seconds_since(begun);

    return left_s > 0 ? (int)(left_s * 1000) + 1 : 0;
}

/* Appends what comes, until the other side closes. */
static int hear(int fd, const struct options *o, char *answer, size_t *size, struct error *err)
{
    struct mono_time begun = mono_time_now();
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    ssize_t got = 1;

    while (got != 0) {
        int status = poll(&ready, 1, left_ms(begun, o->command->patience_s));

        if (status == 0)
            return error_set(err, "%s: dayshiftd did not answer within %d s", o->socket, o->command->patience_s);
        got = status < 0 ? -1 : recv(fd, answer + *size, CONTROL_MOST_ANSWER + 1 - *size, 0);
        if (got < 0 && errno == ECONNRESET) /* closed before it had heard all */
            return 0;
        if (got < 0)
            return error_set(err, "%s: cannot hear the answer: %s", o->socket, strerror(errno));
        *size += (size_t)got;
        if (*size > CONTROL_MOST_ANSWER)
            return error_set(err, "%s: the answer has more than %d bytes", o->socket, CONTROL_MOST_ANSWER);
    }
    return 0;
}

/* A new object, or NULL with *err. */
static json_t *talk(const struct options *o, struct error *err)
{
    char *answer = memory_alloc(CONTROL_MOST_ANSWER + 1);
    int fd = connect_to(o->socket, o->command->patience_s, err);
    json_t *object = NULL;
    size_t size = 0;

    if (fd >= 0 && ask(fd, o, err) == 0 && hear(fd, o, answer, &size, err) == 0) {
        object = json_loadb(answer, size, 0, NULL);
        if (size == 0)
            error_set(err, "%s: dayshiftd gave no answer", o->socket);
        else if (object == NULL)
            error_set(err, "%s: the answer is no JSON object", o->socket);
    }
    if (fd >= 0)
        close(fd);
    free(answer);
    return object;
}

/* ---- what is shown ---- */

/* Control characters but newlines become question marks, those of ISO 8859 (U+0080 to U+009F) too. */
static char *printable(const char *text)
{
    char *copy = memory_copy_text(text);

    for (unsigned char *c = (unsigned char *)copy; *c; c++) {
        if ((*c < ' ' && *c != '\n') || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
    }
    return copy;
}

static int refused(const struct options *o, const char *why, struct error *err)
{
    char *text = printable(why);

    error_set(err, "%s: %s", o->socket, text);
    free(text);
    return -1;
}

static void print_text(const char *text)
{
    char *safe = printable(text);
    size_t size = strlen(safe);

    fputs(safe, stdout);
    if (size > 0 && safe[size - 1] != '\n')
        putchar('\n');
    free(safe);
}

/* 0, or -1 with *err. */
static int show(const struct options *o, const json_t *answer, struct error *err)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *text = json_string_value(json_object_get(answer, "text"));

    if (error != NULL)
        return refused(o, error, err);
    if (!json_is_true(json_object_get(answer, "ok")) || (text == NULL && !o->json))
        return error_set(err, "%s: the answer says neither what was done nor what is wrong", o->socket);
    if (o->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
        putchar('\n');
    } else {
        print_text(text);
    }
    return 0;
}

/* ---- options ---- */

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    (void)err;
    if (option == 's')
        o->socket = value;
    else
        o->json = true;
    return 0;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static bool is_word(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return *text != '\0';
}

/* COMMAND [VALUE]; -1 with what is wrong. */
static int take_words(struct options *o, int count, char **words, struct error *wrong)
{
    if (count == 0)
        return error_set(wrong, "a command is missing");
    o->command = find_command(words[0]);
    if (o->command == NULL)
        return error_set(wrong, "there is no command '%s'", words[0]);
    if (count - 1 < o->command->has_value)
        return error_set(wrong, "%s: a value is missing", words[0]);
    if (count - 1 > o->command->has_value)
        return error_set(wrong, "%s: '%s' is too much", words[0], words[1 + o->command->has_value]);
    o->value = o->command->has_value ? words[1] : NULL;
    if (o->value && !is_word(o->value))
        return error_set(wrong, "%s: '%s' is not a number", words[0], o->value);
    if (o->value && strlen(o->value) > MOST_VALUE)
        return error_set(wrong, "%s: the value is too long", words[0]);
    return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "socket", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "s:h", long_options, take_option, o };
    struct error wrong = { "" };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && take_words(o, argc - optind, argv + optind, &wrong) < 0)
        return options_misused("ctl", wrong.text);
    return status;
}

int verb_ctl(int argc, char **argv)
{
    struct options o = { .socket = CONTROL_SOCKET };
    struct error err = { "" };
    int status = parse(&o, argc, argv);
    json_t *answer;

    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    answer = talk(&o, &err);
    status = answer && show(&o, answer, &err) == 0 ? EXIT_OK : cli_fail(&err);
    json_decref(answer);
    return status;
}
