/*
 * What makes dayshiftd safe: the supervisor with an engine that is only played, its channel, the board, who may write
 * a configuration, the filter of system calls. tests/daemon.bats has the real engine.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time_types.h"
#include "daemon/board.h"
#include "daemon/configuration.h"
#include "daemon/flow_file.h"
#include "daemon/privileges.h"
#include "daemon/restart_delay.h"
#include "daemon/supervisor.h"
#include "daemon/supervisor_channel.h"
#include "daemon/syscall_filter.h"
#include "daemon/trust.h"
#include "daemon/wall_watch.h"

/* ---- the delay ---- */

static void test_delay_doubles_up_to_a_minute(void **state)
{
    static const unsigned wanted[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    struct restart_delay delay = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(restart_delay_next(&delay, i % 2 ? RESTART_GOOD_RUN_NS - 1 : 0), wanted[i]);
    assert_int_equal(restart_delay_next(&delay, RESTART_GOOD_RUN_NS), 1);
    assert_int_equal(restart_delay_next(&delay, 0), 2);
}

/* ---- the board ---- */

static void test_board_settles_what_a_crash_left(void **state)
{
    struct error err;
    struct board *board = board_new(&err);

    (void)state;
    assert_non_null(board);
    board->present = (struct report_counts){ .hosts = 40, .most_live = 7, .sent = 3 /* of a while ago */ };
    board->emitted[0].planned = 8;
    board->emitted[0].sent = 6;
    board->emitted[0].refused = 1;
    board->emitted[1].planned = 2;
    log_histogram_add(&board->emitted[0].lateness, 100);
    board_settle(board);
    board->present = (struct report_counts){ .hosts = 30, .most_live = 3 };
    board->emitted[0].planned = 4;
    board->emitted[0].sent = 5; /* ended before it counted what was planned */
    log_histogram_add(&board->emitted[0].lateness, 3000);
    board_settle(board);
    assert_int_equal(board->past.planned, 15);
    assert_int_equal(board->past.sent, 11);
    assert_int_equal(board->past.dropped, 3);
    assert_int_equal(board->past.refused, 1);
    assert_int_equal(board->past.hosts, 40);
    assert_int_equal(board->past.most_live, 7);
    assert_int_equal(board->past.lateness.count, 2);
    assert_int_equal(board->past.lateness.max_ns, 3000);
    assert_int_equal(board->emitted[0].planned, 0);
    board_free(board);
}

/*
 * The second engine finds another interface, or the first one made anew; the third one the same, on which frames were
 * sent that the second one could not tell of; the last one cannot ask.
 */
static void test_board_counts_the_interface_by_engine(void **state)
{
    struct error err;
    struct board *board = board_new(&err);

    (void)state;
    board_count_interface(board, true, 7, 1000);
    board_count_interface(board, true, 7, 1200);
    board_settle(board);
    assert_int_equal(board->interface_past, 200);
    board_count_interface(board, true, 8, 1250);
    board_count_interface(board, true, 8, 1350);
    board_settle(board);
    assert_int_equal(board->interface_past, 300);
    board_count_interface(board, true, 8, 1370);
    board_count_interface(board, true, 8, 1380);
    board_settle(board);
    assert_int_equal(board->interface_past, 330);
    board_count_interface(board, true, 8, 50); /* counted anew, for whatever reason */
    board_count_interface(board, true, 8, 60);
    board_count_interface(board, true, 8, 10);
    board_settle(board);
    assert_int_equal(board->interface_past, 330);
    assert_true(board->interface_known);
    board_count_interface(board, false, 8, 0);
    board_settle(board);
    assert_false(board->interface_known);
    assert_int_equal(board->interface_past, 330);
    board_free(board);
}

/* At 1000 s; the run began at 900 s. */
static void test_board_refuses_a_place_that_cannot_be(void **state)
{
    static const struct {
        int64_t said_s, run_s, day_ns, began_s;
        double speed, activity;
        bool is_paused;
        int64_t wanted_run_s, wanted_day_s; /* -1: refused */
    } rows[] = {
        { 990, 80, 5000 * NS_PER_SECOND, 900, 2, 1, false, 90, 5020 },
        { 990, 80, 5000 * NS_PER_SECOND, 900, 2, 1, true, 80, 5000 },
        { 1000, 100, 5000 * NS_PER_SECOND, 900, 1, 1, false, 100, 5000 },
        { 990, 80, 5000 * NS_PER_SECOND, 900, 0, 0, false, 90, 5030 }, /* nothing was ordered: speed 3, activity 1 */
        { 990, 80, 5000 * NS_PER_SECOND, 900, NAN, INFINITY, false, 90, 5030 },
        { 990, 80, 5000 * NS_PER_SECOND, 900, -1, -1, false, 90, 5030 },
        { 0, 80, 5000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
        { -5, 80, 5000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
        { 1001, 80, 5000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
        { 990, 102, 5000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
        { 990, -1, 5000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
        { 990, 80, 5000 * NS_PER_SECOND, 0, 1, 1, false, -1, -1 },
        { 990, 80, 5000 * NS_PER_SECOND, 1001, 1, 1, false, -1, -1 },
        { 990, 80, 5000 * NS_PER_SECOND, -9000000, 1, 1, false, -1, -1 },
        { 990, 80, INT64_MAX, 900, 1, 1, false, -1, -1 },
        { 990, 80, -1000 * NS_PER_SECOND, 900, 1, 1, false, -1, -1 },
    };
    struct error err;
    struct board *board = board_new(&err);

    (void)state;
    assert_non_null(board);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run_place place = { .speed = 3, .activity = 1 };

        board->began_ns = rows[i].began_s * NS_PER_SECOND;
        board->position.said_ns = rows[i].said_s * NS_PER_SECOND;
        board->position.run_ns = rows[i].run_s * NS_PER_SECOND;
        board->position.day_ns = rows[i].day_ns;
        board->position.speed = rows[i].speed;
        board->position.activity = rows[i].activity;
        board->position.is_paused = rows[i].is_paused;
        if (board_find_place(board, 1000 * NS_PER_SECOND, &place) != (rows[i].wanted_run_s >= 0))
            fail_msg("row %zu: %s", i, rows[i].wanted_run_s >= 0 ? "refused" : "taken");
        if (rows[i].wanted_run_s < 0)
            continue;
        assert_int_equal(place.run_ns, rows[i].wanted_run_s * NS_PER_SECOND);
        assert_int_equal(place.day.ns, rows[i].wanted_day_s * NS_PER_SECOND);
        assert_true(place.activity == 1);
    }
    board_free(board);
}

/* ---- the channel ---- */

static void test_channel_takes_requests_only(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum channel_find wanted;
    } messages[] = { { "r", 1, CHANNEL_REQUEST }, { "s", 1, CHANNEL_REQUEST }, { "x", 1, CHANNEL_GARBAGE },
                     { "\0", 1, CHANNEL_GARBAGE }, { "rr", 2, CHANNEL_GARBAGE }, { "r\n", 2, CHANNEL_GARBAGE },
                     { "a whole sentence", 16, CHANNEL_GARBAGE } };
    enum supervisor_request request;
    struct error err;
    int ends[2];

    (void)state;
    assert_int_equal(supervisor_channel_open(ends, &err), 0);
    assert_int_equal(supervisor_channel_take(ends[CHANNEL_SUPERVISOR], &request), CHANNEL_NOTHING);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        assert_int_equal(send(ends[CHANNEL_ENGINE], messages[i].bytes, messages[i].size, 0), messages[i].size);
        assert_int_equal(supervisor_channel_take(ends[CHANNEL_SUPERVISOR], &request), messages[i].wanted);
        if (messages[i].wanted == CHANNEL_REQUEST)
            assert_int_equal(request, messages[i].bytes[0]);
    }
    close(ends[CHANNEL_ENGINE]);
    assert_int_equal(supervisor_channel_take(ends[CHANNEL_SUPERVISOR], &request), CHANNEL_CLOSED);
    supervisor_channel_answer(ends[CHANNEL_SUPERVISOR], NULL); /* nobody is there: no harm */
    close(ends[CHANNEL_SUPERVISOR]);
}

/* ---- the supervisor ---- */

enum { MOST_STARTS = 4, LONGEST_TEST_S = 30 };

/* What the processes of a test share. */
struct stage {
    int (*acts[MOST_STARTS])(struct stage *stage, struct board *board, int channel); /* of each engine */
    int (*trial)(struct stage *stage, struct error *err);
    int64_t stop_ns;
    const char *terminal;   /* that the supervisor is started from; NULL: none */
    int terminal_fd;        /* its other end */
    _Atomic int starts;
    _Atomic int taken;      /* configurations */
    _Atomic int prepared, settled; /* engines */
    _Atomic int engine;     /* its process */
    _Atomic int told;       /* the last signal that an engine waited for */
    _Atomic bool had_answer;
    struct error answer;    /* to its request; empty: done */
    char ended[64];
    bool failed;
    struct board *board;
    pid_t supervisor;
};

static int wait_for_signal(struct stage *stage, int *caught)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    stage->engine = getpid(); /* from now on it may be sent one */
    sigwait(&signals, caught);
    stage->told = *caught;
    return EXIT_SUCCESS;
}

static int act_done(struct stage *stage, struct board *board, int channel)
{
    (void)stage;
    (void)channel;
    board_play(board);
    board->emitted[0].planned = 5;
    board->emitted[0].sent = 5;
    return EXIT_SUCCESS;
}

static int act_fail(struct stage *stage, struct board *board, int channel)
{
    (void)stage;
    (void)board;
    (void)channel;
    return EXIT_FAILURE;
}

static int act_fail_playing(struct stage *stage, struct board *board, int channel)
{
    board_play(board);
    return act_fail(stage, board, channel);
}

static int act_crash(struct stage *stage, struct board *board, int channel)
{
    (void)stage;
    (void)channel;
    board->emitted[0].planned = 10;
    board->emitted[0].sent = 7;
    signal(SIGSEGV, SIG_DFL); /* of the sanitizers */
    raise(SIGSEGV);
    return EXIT_SUCCESS;
}

static int act_odd_status(struct stage *stage, struct board *board, int channel)
{
    (void)stage;
    (void)board;
    (void)channel;
    return 7;
}

static int act_wait(struct stage *stage, struct board *board, int channel)
{
    int caught;

    (void)channel;
    board_play(board);
    return wait_for_signal(stage, &caught);
}

static int act_crash_when_told(struct stage *stage, struct board *board, int channel)
{
    act_wait(stage, board, channel);
    return act_crash(stage, board, channel);
}

static int act_deaf(struct stage *stage, struct board *board, int channel)
{
    int caught;

    (void)board;
    (void)channel;
    while (wait_for_signal(stage, &caught) == EXIT_SUCCESS)
        ;
    return EXIT_FAILURE;
}

static int act_talk_garbage(struct stage *stage, struct board *board, int channel)
{
    send(channel, "please", 6, 0);
    return act_deaf(stage, board, channel);
}

static int act_close_channel(struct stage *stage, struct board *board, int channel)
{
    const struct timespec nap = { .tv_nsec = 100 * NS_PER_MS };

    (void)stage;
    close(channel);
    nanosleep(&nap, NULL);
    return act_done(stage, board, channel);
}

/* It can be read for ever then: the supervisor has to close its end, which is seen here. */
static int act_shut_channel(struct stage *stage, struct board *board, int channel)
{
    char byte;

    shutdown(channel, SHUT_WR);
    return recv(channel, &byte, 1, 0) == 0 ? act_done(stage, board, channel) : act_fail(stage, board, channel);
}

static void ask_to_reload(struct stage *stage, int channel)
{
    struct error err = { "" };

    assert_int_equal(supervisor_channel_request(channel, REQUEST_RELOAD, &err), 0);
    while (supervisor_channel_take_answer(channel, &err) == 0)
        usleep(1000);
    stage->answer = err;
    stage->had_answer = true;
}

static int act_ask_to_stop(struct stage *stage, struct board *board, int channel)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    assert_int_equal(supervisor_channel_request(channel, REQUEST_STOP, &(struct error){ "" }), 0);
    return act_wait(stage, board, channel);
}

static int act_ask_to_reload(struct stage *stage, struct board *board, int channel)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    board_play(board);
    ask_to_reload(stage, channel);
    return stage->answer.text[0] ? EXIT_SUCCESS : act_wait(stage, board, channel);
}

static int trial_good(struct stage *stage, struct error *err)
{
    (void)stage;
    (void)err;
    return 0;
}

static int trial_bad(struct stage *stage, struct error *err)
{
    (void)stage;
    memcpy(err->text, "it is\033bad", sizeof "it is\033bad"); /* as no error_set() would have it */
    return -1;
}

static int trial_crash(struct stage *stage, struct error *err)
{
    (void)stage;
    (void)err;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static int play(void *self, struct board *board, int channel)
{
    struct stage *stage = self;
    int start = atomic_fetch_add(&stage->starts, 1);

    return start < MOST_STARTS && stage->acts[start] ? stage->acts[start](stage, board, channel) : 3;
}

static int try_new(void *self, struct error *err)
{
    struct stage *stage = self;

    return stage->trial(stage, err);
}

static int take_new(void *self, struct error *err)
{
    struct stage *stage = self;

    (void)err;
    stage->taken++;
    return 0;
}

static int prepare(void *self, struct error *err)
{
    struct stage *stage = self;

    (void)err;
    stage->prepared++;
    return 0;
}

static void settle(void *self)
{
    struct stage *stage = self;

    stage->settled++;
}

static int64_t stop_ns(void *self)
{
    const struct stage *stage = self;

    return stage->stop_ns;
}

static void be_supervisor(struct stage *stage, const char *words)
{
    const struct supervised what = { stage, play, prepare, settle, try_new, take_new, stop_ns };
    const struct rlimit no_core = { 0, 0 };
    struct supervision how;
    struct error err;

    setsid();
    if (stage->terminal && (open(stage->terminal, O_RDWR) < 0 || close(stage->terminal_fd) < 0))
        _exit(EXIT_FAILURE);
    signal(SIGCHLD, SIG_IGN); /* as some that start it leave it */
    alarm(LONGEST_TEST_S); /* a test that hangs ends; the engine with it */
    setrlimit(RLIMIT_CORE, &no_core);
    if (freopen(words, "w", stderr) == NULL || supervisor_run(&what, stage->board, &how, &err) < 0)
        _exit(EXIT_FAILURE);
    snprintf(stage->ended, sizeof stage->ended, "%s", how.ended);
    stage->failed = how.failed;
    fflush(NULL);
    _exit(EXIT_SUCCESS);
}

static struct stage *start_stage(const struct stage *wanted)
{
    struct stage *stage = mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *words = scratch_path("words"); /* before there are two processes: the directory is this one's */
    struct error err;
    pid_t supervisor;

    assert_true(stage != MAP_FAILED);
    memcpy(stage, wanted, sizeof *stage);
    stage->board = board_new(&err);
    assert_non_null(stage->board);
    fflush(NULL);
    supervisor = fork();
    if (supervisor == 0)
        be_supervisor(stage, words);
    assert_true(supervisor > 0);
    stage->supervisor = supervisor;
    return stage;
}

static void nap(void)
{
    const struct timespec nap_time = { .tv_nsec = 10 * NS_PER_MS };

    nanosleep(&nap_time, NULL);
}

static void wait_until_set(const _Atomic int *value)
{
    for (int i = 0; i < LONGEST_TEST_S * 100 && *value == 0; i++)
        nap();
    assert_int_not_equal(*value, 0);
}

static void wait_until_told(const struct stage *stage, int number)
{
    for (int i = 0; i < LONGEST_TEST_S * 100 && stage->told != number; i++)
        nap();
    assert_int_equal(stage->told, number);
}

/* The signal is repeated after the time in which a repetition does not count. */
static void send_signal(const struct stage *stage, int number)
{
    const struct timespec pause = { .tv_nsec = 250 * NS_PER_MS };

    kill(stage->supervisor, number);
    nanosleep(&pause, NULL);
}

static void wait_for_end(struct stage *stage, const char *ended, bool failed)
{
    int status;

    assert_int_equal(waitpid(stage->supervisor, &status, 0), stage->supervisor);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    assert_string_equal(stage->ended, ended);
    assert_int_equal(stage->failed, failed);
}

static void end_stage(struct stage *stage)
{
    board_free(stage->board);
    munmap(stage, sizeof *stage);
}

/* What the supervisor said contains it. */
static void assert_said(const char *text)
{
    char words[2048];
    FILE *file = fopen(scratch_path("words"), "r");
    size_t size = fread(words, 1, sizeof words - 1, file);

    fclose(file);
    words[size] = '\0';
    if (strstr(words, text) == NULL)
        fail_msg("no '%s' in '%s'", text, words);
}

static void assert_said_nothing(void)
{
    struct stat info;

    assert_int_equal(stat(scratch_path("words"), &info), 0);
    assert_int_equal(info.st_size, 0);
}

static void test_supervisor_restarts_what_crashed(void **state)
{
    static const struct {
        const char *name;
        struct stage stage;
        int starts;
        const char *ended;
        bool failed;
        const char *said;
    } cases[] = {
        { "done", { .acts = { act_done } }, 1, "the end of the run", false, NULL },
        { "failed at the start", { .acts = { act_fail } }, 1, "an error", true, NULL },
        { "failed later", { .acts = { act_fail_playing, act_done } }, 2, "the end of the run", false,
          "dayshiftd: the engine failed after " },
        { "crash", { .acts = { act_crash, act_done } }, 2, "the end of the run", false,
          "dayshiftd: the engine was ended by SIGSEGV after 0.0 s; started again in 1 s\n" },
        { "odd status", { .acts = { act_odd_status, act_done } }, 2, "the end of the run", false,
          "the engine ended with status 7 after " },
        { "garbage", { .acts = { act_talk_garbage, act_done } }, 2, "the end of the run", false,
          "asked for what there is not" },
        { "closed channel", { .acts = { act_close_channel } }, 1, "the end of the run", false, NULL },
        { "shut channel", { .acts = { act_shut_channel } }, 1, "the end of the run", false, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage *stage = start_stage(&cases[i].stage);

        wait_for_end(stage, cases[i].ended, cases[i].failed);
        if (stage->starts != cases[i].starts)
            fail_msg("%s: %d starts, not %d", cases[i].name, stage->starts, cases[i].starts);
        assert_int_equal(stage->prepared, stage->starts);
        assert_int_equal(stage->settled, stage->starts);
        assert_int_equal(stage->board->restarts, cases[i].starts - 1);
        if (cases[i].said)
            assert_said(cases[i].said);
        else
            assert_said_nothing();
        end_stage(stage);
    }
}

static void test_supervisor_keeps_what_a_crashed_engine_did(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_crash, act_done } });
    const struct report_counts *past = &stage->board->past;

    (void)state;
    wait_for_end(stage, "the end of the run", false);
    assert_int_equal(past->planned, 15);
    assert_int_equal(past->sent, 12);
    assert_int_equal(past->dropped, 3);
    assert_non_null(strstr(stage->board->crash.text, "SIGSEGV"));
    end_stage(stage);
}

static void test_supervisor_passes_signals_on(void **state)
{
    static const struct {
        int sent, told;
        const char *ended;
    } cases[] = { { SIGTERM, SIGTERM, "SIGTERM" }, { SIGINT, SIGINT, "SIGINT" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage *stage = start_stage(&(struct stage){ .acts = { act_wait }, .stop_ns = NS_PER_SECOND });

        wait_until_set(&stage->engine);
        kill(stage->supervisor, cases[i].sent);
        wait_for_end(stage, cases[i].ended, false);
        assert_int_equal(stage->told, cases[i].told);
        assert_int_equal(stage->starts, 1);
        assert_said_nothing();
        end_stage(stage);
    }
}

static void test_supervisor_says_that_the_engine_crashed_at_the_end(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_crash_when_told }, .stop_ns = NS_PER_SECOND });

    (void)state;
    wait_until_set(&stage->engine);
    kill(stage->supervisor, SIGTERM);
    wait_for_end(stage, "SIGTERM", true);
    assert_said("dayshiftd: the engine was ended by SIGSEGV after ");
    end_stage(stage);
}

/* What ended for a new configuration and crashed meanwhile: it goes on, and is said. */
static void test_supervisor_says_that_the_engine_crashed_at_a_reload(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_crash_when_told, act_done }, .trial = trial_good,
                                                       .stop_ns = NS_PER_SECOND });

    (void)state;
    wait_until_set(&stage->engine);
    kill(stage->supervisor, SIGHUP);
    wait_for_end(stage, "the end of the run", false);
    assert_said("dayshiftd: the engine was ended by SIGSEGV after ");
    end_stage(stage);
}

static void test_supervisor_goes_a_step_further_with_each_signal(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_deaf }, .stop_ns = 300 * NS_PER_SECOND });

    (void)state;
    wait_until_set(&stage->engine);
    kill(stage->supervisor, SIGTERM);
    send_signal(stage, SIGTERM); /* as timeout(1) does: counts once */
    wait_until_told(stage, SIGTERM);
    send_signal(stage, SIGTERM);
    wait_until_told(stage, SIGINT);
    send_signal(stage, SIGTERM); /* and now it is killed */
    wait_for_end(stage, "SIGTERM", false);
    end_stage(stage);
}

static void test_supervisor_ends_while_it_waits_to_start_again(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_crash, act_crash, act_crash, act_crash } });

    (void)state;
    while (stage->settled < 2) /* the second one has crashed, too, and the supervisor knows */
        nap();
    send_signal(stage, SIGTERM);
    wait_for_end(stage, "SIGTERM", false);
    end_stage(stage);
}

static void test_supervisor_reloads(void **state)
{
    static const struct {
        const char *name;
        struct stage stage;
        int starts, taken;
        const char *answer, *said;
    } cases[] = {
        { "good", { .acts = { act_ask_to_reload, act_done }, .trial = trial_good }, 2, 1, "", NULL },
        { "bad", { .acts = { act_ask_to_reload }, .trial = trial_bad }, 1, 0, "it is?bad",
          "dayshiftd: not reloaded, the old configuration stays: it is?bad\n" },
        { "hostile", { .acts = { act_ask_to_reload }, .trial = trial_crash }, 1, 0,
          "the process that tried the new configuration was ended by SIGABRT", "was ended by SIGABRT\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage *stage = start_stage(&cases[i].stage);

        wait_for_end(stage, "the end of the run", false);
        assert_true(stage->had_answer);
        assert_string_equal(stage->answer.text, cases[i].answer);
        assert_int_equal(stage->starts, cases[i].starts);
        assert_int_equal(stage->taken, cases[i].taken);
        assert_int_equal(stage->board->restarts, 0);
        if (cases[i].said)
            assert_said(cases[i].said);
        end_stage(stage);
    }
}

static void test_supervisor_reloads_at_sighup(void **state)
{
    struct stage *stage =
        start_stage(&(struct stage){ .acts = { act_wait, act_done }, .trial = trial_good, .stop_ns = NS_PER_SECOND });

    (void)state;
    wait_until_set(&stage->engine);
    kill(stage->supervisor, SIGHUP);
    wait_for_end(stage, "the end of the run", false);
    assert_int_equal(stage->taken, 1);
    assert_int_equal(stage->told, SIGTERM);
    assert_said_nothing();
    end_stage(stage);
}

static void test_supervisor_ends_with_its_terminal(void **state)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct stage *stage;

    (void)state;
    if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0)
        skip_because("no pseudo-terminals here");
    stage = start_stage(&(struct stage){ .acts = { act_wait }, .trial = trial_good, .stop_ns = NS_PER_SECOND,
                                         .terminal = ptsname(terminal), .terminal_fd = terminal });
    wait_until_set(&stage->engine);
    close(terminal);
    wait_for_end(stage, "SIGHUP", false);
    assert_int_equal(stage->told, SIGTERM);
    assert_int_equal(stage->taken, 0);
    end_stage(stage);
}

static void test_supervisor_stops_when_the_engine_asks(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_ask_to_stop }, .stop_ns = NS_PER_SECOND });

    (void)state;
    wait_for_end(stage, "a request to stop", false);
    assert_int_equal(stage->told, SIGTERM);
    end_stage(stage);
}

static void test_engine_ends_with_its_supervisor(void **state)
{
    struct stage *stage = start_stage(&(struct stage){ .acts = { act_wait } });
    int status;

    (void)state;
    wait_until_set(&stage->engine);
    kill(stage->supervisor, SIGKILL);
    waitpid(stage->supervisor, &status, 0);
    wait_until_set(&stage->told);
    assert_int_equal(stage->told, SIGTERM);
    end_stage(stage);
}

/* ---- privileges ---- */

static void test_who_drops_privileges_still_ends_with_its_parent(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    child = fork();
    if (child == 0) {
        struct error err;
        int number = 0;

        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (privileges_drop("nobody", &err) < 0 || getuid() == 0)
            _exit(1);
        prctl(PR_GET_PDEATHSIG, &number);
        _exit(number == SIGTERM ? 0 : 2);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- who may write a configuration ---- */

enum { SOMEBODY = 12345, SUDO_USER = 23456 };

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void test_trust(void **state)
{
    static const struct {
        uid_t owner;
        mode_t mode;
        uid_t directory_owner;
        mode_t directory_mode;
        const char *sudo_uid;
        const char *complaint; /* NULL: trusted */
    } cases[] = {
        { 0, 0644, 0, 0755, NULL, NULL },
        { 0, 0600, 0, 0700, NULL, NULL },
        { 0, 0664, 0, 0755, NULL, "its group may write it, mode 0664 (chmod go-w " },
        { 0, 0646, 0, 0755, NULL, "everybody may write it, mode 0646" },
        { SOMEBODY, 0644, 0, 0755, NULL, "belongs to user 12345" },
        { SUDO_USER, 0644, 0, 0755, NULL, "belongs to user 23456" },
        { SUDO_USER, 0644, 0, 0755, "23456", NULL },
        { SUDO_USER, 0644, SUDO_USER, 0755, "23456", NULL },
        { SOMEBODY, 0644, 0, 0755, "23456", "belongs to user 12345" },
        { SUDO_USER, 0644, 0, 0755, "23456x", "belongs to user 23456" },
        { SUDO_USER, 0644, 0, 0755, "-1", "belongs to user 23456" },
        { 0, 0644, SOMEBODY, 0755, NULL, "/etc: refused, because it belongs to user 12345" },
        { 0, 0644, 0, 0775, NULL, "/etc: refused, because its group may write it" },
        { 0, 0644, 0, 0777, NULL, "/etc: refused, because everybody may write it" },
        { 0, 0644, 0, 01777, NULL, NULL },
        { SOMEBODY, 0644, 0, 01777, NULL, "belongs to user 12345" },
        { 0, 0644, SOMEBODY, 01777, NULL, "/etc: refused, because it belongs to user 12345" },
    };
    char directory[256], path[256 + 8];

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    snprintf(directory, sizeof directory, "%s", scratch_path("etc"));
    snprintf(path, sizeof path, "%s/conf", directory);
    assert_int_equal(mkdir(directory, 0755), 0);
    write_text(path, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { "" };
        int status, fd;

        assert_int_equal(chown(directory, cases[i].directory_owner, 0) | chown(path, cases[i].owner, 0), 0);
        assert_int_equal(chmod(directory, cases[i].directory_mode) | chmod(path, cases[i].mode), 0);
        if (cases[i].sudo_uid)
            setenv("SUDO_UID", cases[i].sudo_uid, 1);
        else
            unsetenv("SUDO_UID");
        fd = open(path, O_RDONLY);
        status = trust_check(fd, path, &err);
        close(fd);
        if ((status == 0) != (cases[i].complaint == NULL))
            fail_msg("case %zu: %d, '%s'", i, status, err.text);
        if (cases[i].complaint && strstr(err.text, cases[i].complaint) == NULL)
            fail_msg("case %zu: no '%s' in '%s'", i, cases[i].complaint, err.text);
    }
    unsetenv("SUDO_UID");
}

/* A link lies in a directory of ours, what it leads to in one of somebody else. */
static void test_trust_follows_links(void **state)
{
    char directory[256], path[256 + 8];
    struct error err;
    int fd;

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    snprintf(directory, sizeof directory, "%s", scratch_path("home"));
    snprintf(path, sizeof path, "%s/conf", directory);
    assert_int_equal(mkdir(directory, 0755) | chown(directory, SOMEBODY, 0), 0);
    write_text(path, "");
    assert_int_equal(symlink(path, scratch_path("link")), 0);
    fd = open(scratch_path("link"), O_RDONLY);
    assert_int_equal(trust_check(fd, scratch_path("link"), &err), -1);
    assert_non_null(strstr(err.text, "belongs to user 12345"));
    close(fd);
}

static void test_trust_of_a_pipe(void **state)
{
    struct error err;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(trust_check(ends[0], "/dev/fd/63", &err), 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_included_files_must_be_trusted_too(void **state)
{
    struct configuration c;
    struct error err;
    char main_text[512];
    char main_path[256], included[256];

    (void)state;
    if (geteuid() != 0)
        skip_because("not root");
    snprintf(main_path, sizeof main_path, "%s", scratch_path("main.conf"));
    snprintf(included, sizeof included, "%s", scratch_path("part.conf"));
    snprintf(main_text, sizeof main_text, "@include \"%s\"\npopulations = ( { model = \"m\"; } );\n", included);
    write_text(main_path, main_text);
    write_text(included, "seed = 7;\n");
    assert_int_equal(chmod(main_path, 0644) | chmod(included, 0644), 0);
    assert_int_equal(configuration_load_trusted(&c, main_path, &err), 0);
    assert_int_equal(c.seed, 7);
    configuration_release(&c);
    assert_int_equal(chmod(included, 0666), 0);
    assert_int_equal(configuration_load_trusted(&c, main_path, &err), -1);
    assert_non_null(strstr(err.text, "part.conf: refused, because everybody may write it"));
    assert_int_equal(configuration_load(&c, main_path, &err), 0); /* who has no rights may read anything */
    configuration_release(&c);
}

/* ---- the filter of system calls ---- */

/* What a call gives: 0, or errno. */
static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int call_open(void) { return outcome(open("/etc/passwd", O_RDONLY)); }
static int call_create(void) { return outcome(open("/tmp/dayshift-no", O_WRONLY | O_CREAT, 0600)); }
static int call_socket(void) { return outcome(socket(AF_INET, SOCK_DGRAM, 0)); }
static int call_connect(void) { return outcome(syscall(SYS_connect, 0, NULL, 0)); }
static int call_bind(void) { return outcome(syscall(SYS_bind, 0, NULL, 0)); }
static int call_unlink(void) { return outcome(unlink("/tmp/dayshift-no")); }
static int call_stat(void) { return outcome(access("/etc/passwd", R_OK)); }
static int call_set_filter(void) { return outcome(syscall(SYS_setsockopt, 0, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0)); }
static int call_undumpable(void) { return outcome(prctl(PR_SET_DUMPABLE, 1)); }
static int call_set_owner(void) { return outcome(fcntl(0, F_SETOWN, getppid())); }
static int call_shutdown(void) { return outcome(syscall(SYS_shutdown, 0, SHUT_WR)); }
static int call_limit(void) { return outcome(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 10, 10 })); }

static int call_signal_thread(void)
{
    return outcome(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM));
}

static int call_map_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? errno : 0;
}

static int call_make_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? -1 : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int call_new_process(void)
{
    return outcome(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int call_execve(void)
{
    char *const none[] = { NULL };

    return outcome(execve("/bin/true", none, none));
}

static int call_ptrace(void) { return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)); }
static int call_kill(void) { return outcome(kill(getppid(), SIGTERM)); }
static int call_setuid(void) { return outcome(setuid(0)); }
static int call_unshare(void) { return outcome(unshare(CLONE_NEWUSER)); }

static void *thread_body(void *argument)
{
    prctl(PR_SET_TIMERSLACK, 1);
    return argument;
}

static int call_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    int status = pthread_create(&thread, NULL, thread_body, &result);

    if (status == 0)
        status = pthread_join(thread, &result);
    return status != 0 || result == NULL ? -1 : 0;
}

static int call_memory(void)
{
    size_t size = (size_t)64 << 20;
    char *memory = malloc(size);

    if (memory == NULL)
        return ENOMEM;
    memset(memory, 1, size);
    memory = realloc(memory, size * 2);
    free(memory);
    return memory ? 0 : ENOMEM;
}

static int call_clocks(void)
{
    const struct timespec nap_time = { .tv_nsec = 1000 };
    struct timespec now;
    struct tm broken;

    if (clock_gettime(CLOCK_MONOTONIC, &now) < 0 || localtime_r(&now.tv_sec, &broken) == NULL)
        return errno;
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &nap_time, NULL);
}

static int call_streams(void)
{
    int ends[2];
    FILE *stream;

    if (pipe2(ends, O_CLOEXEC) < 0 || (stream = fdopen(ends[1], "w")) == NULL)
        return errno;
    fprintf(stream, "%f", 1.5);
    fclose(stream);
    close(ends[0]);
    return isatty(STDERR_FILENO) < 0;
}

static int call_real_time(void)
{
    return outcome(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }));
}

static int call_abort(void)
{
    signal(SIGABRT, SIG_DFL);
    abort();
}

struct filtered_call {
    const char *name;
    int (*call)(void);
    int wanted;  /* 0 or errno */
    int killed;  /* or: by this signal */
};

static const struct filtered_call filtered_calls[] = {
    { "thread", call_thread, 0, 0 },
    { "memory", call_memory, 0, 0 },
    { "clocks", call_clocks, 0, 0 },
    { "streams", call_streams, 0, 0 },
    { "scheduler", call_real_time, 0, 0 },
    { "abort", call_abort, 0, SIGABRT },
    { "open", call_open, EPERM, 0 },
    { "create", call_create, EPERM, 0 },
    { "unlink", call_unlink, EPERM, 0 },
    { "access", call_stat, EPERM, 0 },
    { "socket", call_socket, EPERM, 0 },
    { "connect", call_connect, EPERM, 0 },
    { "bind", call_bind, EPERM, 0 },
    { "shutdown", call_shutdown, EPERM, 0 },
    { "attach filter", call_set_filter, EPERM, 0 },
    { "prctl", call_undumpable, EPERM, 0 },
    { "F_SETOWN", call_set_owner, EPERM, 0 },
    { "setrlimit", call_limit, EPERM, 0 },
    { "tgkill of another", call_signal_thread, EPERM, 0 },
    { "map code", call_map_code, EPERM, 0 },
    { "make code", call_make_code, EPERM, 0 },
    { "clone of a process", call_new_process, EPERM, 0 },
    { "execve", call_execve, 0, SIGSYS },
    { "ptrace", call_ptrace, 0, SIGSYS },
    { "kill", call_kill, 0, SIGSYS },
    { "setuid", call_setuid, 0, SIGSYS },
    { "unshare", call_unshare, 0, SIGSYS },
};

static _Noreturn void be_filtered(const struct filtered_call *c)
{
    const struct rlimit no_core = { 0, 0 };
    struct error err;
    int got;

    setrlimit(RLIMIT_CORE, &no_core);
    tzset();
    if (syscall_filter_enter(&err) < 0)
        _exit(255);
    got = c->call();
    _exit(got < 0 ? 254 : got);
}

static void test_filter(void **state)
{
    (void)state;
    if (!syscall_filter_is_built_in())
        skip_because("built with sanitizers, without the filter");
    for (size_t i = 0; i < sizeof filtered_calls / sizeof *filtered_calls; i++) {
        const struct filtered_call *c = &filtered_calls[i];
        pid_t child = fork();
        int status;

        if (child == 0)
            be_filtered(c);
        waitpid(child, &status, 0);
        if (c->killed && (!WIFSIGNALED(status) || WTERMSIG(status) != c->killed))
            fail_msg("%s: not ended by %s (status %x)", c->name, strsignal(c->killed), status);
        if (!c->killed && (!WIFEXITED(status) || WEXITSTATUS(status) != c->wanted))
            fail_msg("%s: status %x, not %s", c->name, status, strerror(c->wanted));
    }
}

/* ---- the machine's clocks ---- */

/* Readings a fifth of a second apart; what is not said by a row has passed as it should. */
static void test_clocks_of_the_machine(void **state)
{
    static const struct {
        int64_t wall_ns, monotonic_ns, boot_ns; /* passed */
        int64_t step_ns, suspended_ns;          /* wanted */
    } rows[] = {
        { 200 * NS_PER_MS, 200 * NS_PER_MS, 200 * NS_PER_MS, 0, 0 },
        { 3600 * NS_PER_SECOND, 200 * NS_PER_MS, 200 * NS_PER_MS, 3600 * NS_PER_SECOND - 200 * NS_PER_MS, 0 },
        { -NS_PER_DAY, 200 * NS_PER_MS, 200 * NS_PER_MS, -NS_PER_DAY - 200 * NS_PER_MS, 0 },
        { NS_PER_DAY, NS_PER_SECOND, NS_PER_DAY, 0, NS_PER_DAY - NS_PER_SECOND },             /* slept */
        { NS_PER_DAY, NS_PER_SECOND, NS_PER_DAY / 2, NS_PER_DAY / 2, NS_PER_DAY / 2 - NS_PER_SECOND }, /* and was set */
        { NS_PER_DAY, NS_PER_DAY, NS_PER_DAY, 0, 0 },                                         /* stopped for a day */
        { 201 * NS_PER_MS, 200 * NS_PER_MS, 200 * NS_PER_MS, 0, 0 },                          /* slewed */
        { 699 * NS_PER_MS, 200 * NS_PER_MS, 200 * NS_PER_MS, 0, 0 },
        { 700 * NS_PER_MS, 200 * NS_PER_MS, 200 * NS_PER_MS, 500 * NS_PER_MS, 0 },
    };
    struct wall_watch watch;
    struct clock_reading now;
    uint64_t steps = 0, suspensions = 0;

    (void)state;
    wall_watch_init(&watch);
    now = watch.last;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wall_change change;

        now.wall_ns += rows[i].wall_ns;
        now.monotonic_ns += rows[i].monotonic_ns;
        now.boot_ns += rows[i].boot_ns;
        change = wall_watch_look(&watch, &now);
        assert_int_equal(change.step_ns, rows[i].step_ns);
        assert_int_equal(change.suspended_ns, rows[i].suspended_ns);
        steps += rows[i].step_ns != 0;
        suspensions += rows[i].suspended_ns != 0;
        assert_int_equal(watch.steps, steps);
        assert_int_equal(watch.suspensions, suspensions);
    }
}

/* A clock that is slewed by 10 ms a look, for an hour: never set. */
static void test_a_slewed_clock_was_not_set(void **state)
{
    struct wall_watch watch;
    struct clock_reading now;

    (void)state;
    wall_watch_init(&watch);
    now = watch.last;
    for (int i = 0; i < 18000; i++) {
        now.wall_ns += 210 * NS_PER_MS;
        now.monotonic_ns += 200 * NS_PER_MS;
        now.boot_ns += 200 * NS_PER_MS;
        assert_int_equal(wall_watch_look(&watch, &now).step_ns, 0);
    }
    assert_int_equal(watch.steps, 0);
}

/* ---- the file of the log of flows ---- */

static void assert_text(const char *path, const char *wanted)
{
    char found[2048] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    (void)!fread(found, 1, sizeof found - 1, file);
    fclose(file);
    assert_string_equal(found, wanted);
}

static void assert_refused(const char *path, enum flow_log_format format, const char *why)
{
    struct flow_file file;
    struct error err = { "" };

    if (flow_file_open(&file, path, format, &err) == 0 || strstr(err.text, why) == NULL)
        fail_msg("%s is opened, or refused with: %s", path, err.text);
    assert_int_equal(file.append, -1);
    assert_int_equal(file.whole, -1);
    if (flow_file_look(path, format, NULL, &err) == 0 || strstr(err.text, why) == NULL)
        fail_msg("%s is not refused, or with: %s", path, err.text);
}

/* No byte of it is changed. */
static void test_flow_file_refuses_what_is_no_log(void **state)
{
    static const struct {
        enum flow_log_format format;
        const char *text;
    } cases[] = {
        { FLOW_LOG_JSON, "{\"format\":\"dayshift\",\"version\":3,\n\"hosts\":7}" },
        { FLOW_LOG_JSON, "{\"ts\":1795392000.000001,\"uid\":\"Cx\",\"id.orig_h\":\"198.18.0.3\"}\n{" },
        { FLOW_LOG_JSON, "\n" },
        { FLOW_LOG_JSON, "interface = \"eth0\";" },
        { FLOW_LOG_CSV, "ts,te\nx" },
        { FLOW_LOG_CSV, "{\"ts\":1795392000.000001,\"id.orig_h\":\"198.18.0.3\"}\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_path("no.log");

        write_text(path, cases[i].text);
        assert_refused(path, cases[i].format, "does not begin as this log does");
        assert_text(path, cases[i].text);
    }
}

static void test_flow_file_goes_on_behind_whole_lines(void **state)
{
    static const char line[] = "{\"ts\":1795392000.000001,\"id.orig_h\":\"198.18.0.3\"}\n";
    const struct {
        const char *first, *broken;
    } cases[] = { { line, "" }, { line, "{\"ts\":17" }, { "", "{\"ts\":17" }, { "", "{" }, { "", "" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_path("whole.json");
        struct flow_file file;
        struct error err = { "" };
        char text[200];

        snprintf(text, sizeof text, "%s%s", cases[i].first, cases[i].broken);
        write_text(path, text);
        assert_int_equal(flow_file_look(path, FLOW_LOG_JSON, NULL, &err), 0);
        assert_text(path, text); /* it is only looked at */
        if (flow_file_open(&file, path, FLOW_LOG_JSON, &err) < 0)
            fail_msg("%s", err.text);
        assert_text(path, cases[i].first);
        assert_int_equal(write(file.append, "x\n", 2), 2);
        assert_true(read(file.append, text, 1) < 0); /* what the engine has */
        snprintf(text, sizeof text, "%sx\n", cases[i].first);
        assert_text(path, text);
        flow_file_close(&file);
    }
}

static void test_flow_file_is_not_made_by_a_look(void **state)
{
    const char *path = scratch_path("new.csv");
    struct flow_file file;
    struct error err = { "" };

    (void)state;
    assert_int_equal(flow_file_look(path, FLOW_LOG_CSV, NULL, &err), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(flow_file_open(&file, path, FLOW_LOG_CSV, &err), 0);
    flow_file_close(&file);
    assert_text(path, flow_log_header(FLOW_LOG_CSV));
    assert_refused(scratch_path("nowhere/new.csv"), FLOW_LOG_CSV, "nowhere");
}

/* As long as the supervisor or the engine has it. */
static void test_flow_file_has_one_writer(void **state)
{
    const char *path = scratch_path("mine.csv");
    const struct flow_file none = { -1, -1 };
    struct flow_file mine;
    struct flow_file other;
    struct error err = { "" };
    int engine;

    (void)state;
    assert_int_equal(flow_file_open(&mine, path, FLOW_LOG_CSV, &err), 0);
    assert_int_equal(flow_file_open(&other, path, FLOW_LOG_CSV, &err), -1);
    assert_non_null(strstr(err.text, "another dayshiftd writes it"));
    assert_int_equal(flow_file_look(path, FLOW_LOG_CSV, &mine, &err), 0);
    assert_int_equal(flow_file_look(path, FLOW_LOG_CSV, NULL, &err), 0);
    assert_int_equal(flow_file_look(path, FLOW_LOG_CSV, &none, &err), -1);
    assert_non_null(strstr(err.text, "another dayshiftd writes it"));
    engine = dup(mine.append);
    flow_file_close(&mine);
    assert_int_equal(flow_file_open(&other, path, FLOW_LOG_CSV, &err), -1);
    close(engine);
    assert_int_equal(flow_file_open(&other, path, FLOW_LOG_CSV, &err), 0);
    flow_file_close(&other);
}

/* The way to it may have links, which are followed once; the file is none, and nothing is made where one points. */
static void test_flow_file_and_links(void **state)
{
    struct flow_file file;
    struct error err = { "" };

    (void)state;
    assert_int_equal(mkdir(scratch_path("logs"), 0700), 0);
    assert_int_equal(symlink("logs", scratch_path("way")), 0);
    assert_int_equal(flow_file_open(&file, scratch_path("way/flows.csv"), FLOW_LOG_CSV, &err), 0);
    flow_file_close(&file);
    assert_text(scratch_path("logs/flows.csv"), flow_log_header(FLOW_LOG_CSV));
    assert_int_equal(symlink("target.csv", scratch_path("link.csv")), 0);
    assert_refused(scratch_path("link.csv"), FLOW_LOG_CSV, "symbolic link");
    assert_int_equal(access(scratch_path("target.csv"), F_OK), -1);
    assert_int_equal(link(scratch_path("logs/flows.csv"), scratch_path("two.csv")), 0);
    assert_refused(scratch_path("two.csv"), FLOW_LOG_CSV, "other names");
    assert_int_equal(chmod(scratch_path("logs"), 0777), 0);
    assert_refused(scratch_path("way/new.csv"), FLOW_LOG_CSV, "everybody may write it");
    assert_int_equal(access(scratch_path("logs/new.csv"), F_OK), -1);
}

static void test_flow_file_of_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_int_equal(mkdir(scratch_path("theirs"), 0755), 0);
    assert_int_equal(symlink("theirs", scratch_path("their-way")), 0);
    assert_int_equal(chown(scratch_path("theirs"), 65534, 65534), 0);
    assert_refused(scratch_path("theirs/flows.csv"), FLOW_LOG_CSV, "belongs to user 65534");
    assert_refused(scratch_path("their-way/flows.csv"), FLOW_LOG_CSV, "belongs to user 65534");
    assert_int_equal(access(scratch_path("theirs/flows.csv"), F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_file_refuses_what_is_no_log),
        cmocka_unit_test(test_flow_file_goes_on_behind_whole_lines),
        cmocka_unit_test(test_flow_file_is_not_made_by_a_look),
        cmocka_unit_test(test_flow_file_has_one_writer),
        cmocka_unit_test(test_flow_file_and_links),
        cmocka_unit_test(test_flow_file_of_another_user),
        cmocka_unit_test(test_delay_doubles_up_to_a_minute),
        cmocka_unit_test(test_board_settles_what_a_crash_left),
        cmocka_unit_test(test_board_counts_the_interface_by_engine),
        cmocka_unit_test(test_board_refuses_a_place_that_cannot_be),
        cmocka_unit_test(test_channel_takes_requests_only),
        cmocka_unit_test(test_supervisor_restarts_what_crashed),
        cmocka_unit_test(test_supervisor_keeps_what_a_crashed_engine_did),
        cmocka_unit_test(test_supervisor_passes_signals_on),
        cmocka_unit_test(test_supervisor_says_that_the_engine_crashed_at_the_end),
        cmocka_unit_test(test_supervisor_says_that_the_engine_crashed_at_a_reload),
        cmocka_unit_test(test_supervisor_goes_a_step_further_with_each_signal),
        cmocka_unit_test(test_supervisor_ends_while_it_waits_to_start_again),
        cmocka_unit_test(test_supervisor_reloads),
        cmocka_unit_test(test_supervisor_reloads_at_sighup),
        cmocka_unit_test(test_supervisor_ends_with_its_terminal),
        cmocka_unit_test(test_supervisor_stops_when_the_engine_asks),
        cmocka_unit_test(test_engine_ends_with_its_supervisor),
        cmocka_unit_test(test_who_drops_privileges_still_ends_with_its_parent),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_trust_follows_links),
        cmocka_unit_test(test_trust_of_a_pipe),
        cmocka_unit_test(test_included_files_must_be_trusted_too),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_clocks_of_the_machine),
        cmocka_unit_test(test_a_slewed_clock_was_not_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
