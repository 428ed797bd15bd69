/*
 * session_course.h - the draws of a session, one after the other, some of them seen ahead.
 *
 * Owns what is still to be sent and where TCP stands, for the packet model. How long a message is shows only when it
 * is over: so its draws are made ahead of their time, and wait in a queue of at most COURSE_AHEAD; what comes behind
 * is drawn in a copy and drawn again. The queue is there only while somebody waits in it.
 */
#ifndef SESSION_SESSION_COURSE_H
#define SESSION_SESSION_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "session/packet_model.h"

enum { COURSE_AHEAD = 32 };

struct session_course {
    struct random_stream random;
    const struct packet_model *model;
    const struct packet_tables *tables; /* NULL: the model needs none */
    struct packet_shape shape;
    struct packet_progress progress; /* behind the last draw in the queue, which are not all sent */
    union packet_memory memory;
    struct tcp_machine sent;     /* TCP, by what course_next() gave */
    bool is_over;                /* there are no more draws, but for those in the queue */
    struct draw_queue *queue;    /* owned; NULL: nobody waits */
};

/* Random stream, model, tables and shape are set. `planned` is the row, borrowed for the call. */
void course_begin(struct session_course *course, const struct session_row *planned);

/* The next draw; false: the session is over. What TCP forbids ends it. */
bool course_next(struct session_course *course, struct packet_draw *draw);

/* A packet that no model drew goes out. */
void course_send(struct session_course *course, const struct packet_draw *draw);

/*
 * Bytes of the message that `first`, the latest draw, begins: until the other side says something, or of MESSAGE_MOST_PACKETS
 * packets.
 */
uint64_t course_message_bytes(struct session_course *course, const struct packet_draw *first);

/* Nobody waits any more; the model goes on from what was sent. */
void course_forget(struct session_course *course);

#endif
