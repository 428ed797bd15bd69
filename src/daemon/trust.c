#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "daemon/trust.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who started this with sudo(8), which sets it; otherwise root, which is trusted in any case. */
static uid_t asked_sudo(void)
{
    const char *text = getuid() == 0 ? getenv("SUDO_UID") : NULL;
    unsigned long uid;
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    uid = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && uid < UINT32_MAX ? (uid_t)uid : 0;
}

static bool may_own(uid_t uid)
{
    return uid == 0 || uid == getuid() || uid == asked_sudo();
}

static int check_owner(const struct stat *info, const char *path, struct error *err)
{
    if (may_own(info->st_uid))
        return 0;
    return error_set(err, "%s: refused, because it belongs to user %u, who could have root do anything with it"
                          " (chown root %s)", path, (unsigned)info->st_uid, path);
}

static int check_mode(const struct stat *info, const char *path, struct error *err)
{
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) == 0)
        return 0;
    return error_set(err, "%s: refused, because %s may write it, mode %04o (chmod go-w %s)", path,
                     info->st_mode & S_IWOTH ? "everybody" : "its group", (unsigned)(info->st_mode & 07777), path);
}

static int check_directory(const char *path, struct error *err)
{
    struct stat info;

    if (stat(path, &info) < 0)
        return error_set(err, "%s: cannot be looked at: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return error_set(err, "%s: not a directory", path);
    if (check_owner(&info, path, err) < 0)
        return -1;
    return info.st_mode & S_ISVTX ? 0 : check_mode(&info, path, err);
}

/* From the root down to the directory that the file is in: the path has no link in it. */
static int check_way(char *path, struct error *err)
{
    if (check_directory("/", err) < 0)
        return -1;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        int status;

        *slash = '\0';
        status = check_directory(path, err);
        *slash = '/';
        if (status < 0)
            return -1;
    }
    return 0;
}

char *trust_directory(const char *path, struct error *err)
{
    char *real = realpath(path, NULL);

    if (real == NULL) {
        error_set(err, "%s: cannot be looked at: %s", path, strerror(errno));
        return NULL;
    }
    if (check_way(real, err) == 0 && check_directory(real, err) == 0)
        return real;
    error_prefix(err, "%s", path);
    free(real);
    return NULL;
}

int trust_check(int fd, const char *path, struct error *err)
{
    struct stat info;
    char *real;
    int status;

    if (fstat(fd, &info) < 0)
        return error_set(err, "%s: cannot be looked at: %s", path, strerror(errno));
    if (check_owner(&info, path, err) < 0 || check_mode(&info, path, err) < 0)
        return -1;
    if (!S_ISREG(info.st_mode))
        return 0;
    real = realpath(path, NULL);
    if (real == NULL)
        return error_set(err, "%s: cannot be looked at: %s", path, strerror(errno));
    status = check_way(real, err);
    free(real);
    return status < 0 ? error_prefix(err, "%s", path) : 0;
}
