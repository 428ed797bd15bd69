/*
 * host_choice.h - which hosts are looked at: --local and --hosts.
 */
#ifndef CLI_HOST_CHOICE_H
#define CLI_HOST_CHOICE_H

#include <stddef.h>

#include "base/error.h"
#include "net/ip_address.h"
#include "records/host_names.h"

struct host_choice { /* zeros, but for names */
    struct host_names *names; /* owned */
    struct ip_network *local; /* owned; none: found from the data */
    size_t local_count, local_capacity;
    const char *file;         /* of --hosts; borrowed; NULL: none */
    struct ip_address *hosts; /* what is in it; owned */
    size_t host_count;
};

void host_choice_release(struct host_choice *choice);

/* A network, or hosts by their names: "Comp*". 0 or -1. */
int host_choice_add_local(struct host_choice *choice, const char *text, struct error *err);

/* Reads the file, when there is one. 0 or -1. */
int host_choice_read(struct host_choice *choice, struct error *err);

#endif
