#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* strsep */
#endif
#include "synth/pick.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define CROWD "crowd:"

struct picking {
    const struct host_model *models;
    uint32_t count;
    uint32_t *counts;
    uint64_t places;
};

static int add(struct picking *p, uint32_t host, uint64_t times, struct error *err)
{
    p->places += times;
    if (p->places > PICK_MAX_PLACES)
        return error_set(err, "it has more than %d hosts", PICK_MAX_PLACES);
    p->counts[host] += (uint32_t)times;
    return 0;
}

/* The hosts of a crowd, or of all. */
static int add_members(struct picking *p, const uint64_t *crowd, const char *item, uint64_t times,
                       struct error *err)
{
    bool is_known = false;

    for (uint32_t i = 0; i < p->count; i++) {
        if (crowd && p->models[i].crowd != *crowd)
            continue;
        is_known = true;
        if (add(p, i, times * p->models[i].members, err) < 0)
            return -1;
    }
    return is_known ? 0 : error_set(err, "'%s': the model has no such crowd", item);
}

static int add_item(struct picking *p, char *item, struct error *err)
{
    char *star = strchr(item, '*');
    uint64_t times = 1;
    uint64_t number;

    if (star && (text_to_u64(star + 1, &times) < 0 || times < 1 || times > PICK_MAX_PLACES))
        return error_set(err, "'%s': behind the * is no whole number from 1 to %d", item, PICK_MAX_PLACES);
    if (star)
        *star = '\0';
    if (strcmp(item, "all") == 0)
        return add_members(p, NULL, item, times, err);
    if (strncmp(item, CROWD, strlen(CROWD)) == 0 && text_to_u64(item + strlen(CROWD), &number) == 0)
        return add_members(p, &number, item, times, err);
    if (text_to_u64(item, &number) < 0)
        return error_set(err, "'%s' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)", item);
    if (number >= p->count)
        return error_set(err, "there is no host %" PRIu64 ": the model has %" PRIu32 ", from 0 on", number,
                         p->count);
    return add(p, (uint32_t)number, times, err);
}

int pick_parse(const char *text, const struct host_model *models, uint32_t count, uint32_t *counts,
               uint32_t *places, struct error *err)
{
    struct picking p = { models, count, counts, 0 };
    char *copy = memory_copy_text(text);
    char *rest = copy;
    char *item;
    int status = 0;

    memset(counts, 0, count * sizeof *counts);
    while (status == 0 && (item = strsep(&rest, ",")))
        status = add_item(&p, item, err);
    free(copy);
    *places = (uint32_t)p.places;
    return status;
}
