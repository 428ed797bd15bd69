#include "capture/duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum {
    MAX_CANDIDATES = 64, /* packets of one hash that are compared: bounds the time */
    HASHED_IPV4 = 28,    /* the header, and of the transport's what every packet with ports has */
    HASHED_IPV6 = 48,
    MAX_PACKET = 65535
};

struct seen {
    int64_t time_ns;
    uint64_t at;       /* where its bytes are, of all that were ever written */
    uint64_t previous; /* number of the one before it in its bucket; 0: none */
    uint32_t size;
};

struct duplicates {
    int64_t window_ns;
    uint64_t newest;  /* packets are numbered from 1 on */
    uint64_t written; /* bytes */
    uint64_t buckets[DUPLICATES_PACKETS];   /* number of the newest packet of the hash */
    struct seen packets[DUPLICATES_PACKETS]; /* by the number's remainder */
    uint8_t bytes[DUPLICATES_BYTES];         /* likewise */
};

struct duplicates *duplicates_new(int64_t window_ns)
{
    struct duplicates *duplicates = memory_alloc(sizeof *duplicates);

    duplicates->window_ns = window_ns;
    return duplicates;
}

void duplicates_free(struct duplicates *duplicates)
{
    free(duplicates);
}

/* Copies the packet to where the next one goes, in one piece, without what routers change. */
static struct seen write_packet(struct duplicates *d, const struct packet_view *view)
{
    uint32_t size = view->ip_captured;
    uint64_t at = d->written;
    uint8_t *to;

    if (size > view->ip_bytes)
        size = view->ip_bytes;
    if (size > MAX_PACKET)
        size = MAX_PACKET;
    if (DUPLICATES_BYTES - at % DUPLICATES_BYTES < size)
        at += DUPLICATES_BYTES - at % DUPLICATES_BYTES;
    to = d->bytes + at % DUPLICATES_BYTES;
    memcpy(to, view->ip, size);
    if (size > 11 && to[0] >> 4 == 4)
        to[8] = to[10] = to[11] = 0;
    if (size > 7 && to[0] >> 4 == 6)
        to[7] = 0;
    return (struct seen){ .time_ns = view->time.ns, .at = at, .size = size };
}

static uint64_t hash_packet(const uint8_t *bytes, size_t size)
{
    uint64_t words[HASHED_IPV6 / 8] = { 0 };
    size_t hashed = bytes[0] >> 4 == 4 ? HASHED_IPV4 : HASHED_IPV6;
    uint64_t hash = 0;

    memcpy(words, bytes, size < hashed ? size : hashed);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        hash = random_mix64(hash + words[i] + 1);
    return hash;
}

/* Its bytes and its place are not given to another, nor were its bytes to one not remembered. */
static bool is_kept(const struct duplicates *d, uint64_t number)
{
    const uint64_t reached = d->written + 2 * MAX_PACKET; /* at most, and skipped at the end */

    return number > 0 && d->newest - number < DUPLICATES_PACKETS &&
           reached - d->packets[number % DUPLICATES_PACKETS].at <= DUPLICATES_BYTES;
}

static bool is_same(const struct duplicates *d, const struct seen *a, const struct seen *b)
{
    uint32_t size = a->size < b->size ? a->size : b->size;

    return a->time_ns - b->time_ns <= d->window_ns && b->time_ns - a->time_ns <= d->window_ns &&
           memcmp(d->bytes + a->at % DUPLICATES_BYTES, d->bytes + b->at % DUPLICATES_BYTES,
                  size) == 0;
}

bool duplicates_seen(struct duplicates *d, const struct packet_view *view)
{
    struct seen next;
    uint64_t *bucket;
    uint64_t number;

    if (view->ip_captured == 0)
        return false;
    next = write_packet(d, view);
    bucket = &d->buckets[hash_packet(d->bytes + next.at % DUPLICATES_BYTES, next.size) %
                         DUPLICATES_PACKETS];
    number = *bucket;
    for (int i = 0; i < MAX_CANDIDATES && is_kept(d, number); i++) {
        const struct seen *seen = &d->packets[number % DUPLICATES_PACKETS];

        if (is_same(d, seen, &next))
            return true;
        number = seen->previous;
    }
    next.previous = *bucket;
    *bucket = ++d->newest;
    d->packets[d->newest % DUPLICATES_PACKETS] = next;
    d->written = next.at + next.size;
    return false;
}
