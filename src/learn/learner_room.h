/*
 * learner_room.h - how much the bound on memory lets a record begin.
 */
#ifndef LEARN_LEARNER_ROOM_H
#define LEARN_LEARNER_ROOM_H

/* How much may be begun: each level allows what those before it do. */
enum learner_room {
    ROOM_NONE,
    ROOM_SLICES,  /* in which a host is active */
    ROOM_DETAILS, /* of known states and services */
    ROOM_STATES,
    ROOM_HOSTS
};

#endif
