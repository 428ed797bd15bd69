/*
 * privileges.h - giving up root for good, before anything foreign is looked at.
 */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

#include <pwd.h>

#include "base/error.h"

/* Whether this process may open a packet socket, as far as can be told before it tries: 0 or -1. */
int privileges_check_sending(struct error *err);

/*
 * What a user that is not to be become should be: "a user of this machine", which matters to root alone, or one without
 * the rights of root. NULL: nothing is wrong with it. `entry` is that of the user, NULL when there is none.
 */
const char *privileges_user_wanted(const struct passwd *entry);

/*
 * Becomes `user`: no supplementary groups, no capabilities (bounding set included), nothing to
 * be gained by exec. A process that is not root stays who it is, and loses its capabilities.
 * One that is to end with its parent (PR_SET_PDEATHSIG) still does.
 * 0 or -1.
 */
int privileges_drop(const char *user, struct error *err);

#endif
