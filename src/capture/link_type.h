/*
 * link_type.h - the numbers by which captures name what a frame begins with.
 *
 * Files have LINKTYPE_ numbers, libpcap has DLT_ numbers. The two differ for raw IP alone, where
 * all that have been in use mean the same.
 */
#ifndef CAPTURE_LINK_TYPE_H
#define CAPTURE_LINK_TYPE_H

#include <stdbool.h>

#include "base/error.h"
#include "net/decode.h"

/* Of a LINKTYPE_ or DLT_; false: not supported. */
bool link_type_decode(int type, enum decode_link *link);

/* That `what` has a link type that is not supported; -1. */
int link_type_error(const char *what, int type, struct error *err);

#endif
