#define _XOPEN_SOURCE 700 /* nftw */
#include "support.h"

#include <archive.h>
#include <archive_entry.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_PATHS = 8, PATH_BYTES = 1024 };

static char scratch_directory[64];
static pid_t scratch_owner;

static const char *join(const char *directory, const char *name)
{
    static char paths[KEPT_PATHS][PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % KEPT_PATHS];

    snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_scratch(void)
{
    if (getpid() == scratch_owner)
        nftw(scratch_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
    if (scratch_directory[0] == '\0') {
        snprintf(scratch_directory, sizeof scratch_directory, "/tmp/dayshift-test-XXXXXX");
        if (mkdtemp(scratch_directory) == NULL)
            abort();
        scratch_owner = getpid();
        atexit(remove_scratch);
    }
    return join(scratch_directory, name);
}

const char *source_path(const char *name)
{
    const char *directory = getenv("DAYSHIFT_SOURCE");

    return join(directory ? directory : ".", name);
}

const char *scratch_compressed(const char *name, int (*add_filter)(struct archive *), const void *bytes,
                               size_t size)
{
    const char *path = scratch_path(name);
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();

    archive_write_set_format_raw(archive);
    assert_int_equal(add_filter(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "data");
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, bytes, size), size);
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    archive_entry_free(entry);
    return path;
}
