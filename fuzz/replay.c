/*
 * replay.c - runs a fuzz target over the files and directories it is given, without a fuzzer: what was
 * found once stays found. A target that is linked with libFuzzer needs no replay.c.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    size_t used = 0;
    size_t got;

    if (file == NULL)
        return false;
    do {
        bytes = memory_grow(bytes, &capacity, used + 65536, 1);
        got = fread(bytes + used, 1, 65536, file);
        used += got;
    } while (got > 0);
    fclose(file);
    bytes = realloc(bytes, used ? used : 1); /* so that a sanitizer sees where it ends */
    LLVMFuzzerTestOneInput(bytes, used);
    free(bytes);
    replayed++;
    return true;
}

static bool replay(const char *path)
{
    struct stat status;
    struct dirent *entry;
    bool fine = true;
    DIR *directory;

    if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
        return replay_file(path);
    directory = opendir(path);
    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL) {
        char name[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        fine = replay(name) && fine;
    }
    closedir(directory);
    return fine;
}

int main(int argc, char **argv)
{
    bool fine = argc > 1;

    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]))
            continue;
        perror(argv[i]);
        fine = false;
    }
    printf("%lu inputs replayed\n", replayed);
    return fine && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
