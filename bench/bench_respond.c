/*
 * bench_respond - a neighbour who asks virtual hosts, and how long they take to answer.
 *
 *     bench_respond INTERFACE HOSTS RATE SECONDS
 *
 * Asks RATE times a second, in turns by ARP, ping, a SYN, a neighbour solicitation and a ping of IPv6, one after the other
 * of HOSTS hosts from 198.18.0.1 and 2001:2::1 on, whose MAC addresses are those that dayshiftd makes up. Prints key=value: asked, answered, and the times in microseconds from
 * the call that sends to the kernel's stamp of the answer: p50, p99, p999, max; late are those above 10 ms.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log_histogram.h"
#include "base/memory.h"
#include "base/time_types.h"
#include "emit/arp.h"
#include "emit/neighbour_discovery.h"
#include "net/wire.h"

#define FIRST_HOST UINT32_C(0xc6120001) /* 198.18.0.1 */
#define OWN_IP UINT32_C(0xc612fffd)     /* 198.18.255.253 */
#define WAIT_NS (NS_PER_SECOND)         /* for the last answers */
#define LATE_NS (10 * NS_PER_MS)

enum { KINDS = 5, ASK_ARP = 0, ASK_PING, ASK_SYN, ASK_ND, ASK_PING6, MOST_HOSTS = 60000, FRAME_ROOM = 2048 };

static const struct ip_address first_host6 = { { 0x20, 0x01, 0, 2, [15] = 1 } };
static const struct ip_address own_ip6 = { { 0x20, 0x01, 0, 2, [12] = 0xff, [15] = 1 } };
static const uint8_t own_mac[6] = { 0x02, 0, 0, 0, 0x0b, 1 }; /* nobody's: the kernel here stays silent */

struct asker {
    int fd;
    uint32_t hosts;
    int64_t *asked_ns[KINDS]; /* by host, of the realtime clock; 0: nothing is waited for */
    uint64_t asked, answered, late;
    struct log_histogram times;
};

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void host_mac(uint32_t address, uint8_t mac[6])
{
    mac[0] = 0x02;
    mac[1] = 0xd5;
    wire_put_u32(mac + 2, address);
}

static uint8_t *put_ip(uint8_t *frame, uint32_t address, uint8_t protocol, uint16_t bytes)
{
    uint8_t *ip = frame + ETHERNET_BYTES;
    uint8_t mac[6];

    host_mac(address, mac);
    ethernet_put(frame, mac, own_mac, ETHERNET_TYPE_IPV4);
    memset(ip, 0, 20 + (size_t)bytes);
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)(20 + bytes));
    ip[8] = 64;
    ip[9] = protocol;
    wire_put_u32(ip + 12, OWN_IP);
    wire_put_u32(ip + 16, address);
    wire_put_u16(ip + 10, checksum_finish(checksum_add(0, ip, 20)));
    return ip + 20;
}

static size_t put_ping(uint8_t *frame, uint32_t address)
{
    uint8_t *icmp = put_ip(frame, address, IP_ICMP, 64);

    icmp[0] = 8;
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(0, icmp, 64)));
    return ETHERNET_BYTES + 20 + 64;
}

static size_t put_syn(uint8_t *frame, uint32_t address)
{
    uint8_t *tcp = put_ip(frame, address, IP_TCP, 20);
    uint8_t rest[4] = { 0, IP_TCP, 0, 20 };

    wire_put_u16(tcp, 40000);
    wire_put_u16(tcp + 2, 80);
    tcp[12] = 5 << 4;
    tcp[13] = TCP_SYN;
    wire_put_u16(tcp + 16, checksum_finish(checksum_add(checksum_add(checksum_add(0, frame + ETHERNET_BYTES + 12, 8), rest,
                                                                     sizeof rest), tcp, 20)));
    return ETHERNET_BYTES + 20 + 20;
}

static size_t put_ping6(uint8_t *frame, uint32_t host)
{
    struct ip_address address = ip_address_add(&first_host6, host);
    uint8_t *ip = frame + ETHERNET_BYTES;
    uint8_t *icmp = ip + 40;
    uint8_t mac[6];

    host_mac(FIRST_HOST + host, mac);
    ethernet_put(frame, mac, own_mac, ETHERNET_TYPE_IPV6);
    memset(ip, 0, 40 + 64);
    ip[0] = 0x60;
    wire_put_u16(ip + 4, 64);
    ip[6] = IP_ICMPV6;
    ip[7] = 64;
    memcpy(ip + 8, own_ip6.bytes, 16);
    memcpy(ip + 24, address.bytes, 16);
    icmp[0] = 128;
    wire_put_u16(icmp + 2, checksum_finish(checksum_add(ip_packet_pseudo_sum(&own_ip6, &address, IP_ICMPV6, 64), icmp, 64)));
    return ETHERNET_BYTES + 40 + 64;
}

static size_t put_question(uint8_t *frame, int kind, uint32_t host)
{
    struct ip_address address = ip_address_add(&first_host6, host);

    switch (kind) {
    case ASK_ARP: arp_put_request(frame, own_mac, OWN_IP, FIRST_HOST + host); return ARP_FRAME_BYTES;
    case ASK_PING: return put_ping(frame, FIRST_HOST + host);
    case ASK_SYN: return put_syn(frame, FIRST_HOST + host);
    case ASK_ND: neighbour_put_solicitation(frame, own_mac, &own_ip6, &address); return NEIGHBOUR_FRAME_BYTES;
    default: return put_ping6(frame, host);
    }
}

static void ask(struct asker *a)
{
    uint64_t number = a->asked++;
    uint32_t host = (uint32_t)(number * 7919 % a->hosts);
    int kind = (int)(number % KINDS);
    uint8_t frame[128];
    size_t size = put_question(frame, kind, host);

    a->asked_ns[kind][host] = clock_ns(CLOCK_REALTIME);
    if (send(a->fd, frame, size, 0) < 0)
        perror("send");
}

/* What an answer is for: its kind and its host. False when it is none. */
static bool find_question(const struct asker *a, const uint8_t *frame, size_t size, int *kind, uint32_t *host)
{
    struct arp arp;

    if (arp_parse(&arp, frame, size)) {
        *kind = ASK_ARP;
        *host = arp.sender - FIRST_HOST;
        return arp.operation == ARP_REPLY && *host < a->hosts;
    }
    if (size < ETHERNET_BYTES + 40)
        return false;
    if (wire_get_u16(frame + ETHERNET_TYPE) == ETHERNET_TYPE_IPV6) {
        struct ip_address from;

        memcpy(from.bytes, frame + ETHERNET_BYTES + 8, sizeof from.bytes);
        *kind = size > ETHERNET_BYTES + 40 && frame[ETHERNET_BYTES + 40] == 129 ? ASK_PING6 : ASK_ND;
        *host = (uint32_t)ip_address_distance(&from, &first_host6);
        return *host < a->hosts;
    }
    if (wire_get_u16(frame + ETHERNET_TYPE) != ETHERNET_TYPE_IPV4)
        return false;
    *kind = frame[23] == IP_ICMP ? ASK_PING : ASK_SYN;
    *host = wire_get_u32(frame + 26) - FIRST_HOST;
    return *host < a->hosts;
}

static void take(struct asker *a, const uint8_t *frame, size_t size, int64_t stamp_ns)
{
    uint32_t host;
    int kind;

    if (!find_question(a, frame, size, &kind, &host) || a->asked_ns[kind][host] == 0)
        return;
    a->answered++;
    a->late += stamp_ns - a->asked_ns[kind][host] > LATE_NS;
    log_histogram_add(&a->times, stamp_ns - a->asked_ns[kind][host]);
    a->asked_ns[kind][host] = 0;
}

static int64_t stamp_of(struct msghdr *message)
{
    struct timespec stamp = { 0 };

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
    }
    return stamp.tv_sec * NS_PER_SECOND + stamp.tv_nsec;
}

static void take_all(struct asker *a)
{
    for (;;) {
        uint8_t frame[FRAME_ROOM];
        _Alignas(struct cmsghdr) uint8_t control[128];
        struct iovec part = { frame, sizeof frame };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                                  .msg_controllen = sizeof control };
        ssize_t got = recvmsg(a->fd, &message, MSG_DONTWAIT);

        if (got < 0)
            return;
        take(a, frame, (size_t)got, stamp_of(&message));
    }
}

/* Frames to us alone, of all that passes by. */
static int open_socket(const char *name)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02000000, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0b01, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(0x0003 /* all */),
                                   .sll_ifindex = (int)if_nametoindex(name) };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    int on = 1;
    int buffer_bytes = 16 << 20;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd;
}

static void run(struct asker *a, long rate, long seconds)
{
    int64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
    int64_t step_ns = NS_PER_SECOND / rate;

    while ((int64_t)a->asked < rate * seconds) {
        int64_t due_ns = begin_ns + (int64_t)a->asked * step_ns;
        struct timespec due = { due_ns / NS_PER_SECOND, due_ns % NS_PER_SECOND };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        ask(a);
        take_all(a);
    }
    for (int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS; clock_ns(CLOCK_MONOTONIC) < end_ns; usleep(10000))
        take_all(a);
}

int main(int argc, char **argv)
{
    static struct asker a; /* zero */
    const struct log_histogram *t = &a.times;
    long hosts = argc == 5 ? atol(argv[2]) : 0;
    long rate = argc == 5 ? atol(argv[3]) : 0;
    long seconds = argc == 5 ? atol(argv[4]) : 0;

    if (hosts < 1 || hosts > MOST_HOSTS || rate < 1 || rate > 100000 || seconds < 1) {
        fprintf(stderr, "usage: bench_respond INTERFACE HOSTS RATE SECONDS\n");
        return 2;
    }
    a.fd = open_socket(argv[1]);
    if (a.fd < 0) {
        perror(argv[1]);
        return 1;
    }
    a.hosts = (uint32_t)hosts;
    for (int i = 0; i < KINDS; i++)
        a.asked_ns[i] = memory_alloc_array((size_t)hosts, sizeof **a.asked_ns);
    run(&a, rate, seconds);
    printf("asked=%llu\nanswered=%llu\nlate=%llu\np50=%.1f\np99=%.1f\np999=%.1f\nmax=%.1f\n", (unsigned long long)a.asked,
           (unsigned long long)a.answered, (unsigned long long)a.late, (double)log_histogram_quantile(t, 0.5) / 1e3,
           (double)log_histogram_quantile(t, 0.99) / 1e3, (double)log_histogram_quantile(t, 0.999) / 1e3,
           (double)t->max_ns / 1e3);
    for (int i = 0; i < KINDS; i++)
        free(a.asked_ns[i]);
    return 0;
}
