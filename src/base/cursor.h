/*
 * cursor.h - checked reading of bytes with a sticky error.
 *
 * Reading past the end sets `failed` and gives zeros; straight-line code checks once, at
 * the end. A nested length gets a cursor of its own from cursor_sub().
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
    return (struct cursor){ bytes, size, false };
}

/* The next `size` bytes, or NULL and failure when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t size)
{
    const uint8_t *bytes = c->at;

    if (c->failed || size > c->left) {
        c->failed = true;
        c->left = 0;
        return NULL;
    }
    c->at += size;
    c->left -= size;
    return bytes;
}

static inline void cursor_skip(struct cursor *c, size_t size)
{
    (void)cursor_take(c, size);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 1);

    return b ? b[0] : 0;
}

static inline uint16_t cursor_u16_be(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 2);

    if (b == NULL)
        return 0;
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t cursor_u32_be(struct cursor *c)
{
    const uint8_t *b = cursor_take(c, 4);

    return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/* Copies `size` bytes; zeros on failure. */
static inline void cursor_copy(struct cursor *c, void *to, size_t size)
{
    const uint8_t *b = cursor_take(c, size);

    if (b)
        memcpy(to, b, size);
    else
        memset(to, 0, size);
}

/* A cursor over the next `size` bytes, which this one skips. */
static inline struct cursor cursor_sub(struct cursor *c, size_t size)
{
    const uint8_t *b = cursor_take(c, size);

    return (struct cursor){ b, b ? size : 0, b == NULL };
}

#endif
