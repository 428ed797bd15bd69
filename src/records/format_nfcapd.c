/*
 * nfcapd files, read by the program that wrote them: nfdump prints each record as one line into a pipe.
 *
 * nfdump 1.7 ends with success when a file is damaged, and says so on its standard error alone; so both
 * are looked at. No shell is in between.
 */
#define _GNU_SOURCE /* memfd_create, its seals, posix_spawn */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "records/record_format.h"

extern char **environ;

enum {
    MAGIC = 0xa50c,
    COMPLAINT_BYTES = 4096 /* of what nfdump says is kept; the rest is refused */
};

/* Epoch seconds know no time zone; addresses and ports in full. */
static const char nfdump_layout[] =
    "fmt:%tsr,%td,%pr,%sa,%sp,%da,%dp,%flg,%pkt,%byt,%opkt,%obyt";
static const char columns[] = "start=1,duration=2,proto=3,src=4,sport=5,dst=6,dport=7,flags=8,packets=9,"
                              "bytes=10,rpackets=11,rbytes=12";

struct nfcapd {
    char *path;
    pid_t child; /* 0: waited for */
    int complaints;
    struct input_file *lines; /* what it prints; NULL: nothing */
    void *reader;             /* of format_columns; NULL: there are no records */
    uint64_t records;
    char complaint[2 * FIELD_TEXT]; /* the first; empty: none */
};

/* What nfdump prints in place of records. */
static const char nothing[] = "No matching flows";

static bool nfcapd_recognizes(const char *head, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)head;

    return size >= 2 && ((bytes[0] == (MAGIC & 0xff) && bytes[1] == MAGIC >> 8) ||
                         (bytes[1] == (MAGIC & 0xff) && bytes[0] == MAGIC >> 8));
}

/* nfdump opens the file itself, so there must be one, as it is on disk. */
static int check_file(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char head[2];
    ssize_t got = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;

    if (fd >= 0)
        close(fd);
    if (got == (ssize_t)sizeof head && nfcapd_recognizes(head, sizeof head))
        return 0;
    return error_set(err, "%s: nfcapd records must be in a file that is not compressed, and do not come from "
                          "a pipe: nfdump opens it itself", path);
}

/* The child gets nothing to read, the pipe, and a place for what it complains about. */
static int spawn(struct nfcapd *n, int pipe_out, struct error *err)
{
    const char *const arguments[] = { "nfdump", "-q", "-N", "-6", "-r", n->path, "-o", nfdump_layout, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipe_out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, n->complaints, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    status = posix_spawnp(&n->child, arguments[0], &actions, &attributes,
                          (char *const *)(uintptr_t)arguments, environ); /* changes none of them */
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (status == 0)
        return 0;
    n->child = 0;
    if (status == ENOENT)
        return error_set(err, "%s: the program nfdump is needed to read nfcapd files and is not installed "
                              "(Debian: nfdump)", n->path);
    return error_set(err, "%s: cannot start nfdump: %s", n->path, strerror(status));
}

/* A place of a fixed size, so that no file can make nfdump fill the memory with complaints. */
static int open_complaints(void)
{
    int fd = memfd_create("nfdump", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, COMPLAINT_BYTES) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int start_nfdump(struct nfcapd *n, struct error *err)
{
    int ends[2];
    int status;

    n->complaints = open_complaints();
    if (n->complaints < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return error_set(err, "%s: cannot start nfdump: %s", n->path, strerror(errno));
    status = spawn(n, ends[1], err);
    close(ends[1]);
    if (status < 0) {
        close(ends[0]);
        return -1;
    }
    n->lines = input_file_from_fd(ends[0], n->path, err); /* it fails when there is nothing */
    return 0;
}

static bool says_nothing(struct input_file *lines)
{
    size_t size;
    const uint8_t *head = input_file_peek(lines, sizeof nothing - 1, &size);

    return size == sizeof nothing - 1 && memcmp(head, nothing, size) == 0;
}

static void read_complaint(struct nfcapd *n)
{
    struct field line;
    char bytes[COMPLAINT_BYTES];
    ssize_t got = pread(n->complaints, bytes, sizeof bytes, 0);
    size_t size = got > 0 ? strnlen(bytes, (size_t)got) : 0;

    if (format_first_line(bytes, size, &line))
        snprintf(n->complaint, sizeof n->complaint, "%.*s", (int)line.size, line.at);
}

/* Waits for the end of nfdump; -1 when it failed, or complained and gave nothing. */
static int finish(struct nfcapd *n, struct error *err)
{
    int status = 0;

    if (n->child == 0)
        return 0;
    while (waitpid(n->child, &status, 0) < 0 && errno == EINTR)
        ;
    n->child = 0;
    read_complaint(n);
    if (WIFSIGNALED(status))
        return error_set(err, "%s: nfdump was ended by signal %d", n->path, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0 || (n->complaint[0] != '\0' && n->records == 0))
        return error_set(err, "%s: nfdump cannot read it: %s", n->path,
                         n->complaint[0] ? n->complaint : "it gives no reason");
    return 0;
}

static const char *nfcapd_damage(const void *self)
{
    const struct nfcapd *n = self;

    return n->complaint[0] ? n->complaint : NULL;
}

static void nfcapd_close(void *self)
{
    struct nfcapd *n = self;
    struct error ignored;

    if (n->reader != NULL)
        format_columns.close(n->reader);
    input_file_close(n->lines);
    if (n->child > 0) { /* reading stopped before its end */
        kill(n->child, SIGTERM);
        (void)finish(n, &ignored);
    }
    if (n->complaints >= 0)
        close(n->complaints);
    free(n->path);
    free(n);
}

static void *nfcapd_open(struct input_file *input, const struct record_options *options,
                         struct row_rules *rules, struct error *err)
{
    const char *path = input_file_name(input);
    struct nfcapd *n;

    (void)options;
    if (check_file(path, err) < 0)
        return NULL;
    n = memory_alloc(sizeof *n);
    n->complaints = -1;
    n->path = memory_copy_text(path);
    if (start_nfdump(n, err) < 0) {
        nfcapd_close(n);
        return NULL;
    }
    if (n->lines != NULL && !says_nothing(n->lines))
        n->reader = delimited_open_columns(n->lines, columns, rules, err);
    *rules = (struct row_rules){ ICMP_IN_DPORT, .knows_initiator = true, .pairs = true };
    return n;
}

static int nfcapd_next(void *self, struct record_row *row, struct error *err)
{
    struct nfcapd *n = self;
    int result = n->reader ? format_columns.next(n->reader, row, err) : FORMAT_END;

    if (result == FORMAT_END)
        return finish(n, err) < 0 ? FORMAT_FAILED : FORMAT_END;
    n->records++;
    return result;
}

static uint64_t nfcapd_place(const void *self, const char **noun)
{
    *noun = "record";
    return ((const struct nfcapd *)self)->records;
}

static const char *nfcapd_column(const void *self, enum row_role role, char text[])
{
    (void)self;
    return strcpy(text, row_role_name(role));
}

const struct record_format format_nfcapd = {
    "nfcapd", nfcapd_recognizes, nfcapd_open, nfcapd_next, nfcapd_place, nfcapd_column, nfcapd_close,
    nfcapd_damage,
};
