#include "learn/fit_peers.h"

#include <stdlib.h>

#include "base/memory.h"
#include "learn/peer_fit.h"

/* What is known before any flow. */
static const struct peer_process anybody = { 0.5, 1.0 };

enum { MOST_POOLED = 2048 /* states that speak for all of a role */ };

struct owned_state {
    enum host_role role;
    uint32_t host, state;
};

/* States with a peer outside, those of a role together, and in these those of a host. */
struct partitions {
    struct peer_partition *partitions;
    struct owned_state *owners;
    size_t count;
    struct peer_group *groups; /* of all of them */
};

static int compare_owners(const void *a, const void *b)
{
    const struct owned_state *x = a;
    const struct owned_state *y = b;

    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return x->state == y->state ? 0 : x->state < y->state ? -1 : 1;
}

static struct owned_state *ordered_states(const struct network_stats *stats)
{
    struct owned_state *order = memory_alloc_array(stats->states.used, sizeof *order);

    for (uint32_t i = 0; i < stats->states.used; i++) {
        const struct tally_entry *entry = &stats->states.entries[i];

        order[i] = (struct owned_state){ state_key_unpack(entry->symbol).role, entry->owner, i };
    }
    if (stats->states.used > 0)
        qsort(order, stats->states.used, sizeof *order, compare_owners);
    return order;
}

/* By state, then by flows. */
static int compare_flows(const void *a, const void *b)
{
    const struct tally_entry *x = a;
    const struct tally_entry *y = b;

    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return (x->count > y->count) - (x->count < y->count);
}

/* Outside peers in that order; *firsts: by state, where its own begin, and one more for the end. */
static struct tally_entry *ordered_peers(const struct network_stats *stats, size_t **firsts)
{
    struct tally_entry *peers = memory_alloc_array(stats->peers.used, sizeof *peers);
    size_t used = 0;

    *firsts = memory_alloc_array(stats->states.used + 1, sizeof **firsts);
    for (size_t i = 0; i < stats->peers.used; i++) {
        const struct tally_entry *entry = &stats->peers.entries[i];

        if (peer_unpack(entry->symbol).kind != PEER_OUTSIDE)
            continue;
        peers[used++] = *entry;
        (*firsts)[entry->owner + 1]++;
    }
    for (size_t i = 0; i < stats->states.used; i++)
        (*firsts)[i + 1] += (*firsts)[i];
    if (used > 0)
        qsort(peers, used, sizeof *peers, compare_flows);
    return peers;
}

/* Entries of one state, in order of flows, into groups that begin at `groups`. */
static struct peer_partition partition_of(const struct tally_entry *entries, size_t size,
                                          struct peer_group *groups)
{
    struct peer_partition partition = { .groups = groups };

    for (size_t i = 0; i < size; i++) {
        if (peer_unpack(entries[i].symbol).id == PEER_ID_OTHER) {
            partition.unlisted = entries[i].count;
            continue;
        }
        if (partition.group_count == 0 || groups[partition.group_count - 1].flows != entries[i].count)
            groups[partition.group_count++] = (struct peer_group){ entries[i].count, 0 };
        groups[partition.group_count - 1].peers++;
    }
    return partition;
}

static void partitions_init(struct partitions *p, const struct network_stats *stats)
{
    struct owned_state *order = ordered_states(stats);
    size_t *firsts;
    struct tally_entry *peers = ordered_peers(stats, &firsts);

    *p = (struct partitions){
        .partitions = memory_alloc_array(stats->states.used, sizeof *p->partitions),
        .owners = order,
        .groups = memory_alloc_array(stats->peers.used, sizeof *p->groups),
    };
    for (size_t i = 0; i < stats->states.used; i++) {
        const struct owned_state owner = order[i];
        size_t first = firsts[owner.state];
        size_t size = firsts[owner.state + 1] - first;

        if (size == 0)
            continue;
        order[p->count] = owner;
        p->partitions[p->count++] = partition_of(&peers[first], size, &p->groups[first]);
    }
    free(firsts);
    free(peers);
}

static void partitions_release(struct partitions *p)
{
    free(p->partitions);
    free(p->owners);
    free(p->groups);
}

/* The process of all states from `first` to before `end`, or of some of them evenly chosen. */
static struct peer_process fit_role(const struct partitions *p, size_t first, size_t end)
{
    size_t count = end - first < MOST_POOLED ? end - first : MOST_POOLED;
    struct peer_partition *chosen = memory_alloc_array(count, sizeof *chosen);
    struct peer_process process;

    for (size_t i = 0; i < count; i++)
        chosen[i] = p->partitions[first + i * (end - first) / count];
    process = peer_fit(chosen, count, &anybody);
    free(chosen);
    return process;
}

static void fit_host(const struct partitions *p, size_t first, size_t end, const struct peer_process *role,
                     struct peer_process *fit)
{
    struct peer_process host = peer_fit(&p->partitions[first], end - first, role);

    for (size_t i = first; i < end; i++)
        fit[p->owners[i].state] = end - first == 1 ? host : peer_fit(&p->partitions[i], 1, &host);
}

static size_t end_of_role(const struct partitions *p, size_t first)
{
    size_t end = first;

    while (end < p->count && p->owners[end].role == p->owners[first].role)
        end++;
    return end;
}

static size_t end_of_host(const struct partitions *p, size_t first)
{
    size_t end = first;

    while (end < p->count && p->owners[end].role == p->owners[first].role &&
           p->owners[end].host == p->owners[first].host)
        end++;
    return end;
}

struct peer_process *fit_peers(const struct network_stats *stats)
{
    struct peer_process *fit = memory_alloc_array(stats->states.used, sizeof *fit);
    struct partitions p;

    partitions_init(&p, stats);
    for (size_t first = 0; first < p.count; first = end_of_role(&p, first)) {
        size_t end = end_of_role(&p, first);
        struct peer_process role = fit_role(&p, first, end);

        for (size_t host = first; host < end; host = end_of_host(&p, host))
            fit_host(&p, host, end_of_host(&p, host), &role, fit);
    }
    partitions_release(&p);
    return fit;
}
