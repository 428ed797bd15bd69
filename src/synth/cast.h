/*
 * cast.h - who plays which host of a model, where a host may be a crowd that stands for many.
 *
 * One copy of the network has as many places as the model's hosts have members. Places are given out so
 * that any first part of them has every crowd in proportion to its members (as near as whole numbers
 * can: the method of Webster and Sainte-Lague). Where no host is a crowd, place i plays host i.
 */
#ifndef SYNTH_CAST_H
#define SYNTH_CAST_H

#include <stdint.h>

#include "dayshift/host_model.h"

struct cast {
    uint32_t places;
    uint32_t *host;   /* by place */
    uint32_t *nth;    /* by place: which member of its host it plays, from 0 on */
    uint32_t *firsts; /* by host: where its places begin in `place`; one more for the end */
    uint32_t *place;  /* ascending for every host */
};

/* Reads the members of the models, nothing else. */
void cast_init(struct cast *cast, const struct host_model *models, uint32_t count);
void cast_release(struct cast *cast);

static inline uint32_t cast_members(const struct cast *cast, uint32_t host)
{
    return cast->firsts[host + 1] - cast->firsts[host];
}

#endif
