#include "daemon/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The kernel forgets what to do at the parent's death when the user changes. */
static int keep_tie(int on_parents_death, pid_t parent, struct error *err)
{
    if (on_parents_death == 0)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, on_parents_death) < 0)
        return error_set(err, "cannot end with its parent: %s", strerror(errno));
    return getppid() == parent ? 0 : error_set(err, "the supervisor is gone");
}

int privileges_check_sending(struct error *err)
{
    if (capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW))
        return 0;
    return error_set(err, "no permission to send on an interface: start dayshiftd as root, as with sudo, or with"
                          " CAP_NET_RAW (-n and -w FILE need none)");
}

const char *privileges_user_wanted(const struct passwd *entry)
{
    if (entry == NULL)
        return geteuid() == 0 ? "a user of this machine" : NULL;
    return entry->pw_uid == 0 ? "a user without the rights of root" : NULL;
}

int privileges_drop(const char *user, struct error *err)
{
    pid_t parent = getppid();
    int on_parents_death = 0;
    const struct passwd *entry;
    const char *wanted;
    int status;

    (void)prctl(PR_GET_PDEATHSIG, &on_parents_death);

    if (geteuid() == 0) {
        entry = getpwnam(user);
        wanted = privileges_user_wanted(entry);
        if (wanted)
            return error_set(err, "user \"%s\" is not %s", user, wanted);
        capng_clear(CAPNG_SELECT_BOTH);
        status = capng_change_id((int)entry->pw_uid, (int)entry->pw_gid,
                                 CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
        if (status < 0)
            return error_set(err, "user %s: cannot give up root (libcap-ng says %d)", user, status);
        if (setuid(0) == 0 || capng_have_capabilities(CAPNG_SELECT_BOTH) != CAPNG_NONE)
            return error_set(err, "user %s: root could be had back", user);
    } else {
        /* Capabilities of the file or ambient ones: the link is open, they have done their work. */
        capng_clear(CAPNG_SELECT_CAPS);
        if (capng_apply(CAPNG_SELECT_CAPS) < 0)
            return error_set(err, "cannot give up capabilities");
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(err, "no_new_privs: %s", strerror(errno));
    return keep_tie(on_parents_death, parent, err);
}
