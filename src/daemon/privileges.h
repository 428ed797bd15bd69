/*
 * privileges.h - giving up root for good, before anything foreign is looked at.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include "base/error.h"

/*
 * Becomes `user`: no supplementary groups, no capabilities (bounding set included), nothing to
 * be gained by exec. Does nothing but the last when the process is not root. 0 or -1.
 */
int privileges_drop(const char *user, struct error *err);

#endif
