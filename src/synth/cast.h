/*
 * cast.h - who plays which host of a model, where one may be played by many.
 *
 * One copy of the network has as many places as its hosts are counted: as a crowd has members, or as was asked for.
 * Places are given out so that any first part of them has every host in proportion to its count (as near as whole
 * numbers can: the method of Webster and Sainte-Lague). Where every host counts once, place i plays host i.
 */
#ifndef SYNTH_CAST_H
#define SYNTH_CAST_H

#include <stdint.h>

struct cast {
    uint32_t places;
    uint32_t *host;   /* by place */
    uint32_t *nth;    /* by place: which member of its host it plays, from 0 on */
    uint32_t *firsts; /* by host: where its places begin in `place`; one more for the end */
    uint32_t *place;  /* ascending for every host */
};

/* Host i has counts[i] places; not all counts may be 0. */
void cast_init(struct cast *cast, const uint32_t *counts, uint32_t count);
void cast_release(struct cast *cast);

static inline uint32_t cast_members(const struct cast *cast, uint32_t host)
{
    return cast->firsts[host + 1] - cast->firsts[host];
}

#endif
