/*
 * The order of opening matters: what can be asked without privilege comes first, so that a
 * mistyped name is called that; the receive filter is attached before the socket is bound, so
 * that nothing slips in between.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emit/default_route.h"
#include "emit/receive_filter.h"

enum {
    LEAST_MTU = 576,              /* of IPv4: any host takes as much */
    SEND_BUFFER_BYTES = 4 << 20,  /* frames the driver holds count: a burst is not dropped for it */
    RECEIVE_BUFFER_BYTES = 2 << 20,
    COUNTER_LINE_BYTES = 512
};

static int ask(int fd, struct ifreq *request, const char *name, unsigned long what,
               struct error *err)
{
    memset(request, 0, sizeof *request);
    snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name);
    if (ioctl(fd, what, request) == 0)
        return 0;
    if (errno == ENODEV)
        return error_set(err, "%s: no such interface", name);
    return error_set(err, "%s: cannot be asked about: %s", name, strerror(errno));
}

static int check_flags(int fd, const char *name, struct error *err)
{
    struct ifreq request;

    if (ask(fd, &request, name, SIOCGIFFLAGS, err) < 0)
        return -1;
    if (request.ifr_flags & IFF_UP)
        return 0;
    return error_set(err, "%s: the interface is down (ip link set %s up)", name, name);
}

static int check_ethernet(int fd, const char *name, struct error *err)
{
    struct ifreq request;

    if (ask(fd, &request, name, SIOCGIFHWADDR, err) < 0)
        return -1;
    if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER)
        return 0;
    return error_set(err, "%s: no Ethernet interface (type %d)", name,
                     request.ifr_hwaddr.sa_family);
}

static int read_mtu(int fd, struct link *link, struct error *err)
{
    struct ifreq request;

    if (ask(fd, &request, link->name, SIOCGIFMTU, err) < 0)
        return -1;
    if (request.ifr_mtu < LEAST_MTU)
        return error_set(err, "%s: an MTU of %d bytes is too small, IPv4 needs %d", link->name,
                         request.ifr_mtu, LEAST_MTU);
    link->mtu = request.ifr_mtu;
    return 0;
}

static int read_index(int fd, struct link *link, struct error *err)
{
    struct ifreq request;

    if (ask(fd, &request, link->name, SIOCGIFINDEX, err) < 0)
        return -1;
    link->index = request.ifr_ifindex;
    return 0;
}

/* Name, index and MTU; needs no privilege. */
static int describe(struct link *link, const char *name, struct error *err)
{
    int status = -1;
    int fd;

    if (strlen(name) >= sizeof link->name)
        return error_set(err, "%s: no such interface (names have at most %zu characters)", name,
                         sizeof link->name - 1);
    snprintf(link->name, sizeof link->name, "%s", name);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, "%s: cannot open a socket: %s", name, strerror(errno));
    if (read_index(fd, link, err) == 0 && check_flags(fd, name, err) == 0 &&
        check_ethernet(fd, name, err) == 0 && read_mtu(fd, link, err) == 0)
        status = 0;
    close(fd);
    return status;
}

static int refuse_default_route(const struct link *link, struct error *err)
{
    char carrier[IF_NAMESIZE];
    int found = default_route_find(link->index, carrier, err);

    if (found < 0)
        return error_prefix(err, "%s", link->name);
    if (found == 0)
        return 0;
    return error_set(err, "%s: refused, because %s carries a default route and frames sent "
                          "there could reach other networks (allow_default_route = true allows it)",
                     link->name, strcmp(carrier, link->name) == 0 ? "it" : carrier);
}

/* ---- sockets ---- */

static int open_packet_socket(const struct link *link, struct error *err)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 && (errno == EPERM || errno == EACCES))
        return error_set(err, "%s: no permission to open a packet socket: start as root, or with "
                              "CAP_NET_RAW", link->name);
    if (fd < 0)
        return error_set(err, "%s: cannot open a packet socket: %s", link->name, strerror(errno));
    return fd;
}

static int bind_to_link(int fd, const struct link *link, uint16_t protocol, struct error *err)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(protocol),
        .sll_ifindex = link->index,
    };

    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    return error_set(err, "%s: cannot bind to the interface: %s", link->name, strerror(errno));
}

static int open_sender(struct link *link, struct error *err)
{
    int buffer_bytes = SEND_BUFFER_BYTES;
    int on = 1;

    link->packet_fd = open_packet_socket(link, err);
    if (link->packet_fd < 0)
        return -1;
    /* Both only save time and losses; without them frames are sent as well. */
    (void)setsockopt(link->packet_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    (void)setsockopt(link->packet_fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes,
                     sizeof buffer_bytes);
    return bind_to_link(link->packet_fd, link, 0, err);
}

static int receive_all_addresses(int fd, const struct link *link, struct error *err)
{
    struct packet_mreq request = { .mr_ifindex = link->index, .mr_type = PACKET_MR_PROMISC };

    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) == 0)
        return 0;
    return error_set(err, "%s: cannot receive for the virtual hosts (promiscuous mode): %s",
                     link->name, strerror(errno));
}

static int open_receiver(struct link *link, struct error *err)
{
    int buffer_bytes = RECEIVE_BUFFER_BYTES;
    struct receive_filter filter;
    int on = 1;

    link->receive_fd = open_packet_socket(link, err);
    if (link->receive_fd < 0)
        return -1;
    receive_filter_neighbours(&filter);
    if (receive_filter_attach(&filter, link->receive_fd) < 0)
        return error_set(err, "%s: cannot attach the receive filter: %s", link->name, strerror(errno));
    /* So that a scan's burst is not lost while the thread that answers waits for a processor. */
    (void)setsockopt(link->receive_fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
    /* The filter drops our own frames too; this spares the kernel making copies of them. */
    (void)setsockopt(link->receive_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    /* The kernel takes VLAN tags off; this is where it tells them. */
    if (setsockopt(link->receive_fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0)
        return error_set(err, "%s: cannot be told of VLAN tags: %s", link->name, strerror(errno));
    if (bind_to_link(link->receive_fd, link, ETH_P_ALL, err) < 0)
        return -1;
    return receive_all_addresses(link->receive_fd, link, err);
}

static int open_counters(struct link *link, struct error *err)
{
    link->counter_fd = open("/proc/net/dev", O_RDONLY | O_CLOEXEC);
    return link->counter_fd >= 0 ? 0 : error_set(err, "/proc/net/dev: cannot open: %s", strerror(errno));
}

int link_open(struct link *link, const char *name, bool allow_default_route, struct error *err)
{
    struct link opened = { .packet_fd = -1, .receive_fd = -1, .counter_fd = -1 };

    if (describe(&opened, name, err) < 0)
        return -1;
    if (!allow_default_route && refuse_default_route(&opened, err) < 0)
        return -1;
    if (open_counters(&opened, err) < 0 || open_sender(&opened, err) < 0 || open_receiver(&opened, err) < 0) {
        link_close(&opened);
        return -1;
    }
    *link = opened;
    return 0;
}

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void link_close(struct link *link)
{
    close_descriptor(&link->packet_fd);
    close_descriptor(&link->receive_fd);
    close_descriptor(&link->counter_fd);
}

int link_read_state(const struct link *link, struct link_state *state)
{
    struct ifreq request = { .ifr_ifindex = link->index };

    /* Its name may have changed. */
    if (ioctl(link->packet_fd, SIOCGIFNAME, &request) < 0 || ioctl(link->packet_fd, SIOCGIFFLAGS, &request) < 0)
        return -1;
    state->is_up = (request.ifr_flags & IFF_UP) != 0;
    state->has_carrier = (request.ifr_flags & IFF_RUNNING) != 0;
    if (ioctl(link->packet_fd, SIOCGIFMTU, &request) < 0)
        return -1;
    state->mtu = request.ifr_mtu;
    return 0;
}

/* "  name: " and eight counters of reception, then bytes and packets sent. */
static bool parse_sent(const char *line, const char *name, uint64_t *packets)
{
    char interface[IF_NAMESIZE];

    return sscanf(line, " %15[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, interface,
                  packets) == 2 &&
           strcmp(interface, name) == 0;
}

/* From the beginning. A stream of its own each time: a buffer that is kept would be asked instead of the kernel. */
static FILE *read_again(int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream;

    if (own < 0)
        return NULL;
    if (lseek(own, 0, SEEK_SET) == 0 && (stream = fdopen(own, "r")) != NULL)
        return stream;
    close(own);
    return NULL;
}

int link_sent_packets(const struct link *link, uint64_t *packets, struct error *err)
{
    FILE *table = read_again(link->counter_fd);
    char line[COUNTER_LINE_BYTES];
    bool found = false;
    uint64_t sent;

    if (table == NULL)
        return error_set(err, "/proc/net/dev: cannot read: %s", strerror(errno));
    while (!found && fgets(line, sizeof line, table))
        found = parse_sent(line, link->name, &sent);
    fclose(table);
    if (!found)
        return error_set(err, "%s: the interface is gone", link->name);
    *packets = sent;
    return 0;
}
