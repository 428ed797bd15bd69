#include "session/session_course.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/wire.h"

enum { MESSAGE_MOST_PACKETS = 4096 }; /* a longer run one way is several messages: bounds the look ahead */

struct draw_queue {
    uint32_t first, count;
    struct packet_draw draws[COURSE_AHEAD];
};

void course_begin(struct session_course *c, const struct session_row *planned)
{
    c->progress.left = c->shape.total;
    c->progress.machine = c->sent = tcp_machine_begin(c->shape.under_way);
    c->shape.planned = planned;
    c->model->begin(c->tables, &c->shape, &c->memory, &c->random);
    c->shape.planned = NULL;
}

/* The model's next packet. */
static bool draw_next(struct session_course *c, struct packet_draw *draw)
{
    struct packet_progress *p = &c->progress;

    c->is_over = c->is_over || !c->model->next(c->tables, &c->shape, p, &c->memory, &c->random, draw);
    if (!c->is_over && c->shape.protocol == IP_TCP) {
        c->is_over = !c->model->is_lawless && !tcp_machine_allows(&p->machine, draw->side, draw->tcp_flags, draw->mark,
                                                                  draw->payload_bytes > 0);
        if (!c->is_over)
            tcp_machine_send(&p->machine, draw->side, draw->tcp_flags, draw->mark);
    }
    if (!c->is_over && !c->model->ignores_budget)
        packet_budget_pay(&p->left, draw->side, c->shape.protocol, draw->payload_bytes);
    return !c->is_over;
}

static bool take_waiting(struct session_course *c, struct packet_draw *draw)
{
    struct draw_queue *q = c->queue;

    if (q == NULL)
        return false;
    *draw = q->draws[q->first++];
    if (q->first == q->count) {
        free(q);
        c->queue = NULL;
    }
    return true;
}

bool course_next(struct session_course *c, struct packet_draw *draw)
{
    if (!take_waiting(c, draw) && !draw_next(c, draw))
        return false;
    if (c->shape.protocol == IP_TCP)
        tcp_machine_send(&c->sent, draw->side, draw->tcp_flags, draw->mark);
    return true;
}

void course_send(struct session_course *c, const struct packet_draw *draw)
{
    packet_budget_pay(&c->progress.left, draw->side, c->shape.protocol, draw->payload_bytes);
    tcp_machine_send(&c->sent, draw->side, draw->tcp_flags, draw->mark);
}

void course_forget(struct session_course *c)
{
    free(c->queue);
    c->queue = NULL;
    c->progress.machine = c->sent;
    c->is_over = false;
}

/* ---- looking ahead ---- */

/* Whether the message goes on with this packet; then its bytes count. */
static bool is_of_message(const struct packet_draw *first, const struct packet_draw *draw, uint64_t *bytes)
{
    if (draw->payload_bytes > 0 && draw->side != first->side)
        return false;
    *bytes += draw->payload_bytes;
    return true;
}

/* Draws one more into the queue; false: there is none, or no room. */
static bool extend_queue(struct session_course *c)
{
    struct packet_draw draw;

    if (c->queue != NULL && c->queue->count == COURSE_AHEAD) {
        c->queue->count -= c->queue->first;
        memmove(c->queue->draws, c->queue->draws + c->queue->first, c->queue->count * sizeof *c->queue->draws);
        c->queue->first = 0;
        if (c->queue->count == COURSE_AHEAD)
            return false;
    }
    if (!draw_next(c, &draw))
        return false;
    if (c->queue == NULL) {
        c->queue = memory_alloc_bare(sizeof *c->queue);
        c->queue->first = c->queue->count = 0;
    }
    c->queue->draws[c->queue->count++] = draw;
    return true;
}

/* What is behind a full queue. */
static uint64_t bytes_behind(const struct session_course *c, const struct packet_draw *first)
{
    struct session_course copy = *c;
    struct packet_draw draw;
    uint64_t bytes = 0;

    for (int i = COURSE_AHEAD; i < MESSAGE_MOST_PACKETS && draw_next(&copy, &draw); i++) {
        if (!is_of_message(first, &draw, &bytes))
            break;
    }
    return bytes;
}

uint64_t course_message_bytes(struct session_course *c, const struct packet_draw *first)
{
    uint64_t bytes = first->payload_bytes;
    uint32_t seen = 0; /* of the queue */

    for (;;) {
        uint32_t waiting = c->queue ? c->queue->count - c->queue->first : 0;

        if (seen == waiting && !extend_queue(c))
            break;
        if (!is_of_message(first, &c->queue->draws[c->queue->first + seen], &bytes))
            return bytes;
        seen++;
    }
    return c->is_over ? bytes : bytes + bytes_behind(c, first);
}
