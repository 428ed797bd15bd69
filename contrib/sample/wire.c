/*
 * wire - patch cables with a length.
 *
 * Each argument names two interfaces and how the cable between them behaves:
 *
 *     A:B:DELAY:JITTER:RATE
 *
 * DELAY and JITTER are microseconds for one direction, RATE is kilobits per
 * second.  Every frame that arrives at A leaves at B later, and the other
 * way round; frames keep their order.  It does what the kernel's netem would
 * do, for kernels built without it.  record-sample.sh compiles and runs it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define MAX_CABLES 64
#define MAX_FRAME 2048
#define MAX_QUEUED (512 * 1024) /* bytes waiting in one direction */

struct frame {
    struct frame *next;
    uint64_t due;
    size_t len;
    unsigned char data[];
};

struct way { /* one direction of one cable */
    int in, out;
    uint64_t delay, jitter, rate;
    uint64_t free_at; /* when the sender's line is free again */
    uint64_t last_due;
    size_t queued;
    struct frame *head, **tail;
};

static struct way ways[2 * MAX_CABLES];
static struct pollfd fds[2 * MAX_CABLES];
static size_t n_ways;
static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return n ? seed % n : 0;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_end(const char *name)
{
    struct sockaddr_ll a = { .sll_family = AF_PACKET };
    int one = 1, buf = 4 << 20, fd;

    a.sll_protocol = htons(ETH_P_ALL);
    a.sll_ifindex = (int)if_nametoindex(name);
    if (a.sll_ifindex == 0)
        die(name);
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one))
        die("PACKET_IGNORE_OUTGOING");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof buf);
    if (bind(fd, (struct sockaddr *)&a, sizeof a))
        die(name);
    return fd;
}

static void add_cable(const char *arg)
{
    char a[IFNAMSIZ], b[IFNAMSIZ];
    unsigned long delay, jitter, rate;
    int fa, fb;

    if (n_ways + 2 > 2 * MAX_CABLES ||
        sscanf(arg, "%15[^:]:%15[^:]:%lu:%lu:%lu", a, b, &delay, &jitter,
           &rate) != 5 || rate == 0) {
        fprintf(stderr, "wire: bad cable '%s'\n", arg);
        exit(2);
    }
    fa = open_end(a);
    fb = open_end(b);
    for (int i = 0; i < 2; i++) {
        struct way *w = &ways[n_ways];

        w->in = i ? fb : fa;
        w->out = i ? fa : fb;
        w->delay = delay * 1000u;
        w->jitter = jitter * 1000u;
        w->rate = rate;
        w->tail = &w->head;
        fds[n_ways].fd = w->in;
        fds[n_ways].events = POLLIN;
        n_ways++;
    }
}

/*
 * Where a TCP checksum comes out as 0 the kernel, doing the sum itself, writes
 * the other zero, 0xffff, as is right for UDP.  Network cards write 0 for TCP.
 */
static void as_a_card_does(unsigned char *f, size_t n)
{
    size_t at;

    if (n < 34 || f[12] != 8 || f[13] != 0 || f[23] != 6 ||
        (f[20] & 0x3f) != 0 || f[21] != 0)
        return;
    at = 14 + (size_t)(f[14] & 15) * 4 + 16;
    if (at + 2 <= n && f[at] == 0xff && f[at + 1] == 0xff)
        f[at] = f[at + 1] = 0;
}

static void take_in(struct way *w)
{
    unsigned char buf[MAX_FRAME];
    ssize_t n;

    while ((n = recv(w->in, buf, sizeof buf, MSG_TRUNC)) > 0) {
        uint64_t t = now();
        struct frame *f;

        if ((size_t)n > sizeof buf || w->queued + (size_t)n > MAX_QUEUED)
            continue; /* as a switch drops it */
        as_a_card_does(buf, (size_t)n);
        f = malloc(sizeof *f + (size_t)n);
        if (!f)
            continue;
        /* preamble, checksum and gap take 24 byte times as well */
        if (w->free_at < t)
            w->free_at = t;
        w->free_at += ((uint64_t)n + 24) * 8 * 1000000u / w->rate;
        f->due = w->free_at + w->delay + random_below(w->jitter);
        if (f->due < w->last_due)
            f->due = w->last_due;
        w->last_due = f->due;
        f->len = (size_t)n;
        f->next = NULL;
        memcpy(f->data, buf, (size_t)n);
        *w->tail = f;
        w->tail = &f->next;
        w->queued += f->len;
    }
}

static void give_out(struct way *w, uint64_t t)
{
    while (w->head && w->head->due <= t) {
        struct frame *f = w->head;

        w->head = f->next;
        if (!w->head)
            w->tail = &w->head;
        w->queued -= f->len;
        (void)!send(w->out, f->data, f->len, 0);
        free(f);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: wire A:B:DELAY_US:JITTER_US:RATE_KBIT...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        add_cable(argv[i]);

    for (;;) {
        uint64_t next = UINT64_MAX, t = now();
        struct timespec wait, *wp = NULL;

        for (size_t i = 0; i < n_ways; i++) {
            give_out(&ways[i], t);
            if (ways[i].head && ways[i].head->due < next)
                next = ways[i].head->due;
        }
        if (next != UINT64_MAX) {
            t = now();
            next = next > t ? next - t : 0;
            wait.tv_sec = (time_t)(next / 1000000000u);
            wait.tv_nsec = (long)(next % 1000000000u);
            wp = &wait;
        }
        if (ppoll(fds, n_ways, wp, NULL) < 0 && errno != EINTR)
            die("ppoll");
        for (size_t i = 0; i < n_ways; i++)
            if (fds[i].revents)
                take_in(&ways[i]);
    }
}
