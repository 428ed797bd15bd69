#include "base/output_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static void set_usual_mode(int fd)
{
    mode_t mask = umask(0);

    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
}

int output_file_check_apart(const char *output, const char *other, struct error *err)
{
    struct stat a;
    struct stat b;
    bool is_same = strcmp(output, other) == 0 && strcmp(output, "-") != 0;

    if (stat(output, &a) == 0 && stat(other, &b) == 0)
        is_same = S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    return is_same ? error_set(err, "%s: would overwrite %s", output, other) : 0;
}

static int open_temporary(struct output_file *file, bool private, struct error *err)
{
    size_t size = strlen(file->path) + sizeof ".XXXXXX";
    int fd;

    file->temporary = memory_alloc(size);
    snprintf(file->temporary, size, "%s.XXXXXX", file->path);
    fd = mkstemp(file->temporary);
    if (fd < 0)
        return error_set(err, "%s: cannot create: %s", file->path, strerror(errno));
    if (!private) /* mkstemp made it 0600 */
        set_usual_mode(fd);
    file->stream = fdopen(fd, "wb");
    if (file->stream == NULL)
        abort(); /* only for want of memory */
    return 0;
}

/* A device or a pipe is there to be written to, not to be replaced. */
static int open_in_place(struct output_file *file, struct error *err)
{
    file->stream = fopen(file->path, "wb");
    if (file->stream == NULL)
        return error_set(err, "%s: cannot write: %s", file->path, strerror(errno));
    return 0;
}

static void forget(struct output_file *file)
{
    free(file->temporary);
    free(file->path);
    memset(file, 0, sizeof *file);
}

static int open_file(struct output_file *file, const char *path, bool private, struct error *err)
{
    struct stat info;
    int status;

    memset(file, 0, sizeof *file);
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return 0;
    }
    file->path = memory_copy_text(path);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        status = open_in_place(file, err);
    else
        status = open_temporary(file, private, err);
    if (status < 0)
        forget(file);
    return status;
}

int output_file_open(struct output_file *file, const char *path, struct error *err)
{
    return open_file(file, path, false, err);
}

int output_file_open_private(struct output_file *file, const char *path, struct error *err)
{
    return open_file(file, path, true, err);
}

/* Names the place; the reason is in errno. */
static int write_error(const struct output_file *file, struct error *err)
{
    return error_set(err, "%s: cannot write: %s",
                     file->path ? file->path : "standard output", strerror(errno));
}

int output_file_flush(struct output_file *file, struct error *err)
{
    return fflush(file->stream) == 0 && !ferror(file->stream) ? 0 : write_error(file, err);
}

int output_file_commit(struct output_file *file, struct error *err)
{
    bool is_standard = file->stream == stdout;
    int status = fflush(file->stream) == 0 && !ferror(file->stream) ? 0 : -1;

    /* What takes the place of an older file must not be lost to a power cut after that. */
    if (status == 0 && file->temporary && fsync(fileno(file->stream)) < 0)
        status = -1;
    if (!is_standard && fclose(file->stream) != 0)
        status = -1;
    if (status == 0 && file->temporary && rename(file->temporary, file->path) != 0)
        status = -1;
    if (status < 0) {
        write_error(file, err);
        if (file->temporary)
            unlink(file->temporary);
    }
    forget(file);
    return status;
}

void output_file_abandon(struct output_file *file)
{
    if (file->stream != NULL && file->stream != stdout)
        fclose(file->stream);
    if (file->temporary != NULL)
        unlink(file->temporary);
    forget(file);
}
