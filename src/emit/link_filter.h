/*
 * link_filter.h - a classic BPF program on a packet socket.
 */
#ifndef EMIT_LINK_FILTER_H
#define EMIT_LINK_FILTER_H

#include <linux/filter.h>

/* What the socket receives from now on; the kernel copies it. -1 with errno. */
int link_filter_attach(int fd, struct sock_filter *code, unsigned short length);

#endif
