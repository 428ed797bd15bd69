#include "base/input_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compression.h"
#include "base/memory.h"

enum {
    BLOCK_BYTES = 64 * 1024, /* what one read asks of the file when it is compressed */
    WINDOW_BYTES = 128 * 1024 /* but while something longer is looked at */
};

struct input_file {
    char *name;
    char *path; /* NULL: cannot be opened again */
    int fd;     /* -1: none */
    bool is_shared; /* the descriptor is the caller's, and read by position */
    uint64_t size;
    uint64_t taken;          /* bytes, from the descriptor */
    struct archive *archive; /* NULL: not compressed. What is not is read without a detour, and a copy */
    const uint8_t *unpacked; /* what libarchive unpacked last and is not in the window yet */
    size_t unpacked_bytes;
    uint64_t archive_bytes;  /* of memory */
    uint8_t *block;          /* what the decompressor reads from; `head_bytes` are there at first */
    size_t head_bytes;
    uint8_t *window;
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

/* As read(2), but not disturbed by signals, and counted. */
static ssize_t read_descriptor(struct input_file *file, void *to, size_t size)
{
    ssize_t got;

    do
        got = file->is_shared ? pread(file->fd, to, size, (off_t)file->taken) : read(file->fd, to, size);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        file->taken += (uint64_t)got;
    return got;
}

static la_ssize_t read_block(struct archive *archive, void *self, const void **bytes)
{
    struct input_file *file = self;
    ssize_t got = (ssize_t)file->head_bytes;

    if (got == 0)
        got = read_descriptor(file, file->block, BLOCK_BYTES);
    file->head_bytes = 0;
    if (got < 0)
        archive_set_error(archive, errno, "%s", strerror(errno));
    *bytes = file->block;
    return got;
}

/* What has been read to know the file goes on to the decompressor. */
static int open_archive(struct input_file *file, struct error *err)
{
    struct archive_entry *entry;
    int status;

    file->archive_bytes = compression_memory(file->window, file->end);
    if (file->archive_bytes > INPUT_MAX_DECOMPRESSOR)
        return error_set(err, "%s: to decompress it takes %llu MiB of memory, more than the %d "
                         "that are allowed: compress it with a smaller dictionary", file->name,
                         (unsigned long long)(file->archive_bytes >> 20), INPUT_MAX_DECOMPRESSOR >> 20);
    file->archive = archive_read_new();
    if (file->archive == NULL)
        return error_set(err, "%s: cannot set up decompression", file->name);
    file->block = memory_alloc(BLOCK_BYTES);
    memcpy(file->block, file->window, file->end);
    file->head_bytes = file->end;
    file->end = 0;
    allow_compression(file->archive);
    status = archive_read_open(file->archive, file, NULL, read_block, NULL);
    if (status == ARCHIVE_OK)
        status = archive_read_next_header(file->archive, &entry);
    if (status == ARCHIVE_EOF)
        return error_set(err, "%s: is empty", file->name);
    if (status < ARCHIVE_WARN)
        return error_set(err, "%s: cannot read: %s", file->name, archive_words(file->archive));
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

static int read_head(struct input_file *file, size_t size, struct error *err)
{
    ssize_t got = 0;

    while (file->end < size &&
           (got = read_descriptor(file, file->window + file->end, BLOCK_BYTES - file->end)) > 0)
        file->end += (size_t)got;
    if (got < 0)
        return error_set(err, "%s: cannot read: %s", file->name, strerror(errno));
    if (file->end == 0)
        return error_set(err, "%s: is empty", file->name);
    return 0;
}

/* Reads the first bytes, and sets up the way to the others. */
static int read_beginning(struct input_file *file, struct error *err)
{
    file->capacity = WINDOW_BYTES;
    file->window = memory_alloc(file->capacity);
    if (read_head(file, COMPRESSION_MAGIC_BYTES, err) < 0)
        return -1;
    if (!compression_recognize(file->window, file->end))
        return 0;
    if (read_head(file, COMPRESSION_HEAD_BYTES, err) < 0)
        return -1;
    return open_archive(file, err);
}

static struct input_file *new_input(int fd, const char *name)
{
    struct input_file *file = memory_alloc(sizeof *file);

    file->name = memory_copy_text(name);
    file->fd = fd;
    return file;
}

static struct input_file *open_input(int fd, const char *name, const char *path, struct error *err)
{
    struct input_file *file = new_input(fd, name);

    if (examine(file, err) < 0 || read_beginning(file, err) < 0) {
        input_file_close(file);
        return NULL;
    }
    if (path != NULL && file->size > 0)
        file->path = memory_copy_text(path);
    return file;
}

struct input_file *input_file_from_fd(int fd, const char *name, struct error *err)
{
    return open_input(fd, name, NULL, err);
}

struct input_file *input_file_from_shared_fd(int fd, const char *name, struct error *err)
{
    struct input_file *file = new_input(fd, name);

    file->is_shared = true;
    if (examine(file, err) == 0 && read_beginning(file, err) == 0)
        return file;
    input_file_close(file);
    return NULL;
}

/* Descriptors up to the limit that the system sets, no longer to the one that programs begin with. */
static bool allow_more_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

struct input_file *input_file_open(const char *path, struct error *err)
{
    int fd;

    if (strcmp(path, "-") == 0)
        return open_input(STDIN_FILENO, "standard input", NULL, err);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EMFILE && allow_more_descriptors())
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, "%s: cannot open: %s", path, strerror(errno));
        return NULL;
    }
    return open_input(fd, path, path, err);
}

struct input_file *input_file_from_memory(const void *bytes, size_t size, const char *name)
{
    struct input_file *file = new_input(-1, name);

    file->window = memory_alloc(size); /* a copy: overruns show in a sanitizer */
    if (size > 0)
        memcpy(file->window, bytes, size);
    file->end = file->capacity = size;
    file->size = file->taken = size;
    file->ended = true;
    return file;
}

void input_file_close(struct input_file *file)
{
    if (file == NULL)
        return;
    if (file->archive != NULL)
        archive_read_free(file->archive);
    if (file->fd > STDIN_FILENO && !file->is_shared)
        close(file->fd);
    free(file->block);
    free(file->window);
    free(file->damage);
    free(file->path);
    free(file->name);
    free(file);
}

const char *input_file_name(const struct input_file *file)
{
    return file->name;
}

const char *input_file_path(const struct input_file *file)
{
    return file->path;
}

/* Block by block: of a file that was cut, archive_read_data() would give up all it had read for this call. */
static ssize_t read_archive(struct input_file *file, void *to, size_t size)
{
    while (file->unpacked_bytes == 0) {
        const void *block;
        la_int64_t at;
        int status = archive_read_data_block(file->archive, &block, &file->unpacked_bytes, &at);

        if (status != ARCHIVE_OK) {
            file->unpacked_bytes = 0;
            return status == ARCHIVE_EOF ? 0 : -1;
        }
        file->unpacked = block;
    }
    if (size > file->unpacked_bytes)
        size = file->unpacked_bytes;
    memcpy(to, file->unpacked, size);
    file->unpacked += size;
    file->unpacked_bytes -= size;
    return (ssize_t)size;
}

/* The next bytes, as many as there are now: 0 at the end. */
static ssize_t read_on(struct input_file *file, void *to, size_t size)
{
    return file->archive ? read_archive(file, to, size) : read_descriptor(file, to, size);
}

/* Room for `most` bytes, in which what is there lies at the beginning. What was for more is given back. */
static void fit_window(struct input_file *file, size_t most)
{
    uint8_t *smaller;

    memmove(file->window, file->window + file->begin, file->end - file->begin);
    file->end -= file->begin;
    file->begin = 0;
    file->window = memory_grow(file->window, &file->capacity, most, 1);
    if (file->capacity <= WINDOW_BYTES || most > WINDOW_BYTES || file->end > WINDOW_BYTES)
        return;
    smaller = realloc(file->window, WINDOW_BYTES);
    if (smaller == NULL)
        return;
    file->window = smaller;
    file->capacity = WINDOW_BYTES;
}

/* Reads until `size` bytes are there, or no more come: of those behind them no more than fit in `most`. */
static void fill(struct input_file *file, size_t size, size_t most)
{
    if (file->ended)
        return;
    if (size > INPUT_MAX_WINDOW)
        size = INPUT_MAX_WINDOW;
    if (most < WINDOW_BYTES)
        most = WINDOW_BYTES;
    if (most > INPUT_MAX_WINDOW)
        most = INPUT_MAX_WINDOW;
    fit_window(file, most);
    while (!file->ended && file->end < size) {
        ssize_t got = read_on(file, file->window + file->end, most - file->end);

        if (got > 0) {
            file->end += (size_t)got;
            continue;
        }
        file->ended = true;
        if (got < 0)
            file->damage = memory_copy_text(file->archive ? archive_words(file->archive)
                                                          : strerror(errno));
    }
}

const uint8_t *input_file_peek(struct input_file *file, size_t size, size_t *got)
{
    if (file->end - file->begin < size)
        fill(file, size, size); /* behind a long one nothing is left that would keep the window large */
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
    size_t got;
    const uint8_t *bytes;
    const uint8_t *end;

    if (limit > INPUT_MAX_LINE)
        limit = INPUT_MAX_LINE;
    input_file_skip(file, file->line_bytes);
    file->line_bytes = 0;
    for (;;) {
        got = file->end - file->begin;
        bytes = file->window + file->begin;
        end = got > searched ? memchr(bytes + searched, '\n', got - searched) : NULL;
        if (end != NULL || file->ended || got > limit + 1)
            break;
        searched = got;
        fill(file, got + 1, 2 * got);
    }
    if (got == 0)
        return NULL;
    *size = end ? (size_t)(end - bytes) : got;
    file->line_bytes = *size + (end != NULL);
    if (*size > 0 && bytes[*size - 1] == '\r')
        (*size)--;
    if (*size > limit)
        *size = SIZE_MAX;
    return (const char *)bytes;
}

const char *input_file_damage(const struct input_file *file)
{
    return file->damage;
}

size_t input_file_memory(const struct input_file *file)
{
    return file->capacity + (file->archive ? BLOCK_BYTES + (size_t)file->archive_bytes : 0);
}

void input_file_position(const struct input_file *file, uint64_t *read, uint64_t *size)
{
    *read = file->taken;
    *size = file->size;
}
