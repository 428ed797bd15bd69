/*
 * link_type.h - the numbers by which captures name what a frame begins with.
 *
 * Files have LINKTYPE_ numbers, libpcap has DLT_ numbers. The two differ for raw IP alone, where
 * all that have been in use mean the same.
 */
#ifndef CAPTURE_LINK_TYPE_H
#define CAPTURE_LINK_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/decode.h"

struct link_type {
    uint16_t number; /* LINKTYPE_ or DLT_ */
    bool known;      /* to the decoder; else `decode` means nothing */
    enum decode_link decode;
};

struct link_type link_type_of(uint16_t number);

/* "USB_LINUX", for messages; "unknown" when nobody knows it. */
const char *link_type_name(uint16_t number);

/* That `what` has a link type that is not known; -1. */
int link_type_error(const char *what, struct link_type type, struct error *err);

#endif
