#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/default_route.h"

#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST_RELATIVES = 256, /* interfaces over or under the link: bounds the search */
    MOST_DUMPS = 5,       /* of routes that change while they are read */
    DUMP_BYTES = 32 << 10 /* the kernel's longest answer */
};

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

/* The macros of rtnetlink take and give pointers that are not const. */
static void look_at_route(struct route_search *search, struct nlmsghdr *message)
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
static int end_of_dump(struct nlmsghdr *message, struct error *err)
{
    int status = 0;

    if (message->nlmsg_len >= NLMSG_LENGTH(sizeof status))
        memcpy(&status, NLMSG_DATA(message), sizeof status);
    if (status == 0 || status == -EOPNOTSUPP || status == -EAFNOSUPPORT)
        return 0; /* the last two: a kernel without this protocol */
    return error_set(err, "cannot read the routes: %s", strerror(-status));
}

/* One datagram of a dump: 1 when more are to come, 0 at its end, or -1. */
static int look_at_datagram(struct route_search *search, void *bytes, int size,
                            struct error *err)
{
    for (struct nlmsghdr *m = bytes; NLMSG_OK(m, (unsigned)size); m = NLMSG_NEXT(m, size)) {
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

int default_route_find(int interface_index, char carrier[IF_NAMESIZE], struct error *err)
{
    struct relatives relatives;
    struct route_search search = { .relatives = &relatives };

    if (collect_relatives(&relatives, interface_index, err) < 0 || search_routes(&search, err) < 0)
        return -1;
    if (search.carrier == NULL)
        return 0;
    memcpy(carrier, search.carrier->name, IF_NAMESIZE);
    return 1;
}
