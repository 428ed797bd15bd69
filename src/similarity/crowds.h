/*
 * crowds.h - every host in exactly one group of hosts that behave alike.
 *
 * Spectral clusters of a reference set; the other hosts are placed by their kernel values with it.
 */
#ifndef SIMILARITY_CROWDS_H
#define SIMILARITY_CROWDS_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/behaviour.h"

/*
 * Groups of at least `least` hosts each (k-anonymity); clusters that are smaller go to the most similar
 * one, the smallest first. crowd[i] is the group of behaviour i; groups are numbered in order of
 * their first hosts. Returns how many there are, 0 for no hosts; -1 with *err when there are
 * some, but fewer than `least`, which is 1 or more.
 */
int crowds_find(const struct behaviour *behaviours, uint32_t count, uint32_t least, uint32_t *crowd,
                struct error *err);

#endif
