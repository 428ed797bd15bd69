/*
 * crossing.h - counts what arrives at a link of the frames that virtual hosts sent on other links.
 *
 * A packet socket of its own, with a filter that the kernel runs, and nearly no memory: what passes the filter is
 * counted, and next to nothing is copied or ever read. Opened with the rights of root; to count takes none. One thread.
 */
#ifndef EMIT_CROSSING_H
#define EMIT_CROSSING_H

#include <stdint.h>

#include "base/error.h"
#include "emit/link.h"

struct crossing {
    int fd; /* -1: nothing is counted */
    uint64_t arrived;
};

/* Counts the frames on the link, which is open, that pass a filter of pcap-filter(7). A VLAN tag is no part of a frame. */
int crossing_open(struct crossing *crossing, const struct link *link, const char *filter, struct error *err);
void crossing_close(struct crossing *crossing);

/* How many have arrived so far. To be called before four thousand million more have. */
uint64_t crossing_count(struct crossing *crossing);

#endif
