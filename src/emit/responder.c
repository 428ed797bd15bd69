#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/responder.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mono_time.h"
#include "base/time_types.h"
#include "net/wire.h"

enum {
    POLL_MS = 50,          /* a stop is noticed after this */
    LONGEST_REQUEST = 9014 /* jumbo frames; a longer one is cut by recvmsg() and then malformed */
};

#define MOST_ANSWERS 10000 /* a second: more than any scan of a site, too few to flood its wire */

/* Offsets in an Ethernet frame without a VLAN tag. */
enum {
    ETHERNET_DESTINATION = 0,
    ETHERNET_SOURCE = 6,
    ETHERNET_TYPE = 12,
    ETHERNET_BYTES = 14,

    ARP_HEADER = 14,
    ARP_OPERATION = 20,
    ARP_SENDER_MAC = 22,
    ARP_SENDER_IP = 28,
    ARP_TARGET_MAC = 32,
    ARP_TARGET_IP = 38,
    ARP_FRAME_BYTES = 42,

    IP_HEADER = 14,
    IP_TOTAL_LENGTH = 16,
    IP_FRAGMENT = 20,
    IP_TTL = 22,
    IP_PROTOCOL = 23,
    IP_CHECKSUM = 24,
    IP_SOURCE = 26,
    IP_DESTINATION = 30,
    IP_HEADER_BYTES = 20,

    ICMP_HEADER = 34,
    ICMP_CHECKSUM = 36,
    ICMP_HEADER_BYTES = 8,

    MAC_BYTES = 6
};

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_VLAN = 0x8100,
    TAG_BYTES = 4,
    VLAN_MASK = 0x0fff,
    ARP_REPLY = 2,
    VERSION_4_NO_OPTIONS = 0x45,
    FRAGMENT_ANY = 0x3fff, /* "more fragments", and the offset */
    PROTOCOL_ICMP = 1,
    ECHO_REQUEST = 8,
    ECHO_REPLY = 0,
    REPLY_TTL = 64
};

/* An answer must have one receiver. */
static bool is_unicast_mac(const uint8_t mac[MAC_BYTES])
{
    static const uint8_t zero[MAC_BYTES];

    return (mac[0] & 1) == 0 && memcmp(mac, zero, MAC_BYTES) != 0;
}

/* Not 0.0.0.0, loopback, multicast, reserved or broadcast. */
static bool is_unicast_ip(uint32_t address)
{
    uint32_t first = address >> 24;

    return first != 0 && first != 127 && first < 224;
}

static bool is_to(const uint8_t *request, const uint8_t mac[MAC_BYTES])
{
    return memcmp(request + ETHERNET_DESTINATION, mac, MAC_BYTES) == 0;
}

static bool is_broadcast(const uint8_t *request)
{
    static const uint8_t broadcast[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    return is_to(request, broadcast);
}

static bool is_arp_request(const uint8_t *request, size_t size)
{
    /* Ethernet, IPv4, their address lengths, operation 1 (RFC 826). */
    static const uint8_t header[8] = { 0, 1, 0x08, 0, MAC_BYTES, 4, 0, 1 };

    return size >= ARP_FRAME_BYTES && memcmp(request + ARP_HEADER, header, sizeof header) == 0 &&
           is_unicast_mac(request + ARP_SENDER_MAC);
}

/* Its MAC, when it is a virtual host. */
static bool find_host(const struct responder *responder, uint32_t address, uint16_t vlan, uint8_t mac[MAC_BYTES])
{
    const struct ip_address asked = ip_address_from_v4(address);
    struct address_owner owner;

    if (!responder->lookup(responder->lookup_self, &asked, vlan, &owner) || owner.is_outside)
        return false;
    memcpy(mac, owner.mac, MAC_BYTES);
    return true;
}

static size_t answer_arp(const struct responder *responder, uint16_t vlan, const uint8_t *request, size_t size,
                         uint8_t *reply)
{
    uint8_t mac[MAC_BYTES];
    uint32_t target;

    if (!is_arp_request(request, size))
        return 0;
    target = wire_get_u32(request + ARP_TARGET_IP);
    if (target == wire_get_u32(request + ARP_SENDER_IP))
        return 0; /* an announcement, which asks nothing */
    if (!find_host(responder, target, vlan, mac))
        return 0;
    if (!is_to(request, mac) && !is_broadcast(request))
        return 0;
    memcpy(reply, request, ARP_FRAME_BYTES);
    memcpy(reply + ETHERNET_DESTINATION, request + ARP_SENDER_MAC, MAC_BYTES);
    memcpy(reply + ETHERNET_SOURCE, mac, MAC_BYTES);
    wire_put_u16(reply + ARP_OPERATION, ARP_REPLY);
    memcpy(reply + ARP_SENDER_MAC, mac, MAC_BYTES);
    memcpy(reply + ARP_SENDER_IP, request + ARP_TARGET_IP, 4);
    memcpy(reply + ARP_TARGET_MAC, request + ARP_SENDER_MAC, MAC_BYTES);
    memcpy(reply + ARP_TARGET_IP, request + ARP_SENDER_IP, 4);
    return ARP_FRAME_BYTES;
}

/* A header without options: source routes and the like get no answer, as on most hosts. */
static bool is_ip_of_icmp(const uint8_t *request, size_t size)
{
    size_t total;

    if (size < ICMP_HEADER + ICMP_HEADER_BYTES || request[IP_HEADER] != VERSION_4_NO_OPTIONS)
        return false;
    total = wire_get_u16(request + IP_TOTAL_LENGTH);
    return total >= IP_HEADER_BYTES + ICMP_HEADER_BYTES && total <= size - ETHERNET_BYTES &&
           (wire_get_u16(request + IP_FRAGMENT) & FRAGMENT_ANY) == 0 &&
           request[IP_PROTOCOL] == PROTOCOL_ICMP &&
           checksum_finish(checksum_add(0, request + IP_HEADER, IP_HEADER_BYTES)) == 0 &&
           is_unicast_mac(request + ETHERNET_SOURCE) &&
           is_unicast_ip(wire_get_u32(request + IP_SOURCE));
}

static bool is_echo_request(const uint8_t *icmp, size_t size)
{
    return icmp[0] == ECHO_REQUEST && icmp[1] == 0 &&
           checksum_finish(checksum_add(0, icmp, size)) == 0;
}

static void make_echo_reply(const uint8_t *request, const uint8_t mac[MAC_BYTES], size_t icmp_size,
                            uint8_t *reply)
{
    memcpy(reply, request, ICMP_HEADER + icmp_size);
    memcpy(reply + ETHERNET_DESTINATION, request + ETHERNET_SOURCE, MAC_BYTES);
    memcpy(reply + ETHERNET_SOURCE, mac, MAC_BYTES);
    memcpy(reply + IP_SOURCE, request + IP_DESTINATION, 4);
    memcpy(reply + IP_DESTINATION, request + IP_SOURCE, 4);
    reply[IP_TTL] = REPLY_TTL;
    wire_put_u16(reply + IP_CHECKSUM, 0);
    wire_put_u16(reply + IP_CHECKSUM,
                 checksum_finish(checksum_add(0, reply + IP_HEADER, IP_HEADER_BYTES)));
    reply[ICMP_HEADER] = ECHO_REPLY;
    wire_put_u16(reply + ICMP_CHECKSUM, 0);
    wire_put_u16(reply + ICMP_CHECKSUM,
                 checksum_finish(checksum_add(0, reply + ICMP_HEADER, icmp_size)));
}

static size_t answer_echo(const struct responder *responder, uint16_t vlan, const uint8_t *request, size_t size,
                          uint8_t *reply)
{
    uint8_t mac[MAC_BYTES];
    size_t icmp_size;

    if (!is_ip_of_icmp(request, size))
        return 0;
    /* What follows the packet is padding of Ethernet and stays behind. */
    icmp_size = wire_get_u16(request + IP_TOTAL_LENGTH) - (size_t)IP_HEADER_BYTES;
    if (!is_echo_request(request + ICMP_HEADER, icmp_size))
        return 0;
    if (!find_host(responder, wire_get_u32(request + IP_DESTINATION), vlan, mac))
        return 0;
    if (!is_to(request, mac))
        return 0;
    make_echo_reply(request, mac, icmp_size, reply);
    return ICMP_HEADER + icmp_size;
}

size_t responder_answer(const struct responder *responder, uint16_t vlan, const uint8_t *request, size_t size,
                        uint8_t *reply)
{
    uint16_t type;

    if (size < ETHERNET_BYTES)
        return 0;
    type = wire_get_u16(request + ETHERNET_TYPE);
    if (type == TYPE_ARP)
        return answer_arp(responder, vlan, request, size, reply);
    return type == TYPE_IPV4 ? answer_echo(responder, vlan, request, size, reply) : 0;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* With a tag between the addresses and the type, or without. */
static ssize_t send_tagged(int fd, uint16_t vlan, uint8_t *frame, size_t size)
{
    uint8_t tag[TAG_BYTES];
    struct iovec parts[] = { { frame, ETHERNET_TYPE }, { tag, vlan ? TAG_BYTES : 0 },
                             { frame + ETHERNET_TYPE, size - ETHERNET_TYPE } };
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = sizeof parts / sizeof *parts };

    wire_put_u16(tag, TYPE_VLAN);
    wire_put_u16(tag + 2, vlan);
    return sendmsg(fd, &message, MSG_DONTWAIT);
}

/* There is room for it, in what may be answered and on the link. */
static bool may_send(struct responder *responder, struct rate_ceiling *answers, size_t size)
{
    int64_t now_ns = mono_time_now().ns;

    return rate_ceiling_take(answers, now_ns, (uint32_t)size) == 0 &&
           (responder->ceiling == NULL || rate_ceiling_take(responder->ceiling, now_ns, (uint32_t)size) == 0);
}

static void send_answer(struct responder *responder, struct rate_ceiling *answers, uint16_t vlan, uint8_t *reply,
                        size_t size)
{
    bool is_arp = wire_get_u16(reply + ETHERNET_TYPE) == TYPE_ARP;

    if (!may_send(responder, answers, size + (vlan ? TAG_BYTES : 0)) || send_tagged(responder->link->packet_fd, vlan, reply, size) < 0)
        count(&responder->dropped);
    else
        count(is_arp ? &responder->arp_answers : &responder->echo_answers);
}

/*
 * An error that does not pass must not become a busy loop. ENETDOWN and ENODEV are no reason to
 * end: a link that went down may come back, and looking for it 20 times a second costs nothing.
 */
static void rest_after_error(int error_number)
{
    if (error_number != EAGAIN && error_number != EINTR)
        (void)poll(NULL, 0, POLL_MS);
}

/* The VLAN that the kernel took off a frame: 0 without one, or when only a priority was there; -1: no tag of 802.1Q. */
static int vlan_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct tpacket_auxdata told;

        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&told, CMSG_DATA(part), sizeof told);
        if (!(told.tp_status & TP_STATUS_VLAN_VALID))
            return 0;
        return !(told.tp_status & TP_STATUS_VLAN_TPID_VALID) || told.tp_vlan_tpid == TYPE_VLAN
                   ? told.tp_vlan_tci & VLAN_MASK
                   : -1;
    }
    return 0;
}

/* Its length, without a tag; 0 for one that cannot be answered; -1 when there is none. */
static ssize_t receive(int fd, uint8_t *request, size_t room, uint16_t *vlan)
{
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } told;
    struct iovec part = { request, room };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &told,
                              .msg_controllen = sizeof told };
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    int found = got < 0 ? 0 : vlan_of(&message);

    *vlan = (uint16_t)found;
    return found < 0 ? 0 : got;
}

static void *answer_until_stopped(void *self)
{
    struct responder *responder = self;
    struct pollfd waiting = { .fd = responder->link->receive_fd, .events = POLLIN };
    struct rate_ceiling answers;
    uint8_t request[LONGEST_REQUEST];
    uint8_t reply[LONGEST_REQUEST];

    rate_ceiling_init(&answers, MOST_ANSWERS, 0);
    while (!atomic_load_explicit(&responder->stop, memory_order_relaxed)) {
        uint16_t vlan;
        ssize_t got;
        size_t size;

        if (poll(&waiting, 1, POLL_MS) <= 0)
            continue;
        got = receive(waiting.fd, request, sizeof request, &vlan);
        if (got < 0) {
            rest_after_error(errno);
            continue;
        }
        size = responder_answer(responder, vlan, request, (size_t)got, reply);
        if (size > 0)
            send_answer(responder, &answers, vlan, reply, size);
    }
    return NULL;
}

int responder_start(struct responder *responder, struct error *err)
{
    int status;

    atomic_init(&responder->stop, false);
    atomic_init(&responder->arp_answers, 0);
    atomic_init(&responder->echo_answers, 0);
    atomic_init(&responder->dropped, 0);
    status = pthread_create(&responder->thread, NULL, answer_until_stopped, responder);
    if (status != 0)
        return error_set(err, "%s: cannot start the thread that answers ARP and ping: %s",
                         responder->link->name, strerror(status));
    return 0;
}

void responder_stop(struct responder *responder)
{
    atomic_store_explicit(&responder->stop, true, memory_order_relaxed);
    pthread_join(responder->thread, NULL);
}
