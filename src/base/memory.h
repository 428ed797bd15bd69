/*
 * memory.h - allocation that does not fail, and arrays that grow.
 *
 * Running out of memory is the one condition on which the library ends the process:
 * it prints one line and aborts. Everything whose size comes from foreign data is
 * bounded by its owner before it gets here.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *memory_alloc(size_t size);                    /* zeroed; free() releases */
void *memory_alloc_bare(size_t size);               /* not zeroed: for what is made and dropped all the time */
void *memory_alloc_array(size_t count, size_t size); /* zeroed; overflow checked */
char *memory_copy_text(const char *text);
char *memory_join_path(const char *directory, const char *name); /* "directory/name" */

/*
 * Makes room for at least `needed` elements: doubles *capacity until it fits and
 * returns the (moved) array. New elements are not initialised.
 */
void *memory_grow(void *array, size_t *capacity, size_t needed, size_t element_size);

#endif
