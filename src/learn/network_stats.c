#include "dayshift/network_stats.h"

#include <stdlib.h>
#include <string.h>

#include "learn/row_sample.h"
#include "learn/stats_private.h"

void network_stats_init(struct network_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    tally_init(&stats->states);
    tally_init(&stats->initial);
    tally_init(&stats->transitions);
    tally_init(&stats->gaps);
    tally_init(&stats->volumes);
    tally_init(&stats->beats);
    tally_init(&stats->bytes);
    tally_init(&stats->initiator_ports);
    tally_init(&stats->responder_ports);
    tally_init(&stats->peers);
    tally_init(&stats->active);
    tally_init(&stats->coverage);
    tally_init(&stats->services);
    tally_init(&stats->state_labels);
}

void network_stats_release(struct network_stats *stats)
{
    for (size_t i = 0; i < stats->services.used; i++)
        row_sample_release(&stats->samples[i]);
    for (size_t i = 0; i < stats->label_count; i++)
        free(stats->labels[i]);
    free(stats->labels);
    free(stats->samples);
    free(stats->conditions);
    free(stats->activity);
    free(stats->crowd_activity);
    free(stats->host_observations);
    free(stats->host_members);
    free(stats->host_tags);
    free(stats->outside_tags);
    tally_release(&stats->states);
    tally_release(&stats->initial);
    tally_release(&stats->transitions);
    tally_release(&stats->gaps);
    tally_release(&stats->volumes);
    tally_release(&stats->beats);
    tally_release(&stats->bytes);
    tally_release(&stats->initiator_ports);
    tally_release(&stats->responder_ports);
    tally_release(&stats->peers);
    tally_release(&stats->active);
    tally_release(&stats->coverage);
    tally_release(&stats->services);
    tally_release(&stats->state_labels);
}

size_t stats_counted_bytes(const struct network_stats *stats)
{
    size_t entries = stats->states.used + stats->initial.used + stats->transitions.used +
                     stats->gaps.used + stats->beats.used + stats->volumes.used + stats->bytes.used +
                     stats->initiator_ports.used + stats->responder_ports.used + stats->peers.used +
                     stats->active.used + stats->coverage.used + stats->services.used +
                     stats->state_labels.used;

    return entries * TALLY_ENTRY_BYTES + stats->active.used * STATS_ACTIVITY_BYTES +
           stats->services.used * STATS_SERVICE_BYTES +
           stats->label_count * (size_t)STATS_NAME_BYTES +
           stats->host_count * (size_t)STATS_HOST_BYTES +
           ((size_t)stats->host_count + stats->outside_count) * STATS_TAG_BYTES;
}

size_t network_stats_bytes(const struct network_stats *stats)
{
    size_t bytes = sizeof *stats + stats_counted_bytes(stats);

    for (size_t i = 0; i < stats->services.used; i++)
        bytes += stats->samples[i].packets * sizeof(struct flow_packet) +
                 stats->samples[i].used * SAMPLED_ROW_BYTES;
    return bytes;
}

/* ---- parts that learning and merging share ---- */

uint32_t stats_add_service(struct network_stats *stats, uint32_t owner, uint32_t port, uint64_t flows)
{
    size_t known = stats->services.used;
    uint32_t service = tally_add(&stats->services, owner, port, flows);

    if (stats->services.used == known)
        return service;
    stats->samples = memory_grow(stats->samples, &stats->samples_capacity, known + 1,
                                 sizeof *stats->samples);
    memset(&stats->samples[service], 0, sizeof *stats->samples);
    stats->conditions = memory_grow(stats->conditions, &stats->conditions_capacity, known + 1,
                                    sizeof *stats->conditions);
    memset(&stats->conditions[service], 0, sizeof *stats->conditions);
    return service;
}

/* ---- services of few flows make room ---- */

/* Those of most flows first, of as many those with a class; the other ports of a protocol before all. */
static int compare_services(const void *a, const void *b)
{
    const struct tally_entry *x = *(const struct tally_entry *const *)a;
    const struct tally_entry *y = *(const struct tally_entry *const *)b;
    bool x_stays = x->symbol == SERVICE_OTHER_PORTS;
    bool y_stays = y->symbol == SERVICE_OTHER_PORTS;

    if (x_stays != y_stays)
        return x_stays ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if ((service_owner_label(x->owner) == LABEL_NONE) != (service_owner_label(y->owner) == LABEL_NONE))
        return service_owner_label(x->owner) != LABEL_NONE ? -1 : 1;
    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return x->symbol == y->symbol ? 0 : x->symbol < y->symbol ? -1 : 1;
}

static size_t single_services(const struct tally *services)
{
    size_t single = 0;

    for (size_t i = 0; i < services->used; i++)
        single += services->entries[i].symbol != SERVICE_OTHER_PORTS;
    return single;
}

/* By service: whether it stays. */
static bool *choose_services(const struct network_stats *stats)
{
    const struct tally *services = &stats->services;
    const struct tally_entry **order = memory_alloc_array(services->used, sizeof *order);
    bool *stays = memory_alloc_array(services->used, sizeof *stays);
    size_t single = 0;

    for (size_t i = 0; i < services->used; i++)
        order[i] = &services->entries[i];
    if (services->used > 0)
        qsort(order, services->used, sizeof *order, compare_services);
    for (size_t i = 0; i < services->used && single < SERVICE_MAX; i++) {
        single += order[i]->symbol != SERVICE_OTHER_PORTS;
        stays[order[i] - services->entries] = true;
    }
    free(order);
    return stays;
}

/* The services of statistics, while they are numbered anew. */
struct old_services {
    struct tally services;
    struct row_sample *samples;
    struct service_conditions *conditions;
};

static struct old_services take_services(struct network_stats *stats)
{
    struct old_services old = { stats->services, stats->samples, stats->conditions };

    tally_init(&stats->services);
    stats->samples = NULL;
    stats->samples_capacity = 0;
    stats->conditions = NULL;
    stats->conditions_capacity = 0;
    return old;
}

static void keep_service(struct network_stats *stats, const struct old_services *old, size_t i)
{
    const struct tally_entry *entry = &old->services.entries[i];
    uint32_t service = stats_add_service(stats, entry->owner, entry->symbol, entry->count);

    stats->samples[service] = old->samples[i];
    stats->conditions[service] = old->conditions[i];
    if (service_owner_label(entry->owner) == LABEL_NONE)
        row_sample_reopen(&stats->samples[service]); /* it may take in others */
}

/* To the same port without a class, or from there to the other ports. */
static void move_service(struct network_stats *stats, const struct old_services *old, size_t i)
{
    const struct tally_entry *entry = &old->services.entries[i];
    bool has_label = service_owner_label(entry->owner) != LABEL_NONE;
    uint32_t others = stats_add_service(
        stats, service_owner_pack(service_owner_protocol(entry->owner), LABEL_NONE),
        has_label ? entry->symbol : SERVICE_OTHER_PORTS, entry->count);
    struct row_sample *sample = &old->samples[i];

    for (size_t k = 0; k < sample->used; k++)
        row_sample_add(&stats->samples[others], sample->rows[k].key, &sample->rows[k].row);
    free(sample->rows); /* without their sequences, which were taken */
    service_conditions_add(&stats->conditions[others], &old->conditions[i]);
}

uint64_t stats_keep_services(struct network_stats *stats, const bool *stays)
{
    struct old_services old = take_services(stats);
    uint64_t moved = 0;

    for (size_t i = 0; i < old.services.used; i++) {
        if (stays[i])
            keep_service(stats, &old, i);
    }
    for (size_t i = 0; i < old.services.used; i++) {
        if (!stays[i]) {
            if (service_owner_label(old.services.entries[i].owner) == LABEL_NONE)
                moved += old.services.entries[i].count;
            move_service(stats, &old, i);
        }
    }
    tally_release(&old.services);
    free(old.samples);
    free(old.conditions);
    return moved;
}

uint64_t stats_prune_services(struct network_stats *stats)
{
    uint64_t moved = 0;

    /* Each round takes what has too few flows one step further, two at most. */
    while (single_services(&stats->services) > SERVICE_MAX) {
        bool *stays = choose_services(stats);

        moved += stats_keep_services(stats, stays);
        free(stays);
    }
    return moved;
}

void stats_finish_samples(struct network_stats *stats)
{
    for (size_t i = 0; i < stats->services.used; i++) {
        if (service_owner_label(stats->services.entries[i].owner) == LABEL_NONE)
            row_sample_finish(&stats->samples[i]);
    }
}

struct activity *stats_add_activity(struct network_stats *stats, uint32_t host, uint32_t slice,
                                    uint64_t flows)
{
    size_t known = stats->active.used;
    uint32_t index = tally_add(&stats->active, host, slice, flows);

    if (stats->active.used > known) {
        stats->activity = memory_grow(stats->activity, &stats->activity_capacity, known + 1,
                                      sizeof *stats->activity);
        memset(&stats->activity[index], 0, sizeof *stats->activity);
    }
    return &stats->activity[index];
}

struct crowd_activity *stats_crowd_activity(struct network_stats *stats, uint32_t host, uint32_t slice)
{
    uint32_t index = tally_find(&stats->active, host, slice);
    size_t known = stats->crowd_activity_capacity;

    if (index >= known) { /* also those of hosts before it, which are no crowds */
        stats->crowd_activity = memory_grow(stats->crowd_activity, &stats->crowd_activity_capacity,
                                            stats->active.used, sizeof *stats->crowd_activity);
        memset(stats->crowd_activity + known, 0,
               (stats->crowd_activity_capacity - known) * sizeof *stats->crowd_activity);
    }
    return &stats->crowd_activity[index];
}

static void meet_observation(struct network_stats *stats, uint32_t observation)
{
    if (observation >= stats->observation_count)
        stats->observation_count = observation + 1;
}

void stats_cover(struct network_stats *stats, uint32_t observation, uint32_t slice, uint64_t seconds)
{
    uint64_t covered = tally_count(&stats->coverage, observation, slice);
    uint64_t left = covered < SLICE_SECONDS ? SLICE_SECONDS - covered : 0;

    meet_observation(stats, observation);
    if (left > 0)
        tally_add(&stats->coverage, observation, slice, seconds < left ? seconds : left);
}

void stats_add_host(struct network_stats *stats, uint32_t observation, uint32_t members, uint64_t tag)
{
    meet_observation(stats, observation);
    stats->host_observations =
        memory_grow(stats->host_observations, &stats->host_observations_capacity,
                    (size_t)stats->host_count + 1, sizeof *stats->host_observations);
    stats->host_observations[stats->host_count] = observation;
    stats->host_members = memory_grow(stats->host_members, &stats->host_members_capacity,
                                      (size_t)stats->host_count + 1, sizeof *stats->host_members);
    stats->host_members[stats->host_count] = members;
    if (stats->has_tags) {
        stats->host_tags = memory_grow(stats->host_tags, &stats->host_tags_capacity,
                                       (size_t)stats->host_count + 1, sizeof *stats->host_tags);
        stats->host_tags[stats->host_count] = tag;
    }
    stats->host_count++;
}

void stats_add_outside(struct network_stats *stats, uint64_t tag)
{
    if (stats->has_tags) {
        stats->outside_tags = memory_grow(stats->outside_tags, &stats->outside_tags_capacity,
                                          (size_t)stats->outside_count + 1,
                                          sizeof *stats->outside_tags);
        stats->outside_tags[stats->outside_count] = tag;
    }
    stats->outside_count++;
}

/* New numbers for outside peers that stay outside, in their order; hosts get theirs in `renumbered`. */
static void renumber_outside(struct network_stats *stats, const uint32_t *hosts,
                             uint32_t *renumbered)
{
    uint32_t left = 0;

    for (uint32_t id = 0; id < stats->outside_count; id++) {
        struct peer peer = { PEER_OUTSIDE, left };

        if (hosts[id] != TALLY_NONE)
            peer = (struct peer){ PEER_LOCAL, hosts[id] };
        else if (stats->has_tags)
            stats->outside_tags[left] = stats->outside_tags[id];
        left += hosts[id] == TALLY_NONE;
        renumbered[id] = peer_pack(peer);
    }
    stats->outside_count = left;
}

void stats_settle_peers(struct network_stats *stats, const uint32_t *hosts)
{
    uint32_t *renumbered = memory_alloc_array(stats->outside_count, sizeof *renumbered);
    struct tally settled;

    tally_init(&settled);
    renumber_outside(stats, hosts, renumbered);
    for (size_t i = 0; i < stats->peers.used; i++) {
        const struct tally_entry *entry = &stats->peers.entries[i];
        struct peer peer = peer_unpack(entry->symbol);
        bool is_single = peer_is_listed_outside(peer);

        tally_add(&settled, entry->owner, is_single ? renumbered[peer.id] : entry->symbol,
                  entry->count);
    }
    tally_release(&stats->peers);
    stats->peers = settled;
    free(renumbered);
}
