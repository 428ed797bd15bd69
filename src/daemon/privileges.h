/*
 * privileges.h - giving up root for good, before anything foreign is looked at.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include "base/error.h"

/*
 * Becomes `user`: no supplementary groups, no capabilities (bounding set included), nothing to
 * be gained by exec. A process that is not root stays who it is, and loses its capabilities.
 * One that is to end with its parent (PR_SET_PDEATHSIG) still does.
 * 0 or -1.
 */
int privileges_drop(const char *user, struct error *err);

#endif
