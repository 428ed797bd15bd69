/*
 * AF_XDP, to send alone: frames go out from where they were rendered. The memory of the ring is registered with the
 * kernel as it is; no program is loaded, nothing is received.
 *
 * Exact, like sink_packet.c: when a call returns, each frame is with the driver or was not sent. That is why it asks for
 * the kernel's copy mode: frames then leave within the call that wakes the kernel up, and one that the driver
 * dropped is told (EBUSY, which ends the call; net/xdp/xsk.c, __xsk_generic_xmit). In zero-copy mode the kernel sends
 * when it likes, and what becomes of a frame when the interface goes down nobody says.
 *
 * A call leaves nothing behind in the ring that the kernel may find later: what it did not take is made void, and the
 * kernel skips it. The MTU is the receiver's matter: the kernel does not compare with it here.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "emit/sink_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include "base/memory.h"
#include "net/ethernet_header.h"

enum {
    MOST_TOGETHER = 32,           /* what the kernel sends in one call (TX_BATCH_SIZE) */
    TRANSMIT_PLACES = 64,         /* in the ring to the kernel: twice that, a power of two */
    COMPLETION_PLACES = 2048,     /* frames in flight at most */
    FILL_PLACES = 64,             /* there has to be such a ring */
    CHUNK_BYTES = 2048,           /* no frame is longer; where a chunk begins matters only to who receives */
    SEND_BUFFER_BYTES = 4 << 20
};

#define RETURNED UINT64_MAX

struct sink_xdp {
    struct sink base; /* first: a struct sink * is one of these */
    const struct link *link;
    uint8_t *memory; /* the ring's */
    size_t memory_bytes;
    struct xsk_umem *umem;
    struct xsk_socket *socket;
    struct xsk_ring_prod fill;
    struct xsk_ring_prod transmit;
    struct xsk_ring_cons completion;
    uint32_t submitted; /* places of the ring to the kernel, ever */
    uint32_t consumed;  /* of these, by the kernel: fewer only after something was not sent */
    uint64_t flight[COMPLETION_PLACES]; /* where the frames lie that the kernel has, in their order; or RETURNED */
    uint32_t landed, launched;          /* flight[landed..launched - 1] */
};

/* ---- what the kernel is done with ---- */

static uint64_t *flight_at(struct sink_xdp *xdp, uint32_t number)
{
    return &xdp->flight[number % COMPLETION_PLACES];
}

/* Nearly always the oldest. */
static void land(struct sink_xdp *xdp, uint64_t address)
{
    for (uint32_t i = xdp->landed; i != xdp->launched; i++) {
        if (*flight_at(xdp, i) != address)
            continue;
        *flight_at(xdp, i) = RETURNED;
        return;
    }
}

static void collect_completions(struct sink_xdp *xdp)
{
    uint32_t at = 0;
    uint32_t count = xsk_ring_cons__peek(&xdp->completion, COMPLETION_PLACES, &at);

    for (uint32_t i = 0; i < count; i++)
        land(xdp, *xsk_ring_cons__comp_addr(&xdp->completion, at + i));
    xsk_ring_cons__release(&xdp->completion, count);
    while (xdp->landed != xdp->launched && *flight_at(xdp, xdp->landed) == RETURNED)
        xdp->landed++;
}

static const uint8_t *xdp_oldest_held(struct sink *sink)
{
    struct sink_xdp *xdp = (struct sink_xdp *)sink;

    collect_completions(xdp);
    return xdp->landed == xdp->launched ? NULL : xdp->memory + *flight_at(xdp, xdp->landed);
}

/* ---- what it is given ---- */

static void submit(struct sink_xdp *xdp, const struct frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        *xsk_ring_prod__tx_desc(&xdp->transmit, xdp->submitted + i) = (struct xdp_desc){
            .addr = (uint64_t)(frames[i].bytes - xdp->memory),
            .len = frames[i].length,
        };
    }
    xdp->submitted += count;
    xsk_ring_prod__submit(&xdp->transmit, count);
}

/* Lets the kernel send. Returns its errno. */
static int wake_kernel(const struct sink_xdp *xdp)
{
    return sendto(xsk_socket__fd(xdp->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;
}

/* How many places the kernel has consumed since it was asked last. */
static uint32_t count_consumed(struct sink_xdp *xdp)
{
    int32_t more = (int32_t)(__atomic_load_n(xdp->transmit.consumer, __ATOMIC_ACQUIRE) - xdp->consumed);

    return more > 0 ? (uint32_t)more : 0;
}

/* The next `count` frames submitted are the kernel's, until they come back. */
static void launch(struct sink_xdp *xdp, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        *flight_at(xdp, xdp->launched++) = xsk_ring_prod__tx_desc(&xdp->transmit, xdp->consumed++)->addr;
}

/*
 * Lets the kernel send what was submitted. Returns how many it sent; if that is not all, *error_number says why.
 *
 * EBUSY is about the frame that was consumed last: the driver dropped it. When it was also the first, the kernel does
 * not show yet that it consumed it.
 */
static uint32_t send_submitted(struct sink_xdp *xdp, int *error_number)
{
    uint32_t sent = 0;

    do {
        uint32_t consumed;

        *error_number = wake_kernel(xdp);
        consumed = count_consumed(xdp);
        if (*error_number == EBUSY && consumed == 0)
            consumed = 1;
        launch(xdp, consumed);
        sent += *error_number == EBUSY ? consumed - 1 : consumed;
        if (consumed == 0 && *error_number == 0)
            *error_number = EAGAIN;
        else if (consumed > 0 && *error_number != EBUSY)
            *error_number = 0; /* as far as it went: again */
    } while (xdp->consumed != xdp->submitted && *error_number == 0);
    return sent;
}

/* What the kernel did not take would go out behind what is sent next: now it leads outside of the memory. */
static void withdraw(struct sink_xdp *xdp)
{
    for (uint32_t i = xdp->consumed; i != xdp->submitted; i++)
        xsk_ring_prod__tx_desc(&xdp->transmit, i)->addr = xdp->memory_bytes;
}

/* Lets the kernel skip what was withdrawn: one place a call at least, and one call more to show it. Returns its errno. */
static int skip_withdrawn(struct sink_xdp *xdp)
{
    int error_number = 0;

    for (uint32_t i = xdp->submitted - xdp->consumed + 1; i > 0 && error_number == 0; i--)
        error_number = wake_kernel(xdp);
    if (error_number == 0 && __atomic_load_n(xdp->transmit.consumer, __ATOMIC_ACQUIRE) != xdp->submitted)
        return EAGAIN;
    if (error_number == 0)
        xdp->consumed = xdp->submitted;
    return error_number;
}

/* The driver dropped the frame. It will again, if the frame is too long. */
static bool is_too_long(const struct sink_xdp *xdp, const struct frame *frame)
{
    struct link_state state;

    return link_read_state(xdp->link, &state) == 0 && frame->length > (uint32_t)state.mtu + ETHERNET_BYTES + ETHERNET_TAG_BYTES;
}

static enum sink_result result_of(const struct sink_xdp *xdp, int error_number, const struct frame *frame,
                                  struct error *err)
{
    if (error_number == EBUSY)
        return is_too_long(xdp, frame) ? SINK_LOST : SINK_BUSY;
    return sink_result_of(error_number, frame, err);
}

static enum sink_result xdp_send(struct sink *sink, const struct frame *frames, size_t count, size_t *sent,
                                 struct error *err)
{
    struct sink_xdp *xdp = (struct sink_xdp *)sink;
    int error_number = xdp->consumed == xdp->submitted ? 0 : skip_withdrawn(xdp);

    *sent = 0;
    collect_completions(xdp);
    while (*sent < count && error_number == 0) {
        uint32_t room = COMPLETION_PLACES - (xdp->launched - xdp->landed);
        uint32_t most = room < MOST_TOGETHER ? room : MOST_TOGETHER;
        uint32_t together = count - *sent < most ? (uint32_t)(count - *sent) : most;

        if (together == 0)
            return SINK_BUSY;
        submit(xdp, &frames[*sent], together);
        *sent += send_submitted(xdp, &error_number);
    }
    if (error_number == 0)
        return SINK_OK;
    withdraw(xdp);
    return result_of(xdp, error_number, &frames[*sent], err);
}

/* ---- opening and closing ---- */

static void xdp_close(struct sink *sink)
{
    struct sink_xdp *xdp = (struct sink_xdp *)sink;

    if (xdp->socket)
        xsk_socket__delete(xdp->socket);
    if (xdp->umem)
        (void)xsk_umem__delete(xdp->umem);
    free(xdp);
}

static int open_umem(struct sink_xdp *xdp)
{
    const struct xsk_umem_config config = {
        .fill_size = FILL_PLACES,
        .comp_size = COMPLETION_PLACES,
        .frame_size = CHUNK_BYTES,
        .flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
    };

    return xsk_umem__create(&xdp->umem, xdp->memory, xdp->memory_bytes, &xdp->fill, &xdp->completion, &config);
}

static int open_socket(struct sink_xdp *xdp)
{
    const struct xsk_socket_config config = {
        .tx_size = TRANSMIT_PLACES,
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
        .bind_flags = XDP_COPY,
    };
    int buffer_bytes = SEND_BUFFER_BYTES;
    int status = xsk_socket__create(&xdp->socket, xdp->link->name, 0, xdp->umem, NULL, &xdp->transmit, &config);

    if (status == 0) /* only saves time */
        (void)setsockopt(xsk_socket__fd(xdp->socket), SOL_SOCKET, SO_SNDBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
    return status;
}

bool sink_xdp_is_available(void)
{
    return true;
}

struct sink *sink_xdp_new(const struct link *link, const struct frame_ring *ring, struct error *err)
{
    static const struct sink_operations operations = { .send = xdp_send, .oldest_held = xdp_oldest_held, .close = xdp_close };
    const int most_mtu = CHUNK_BYTES - ETHERNET_BYTES - ETHERNET_TAG_BYTES;
    struct sink_xdp *xdp;
    int status;

    if (link->mtu > most_mtu) {
        error_set(err, "%s: the sink \"xdp\" sends no frames as long as an MTU of %d bytes allows: make it %d or less, or"
                  " use the sink \"packet\"", link->name, link->mtu, most_mtu);
        return NULL;
    }
    xdp = memory_alloc(sizeof *xdp);
    xdp->base.operations = &operations;
    xdp->link = link;
    xdp->memory = frame_ring_memory(ring, &xdp->memory_bytes);
    status = open_umem(xdp);
    if (status == 0)
        status = open_socket(xdp);
    if (status == 0)
        return &xdp->base;
    error_set(err, "%s: cannot open an AF_XDP socket: %s", link->name, strerror(-status));
    xdp_close(&xdp->base);
    return NULL;
}
