#include "cli/blindtest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "cli/blindtest.h"
#include "eval/blind_key.h"

int blindtest_files_check(const char *path, struct error *err)
{
    struct stat status;

    return lstat(path, &status) == 0 ? error_set(err, "%s: is there already", path) : 0;
}

void blindtest_files_shuffle(struct blindtest_files *files, struct blind_flow *all, size_t flows, uint64_t seed)
{
    struct random_stream stream;

    random_init(&stream, seed, RANDOM_BLIND, 2, 0, 0);
    files->flows = flows;
    for (size_t i = 0; i < flows; i++) {
        size_t j = random_below(&stream, i + 1);

        files->flow[i] = files->flow[j];
        files->is_generated[i] = files->is_generated[j];
        files->flow[j] = &all[i];
        files->is_generated[j] = i >= flows / 2;
    }
}

/* A file that is complete or an error. */
static int write_file(const char *directory, const char *name, mode_t mode, const void *bytes, size_t size,
                      struct error *err)
{
    char *path = memory_join_path(directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    int status = 0;

    if (stream == NULL) {
        status = error_set(err, "%s: cannot create: %s", path, strerror(errno));
    } else {
        bool is_written = fwrite(bytes, 1, size, stream) == size;

        if (fclose(stream) != 0 || !is_written)
            status = error_set(err, "%s: cannot write: %s", path, strerror(errno));
    }
    free(path);
    return status;
}

static int write_flows(const struct blindtest_files *files, const char *directory, struct error *err)
{
    char number[BLIND_FLOW_NAME];
    char name[BLIND_FLOW_NAME + 8];
    int status = 0;

    for (size_t i = 0; i < files->flows && status == 0; i++) {
        snprintf(name, sizeof name, "%s.pcap", blind_flow_name(i + 1, files->flows, number));
        status = write_file(directory, name, 0666, files->flow[i]->bytes, files->flow[i]->size, err);
    }
    return status;
}

static int write_sheet(const struct blindtest_files *files, const char *directory, struct error *err)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    int status;

    if (stream == NULL || !blind_answers_write_sheet(stream, files->flows) || fclose(stream) != 0)
        abort(); /* only for want of memory */
    status = write_file(directory, BLINDTEST_SHEET, 0666, text, size, err);
    free(text);
    return status;
}

static int write_line(const char *directory, const char *name, mode_t mode, const char *text, struct error *err)
{
    size_t size = strlen(text) + 1;
    char *line = memory_alloc(size + 1);
    int status;

    snprintf(line, size + 1, "%s\n", text);
    status = write_file(directory, name, mode, line, size, err);
    free(line);
    return status;
}

static int write_key(const struct blindtest_files *files, const char *directory, uint64_t seed, struct error *err)
{
    char key[BLIND_KEY_TEXT];
    char *sealed;
    int status;

    blind_key_of_seed(seed, key);
    sealed = blind_key_seal(key, files->is_generated, files->flows);
    status = write_line(directory, BLINDTEST_TRUTH, 0666, sealed, err);
    if (status == 0)
        status = write_line(directory, BLINDTEST_KEY, 0600, key, err);
    free(sealed);
    return status;
}

static int write_all(const struct blindtest_files *files, const char *directory, uint64_t seed, struct error *err)
{
    char *flows = memory_join_path(directory, BLINDTEST_FLOWS);
    int status = mkdir(flows, 0777) < 0 ? error_set(err, "%s: cannot create: %s", flows, strerror(errno)) : 0;

    if (status == 0)
        status = write_flows(files, flows, err);
    if (status == 0)
        status = write_sheet(files, flows, err);
    if (status == 0)
        status = write_key(files, directory, seed, err);
    free(flows);
    return status;
}

/* What write_all() may have made. */
static void remove_all(const struct blindtest_files *files, const char *directory)
{
    char number[BLIND_FLOW_NAME];
    char name[sizeof BLINDTEST_FLOWS + BLIND_FLOW_NAME + 8];
    const char *const others[] = { BLINDTEST_FLOWS "/" BLINDTEST_SHEET, BLINDTEST_TRUTH, BLINDTEST_KEY,
                                   BLINDTEST_FLOWS };
    char *path;

    for (size_t i = 0; i < files->flows; i++) {
        snprintf(name, sizeof name, BLINDTEST_FLOWS "/%s.pcap", blind_flow_name(i + 1, files->flows, number));
        path = memory_join_path(directory, name);
        (void)unlink(path);
        free(path);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        path = memory_join_path(directory, others[i]);
        (void)remove(path);
        free(path);
    }
    (void)rmdir(directory);
}

static void set_usual_mode(const char *directory)
{
    mode_t mask = umask(0);

    umask(mask);
    (void)chmod(directory, 0777 & ~mask);
}

int blindtest_files_write(const struct blindtest_files *files, const char *output, uint64_t seed, struct error *err)
{
    size_t size = strlen(output) + sizeof ".XXXXXX";
    char *temporary = memory_alloc(size);
    int status;

    snprintf(temporary, size, "%s.XXXXXX", output);
    if (mkdtemp(temporary) == NULL) {
        status = error_set(err, "%s: cannot create: %s", output, strerror(errno));
    } else {
        set_usual_mode(temporary);
        status = write_all(files, temporary, seed, err);
        if (status == 0 && rename(temporary, output) < 0)
            status = error_set(err, "%s: cannot create: %s", output, strerror(errno));
        if (status < 0)
            remove_all(files, temporary);
    }
    free(temporary);
    return status;
}
