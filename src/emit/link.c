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
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LEAST_MTU = 576,              /* what every IPv4 host takes, RFC 791 */
    SEND_BUFFER_BYTES = 4 << 20,  /* frames the driver holds count: a burst is not dropped for it */
    MOST_RELATIVES = 256,         /* interfaces over or under the link: bounds the search */
    MOST_DUMPS = 5,               /* of routes that change while they are read */
    DUMP_BYTES = 32 << 10,        /* the kernel's longest answer */
    COUNTER_LINE_BYTES = 512
};

/*
 * The kernel runs this on every frame of the link: ARP requests and ICMP echo requests pass.
 * Offsets are those of Ethernet. VLAN frames reach a filter with their tag taken off; an answer
 * would go to the wrong VLAN. Fragments carry no whole ping.
 */
enum { LINE_IP = 8, LINE_ACCEPT = 16, LINE_DROP = 17 };

#define ANCILLARY(what) ((uint32_t)(SKF_AD_OFF + (what)))
#define LOAD(size, offset) BPF_STMT(BPF_LD | (size) | BPF_ABS, (offset))
#define JUMP(line, test, value, yes, no) \
    BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes) - (line) - 1, (no) - (line) - 1)

static const struct sock_filter request_filter[] = {
    /* 0 */ LOAD(BPF_B, ANCILLARY(SKF_AD_PKTTYPE)),
    /* 1 */ JUMP(1, BPF_JEQ, PACKET_OUTGOING, LINE_DROP, 2),
    /* 2 */ LOAD(BPF_B, ANCILLARY(SKF_AD_VLAN_TAG_PRESENT)),
    /* 3 */ JUMP(3, BPF_JEQ, 0, 4, LINE_DROP),
    /* 4 */ LOAD(BPF_H, 12),
    /* 5 */ JUMP(5, BPF_JEQ, ETHERTYPE_ARP, 6, LINE_IP),
    /* 6 */ LOAD(BPF_H, 20), /* operation */
    /* 7 */ JUMP(7, BPF_JEQ, ARPOP_REQUEST, LINE_ACCEPT, LINE_DROP),
    /* 8 */ JUMP(LINE_IP, BPF_JEQ, ETHERTYPE_IP, 9, LINE_DROP),
    /* 9 */ LOAD(BPF_B, 23), /* protocol */
    /* 10 */ JUMP(10, BPF_JEQ, IPPROTO_ICMP, 11, LINE_DROP),
    /* 11 */ LOAD(BPF_H, 20), /* "more fragments", and the offset */
    /* 12 */ JUMP(12, BPF_JSET, 0x3fff, LINE_DROP, 13),
    /* 13 */ BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14), /* length of the IP header */
    /* 14 */ BPF_STMT(BPF_LD | BPF_B | BPF_IND, 14),
    /* 15 */ JUMP(15, BPF_JEQ, ICMP_ECHO, LINE_ACCEPT, LINE_DROP),
    /* 16 */ BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    /* 17 */ BPF_STMT(BPF_RET | BPF_K, 0),
};

_Static_assert(sizeof request_filter / sizeof request_filter[0] == LINE_DROP + 1, "as numbered");

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
        return error_set(err, "%s: an MTU of %d bytes is too small, %d are needed", link->name,
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

/* ---- default routes ---- */

struct relative {
    int index;
    char name[IF_NAMESIZE];
};

/* The link and what lies over or under it, however far, each once: so the walk comes to an end. */
struct relatives {
    int count;
    struct relative items[MOST_RELATIVES];
};

static const struct relative *find_relative(const struct relatives *relatives, int index)
{
    for (int i = 0; i < relatives->count; i++)
        if (relatives->items[i].index == index)
            return &relatives->items[i];
    return NULL;
}

static int add_relative(struct relatives *relatives, int index, struct error *err)
{
    struct relative relative = { .index = index };

    if (find_relative(relatives, index) || !if_indextoname((unsigned)index, relative.name))
        return 0; /* met before, or gone meanwhile */
    if (relatives->count == MOST_RELATIVES)
        return error_set(err, "more than %d interfaces lie over or under it, too many to look for "
                              "default routes (allow_default_route = true skips it)",
                         MOST_RELATIVES);
    relatives->items[relatives->count++] = relative;
    return 0;
}

/* A bridge or bond over a link and the wire under a macvlan have routes under their own names. */
static int add_neighbours(struct relatives *relatives, const char *name, struct error *err)
{
    char path[64];
    const struct dirent *entry;
    int status = 0;
    DIR *directory;

    snprintf(path, sizeof path, "/sys/class/net/%s", name);
    directory = opendir(path);
    if (directory == NULL)
        return 0; /* no /sys here: the link's own routes are all there is to see */
    while (status == 0 && (entry = readdir(directory)))
        if (strncmp(entry->d_name, "upper_", 6) == 0 || strncmp(entry->d_name, "lower_", 6) == 0)
            status = add_relative(relatives, (int)if_nametoindex(entry->d_name + 6), err);
    closedir(directory);
    return status;
}

/* By index, as the name in hand may be an alternative one, which /sys does not know. */
static int collect_relatives(struct relatives *relatives, int link_index, struct error *err)
{
    relatives->count = 0;
    if (add_relative(relatives, link_index, err) < 0)
        return -1;
    for (int i = 0; i < relatives->count; i++)
        if (add_neighbours(relatives, relatives->items[i].name, err) < 0)
            return -1;
    return 0;
}

struct route_search {
    const struct relatives *relatives;
    const struct relative *carrier; /* of a default route; NULL: none found */
    bool is_torn;                   /* the routes changed while they were read: one may be missed */
};

/* A prefix of one bit is half of a default route; 2000::/3 is all of the Internet. */
static bool is_default(const struct rtmsg *route)
{
    if (route->rtm_type != RTN_UNICAST)
        return false;
    return (route->rtm_family == AF_INET && route->rtm_dst_len <= 1) ||
           (route->rtm_family == AF_INET6 && route->rtm_dst_len <= 3);
}

static void look_at_nexthops(struct route_search *search, struct rtattr *multipath)
{
    struct rtnexthop *nexthop = RTA_DATA(multipath);
    int left = (int)RTA_PAYLOAD(multipath);

    while (search->carrier == NULL && RTNH_OK(nexthop, left)) {
        search->carrier = find_relative(search->relatives, nexthop->rtnh_ifindex);
        left -= (int)RTNH_ALIGN(nexthop->rtnh_len);
        nexthop = RTNH_NEXT(nexthop);
    }
}

static void look_at_route(struct route_search *search, const struct nlmsghdr *message)
{
    struct rtmsg *route = NLMSG_DATA(message);
    int left = (int)RTM_PAYLOAD(message);
    bool names_interface = false;

    if (left < 0 || !is_default(route))
        return;
    for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        names_interface |= a->rta_type == RTA_OIF || a->rta_type == RTA_MULTIPATH;
        if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) >= sizeof(int) && search->carrier == NULL)
            search->carrier = find_relative(search->relatives, *(const int *)RTA_DATA(a));
        else if (a->rta_type == RTA_MULTIPATH)
            look_at_nexthops(search, a);
    }
    /* By a nexthop object alone (nexthop_compat_mode = 0) it may lead anywhere: here as well. */
    if (!names_interface)
        search->carrier = &search->relatives->items[0];
}

/* The end of a dump carries 0 or a negative errno, and so does an error. */
static int end_of_dump(const struct nlmsghdr *message, struct error *err)
{
    int status = 0;

    if (message->nlmsg_len >= NLMSG_LENGTH(sizeof status))
        memcpy(&status, NLMSG_DATA(message), sizeof status);
    if (status == 0 || status == -EOPNOTSUPP || status == -EAFNOSUPPORT)
        return 0; /* the last two: a kernel without this protocol */
    return error_set(err, "cannot read the routes: %s", strerror(-status));
}

/* One datagram of a dump: 1 when more are to come, 0 at its end, or -1. */
static int look_at_datagram(struct route_search *search, const void *bytes, int size,
                            struct error *err)
{
    for (const struct nlmsghdr *m = bytes; NLMSG_OK(m, (unsigned)size); m = NLMSG_NEXT(m, size)) {
        search->is_torn |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR)
            return end_of_dump(m, err);
        if (m->nlmsg_type == RTM_NEWROUTE)
            look_at_route(search, m);
    }
    return 1;
}

/* Asks for the routes of all tables. Connected: nobody but the kernel can answer. */
static int request_routes(int fd, unsigned char family)
{
    const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    const struct {
        struct nlmsghdr header;
        struct rtmsg route;
    } request = {
        .header = { .nlmsg_len = sizeof request,
                    .nlmsg_type = RTM_GETROUTE,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .route = { .rtm_family = family },
    };

    if (connect(fd, (const struct sockaddr *)&kernel, sizeof kernel) < 0)
        return -1;
    return send(fd, &request, sizeof request, 0) < 0 ? -1 : 0;
}

static int read_routes(int fd, struct route_search *search, struct error *err)
{
    _Alignas(struct nlmsghdr) char bytes[DUMP_BYTES];
    int more = 1;

    while (more > 0 && search->carrier == NULL) {
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_TRUNC); /* says the length before a cut */

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || (size_t)got > sizeof bytes)
            return error_set(err, "cannot read the routes: %s",
                             got < 0 ? strerror(errno) : "an answer of a strange length");
        more = look_at_datagram(search, bytes, (int)got, err);
    }
    return more < 0 ? -1 : 0;
}

static int search_family(struct route_search *search, unsigned char family, struct error *err)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int status;

    if (fd < 0)
        return error_set(err, "cannot open a netlink socket, which shows default routes: %s",
                         strerror(errno));
    if (request_routes(fd, family) == 0)
        status = read_routes(fd, search, err);
    else
        status = error_set(err, "cannot ask for the routes: %s", strerror(errno));
    close(fd);
    return status;
}

static int search_routes(struct route_search *search, struct error *err)
{
    for (int i = 0; i < MOST_DUMPS; i++) {
        search->is_torn = false;
        if (search_family(search, AF_INET, err) < 0)
            return -1;
        if (search->carrier == NULL && search_family(search, AF_INET6, err) < 0)
            return -1;
        if (search->carrier || !search->is_torn)
            return 0;
    }
    return error_set(err, "the routes change faster than they can be read; try again");
}

/* Refuses the link when it, or what lies over or under it, carries a default route. */
static int refuse_default_routes(const struct link *link, struct error *err)
{
    struct relatives relatives;
    struct route_search search = { .relatives = &relatives };

    if (collect_relatives(&relatives, link->index, err) < 0 || search_routes(&search, err) < 0)
        return error_prefix(err, "%s", link->name);
    if (search.carrier == NULL)
        return 0;
    return error_set(err, "%s: refused, because %s carries a default route and frames sent "
                          "there could reach other networks (allow_default_route = true allows it)",
                     link->name, search.carrier->index == link->index ? "it" : search.carrier->name);
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

static int attach_filter(int fd, const struct link *link, struct error *err)
{
    struct sock_filter filter[sizeof request_filter / sizeof request_filter[0]];
    struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };

    memcpy(filter, request_filter, sizeof filter); /* the kernel's structure is not const */
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0)
        return 0;
    return error_set(err, "%s: cannot attach the receive filter: %s", link->name, strerror(errno));
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
    int on = 1;

    link->receive_fd = open_packet_socket(link, err);
    if (link->receive_fd < 0 || attach_filter(link->receive_fd, link, err) < 0)
        return -1;
    /* The filter drops our own frames too; this spares the kernel making copies of them. */
    (void)setsockopt(link->receive_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    if (bind_to_link(link->receive_fd, link, ETH_P_ALL, err) < 0)
        return -1;
    return receive_all_addresses(link->receive_fd, link, err);
}

int link_open(struct link *link, const char *name, bool allow_default_route, struct error *err)
{
    struct link opened = { .packet_fd = -1, .receive_fd = -1 };

    if (describe(&opened, name, err) < 0)
        return -1;
    if (!allow_default_route && refuse_default_routes(&opened, err) < 0)
        return -1;
    if (open_sender(&opened, err) < 0 || open_receiver(&opened, err) < 0) {
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
}

/* "  name: " and eight counters of reception, then bytes and packets sent. */
static bool parse_sent(const char *line, const char *name, uint64_t *packets)
{
    char interface[IF_NAMESIZE];

    return sscanf(line, " %15[^:]: %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, interface,
                  packets) == 2 &&
           strcmp(interface, name) == 0;
}

int link_sent_packets(const struct link *link, uint64_t *packets, struct error *err)
{
    FILE *table = fopen("/proc/net/dev", "re");
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
