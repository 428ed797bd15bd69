/*
 * host_days.h - when the hosts of a model were active: made of the rows of a file, as a model_sink gets them.
 *
 * First begin, then all rows of coverage, then those of activity, then end.
 */
#ifndef MODEL_HOST_DAYS_H
#define MODEL_HOST_DAYS_H

#include <stdint.h>

#include "base/tally.h"
#include "model/day_profile.h"
#include "model/model.h"
#include "model/model_read.h"

struct host_days {
    struct model *model; /* borrowed; what its hosts get comes from its arena */
    const struct model_shape *shape; /* borrowed; gone when the rows end */
    struct observation *observations; /* owned; of hosts */
    uint32_t observation_count;
    struct tally dates; /* that were observed: (0, date) */
    uint32_t host;      /* whose day is being added up, or nobody's */
    const struct day_coverage *coverage; /* of that host */
    struct day_profile day;
    double log_most; /* ln packets of its busiest slice */
};

void host_days_init(struct host_days *days);
void host_days_release(struct host_days *days);

/* The model has its hosts. */
void host_days_begin(struct host_days *days, struct model *model, const struct model_shape *shape);

/* What was covered in an observation; both ascend. */
void host_days_take_coverage(struct host_days *days, uint32_t observation, const struct tally_entry *entries,
                             uint32_t size);
void host_days_take_activity(struct host_days *days, uint32_t host, uint32_t slice_number,
                             const struct activity *activity, const struct crowd_activity *crowd);
void host_days_end(struct host_days *days);

#endif
