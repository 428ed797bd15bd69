#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setresuid */
#endif
#include "cli/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* With the groups that the user has elsewhere: an output directory may be a group's. */
static int take_groups(uid_t uid, gid_t gid)
{
    const struct passwd *user = getpwuid(uid);

    return user ? initgroups(user->pw_name, gid) : setgroups(0, NULL);
}

int privileges_give_up_root(struct error *err)
{
    const char *user = getenv("SUDO_UID");
    const char *group = getenv("SUDO_GID");
    uint64_t uid;
    uint64_t gid;

    if (geteuid() != 0 || user == NULL || group == NULL)
        return 0;
    if (text_to_u64(user, &uid) < 0 || text_to_u64(group, &gid) < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return error_set(err, "SUDO_UID=%s SUDO_GID=%s: no user and group to become", user, group);
    if (take_groups((uid_t)uid, (gid_t)gid) < 0 || setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) < 0 ||
        setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
        return error_set(err, "cannot become user %s: %s", user, strerror(errno));
    return 0;
}
