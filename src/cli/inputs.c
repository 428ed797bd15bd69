#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* tdestroy */
#endif
#include "cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "capture/capture_file.h"
#include "records/record_file.h"

/* What of a name is being looked at. */
struct search {
    struct inputs *inputs;
    bool flow_logs;
    bool in_directory;
};

struct place {
    dev_t device;
    ino_t number;
};

static int find(const struct search *search, const char *path, struct error *err);

/* ---- what was seen ---- */

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return x->number == y->number ? 0 : x->number < y->number ? -1 : 1;
}

/* True the first time only. */
static bool is_new(struct inputs *inputs, const struct stat *status)
{
    struct place *place = memory_alloc(sizeof *place);
    void *node;

    *place = (struct place){ status->st_dev, status->st_ino };
    node = tsearch(place, &inputs->seen, compare_places);
    if (node == NULL)
        abort(); /* only for want of memory */
    if (*(struct place **)node == place)
        return true;
    free(place);
    return false;
}

/* ---- files ---- */

static enum input_kind kind_of(struct input_file *file, bool flow_logs)
{
    size_t got;
    const uint8_t *bytes = input_file_peek(file, CAPTURE_MAGIC_BYTES, &got);

    if (flow_logs)
        return INPUT_FLOW_LOGS;
    if (capture_file_recognizes(bytes, got))
        return INPUT_CAPTURES;
    return record_file_recognizes(file) ? INPUT_FLOW_LOGS : INPUT_NONE;
}

static void append(const struct search *search, const char *path, struct input_file *file)
{
    struct inputs *inputs = search->inputs;

    inputs->list = memory_grow(inputs->list, &inputs->capacity, inputs->count + 1,
                               sizeof *inputs->list);
    inputs->list[inputs->count++] = (struct input){ memory_copy_text(path), file, search->in_directory };
}

static const char *kind_name(enum input_kind kind)
{
    return kind == INPUT_CAPTURES ? "capture" : "flow log";
}

static int add(const struct search *search, const char *path, struct input_file *file,
               enum input_kind kind, struct error *err)
{
    struct inputs *inputs = search->inputs;

    if (inputs->kind != INPUT_NONE && inputs->kind != kind) {
        error_set(err, "%s is a %s, but %s is a %s: learn them one after the other, and merge",
                  inputs->kind_path, kind_name(inputs->kind), path, kind_name(kind));
        input_file_close(file);
        return -1;
    }
    if (input_file_path(file) != NULL) {
        input_file_close(file);
        file = NULL;
    }
    append(search, path, file);
    if (inputs->kind == INPUT_NONE)
        inputs->kind_path = inputs->list[inputs->count - 1].path;
    inputs->kind = kind;
    return 0;
}

/* In a directory: an empty file is none of ours; what else cannot be opened is said when its turn comes. */
static int find_unreadable(const struct search *search, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
        search->inputs->passed_over++;
    else
        append(search, path, NULL);
    return 0;
}

static int find_file(const struct search *search, const char *path, struct error *err)
{
    struct input_file *file = input_file_open(path, err);
    enum input_kind kind;
    int status;

    if (file == NULL)
        return search->in_directory ? find_unreadable(search, path) : -1;
    kind = kind_of(file, search->flow_logs);
    if (kind != INPUT_NONE)
        return add(search, path, file, kind, err);
    status = search->in_directory
                 ? 0
                 : error_set(err, "%s: neither a capture nor a flow log that is known: %s",
                             input_file_name(file),
                             input_file_damage(file) ? input_file_damage(file)
                                                     : "--columns names the columns of a table");
    search->inputs->passed_over += search->in_directory;
    input_file_close(file);
    return status;
}

/* ---- directories ---- */

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not as the locale has it */
}

static int find_inside(const struct search *search, const char *path, const char *name,
                       struct error *err)
{
    char *inside = memory_join_path(path, name);
    int status = find(search, inside, err);

    free(inside);
    return status;
}

static int find_directory(const struct search *search, const char *path, struct error *err)
{
    struct search inner = { search->inputs, search->flow_logs, true };
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, compare_names);
    int status = 0;

    if (count < 0 && search->in_directory)
        return find_unreadable(search, path);
    if (count < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == 0)
            status = find_inside(&inner, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int find(const struct search *search, const char *path, struct error *err)
{
    struct stat status;

    if (strcmp(path, "-") == 0 ? fstat(0, &status) < 0 : stat(path, &status) < 0)
        return find_file(search, path, err); /* which says why */
    if (search->in_directory && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        search->inputs->passed_over++; /* a pipe that somebody left there would never end */
        return 0;
    }
    if (!is_new(search->inputs, &status)) {
        search->inputs->passed_over += search->in_directory;
        return search->in_directory ? 0 : error_set(err, "%s: named twice: its flows would count twice", path);
    }
    return S_ISDIR(status.st_mode) ? find_directory(search, path, err) : find_file(search, path, err);
}

/* A slip of the hand must not cost a capture. */
static int check_outputs(const struct inputs *inputs, const char *const outputs[2], struct error *err)
{
    for (size_t i = 0; i < inputs->count; i++) {
        for (int k = 0; k < 2; k++) {
            if (outputs[k] && output_file_check_apart(outputs[k], inputs->list[i].path, err) < 0)
                return -1;
        }
    }
    return 0;
}

int inputs_find(struct inputs *inputs, char **arguments, int count, bool flow_logs,
                const char *const outputs[2], struct error *err)
{
    struct search search = { inputs, flow_logs, false };

    memset(inputs, 0, sizeof *inputs);
    for (int i = 0; i < count; i++) {
        if (find(&search, arguments[i], err) < 0)
            return -1;
    }
    if (inputs->kind == INPUT_NONE)
        return error_set(err, "%s: no capture and no flow log in it", arguments[0]);
    return check_outputs(inputs, outputs, err);
}

struct input_file *inputs_open(struct inputs *inputs, size_t index, struct error *err)
{
    struct input_file *file = inputs->list[index].file;

    inputs->list[index].file = NULL;
    return file ? file : input_file_open(inputs->list[index].path, err);
}

uint64_t inputs_bytes(const struct inputs *inputs)
{
    uint64_t bytes = 0;
    struct stat status;

    for (size_t i = 0; i < inputs->count; i++) {
        if (stat(inputs->list[i].path, &status) < 0 || !S_ISREG(status.st_mode))
            return 0;
        bytes += (uint64_t)status.st_size;
    }
    return bytes;
}

void inputs_release(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        input_file_close(inputs->list[i].file);
        free(inputs->list[i].path);
    }
    free(inputs->list);
    tdestroy(inputs->seen, free);
    memset(inputs, 0, sizeof *inputs);
}
