#include "emit/crossing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pcap/pcap.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emit/link_filter.h"

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "libpcap compiles for the kernel");

static int attach_text(int fd, const struct link *link, const char *filter, struct error *err)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, ETHER_MAX_LEN);
    struct bpf_program compiled;
    int status = 0;

    if (pcap == NULL)
        return error_set(err, "%s: no memory for a filter", link->name);
    if (pcap_compile(pcap, &compiled, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
        status = error_set(err, "%s: cannot compile a filter: %s", link->name, pcap_geterr(pcap));
    } else {
        if (link_filter_attach(fd, (struct sock_filter *)(void *)compiled.bf_insns,
                               (unsigned short)compiled.bf_len) < 0)
            status = error_set(err, "%s: cannot attach a filter: %s", link->name, strerror(errno));
        pcap_freecode(&compiled);
    }
    pcap_close(pcap);
    return status;
}

/* The filter comes first, so that nothing slips in. */
static int prepare(int fd, const struct link *link, const char *filter, struct error *err)
{
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = link->index,
    };
    int least = 0; /* the kernel makes it the least there is; one that is full only counts */
    int on = 1;

    if (attach_text(fd, link, filter, err) < 0)
        return -1;
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on); /* only saves time */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    return error_set(err, "%s: cannot count what arrives: %s", link->name, strerror(errno));
}

int crossing_open(struct crossing *crossing, const struct link *link, const char *filter, struct error *err)
{
    crossing->arrived = 0;
    crossing->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (crossing->fd < 0)
        return error_set(err, "%s: cannot open a packet socket: %s", link->name, strerror(errno));
    if (prepare(crossing->fd, link, filter, err) == 0)
        return 0;
    crossing_close(crossing);
    return -1;
}

void crossing_close(struct crossing *crossing)
{
    if (crossing->fd >= 0)
        close(crossing->fd);
    crossing->fd = -1;
}

uint64_t crossing_count(struct crossing *crossing)
{
    struct tpacket_stats more; /* since it was asked last; those dropped for want of memory are among the packets */
    socklen_t size = sizeof more;

    if (crossing->fd >= 0 && getsockopt(crossing->fd, SOL_PACKET, PACKET_STATISTICS, &more, &size) == 0)
        crossing->arrived += more.tp_packets;
    return crossing->arrived;
}
