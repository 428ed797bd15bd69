#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *pointer, size_t size)
{
    if (pointer == NULL) {
        fprintf(stderr, "dayshift: out of memory (%zu bytes wanted)\n", size);
        abort();
    }
    return pointer;
}

void *memory_alloc(size_t size)
{
    return check(calloc(1, size ? size : 1), size);
}

void *memory_alloc_bare(size_t size)
{
    return check(malloc(size ? size : 1), size);
}

void *memory_alloc_array(size_t count, size_t size)
{
    return check(calloc(count ? count : 1, size ? size : 1), count * size);
}

char *memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(memory_alloc(size), text, size);
}

void *memory_grow(void *array, size_t *capacity, size_t needed, size_t element_size)
{
    size_t grown = *capacity ? *capacity : 8;

    if (needed <= *capacity)
        return array;
    while (grown < needed)
        grown = grown > SIZE_MAX / 2 ? needed : grown * 2;
    if (grown > SIZE_MAX / element_size)
        check(NULL, SIZE_MAX);
    *capacity = grown;
    return check(realloc(array, grown * element_size), grown * element_size);
}

char *memory_join_path(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + sizeof "/";
    char *path = memory_alloc(size);

    snprintf(path, size, "%s/%s", directory, name);
    return path;
}
