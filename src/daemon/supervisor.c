#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mono_time.h"
#include "base/time_types.h"
#include "daemon/restart_delay.h"
#include "daemon/say.h"
#include "daemon/supervisor_channel.h"

#define KILL_AFTER_NS (5 * NS_PER_SECOND) /* beyond what the engine was given to end */
#define REPEAT_NS (200 * NS_PER_MS)       /* the same signal twice: timeout(1) sends it to process and group */
#define NEVER_NS INT64_MAX

enum { STATUS_DONE = 0, STATUS_FAILED = 1 };

/* How far the end of the run has come: each further signal is a step. */
enum ending { GOING_ON, END_PROPERLY, END_AT_ONCE, END_KILLED };

struct supervisor {
    const struct supervised *what;
    struct board *board;
    struct supervision *how;
    pid_t pid;   /* its own */
    int signals; /* signalfd(2) */
    sigset_t mask; /* as it was */
    bool has_terminal;
    bool done;

    pid_t engine;            /* 0: none runs, it is started again at `deadline_ns` */
    bool is_killed;          /* by the supervisor */
    int channel;             /* to the engine; -1: none */
    struct mono_time started;
    int64_t deadline_ns;     /* when to start the engine, or to kill it */
    struct restart_delay delay;
    bool has_played;         /* one of the engines */

    pid_t trial;             /* of a new configuration; 0: none */
    bool is_asked_for;       /* by the engine, which waits for an answer */
    bool is_making_room;     /* the engine ends for the next one with a new configuration */

    enum ending ending;
    int64_t last_signal_ns;
};

/* ---- words ---- */

/* "was ended by SIGSEGV", "ended with status 3", "failed": what became of a process. */
static void describe_end(int status, struct error *text)
{
    const char *name;

    if (WIFSIGNALED(status)) {
        name = sigabbrev_np(WTERMSIG(status));
        error_set(text, "was ended by %s%s", name ? "SIG" : "a signal", name ? name : "");
    } else if (WEXITSTATUS(status) == STATUS_FAILED) {
        error_set(text, "failed");
    } else {
        error_set(text, "ended with status %d", WEXITSTATUS(status));
    }
}

/* ---- signals ---- */

static void collect_signals(sigset_t *signals)
{
    struct sigaction inherited;

    sigemptyset(signals);
    sigaddset(signals, SIGCHLD);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaction(SIGHUP, NULL, &inherited);
    if (inherited.sa_handler != SIG_IGN)
        sigaddset(signals, SIGHUP);
}

/* Blocked from here on. Who starts this may have set SIGCHLD aside: then nobody would be told of the engine's end. */
static int open_signals(struct supervisor *s, struct error *err)
{
    sigset_t signals;

    signal(SIGCHLD, SIG_DFL);
    collect_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, &s->mask);
    s->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals < 0 ? error_set(err, "signals: %s", strerror(errno)) : 0;
}

/* What came meanwhile was for the run, which is over. From now on they end the process: to print a table may block. */
static void close_signals(struct supervisor *s)
{
    struct signalfd_siginfo late;

    while (read(s->signals, &late, sizeof late) == (ssize_t)sizeof late)
        ;
    close(s->signals);
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

/* The terminal that it was started from, whatever its descriptors are. */
static bool finds_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A child has nothing of the supervisor's, and ends with it. A SIGHUP of the terminal is the supervisor's affair. */
static void leave_supervisor(const struct supervisor *s, int on_parents_death)
{
    sigset_t signals;

    close(s->signals);
    if (s->channel >= 0)
        close(s->channel);
    prctl(PR_SET_PDEATHSIG, on_parents_death);
    if (getppid() != s->pid)
        _exit(STATUS_FAILED); /* it was too quick for that */
    collect_signals(&signals);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_DFL); /* a shell's background process ignores it; this one is told by its supervisor */
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

/* ---- the engine ---- */

static void close_channel(struct supervisor *s)
{
    if (s->channel >= 0)
        close(s->channel);
    s->channel = -1;
    s->is_asked_for = false;
}

static _Noreturn void be_engine(struct supervisor *s, int channel)
{
    int status;

    leave_supervisor(s, SIGTERM);
    status = s->what->play(s->what->self, s->board, channel);
    fflush(NULL);
    _exit(status);
}

static int start_engine(struct supervisor *s, struct error *err)
{
    int ends[2];

    if (s->what->prepare(s->what->self, err) < 0 || supervisor_channel_open(ends, err) < 0)
        return -1;
    fflush(NULL); /* what is not written yet would be written twice */
    s->engine = fork();
    if (s->engine == 0) {
        close(ends[CHANNEL_SUPERVISOR]);
        be_engine(s, ends[CHANNEL_ENGINE]);
    }
    close(ends[CHANNEL_ENGINE]);
    s->channel = ends[CHANNEL_SUPERVISOR];
    s->started = mono_time_now();
    s->deadline_ns = NEVER_NS;
    s->is_killed = false;
    if (s->engine > 0)
        return 0;
    s->engine = 0;
    close_channel(s);
    return error_set(err, "the engine cannot be started: %s", strerror(errno));
}

/* For whatever reason there is none: it is tried again, later each time. */
static void start_later(struct supervisor *s, const char *why)
{
    int64_t since_ns = atomic_load(&s->board->playing_since_ns);
    int64_t now_ns = mono_time_now().ns;
    unsigned delay_s = restart_delay_next(&s->delay, since_ns >= s->started.ns ? now_ns - since_ns : 0);

    s->deadline_ns = now_ns + delay_s * NS_PER_SECOND;
    error_set(&s->board->crash, "%s", why);
    say("%s; started again in %u s", why, delay_s);
}

static void start_again(struct supervisor *s)
{
    struct error err = { "" };

    if (start_engine(s, &err) < 0)
        start_later(s, err.text);
    else
        atomic_fetch_add(&s->board->restarts, 1);
}

static void finish(struct supervisor *s, const char *ended, bool failed)
{
    if (s->how->ended == NULL)
        s->how->ended = ended;
    s->how->failed = failed;
    s->done = true;
}

/* Not as it was told to. SIGTERM and SIGINT may also have reached it with the whole group of processes. */
static bool is_crash(const struct supervisor *s, int status)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (WIFEXITED(status))
        return WEXITSTATUS(status) != STATUS_DONE && WEXITSTATUS(status) != STATUS_FAILED;
    return number != SIGTERM && number != SIGINT && !(number == SIGKILL && s->is_killed);
}

static void describe_engine_end(const struct supervisor *s, int status, struct error *text)
{
    struct error how;

    describe_end(status, &how);
    error_set(text, "the engine %s after %.1f s", how.text, mono_time_seconds_since(s->started));
}

/* It was to end, in whatever way: how it did so is said when it was not what it was told. */
static void note_crash_at_end(struct supervisor *s, int status)
{
    if (!is_crash(s, status))
        return;
    describe_engine_end(s, status, &s->board->crash);
    say("%s", s->board->crash.text);
    s->how->failed = s->ending != GOING_ON;
}

static void on_engine_end(struct supervisor *s, int status)
{
    bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_DONE;
    bool has_failed = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED;
    struct error text;

    s->has_played = s->has_played || atomic_load(&s->board->began_ns) != 0;
    s->engine = 0;
    close_channel(s);
    s->what->settle(s->what->self);
    board_settle(s->board);
    if (s->ending != GOING_ON || s->is_making_room)
        note_crash_at_end(s, status);
    if (s->ending != GOING_ON)
        finish(s, NULL, has_failed || s->how->failed);
    else if (s->is_making_room)
        s->deadline_ns = 0;
    else if (is_done)
        finish(s, "the end of the run", false);
    else if (has_failed && !s->has_played)
        finish(s, "an error", true);
    else {
        describe_engine_end(s, status, &text);
        start_later(s, text.text);
    }
}

/* ---- the end of an engine ---- */

/* Its signal now, and SIGKILL when it has not ended by then. */
static void tell_engine(struct supervisor *s, int number, int64_t within_ns)
{
    int64_t by_ns = mono_time_now().ns + within_ns;

    if (s->engine == 0)
        return;
    s->is_killed = s->is_killed || number == SIGKILL;
    kill(s->engine, number);
    if (by_ns < s->deadline_ns)
        s->deadline_ns = by_ns;
}

/* It does not do what it has to. */
static void kill_engine(struct supervisor *s, const char *why)
{
    say("%s", why);
    s->how->failed = s->ending != GOING_ON;
    s->is_killed = true;
    kill(s->engine, SIGKILL);
}

static void end_engine_properly(struct supervisor *s)
{
    tell_engine(s, SIGTERM, s->what->stop_ns(s->what->self) + KILL_AFTER_NS);
}

static void drop_trial(struct supervisor *s)
{
    if (s->trial > 0)
        kill(s->trial, SIGKILL); /* and it is waited for as any child */
    s->trial = 0;
}

static void end_run(struct supervisor *s, enum ending ending, const char *name)
{
    s->ending = ending;
    if (s->how->ended == NULL)
        s->how->ended = name;
    drop_trial(s);
    if (s->engine == 0)
        finish(s, NULL, false);
    else if (ending == END_PROPERLY)
        end_engine_properly(s);
    else
        tell_engine(s, ending == END_AT_ONCE ? SIGINT : SIGKILL, KILL_AFTER_NS);
}

static const char *name_of(int number)
{
    return number == SIGINT ? "SIGINT" : number == SIGHUP ? "SIGHUP" : "SIGTERM";
}

static void on_stop_signal(struct supervisor *s, int number)
{
    int64_t now_ns = mono_time_now().ns;
    enum ending wanted = number == SIGINT ? END_AT_ONCE : END_PROPERLY;

    if (s->ending != GOING_ON && now_ns - s->last_signal_ns < REPEAT_NS)
        return;
    s->last_signal_ns = now_ns;
    if (wanted <= s->ending)
        wanted = s->ending < END_KILLED ? s->ending + 1 : END_KILLED;
    end_run(s, wanted, name_of(number));
}

/* ---- a new configuration ---- */

static void answer(struct supervisor *s, const struct error *objection)
{
    if (s->is_asked_for && s->channel >= 0)
        supervisor_channel_answer(s->channel, objection);
    s->is_asked_for = false;
}

static void start_trial(struct supervisor *s)
{
    struct error why;

    drop_trial(s);
    memset(&s->board->trial, 0, sizeof s->board->trial);
    fflush(NULL);
    s->trial = fork();
    if (s->trial == 0) {
        leave_supervisor(s, SIGKILL);
        _exit(s->what->try_new(s->what->self, &s->board->trial) < 0 ? STATUS_FAILED : STATUS_DONE);
    }
    if (s->trial > 0)
        return;
    s->trial = 0;
    error_set(&why, "no process to try the new configuration in: %s", strerror(errno));
    say("not reloaded: %s", why.text);
    answer(s, &why);
}

/* Who tried it may have been taken over by what it read: its words are made printable. */
static int judge_trial(struct supervisor *s, int status, struct error *why)
{
    struct error how;
    int size = (int)strnlen(s->board->trial.text, sizeof s->board->trial.text);

    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_DONE)
        return s->what->take_new(s->what->self, why);
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FAILED)
        return error_set(why, "%.*s", size, s->board->trial.text);
    describe_end(status, &how);
    return error_set(why, "the process that tried the new configuration %s", how.text);
}

static void on_trial_end(struct supervisor *s, int status)
{
    struct error why;

    s->trial = 0;
    if (judge_trial(s, status, &why) < 0) {
        say("not reloaded, the old configuration stays: %s", why.text);
        answer(s, &why);
        return;
    }
    answer(s, NULL);
    s->is_making_room = true;
    if (s->engine != 0)
        end_engine_properly(s);
    else
        s->deadline_ns = 0; /* what crashed may do better with it */
}

/* ---- what may happen ---- */

static void on_children(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->engine)
            on_engine_end(s, status);
        else if (pid == s->trial)
            on_trial_end(s, status);
    }
}

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (!s->done && read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            on_children(s);
        else if (info.ssi_signo != SIGHUP || (s->has_terminal && !finds_terminal()))
            on_stop_signal(s, (int)info.ssi_signo);
        else if (s->ending == GOING_ON)
            start_trial(s);
    }
}

static void on_request(struct supervisor *s)
{
    static const struct error busy = { "a new configuration is being tried already" };
    enum supervisor_request request;
    enum channel_find found = supervisor_channel_take(s->channel, &request);

    if (found == CHANNEL_GARBAGE)
        kill_engine(s, "the engine asked for what there is not, and is killed");
    if (found == CHANNEL_GARBAGE || found == CHANNEL_CLOSED)
        close_channel(s);
    if (found != CHANNEL_REQUEST)
        return;
    if (request == REQUEST_STOP) {
        end_run(s, s->ending > END_PROPERLY ? s->ending : END_PROPERLY, "a request to stop");
    } else if (s->trial > 0 || s->ending != GOING_ON) {
        supervisor_channel_answer(s->channel, &busy);
    } else {
        s->is_asked_for = true;
        start_trial(s);
    }
}

static void on_deadline(struct supervisor *s)
{
    if (mono_time_now().ns < s->deadline_ns)
        return;
    s->deadline_ns = NEVER_NS;
    if (s->engine != 0) {
        kill_engine(s, "the engine did not end in time, and is killed");
    } else if (s->is_making_room) {
        struct error err = { "" };

        s->is_making_room = false;
        if (start_engine(s, &err) < 0)
            start_later(s, err.text);
    } else {
        start_again(s);
    }
}

static int timeout_ms(const struct supervisor *s)
{
    int64_t left_ns = s->deadline_ns - mono_time_now().ns;

    if (s->deadline_ns == NEVER_NS)
        return -1;
    return left_ns > 0 ? (int)(left_ns / NS_PER_MS) + 1 : 0;
}

static void wait_for_something(struct supervisor *s)
{
    struct pollfd waiting[] = { { .fd = s->signals, .events = POLLIN }, { .fd = s->channel, .events = POLLIN } };

    if (poll(waiting, 2, timeout_ms(s)) > 0) {
        if (waiting[1].revents & POLLIN)
            on_request(s);
        if (waiting[1].revents & POLLHUP)
            close_channel(s); /* it is ending, or has closed it */
        on_signals(s);
    }
    if (!s->done)
        on_deadline(s);
}

int supervisor_run(const struct supervised *what, struct board *board, struct supervision *how, struct error *err)
{
    struct supervisor s = { .what = what, .board = board, .how = how, .pid = getpid(), .has_terminal = finds_terminal(),
                            .channel = -1 };
    int status;

    *how = (struct supervision){ 0 };
    if (open_signals(&s, err) < 0)
        return -1;
    status = start_engine(&s, err);
    while (status == 0 && !s.done)
        wait_for_something(&s);
    drop_trial(&s);
    close_signals(&s);
    return status;
}
