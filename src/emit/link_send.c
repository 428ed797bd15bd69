#include "emit/link_send.h"

#include <sys/socket.h>
#include <sys/uio.h>

int link_send(const struct link *link, uint16_t vlan, uint8_t *frame, size_t size)
{
    uint8_t tag[ETHERNET_TAG_BYTES];
    struct iovec parts[] = { { frame, ETHERNET_TYPE }, { tag, vlan ? sizeof tag : 0 },
                             { frame + ETHERNET_TYPE, size - ETHERNET_TYPE } };
    const struct msghdr message = { .msg_iov = parts, .msg_iovlen = sizeof parts / sizeof *parts };

    wire_put_u16(tag, ETHERNET_TYPE_VLAN);
    wire_put_u16(tag + 2, vlan);
    return sendmsg(link->packet_fd, &message, MSG_DONTWAIT) < 0 ? -1 : 0;
}
