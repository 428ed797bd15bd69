#include "base/output_file.h"

#include <errno.h>
#include <libgen.h>
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

/* A file that is not there yet is known by its directory and its name in it. */
static bool is_same_place(const char *a, const char *b)
{
    char *directories[2] = { memory_copy_text(a), memory_copy_text(b) };
    char *names[2] = { memory_copy_text(a), memory_copy_text(b) };
    struct stat info[2];
    bool is_same = stat(dirname(directories[0]), &info[0]) == 0 &&
                   stat(dirname(directories[1]), &info[1]) == 0 &&
                   info[0].st_dev == info[1].st_dev && info[0].st_ino == info[1].st_ino &&
                   strcmp(basename(names[0]), basename(names[1])) == 0;

    for (int i = 0; i < 2; i++) {
        free(directories[i]);
        free(names[i]);
    }
    return is_same;
}

int output_file_check_apart(const char *output, const char *other, struct error *err)
{
    struct stat a;
    struct stat b;
    bool is_same;

    if (strcmp(output, "-") == 0 || strcmp(other, "-") == 0)
        return 0; /* one is read, the other written; two outputs are their owner's matter */
    if (stat(output, &a) == 0 && stat(other, &b) == 0)
        is_same = S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    else
        is_same = is_same_place(output, other);
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
    if (file->is_copied)
        close(file->copied_fd);
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
    file->path = realpath(path, NULL); /* through a link, not in its place */
    if (file->path == NULL)
        file->path = memory_copy_text(path);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        status = open_in_place(file, err);
    else
        status = open_temporary(file, private, err);
    if (status < 0)
        forget(file);
    return status;
}

int output_file_probe(const char *path, struct error *err)
{
    struct output_file file;
    struct stat info;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return S_ISDIR(info.st_mode) ? error_set(err, "%s: cannot write: Is a directory", path) : 0;
    if (output_file_open(&file, path, err) < 0)
        return -1;
    output_file_abandon(&file);
    return 0;
}

int output_file_open(struct output_file *file, const char *path, struct error *err)
{
    return open_file(file, path, false, err);
}

int output_file_open_private(struct output_file *file, const char *path, struct error *err)
{
    return open_file(file, path, true, err);
}

static int open_copied(struct output_file *file, struct error *err)
{
    const char *directory = getenv("TMPDIR");
    size_t size;

    if (directory == NULL || *directory == '\0')
        directory = "/tmp";
    size = strlen(directory) + sizeof "/dayshift.XXXXXX";
    file->temporary = memory_alloc(size);
    snprintf(file->temporary, size, "%s/dayshift.XXXXXX", directory);
    file->copied_fd = mkstemp(file->temporary);
    file->is_copied = file->copied_fd >= 0;
    if (file->is_copied)
        return 0;
    error_set(err, "%s: cannot create a temporary file: %s", directory, strerror(errno));
    free(file->temporary);
    file->temporary = NULL;
    return -1;
}

int output_file_open_named(struct output_file *file, const char *path, struct error *err)
{
    if (open_file(file, path, false, err) < 0)
        return -1;
    if (file->temporary == NULL && open_copied(file, err) < 0) {
        output_file_abandon(file);
        return -1;
    }
    return 0;
}

void output_file_hide(struct output_file *file)
{
    if (!file->is_copied || file->temporary == NULL)
        return;
    unlink(file->temporary);
    free(file->temporary);
    file->temporary = NULL;
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

/* A short write leaves the stream's error flag set. */
static int copy(struct output_file *file)
{
    char bytes[1 << 16];
    off_t at = 0;

    for (;;) {
        ssize_t got = pread(file->copied_fd, bytes, sizeof bytes, at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : 0;
        if (fwrite(bytes, 1, (size_t)got, file->stream) != (size_t)got)
            return -1;
        at += got;
    }
}

static int finish_stream(struct output_file *file)
{
    int status = file->is_copied ? copy(file) : 0;

    if (status == 0 && (fflush(file->stream) != 0 || ferror(file->stream)))
        status = -1;
    /* What takes the place of an older file must not be lost to a power cut after that. */
    if (status == 0 && file->temporary && fsync(fileno(file->stream)) < 0)
        status = -1;
    return status;
}

int output_file_commit(struct output_file *file, struct error *err)
{
    bool is_standard = file->stream == stdout;
    int status;

    output_file_hide(file);
    status = finish_stream(file);
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

int output_file_interrupted(const char *path, const char *how, struct error *err)
{
    return strcmp(path, "-") == 0 ? error_set(err, "%s; standard output ends early", how)
                                  : error_set(err, "%s; %s was not written", how, path);
}
