#include "model/host_days.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define NOBODY UINT32_MAX

/* What was covered of the days of the hosts that were observed together. */
struct observation {
    struct tally seconds; /* (0, slice number) */
    struct day_coverage coverage;
    uint16_t *days[DAY_CLASSES]; /* by slice of the day: the model's */
};

static void make_observations(struct host_days *d, const struct model_shape *shape)
{
    d->observation_count = shape->observation_count;
    d->observations = memory_alloc_array(d->observation_count, sizeof *d->observations);
    for (uint32_t i = 0; i < d->observation_count; i++) {
        struct observation *o = &d->observations[i];

        tally_init(&o->seconds);
        day_coverage_init(&o->coverage, &o->seconds); /* of a file without coverage */
        for (int class = 0; class < DAY_CLASSES; class++)
            o->days[class] = arena_alloc_array(&d->model->arena, DAY_SLICES, sizeof *o->days[class]);
    }
}

void host_days_init(struct host_days *d)
{
    *d = (struct host_days){ .host = NOBODY };
    tally_init(&d->dates);
}

void host_days_begin(struct host_days *d, struct model *model, const struct model_shape *shape)
{
    d->model = model;
    d->shape = shape;
    make_observations(d, shape);
    for (uint32_t i = 0; i < model->host_count; i++) {
        for (int class = 0; class < DAY_CLASSES; class++)
            model->hosts[i].days[class].observed = d->observations[shape->host_observations[i]].days[class];
    }
}

void host_days_release(struct host_days *d)
{
    tally_release(&d->dates);
    for (uint32_t i = 0; i < d->observation_count; i++)
        tally_release(&d->observations[i].seconds);
    free(d->observations);
}

static void take_dates(struct host_days *d, const struct day_coverage *coverage)
{
    for (size_t i = 0; i < coverage->seconds->used; i++) {
        const struct tally_entry *entry = &coverage->seconds->entries[i];
        uint32_t date = entry->symbol / DAY_SLICES;

        if (entry->count < coverage->threshold || tally_find(&d->dates, 0, date) != TALLY_NONE)
            continue;
        tally_add(&d->dates, 0, date, 1);
        d->model->weekdays[date_weekday((int32_t)date)]++;
    }
}

void host_days_take_coverage(struct host_days *d, uint32_t owner, const struct tally_entry *entries, uint32_t size)
{
    struct model *model = d->model;
    struct observation *o;

    if (owner >= d->observation_count)
        return; /* of a network without hosts */
    o = &d->observations[owner];
    for (uint32_t i = 0; i < size; i++)
        tally_add(&o->seconds, 0, entries[i].symbol, entries[i].count);
    day_coverage_init(&o->coverage, &o->seconds);
    take_dates(d, &o->coverage);
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        uint32_t days = day_coverage_days(&o->coverage, slice);

        model->covered_slices += days > 0 && model->observed_days[slice] == 0;
        if (days > model->observed_days[slice])
            model->observed_days[slice] = (uint16_t)days;
    }
    for (int class = 0; class < DAY_CLASSES; class++)
        memcpy(o->days[class], o->coverage.observed[class], sizeof o->coverage.observed[class]);
}

static void end_class(struct host_days *d, struct host_model *host, const struct day_coverage *coverage,
                      enum day_class class)
{
    struct class_profile *days = &host->days[class];
    struct slice_profile slices[DAY_SLICES];

    days->size = day_profile_finish(&d->day, coverage, class, host->members, slices);
    days->slices = arena_alloc_array(&d->model->arena, days->size, sizeof *days->slices);
    memcpy(days->slices, slices, days->size * sizeof *days->slices);
    /* As scaled up from a part of a slice. */
    for (uint32_t i = 0; i < days->size; i++)
        host->log_slice_max = fmax(host->log_slice_max, slice_profile_log_packets(&slices[i]));
}

void host_days_end(struct host_days *d)
{
    const struct day_coverage *coverage = d->coverage; /* the shape is gone when the last host ends */
    struct host_model *host;

    if (d->host == NOBODY)
        return;
    host = &d->model->hosts[d->host];
    day_profile_end(&d->day, coverage);
    host->log_slice_max = d->log_most;
    end_class(d, host, coverage, DAY_WEEKDAY);
    if (coverage->has_classes)
        end_class(d, host, coverage, DAY_WEEKEND);
    else
        host->days[DAY_WEEKEND] = host->days[DAY_WEEKDAY];
    d->host = NOBODY;
}

void host_days_take_activity(struct host_days *d, uint32_t host, uint32_t slice_number,
                             const struct activity *activity, const struct crowd_activity *crowd)
{
    struct slice_volume volume = slice_volume_of(activity, crowd);

    if (host != d->host) {
        host_days_end(d);
        day_profile_init(&d->day);
        d->host = host;
        d->coverage = &d->observations[d->shape->host_observations[host]].coverage;
        d->log_most = 0;
    }
    day_profile_add(&d->day, d->coverage, slice_number, &volume);
    d->log_most = fmax(d->log_most, slice_volume_log_most(&volume));
}
