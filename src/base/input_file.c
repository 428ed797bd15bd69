#include "base/input_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    BLOCK_BYTES = 128 * 1024, /* what one read asks of the file, and of the decompressor */
    FIRST_WINDOW = 2 * BLOCK_BYTES
};

struct input_file {
    char *name;
    int fd; /* -1: none */
    uint64_t size;
    struct archive *archive; /* NULL: all there is, is in the window */
    uint8_t *window;         /* owned, unless archive is NULL */
    size_t capacity;
    size_t begin, end; /* of what is in the window and not taken */
    size_t line_bytes; /* of the line given last, with its end */
    bool ended;
    char *damage;
};

/* These filters are built in; libarchive's "all" would start programs for some others. */
static void allow_compression(struct archive *archive)
{
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
}

static const char *archive_words(struct archive *archive)
{
    const char *words = archive_error_string(archive);

    return words ? words : "truncated or damaged compression";
}

static int open_archive(struct input_file *file, struct error *err)
{
    struct archive_entry *entry;
    int status;

    file->archive = archive_read_new();
    if (file->archive == NULL)
        return error_set(err, "%s: cannot set up decompression", file->name);
    allow_compression(file->archive);
    status = archive_read_open_fd(file->archive, file->fd, BLOCK_BYTES);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(file->archive, &entry);
    if (status == ARCHIVE_EOF)
        return error_set(err, "%s: is empty", file->name);
    if (status < ARCHIVE_WARN)
        return error_set(err, "%s: cannot read: %s", file->name, archive_words(file->archive));
    file->capacity = FIRST_WINDOW;
    file->window = memory_alloc(file->capacity);
    return 0;
}

static int examine(struct input_file *file, struct error *err)
{
    struct stat status;

    if (fstat(file->fd, &status) < 0)
        return error_set(err, "%s: cannot open: %s", file->name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return error_set(err, "%s: is a directory", file->name);
    if (S_ISREG(status.st_mode))
        file->size = (uint64_t)status.st_size;
    return 0;
}

struct input_file *input_file_from_fd(int fd, const char *name, struct error *err)
{
    struct input_file *file = memory_alloc(sizeof *file);

    file->name = memory_copy_text(name);
    file->fd = fd;
    if (examine(file, err) < 0 || open_archive(file, err) < 0) {
        input_file_close(file);
        return NULL;
    }
    return file;
}

struct input_file *input_file_open(const char *path, struct error *err)
{
    int fd;

    if (strcmp(path, "-") == 0)
        return input_file_from_fd(STDIN_FILENO, "standard input", err);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, "%s: cannot open: %s", path, strerror(errno));
        return NULL;
    }
    return input_file_from_fd(fd, path, err);
}

struct input_file *input_file_from_memory(const void *bytes, size_t size, const char *name)
{
    struct input_file *file = memory_alloc(sizeof *file);

    file->name = memory_copy_text(name);
    file->fd = -1;
    file->window = memory_alloc(size + 1); /* a copy: overruns show in a sanitizer */
    memcpy(file->window, bytes, size);
    file->end = file->capacity = size;
    file->size = size;
    file->ended = true;
    return file;
}

void input_file_close(struct input_file *file)
{
    if (file == NULL)
        return;
    if (file->archive != NULL)
        archive_read_free(file->archive);
    if (file->fd > STDIN_FILENO)
        close(file->fd);
    free(file->window);
    free(file->damage);
    free(file->name);
    free(file);
}

const char *input_file_name(const struct input_file *file)
{
    return file->name;
}

/* Reads until `size` bytes are there, or no more come. */
static void fill(struct input_file *file, size_t size)
{
    if (size > INPUT_MAX_WINDOW)
        size = INPUT_MAX_WINDOW;
    if (file->begin > 0) {
        memmove(file->window, file->window + file->begin, file->end - file->begin);
        file->end -= file->begin;
        file->begin = 0;
    }
    if (!file->ended)
        file->window = memory_grow(file->window, &file->capacity, size, 1);
    while (!file->ended && file->end < size) {
        ssize_t got = archive_read_data(file->archive, file->window + file->end,
                                        file->capacity - file->end);

        if (got > 0) {
            file->end += (size_t)got;
            continue;
        }
        file->ended = true;
        if (got < 0)
            file->damage = memory_copy_text(archive_words(file->archive));
    }
}

const uint8_t *input_file_peek(struct input_file *file, size_t size, size_t *got)
{
    if (file->end - file->begin < size)
        fill(file, size);
    *got = file->end - file->begin < size ? file->end - file->begin : size;
    return file->window + file->begin;
}

void input_file_skip(struct input_file *file, size_t size)
{
    file->begin += size < file->end - file->begin ? size : file->end - file->begin;
}

const char *input_file_line(struct input_file *file, size_t limit, size_t *size)
{
    size_t searched = 0;
    size_t wanted = BLOCK_BYTES;
    size_t got;
    const uint8_t *bytes;
    const uint8_t *end;

    input_file_skip(file, file->line_bytes);
    file->line_bytes = 0;
    for (;;) {
        got = file->end - file->begin;
        bytes = file->window + file->begin;
        end = got > searched ? memchr(bytes + searched, '\n', got - searched) : NULL;
        if (end != NULL || file->ended || got > limit)
            break;
        searched = got;
        wanted = got + BLOCK_BYTES;
        bytes = input_file_peek(file, wanted, &got);
    }
    if (got == 0)
        return NULL;
    *size = end ? (size_t)(end - bytes) : got;
    file->line_bytes = *size + (end != NULL);
    if (*size > limit)
        *size = SIZE_MAX;
    else if (*size > 0 && bytes[*size - 1] == '\r')
        (*size)--;
    return (const char *)bytes;
}

const char *input_file_damage(const struct input_file *file)
{
    return file->damage;
}

void input_file_position(const struct input_file *file, uint64_t *read, uint64_t *size)
{
    int64_t taken = file->archive ? archive_filter_bytes(file->archive, -1) : (int64_t)file->begin;

    *read = taken > 0 ? (uint64_t)taken : 0;
    *size = file->size;
}
