#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/link_receiver.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/memory.h"
#include "net/ethernet_header.h"

enum { REST_MS = 50, VLAN_MASK = 0x0fff };

union told {
    struct cmsghdr aligned;
    uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct link_receiver {
    int fd;
    struct mmsghdr messages[LINK_RECEIVER_BATCH];
    struct iovec parts[LINK_RECEIVER_BATCH];
    union told told[LINK_RECEIVER_BATCH];
    uint8_t bytes[LINK_RECEIVER_BATCH][LINK_RECEIVER_LONGEST];
};

struct link_receiver *link_receiver_new(const struct link *link)
{
    struct link_receiver *receiver = memory_alloc(sizeof *receiver);

    receiver->fd = link->receive_fd;
    for (size_t i = 0; i < LINK_RECEIVER_BATCH; i++)
        receiver->parts[i] = (struct iovec){ receiver->bytes[i], LINK_RECEIVER_LONGEST };
    return receiver;
}

void link_receiver_free(struct link_receiver *receiver)
{
    free(receiver);
}

static int receive(struct link_receiver *receiver)
{
    for (size_t i = 0; i < LINK_RECEIVER_BATCH; i++) {
        receiver->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &receiver->parts[i], .msg_iovlen = 1,
                                                         .msg_control = &receiver->told[i],
                                                         .msg_controllen = sizeof receiver->told[i] };
    }
    return recvmmsg(receiver->fd, receiver->messages, LINK_RECEIVER_BATCH, MSG_DONTWAIT, NULL);
}

/* What the kernel knows of a frame. False when it took off another tag than that of 802.1Q. */
static bool take_auxiliary(struct msghdr *message, struct received_frame *frame)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct tpacket_auxdata told;

        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&told, CMSG_DATA(part), sizeof told);
        frame->is_unsummed = (told.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
        if (!(told.tp_status & TP_STATUS_VLAN_VALID))
            return true;
        frame->vlan = told.tp_vlan_tci & VLAN_MASK;
        return !(told.tp_status & TP_STATUS_VLAN_TPID_VALID) || told.tp_vlan_tpid == ETHERNET_TYPE_VLAN;
    }
    return true;
}

/*
 * An error that does not pass must not become a busy loop. ENETDOWN and ENODEV are no reason to end: looking for the link
 * 20 times a second costs nothing.
 */
static void rest_after_error(int error_number)
{
    if (error_number != EAGAIN && error_number != EINTR)
        (void)poll(NULL, 0, REST_MS);
}

size_t link_receiver_take(struct link_receiver *receiver, int most_ms, struct received_frame frames[LINK_RECEIVER_BATCH])
{
    struct pollfd waiting = { .fd = receiver->fd, .events = POLLIN };
    size_t count = 0;
    int got;

    if (poll(&waiting, 1, most_ms) <= 0)
        return 0;
    got = receive(receiver);
    if (got < 0)
        rest_after_error(errno);
    for (int i = 0; i < got; i++) {
        frames[count] = (struct received_frame){ .bytes = receiver->bytes[i], .size = receiver->messages[i].msg_len };
        count += take_auxiliary(&receiver->messages[i].msg_hdr, &frames[count]);
    }
    return count;
}
