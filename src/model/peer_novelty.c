#include "model/peer_novelty.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

void peer_novelty_init(struct peer_novelty *novelty, const struct peer_process *process,
                       const struct tally_entry *entries, uint32_t size, uint64_t unlisted)
{
    double flows = 0;
    double outside = 0;
    double peers = 0;

    for (uint32_t i = 0; i < size; i++) {
        struct peer peer = peer_unpack(entries[i].symbol);

        flows += (double)entries[i].count;
        outside += peer.kind == PEER_OUTSIDE ? (double)entries[i].count : 0;
        peers += peer_is_listed_outside(peer);
    }
    if (outside == 0)
        return; /* nobody is ever new */
    *novelty = (struct peer_novelty){
        .unlisted = (uint16_t)ceil((double)unlisted / flows * UINT16_MAX),
        .fresh = peer_number_pack(process->concentration / (outside + process->concentration)),
        .strength = peer_number_pack(process->concentration + process->discount * peers),
        .discount = (uint8_t)fmax(1, round(process->discount * 256)),
    };
}

/* How many states of the role list the peer. */
struct listing {
    uint32_t symbol, state;
};

static int compare_listings(const void *a, const void *b)
{
    const struct listing *x = a;
    const struct listing *y = b;

    if (x->symbol != y->symbol)
        return x->symbol < y->symbol ? -1 : 1;
    return x->state == y->state ? 0 : x->state < y->state ? -1 : 1;
}

/* Outside peers of all states of a role; the caller frees. */
static struct listing *listings_of(const struct host_model *host, enum host_role role, size_t *count)
{
    struct listing *listings = NULL;
    size_t capacity = 0;

    *count = 0;
    for (uint32_t s = 0; s < host->state_count; s++) {
        const struct discrete *peers = &host->states[s].peers;

        for (uint32_t i = 0; host->states[s].key.role == role && i < peers->size; i++) {
            uint32_t symbol = discrete_symbol(peers, i);

            if (peer_unpack(symbol).kind != PEER_OUTSIDE)
                continue;
            listings = memory_grow(listings, &capacity, *count + 1, sizeof *listings);
            listings[(*count)++] = (struct listing){ symbol, s };
        }
    }
    if (*count > 0)
        qsort(listings, *count, sizeof *listings, compare_listings);
    return listings;
}

static void share_role(struct host_model *host, enum host_role role)
{
    double *known = memory_alloc_array(host->state_count, sizeof *known);
    double *listed = memory_alloc_array(host->state_count, sizeof *listed);
    size_t count;
    struct listing *listings = listings_of(host, role, &count);
    size_t end;

    for (size_t first = 0; first < count; first = end) {
        for (end = first; end < count && listings[end].symbol == listings[first].symbol; end++)
            ;
        for (size_t i = first; i < end; i++) {
            known[listings[i].state] += 1 - 1 / (double)(end - first);
            listed[listings[i].state]++;
        }
    }
    for (uint32_t s = 0; s < host->state_count; s++) {
        if (listed[s] > 0)
            host->states[s].novelty.known = (uint8_t)round(known[s] / listed[s] * UINT8_MAX);
    }
    free(listings);
    free(listed);
    free(known);
}

void peer_novelty_share(struct host_model *host)
{
    share_role(host, ROLE_INITIATOR);
    share_role(host, ROLE_RESPONDER);
}
