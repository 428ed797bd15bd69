/*
 * receive_filter.h - which frames of a link the kernel hands to who answers there: a classic BPF program.
 *
 * ARP, neighbour discovery, and packets that one of the wanted addresses is sent, by nobody of the unwanted ones. So
 * neither what other machines send each other nor the run's own frames that come in by another link wake anybody. That
 * saves time, and no more: what passes is looked at again.
 *
 * It is made here, and not by libpcap as that of crossing.h: that compiles no test for frames that go out without a device
 * of its own, writes IPv6 only in networks where this has ranges of hosts, and cannot say before what fits the kernel.
 */
#ifndef EMIT_RECEIVE_FILTER_H
#define EMIT_RECEIVE_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

#include "dayshift/link_hosts.h"

enum { RECEIVE_FILTER_MOST = 4096 }; /* BPF_MAXINSNS */

struct receive_filter {
    struct sock_filter code[RECEIVE_FILTER_MOST];
    unsigned short length;
};

/* For who knows no addresses yet: ARP and neighbour discovery alone. */
void receive_filter_neighbours(struct receive_filter *filter);

/* Where not all of the ranges fit a program, it passes whatever is sent to anybody. */
void receive_filter_ranges(struct receive_filter *filter, const struct host_range *wanted, size_t wanted_count,
                           const struct host_range *unwanted, size_t unwanted_count);

/* What the socket receives from now on. -1 with errno. */
int receive_filter_attach(struct receive_filter *filter, int fd);

#endif
