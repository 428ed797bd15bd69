/*
 * The control socket: where it lies and who may connect, requests and answers, commands, the status. Time is passed in,
 * nothing sleeps.
 */
#include "support.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/time_zone.h"
#include "daemon/commands.h"
#include "daemon/control.h"
#include "daemon/control_socket.h"
#include "daemon/status.h"

/* ---- a server, and clients of it ---- */

struct server {
    struct control_socket socket;
    struct control *control;
    struct mono_time now;
    int handled;
    size_t words;         /* of the last request */
    size_t answer_bytes;  /* of what "long" is answered with */
};

/* "echo ..." is answered with its words, "later" later, "long" with a long text, all else with {"ok": true}. */
static json_t *handle(void *self, const char *const *words, size_t count)
{
    struct server *server = self;
    json_t *answer;

    server->handled++;
    server->words = count;
    if (strcmp(words[0], "later") == 0)
        return NULL;
    answer = json_pack("{s:b}", "ok", 1);
    if (strcmp(words[0], "echo") == 0)
        json_object_set_new(answer, "second", json_string(count > 1 ? words[1] : ""));
    if (strcmp(words[0], "long") == 0) {
        char *text = memory_alloc(server->answer_bytes + 1);

        memset(text, 'x', server->answer_bytes);
        json_object_set_new(answer, "text", json_string(text));
        free(text);
    }
    return answer;
}

static struct server *start(void)
{
    struct server *server = memory_alloc(sizeof *server);
    struct control_handler handler = { handle, server };
    struct error err = { "" };

    assert_int_equal(control_socket_open(&server->socket, scratch_path("control.sock"), CONTROL_NO_GROUP, &err), 0);
    server->control = control_new(server->socket.fd, &handler);
    server->now.ns = 17 * NS_PER_SECOND;
    return server;
}

static void end(struct server *server)
{
    control_free(server->control);
    control_socket_close(&server->socket);
    free(server);
}

static void serve(struct server *server)
{
    struct pollfd pollfds[CONTROL_POLLFDS];

    assert_true(control_fill_pollfds(server->control, pollfds) <= CONTROL_POLLFDS);
    control_serve(server->control, server->now);
}

static void pass(struct server *server, int64_t ns)
{
    server->now.ns += ns;
    serve(server);
}

/* Whether the caller of poll() would be woken now. */
static bool is_wanted(const struct server *server)
{
    struct pollfd pollfds[CONTROL_POLLFDS];

    return poll(pollfds, control_fill_pollfds(server->control, pollfds), 0) > 0;
}

static int try_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static int join(const struct server *server)
{
    int fd = try_connect(server->socket.path);

    assert_true(fd >= 0);
    return fd;
}

static void say_bytes(int fd, const void *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

enum { ROOM = 2048 };

/* What has come. *closed: and nothing more will. */
static const char *hear(int fd, char text[ROOM], bool *closed)
{
    size_t used = 0;
    ssize_t got;

    while ((got = recv(fd, text + used, ROOM - 1 - used, MSG_DONTWAIT)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    *closed = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    return text;
}

static bool is_closed(int fd)
{
    char text[ROOM];
    bool closed;

    hear(fd, text, &closed);
    return closed;
}

/* Has been answered with this, and closed. */
static void assert_answer(int fd, const char *expected)
{
    char text[ROOM];
    bool closed;

    hear(fd, text, &closed);
    assert_non_null(strstr(text, expected));
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_true(closed);
}

/* ---- requests ---- */

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LINE_OF_255 "echo " FIFTY FIFTY FIFTY FIFTY FIFTY

static void test_requests(void **state)
{
    static const struct {
        const char *request;
        size_t size; /* 0: that of the text */
        const char *answer;
        size_t words;
    } cases[] = {
        { "echo a\n", 0, "\"second\":\"a\"", 2 },
        { "  echo   a  \n", 0, "\"second\":\"a\"", 2 },
        { "echo\n", 0, "\"second\":\"\"", 1 },
        { "x\necho a\n", 0, "{\"ok\":true}", 1 },
        { "1 2 3 4 5 6 7 8\n", 0, "{\"ok\":true}", 8 },
        { "1 2 3 4 5 6 7 8 9\n", 0, "fewer words", 0 },
        { "\n", 0, "a word at least", 0 },
        { "   \n", 0, "a word at least", 0 },
        { LINE_OF_255 "\n", 0, "\"second\":\"" TEN, 2 },
        { LINE_OF_255 "x\n", 0, "at most 255 bytes", 0 },
        { LINE_OF_255 FIFTY, 0, "at most 255 bytes", 0 },
        { "echo \0a\n", 8, "plain text", 0 },
        { "\0\n", 2, "plain text", 0 },
        { "echo\ta\n", 0, "plain text", 0 },
        { "echo a\r\n", 0, "plain text", 0 },
        { "echo \x1b[2J\n", 0, "plain text", 0 },
        { "echo \x7f\n", 0, "plain text", 0 },
        { "echo \xff\xfe\n", 0, "plain text", 0 },
        { "echo \xc3\xa9\n", 0, "plain text", 0 },
    };
    struct server *server = start();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].request);
        int fd = join(server);

        server->words = 0;
        say_bytes(fd, cases[i].request, size);
        serve(server);
        assert_answer(fd, cases[i].answer);
        assert_int_equal(server->words, cases[i].words);
        close(fd);
    }
    end(server);
}

static void test_request_byte_by_byte(void **state)
{
    static const char request[] = "echo slowly\n";
    struct server *server = start();
    int fd = join(server);

    (void)state;
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(server->handled, 0);
        say_bytes(fd, &request[i], 1);
        assert_true(is_wanted(server));
        pass(server, NS_PER_MS);
    }
    assert_answer(fd, "\"second\":\"slowly\"");
    close(fd);
    end(server);
}

/* One that was cut could mean something else. */
static void test_request_without_newline(void **state)
{
    struct server *server = start();
    int fd = join(server);

    (void)state;
    say(fd, "echo cu");
    serve(server);
    shutdown(fd, SHUT_WR);
    serve(server);
    assert_answer(fd, "ends with a newline");
    assert_int_equal(server->handled, 0);
    close(fd);
    end(server);
}

static void test_client_that_goes(void **state)
{
    struct server *server = start();
    int fds[3] = { join(server), join(server), join(server) };

    (void)state;
    say(fds[1], "ec");
    say(fds[2], "later\n");
    serve(server);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    serve(server);
    assert_false(is_wanted(server)); /* nobody is woken for ever by one that waits, and has gone */
    control_answer_pending(server->control, json_object(), server->now);
    assert_int_equal(server->handled, 1);
    end(server);
}

static void test_client_that_never_asks(void **state)
{
    struct server *server = start();
    int silent = join(server);
    int slow = join(server);

    (void)state;
    serve(server);
    for (int second = 1; second < CONTROL_WAIT_S; second++) {
        say(slow, "x"); /* more bytes are no more time */
        pass(server, NS_PER_SECOND);
    }
    assert_false(is_closed(silent));
    assert_false(is_closed(slow));
    pass(server, NS_PER_SECOND - 1);
    assert_false(is_closed(silent));
    pass(server, 1);
    assert_true(is_closed(silent));
    assert_true(is_closed(slow));
    close(silent);
    close(slow);
    end(server);
}

/* ---- answers ---- */

static void test_client_that_never_reads(void **state)
{
    struct server *server = start();
    int fd = join(server);
    int other;
    char bytes[1 << 16];
    size_t heard = 0;
    ssize_t got;

    (void)state;
    server->answer_bytes = CONTROL_MOST_ANSWER - 100; /* more than the kernel keeps for it */
    say(fd, "long\n");
    serve(server);
    other = join(server);
    say(other, "echo a\n");
    serve(server);
    assert_answer(other, "\"second\":\"a\"");
    assert_false(is_wanted(server));
    pass(server, CONTROL_WAIT_S * NS_PER_SECOND);
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0)
        heard += (size_t)got;
    assert_int_equal(got, 0);
    assert_in_range(heard, 1, server->answer_bytes);
    close(fd);
    close(other);
    end(server);
}

static void test_long_answer_is_read_in_parts(void **state)
{
    struct server *server = start();
    int fd = join(server);
    char *bytes = memory_alloc(CONTROL_MOST_ANSWER);
    size_t heard = 0;
    ssize_t got = -1;
    json_t *answer;

    (void)state;
    server->answer_bytes = CONTROL_MOST_ANSWER - 100;
    say(fd, "long\n");
    for (int i = 0; i < 1000 && got != 0; i++) {
        pass(server, NS_PER_MS);
        got = recv(fd, bytes + heard, CONTROL_MOST_ANSWER - heard, 0);
        heard += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(got, 0);
    answer = json_loadb(bytes, heard, 0, NULL);
    assert_int_equal(json_string_length(json_object_get(answer, "text")), server->answer_bytes);
    json_decref(answer);
    free(bytes);
    close(fd);
    end(server);
}

static void test_answer_too_long(void **state)
{
    struct server *server = start();
    int fd = join(server);

    (void)state;
    server->answer_bytes = CONTROL_MOST_ANSWER;
    say(fd, "long\n");
    serve(server);
    assert_answer(fd, "{\"error\":\"the answer cannot be given\"}");
    close(fd);
    end(server);
}

static void test_pending_answers(void **state)
{
    struct server *server = start();
    int first = join(server);
    int second = join(server);
    int asking = join(server);

    (void)state;
    say(first, "later\n");
    say(second, "later\n");
    serve(server);
    assert_int_equal(server->handled, 2);
    pass(server, (CONTROL_LONG_WAIT_S - 1) * NS_PER_SECOND);
    assert_true(is_closed(asking));
    assert_false(is_closed(first));
    control_answer_pending(server->control, json_pack("{s:s}", "text", "at last"), server->now);
    assert_answer(first, "{\"text\":\"at last\"}");
    assert_answer(second, "{\"text\":\"at last\"}");
    close(first);
    close(second);
    close(asking);
    end(server);
}

static void test_pending_answer_that_never_comes(void **state)
{
    struct server *server = start();
    int fd = join(server);

    (void)state;
    say(fd, "later\n");
    serve(server);
    pass(server, CONTROL_LONG_WAIT_S * NS_PER_SECOND - 1);
    assert_false(is_closed(fd));
    pass(server, 1);
    assert_answer(fd, "no answer came in time");
    control_answer_pending(server->control, json_object(), server->now); /* for nobody */
    close(fd);
    end(server);
}

/* ---- many clients ---- */

static void test_places_are_for_those_who_speak(void **state)
{
    struct server *server = start();
    int silent[CONTROL_CLIENTS];
    int last;

    (void)state;
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        silent[i] = join(server);
        pass(server, NS_PER_MS);
    }
    last = join(server);
    say(last, "echo a\n");
    serve(server);
    assert_int_equal(server->handled, 0); /* those before it had no time to speak */
    assert_false(is_wanted(server));
    pass(server, 200 * NS_PER_MS);
    assert_answer(last, "\"second\":\"a\"");
    assert_true(is_closed(silent[0]));
    for (int i = 1; i < CONTROL_CLIENTS; i++) {
        assert_false(is_closed(silent[i]));
        say(silent[i], "echo late\n");
    }
    serve(server);
    for (int i = 1; i < CONTROL_CLIENTS; i++)
        assert_answer(silent[i], "\"second\":\"late\"");
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        close(silent[i]);
    close(last);
    end(server);
}

static void test_who_waits_keeps_its_place(void **state)
{
    struct server *server = start();
    int waiting[CONTROL_CLIENTS];
    int last;

    (void)state;
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        waiting[i] = join(server);
        say(waiting[i], "later\n");
        serve(server);
    }
    last = join(server);
    say(last, "echo a\n");
    pass(server, 20 * NS_PER_SECOND);
    assert_int_equal(server->handled, CONTROL_CLIENTS);
    control_answer_pending(server->control, json_pack("{s:b}", "ok", 1), server->now);
    serve(server);
    assert_answer(last, "\"second\":\"a\"");
    for (int i = 0; i < CONTROL_CLIENTS; i++) {
        assert_answer(waiting[i], "{\"ok\":true}");
        close(waiting[i]);
    }
    close(last);
    end(server);
}

enum { CROWD = 100 };

/* Every other one asks; the others only take places. */
static void test_hundred_clients_at_once(void **state)
{
    struct server *server = start();
    int fds[CROWD];

    (void)state;
    for (int i = 0; i < CROWD; i++) {
        while ((fds[i] = try_connect(server->socket.path)) < 0) /* more than wait in the kernel */
            pass(server, 50 * NS_PER_MS);
        if (i % 2)
            say(fds[i], "echo crowd\n");
    }
    for (int i = 0; i < CROWD; i++)
        pass(server, 50 * NS_PER_MS);
    for (int i = 0; i < CROWD; i++) {
        if (i % 2)
            assert_answer(fds[i], "\"second\":\"crowd\"");
        close(fds[i]);
    }
    assert_int_equal(server->handled, CROWD / 2);
    end(server);
}

/* ---- where the socket lies, and who may connect ---- */

static void assert_refused(const char *path, const char *why)
{
    struct control_socket control;
    struct error err = { "" };

    assert_int_equal(control_socket_open(&control, path, CONTROL_NO_GROUP, &err), -1);
    assert_non_null(strstr(err.text, why));
    assert_int_equal(control.fd, -1);
    control_socket_close(&control);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void test_socket_is_private_and_goes(void **state)
{
    char path[256];
    struct control_socket control;
    struct error err = { "" };
    mode_t mask = umask(0);

    (void)state;
    strcpy(path, scratch_path("new/control.sock"));
    assert_int_equal(control_socket_open(&control, path, CONTROL_NO_GROUP, &err), 0);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(scratch_path("new")), 0755);
    assert_int_equal(umask(0), 0);
    control_socket_close(&control);
    control_socket_close(&control); /* harmless */
    assert_int_equal(access(path, F_OK), -1);
    umask(077);
    rmdir(scratch_path("new"));
    assert_int_equal(control_socket_open(&control, path, getgid(), &err), 0);
    assert_int_equal(mode_of(path), 0660);
    assert_int_equal(mode_of(scratch_path("new")), 0755);
    control_socket_close(&control);
    umask(mask);
}

/* What a dayshiftd that was killed leaves. */
static void test_stale_socket_is_replaced(void **state)
{
    char path[256];
    struct control_socket stale;
    struct control_socket control;
    struct error err = { "" };
    int fd;

    (void)state;
    strcpy(path, scratch_path("stale.sock"));
    assert_int_equal(control_socket_open(&stale, path, CONTROL_NO_GROUP, &err), 0);
    assert_refused(path, "another dayshiftd answers there");
    close(stale.fd);
    assert_int_equal(control_socket_open(&control, path, CONTROL_NO_GROUP, &err), 0);
    fd = try_connect(path);
    assert_true(fd >= 0);
    close(fd);
    control_socket_close(&control);
}

static void test_listening_socket_is_left_alone(void **state)
{
    struct server *server = start();
    int fds[CROWD];
    int count = 0;
    char path[256];

    (void)state;
    strcpy(path, server->socket.path);
    assert_refused(path, "another dayshiftd answers there");
    while (count < CROWD && (fds[count] = try_connect(path)) >= 0)
        count++;
    assert_in_range(count, 1, CROWD - 1); /* it has all it takes */
    assert_refused(path, "another dayshiftd answers there");
    while (count-- > 0)
        close(fds[count]);
    end(server);
}

static void test_place_that_was_taken(void **state)
{
    char path[256];
    struct control_socket control;
    struct error err = { "" };
    FILE *file;

    (void)state;
    strcpy(path, scratch_path("taken.sock"));
    assert_int_equal(control_socket_open(&control, path, CONTROL_NO_GROUP, &err), 0);
    unlink(path);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    control_socket_close(&control);
    assert_int_equal(access(path, F_OK), 0);
}

/* The link may be anybody's: what counts is where it leads, and the socket is made and removed there. */
static void test_socket_lies_where_a_link_leads(void **state)
{
    char target[256];
    struct control_socket control;
    struct error err = { "" };

    (void)state;
    strcpy(target, scratch_path("target"));
    assert_int_equal(mkdir(target, 0755), 0);
    assert_int_equal(symlink(target, scratch_path("way")), 0);
    assert_int_equal(control_socket_open(&control, scratch_path("way/control.sock"), CONTROL_NO_GROUP, &err), 0);
    assert_string_equal(control.path, scratch_path("target/control.sock"));
    assert_int_equal(access(control.path, F_OK), 0);
    control_socket_close(&control);
    assert_int_equal(access(scratch_path("target/control.sock"), F_OK), -1);
}

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fclose(file);
}

static void test_places_that_are_refused(void **state)
{
    char file[256];
    char link[256];
    char open_to_all[256];
    char longest[300];

    (void)state;
    strcpy(file, scratch_path("file"));
    make_file(file);
    assert_refused(file, "no socket");
    assert_int_equal(access(file, F_OK), 0);
    strcpy(link, scratch_path("link"));
    assert_int_equal(symlink("nowhere", link), 0);
    assert_refused(link, "no socket");
    assert_refused(scratch_path("file/control.sock"), "not a directory");
    assert_refused(scratch_path("no/such/control.sock"), "/no: cannot be looked at: No such file or directory");
    assert_refused("", "1 to 107 bytes");
    snprintf(longest, sizeof longest, "/%0107d", 0);
    assert_refused(longest, "1 to 107 bytes");
    strcpy(open_to_all, scratch_path("all"));
    mkdir(open_to_all, 0777);
    chmod(open_to_all, 0777);
    assert_refused(scratch_path("all/control.sock"), "/all: refused, because everybody may write it");
    chmod(open_to_all, 0775);
    assert_refused(scratch_path("all/control.sock"), "/all: refused, because its group may write it");
}

static void test_directory_of_another(void **state)
{
    char path[256];

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    strcpy(path, scratch_path("theirs"));
    mkdir(path, 0755);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_refused(scratch_path("theirs/control.sock"), "/theirs: refused, because it belongs to user 65534");
    assert_refused(scratch_path("theirs/new/control.sock"), "/theirs: refused, because it belongs to user 65534");
    assert_int_equal(access(scratch_path("theirs/new"), F_OK), -1);
    mkdir(scratch_path("theirs/ours"), 0755);
    assert_refused(scratch_path("theirs/ours/control.sock"), "/theirs: refused, because it belongs to user 65534");
}

static void test_directory_with_a_group(void **state)
{
    enum { THEIRS = 4712, MEMBERS = 4711 };
    struct control_socket control;
    struct error err = { "" };
    gid_t own = getegid();
    char path[256];

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    strcpy(path, scratch_path("setgid"));
    mkdir(path, 0755);
    assert_int_equal(chown(path, 0, THEIRS), 0);
    assert_int_equal(chmod(path, 02755), 0);
    assert_int_equal(control_socket_open(&control, scratch_path("setgid/control.sock"), MEMBERS, &err), -1);
    assert_non_null(strstr(err.text, "another group"));
    assert_int_equal(access(scratch_path("setgid/control.sock"), F_OK), -1);
    assert_int_equal(getegid(), own);
}

/* Whether a process of this user and group can connect. */
static bool may_connect(const char *path, uid_t user, gid_t group)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        bool fine = setgroups(0, NULL) == 0 && setgid(group) == 0 && setuid(user) == 0;

        _exit(fine && try_connect(path) >= 0 ? 0 : errno == EACCES ? 1 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

static void test_who_may_connect(void **state)
{
    enum { SOMEBODY = 65534, MEMBERS = 4711 };
    char path[256];
    char scratch[256];
    struct control_socket control;
    struct error err = { "" };

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    strcpy(path, scratch_path("open/control.sock"));
    strcpy(scratch, scratch_path(""));
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(control_socket_open(&control, path, CONTROL_NO_GROUP, &err), 0);
    assert_false(may_connect(path, SOMEBODY, SOMEBODY));
    assert_true(may_connect(path, 0, 0));
    control_socket_close(&control);
    assert_int_equal(control_socket_open(&control, path, MEMBERS, &err), 0);
    assert_false(may_connect(path, SOMEBODY, SOMEBODY));
    assert_true(may_connect(path, SOMEBODY, MEMBERS));
    control_socket_close(&control);
}

/* ---- commands ---- */

struct run {
    char called[64];
    bool refuses;
};

static void note(void *self, const char *what)
{
    struct run *run = self;

    snprintf(run->called, sizeof run->called, "%s", what);
}

static int note_pause(void *self, struct error *err)
{
    const struct run *run = self;

    note(self, "pause");
    return run->refuses ? error_set(err, "not now") : 0;
}

static void note_resume(void *self)
{
    note(self, "resume");
}

static void note_stop(void *self)
{
    note(self, "stop");
}

static int note_number(struct run *run, const char *what, double number, struct error *err)
{
    snprintf(run->called, sizeof run->called, "%s %.9g", what, number);
    return run->refuses ? error_set(err, "not now") : 0;
}

static int note_speed(void *self, double speed, struct error *err)
{
    return note_number(self, "speed", speed, err);
}

static int note_activity(void *self, double activity, struct error *err)
{
    return note_number(self, "activity", activity, err);
}

static int note_reload(void *self, struct error *err)
{
    struct run *run = self;

    note(run, "reload");
    return run->refuses ? error_set(err, "not now") : 0;
}

static void some_status(const void *self, struct status *status)
{
    (void)self;
    *status = (struct status){
        .state = STATUS_PAUSED, .engine = 4711, .seconds = 12.5, .day = { INT64_C(1785067200) * NS_PER_SECOND },
        .speed = 2, .activity = 0.5, .live = 7, .link_count = 2,
        .counts = { .hosts = 3, .flows = 9, .planned = 101, .sent = 91, .dropped = 6, .refused = 4 },
        .links = { { .name = "inside", .interface = "eth1", .sink = "packet", .is_up = true, .mtu = 1500,
                     .counts = { .planned = 100, .sent = 90, .dropped = 6, .refused = 4, .lost = 5 } },
                   { .name = "outside", .interface = "eth2", .sink = "xdp", .mtu = 9000,
                     .counts = { .planned = 1, .sent = 1, .sent_bytes = 60, .has_crossings = true, .crossed = 10,
                                 .arrived = 7 } } },
    };
    log_histogram_add(&status->links[0].counts.lateness, 300);
    log_histogram_add(&status->links[1].counts.kernel_lateness, 7);
}

static struct run_controls controls_of(struct run *run)
{
    return (struct run_controls){ run, note_pause, note_resume, note_speed, note_activity, note_stop, note_reload,
                                  some_status };
}

/* The answer to a line, as text that the caller frees; NULL: later. */
static char *command(struct run *run, const char *line)
{
    struct run_controls controls = controls_of(run);
    const char *words[4];
    char copy[64];
    size_t count = 0;
    json_t *answer;
    char *text;

    run->called[0] = '\0';
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    answer = commands_handle(&controls, words, count);
    text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    return text;
}

static void test_commands(void **state)
{
    static const struct {
        const char *line, *called, *answer;
    } cases[] = {
        { "pause", "pause", "{\"ok\":true,\"text\":\"paused\"}" },
        { "resume", "resume", "{\"ok\":true,\"text\":\"resumed\"}" },
        { "stop", "stop", "{\"ok\":true,\"text\":\"stopping\"}" },
        { "speed 2", "speed 2", "{\"ok\":true,\"text\":\"speed 2\",\"speed\":2.0}" },
        { "speed 0.001", "speed 0.001", "\"ok\":true" },
        { "speed 1e6", "speed 1000000", "\"ok\":true" },
        { "activity 0.001", "activity 0.001", "\"ok\":true" },
        { "activity 1000", "activity 1000", "\"text\":\"activity 1000\"" },
        { "speed 0.00099", "", "speed: '0.00099' is not a number from 0.001 to 1000000" },
        { "speed 1000001", "", "is not a number" },
        { "speed -1", "", "is not a number" },
        { "speed 0", "", "is not a number" },
        { "speed nan", "", "is not a number" },
        { "speed inf", "", "is not a number" },
        { "speed 2x", "", "speed: '2x' is not a number from 0.001 to 1000000" },
        { "activity 0.0009", "", "is not a number from 0.001 to 1000" },
        { "activity 1001", "", "activity: '1001' is not a number from 0.001 to 1000" },
        { "speed", "", "speed: a value is missing" },
        { "speed 1 2", "", "speed: '2' is too much" },
        { "pause now", "", "pause: 'now' is too much" },
        { "stop now", "", "stop: 'now' is too much" },
        { "PAUSE", "", "'PAUSE' is no command" },
        { "paus", "", "'paus' is no command" },
        { "status tables", "", "'table'" },
    };
    struct run run = { "", false };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer = command(&run, cases[i].line);

        assert_string_equal(run.called, cases[i].called);
        assert_non_null(strstr(answer, cases[i].answer));
        free(answer);
    }
}

static void test_commands_that_the_run_refuses(void **state)
{
    static const char *const lines[] = { "pause", "speed 1", "activity 1", "reload" };
    struct run run = { "", true };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *answer = command(&run, lines[i]);

        assert_string_equal(run.called, lines[i]);
        assert_string_equal(answer, "{\"error\":\"not now\"}");
        free(answer);
    }
}

static void test_reload_is_answered_later(void **state)
{
    struct run run = { "", false };
    json_t *good = commands_reload_answer(NULL);
    json_t *bad = commands_reload_answer("a.conf:3: no");

    (void)state;
    assert_null(command(&run, "reload"));
    assert_string_equal(run.called, "reload");
    assert_true(json_is_true(json_object_get(good, "ok")));
    assert_string_equal(json_string_value(json_object_get(bad, "error")), "a.conf:3: no");
    json_decref(good);
    json_decref(bad);
}

/* ---- status ---- */

static json_int_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void test_status_json(void **state)
{
    struct status status;
    json_t *root;
    const json_t *first;
    const json_t *second;

    (void)state;
    some_status(NULL, &status);
    root = status_json(&status);
    first = json_array_get(json_object_get(root, "links"), 0);
    second = json_array_get(json_object_get(root, "links"), 1);
    assert_true(json_is_true(json_object_get(root, "ok")));
    assert_string_equal(json_string_value(json_object_get(root, "state")), "paused");
    assert_string_equal(json_string_value(json_object_get(root, "day")), "2026-07-26T12:00:00+00:00");
    assert_int_equal(number(root, "live"), 7);
    assert_int_equal(number(root, "planned"), 101);
    assert_int_equal(number(root, "hosts"), 3);
    assert_int_equal(number(first, "planned"), 100);
    assert_int_equal(number(first, "lost"), 5);
    assert_int_equal(number(second, "sent_bytes"), 60);
    assert_string_equal(json_string_value(json_object_get(first, "interface")), "eth1");
    assert_true(json_is_true(json_object_get(first, "up")));
    assert_true(json_is_false(json_object_get(second, "up")));
    assert_int_equal(number(json_object_get(first, "lateness_ns"), "p999"), 300);
    assert_null(json_object_get(first, "kernel_lateness_ns"));
    assert_int_equal(number(json_object_get(second, "kernel_lateness_ns"), "max"), 7);
    assert_null(json_object_get(first, "crossed"));
    assert_int_equal(number(json_object_get(second, "crossed"), "sent"), 10);
    assert_int_equal(number(json_object_get(second, "crossed"), "arrived"), 7);
    assert_int_equal(number(json_object_get(second, "crossed"), "missing"), 3);
    json_decref(root);
    status.links[1].counts.arrived = 12; /* some came twice */
    root = status_json(&status);
    second = json_array_get(json_object_get(root, "links"), 1);
    assert_int_equal(number(json_object_get(second, "crossed"), "missing"), 0);
    json_decref(root);
}

static void test_status_in_a_time_zone(void **state)
{
    struct status status;
    struct error err = { "" };
    json_t *root;

    (void)state;
    some_status(NULL, &status);
    if (time_zone_set("America/New_York", &err) < 0)
        skip_because("no time zones (package tzdata)");
    root = status_json(&status);
    assert_string_equal(json_string_value(json_object_get(root, "day")), "2026-07-26T08:00:00-04:00");
    json_decref(root);
    assert_int_equal(time_zone_set("UTC", &err), 0);
}

static void test_status_table(void **state)
{
    static const char *const lines[] = {
        "dayshiftd: paused for 12 s, at 2026-07-26T12:00:00+00:00, speed 2, activity 0.5\\n",
        "  virtual hosts                        3\\n",
        "link inside: interface eth1, sink packet, up, MTU 1500\\n",
        "  frames planned                     100  = sent + dropped + refused\\n",
        "link outside: interface eth2, sink xdp, down, MTU 9000\\n",
        "  crossed                             10  sent on one link for receivers on another\\n",
        "    missing                            3  dropped on the way, or still on it\\n",
    };
    struct run run = { "", false };
    char *answer = command(&run, "status table");

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(answer, lines[i]));
    free(answer);
}

/* All that there can be fits into an answer. */
static void test_largest_status(void **state)
{
    struct status status;
    json_t *root;
    char *text;

    (void)state;
    some_status(NULL, &status);
    memset(&status.counts, 0x7e, sizeof status.counts);
    status.counts.has_crossings = true;
    status.link_count = CONFIGURATION_MAX_LINKS;
    status.seconds = status.speed = status.activity = 1e300;
    for (size_t i = 0; i < CONFIGURATION_MAX_LINKS; i++) {
        struct status_link *link = &status.links[i];

        *link = status.links[1];
        link->counts = status.counts;
        memset(link->name, 'x', STATUS_NAME - 1);
        link->packets_per_second = link->bits_per_second = 1e300;
    }
    root = status_json(&status);
    text = json_dumps(root, JSON_COMPACT);
    assert_non_null(text);
    assert_in_range(strlen(text), 1000, 65536);
    free(text);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_request_byte_by_byte),
        cmocka_unit_test(test_request_without_newline),
        cmocka_unit_test(test_client_that_goes),
        cmocka_unit_test(test_client_that_never_asks),
        cmocka_unit_test(test_client_that_never_reads),
        cmocka_unit_test(test_long_answer_is_read_in_parts),
        cmocka_unit_test(test_answer_too_long),
        cmocka_unit_test(test_pending_answers),
        cmocka_unit_test(test_pending_answer_that_never_comes),
        cmocka_unit_test(test_places_are_for_those_who_speak),
        cmocka_unit_test(test_who_waits_keeps_its_place),
        cmocka_unit_test(test_hundred_clients_at_once),
        cmocka_unit_test(test_socket_is_private_and_goes),
        cmocka_unit_test(test_stale_socket_is_replaced),
        cmocka_unit_test(test_listening_socket_is_left_alone),
        cmocka_unit_test(test_place_that_was_taken),
        cmocka_unit_test(test_socket_lies_where_a_link_leads),
        cmocka_unit_test(test_places_that_are_refused),
        cmocka_unit_test(test_directory_of_another),
        cmocka_unit_test(test_directory_with_a_group),
        cmocka_unit_test(test_who_may_connect),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_commands_that_the_run_refuses),
        cmocka_unit_test(test_reload_is_answered_later),
        cmocka_unit_test(test_status_json),
        cmocka_unit_test(test_status_in_a_time_zone),
        cmocka_unit_test(test_status_table),
        cmocka_unit_test(test_largest_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
