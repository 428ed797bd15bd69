#include "cli/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "capture/capture_file.h"
#include "records/record_file.h"

enum {
    MAX_DEPTH = 32,  /* of directories: a link may lead round in a circle */
    MAX_PATH = 4096
};

/* What of a name is being looked at. */
struct search {
    struct inputs *inputs;
    bool flow_logs;
    bool in_directory;
    int depth;
};

static int find(const struct search *search, const char *path, struct error *err);

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

/* In a directory: an empty file is none of ours; what else cannot be opened is said when its turn comes. */
static int find_unreadable(const struct search *search, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && status.st_size == 0)
        search->inputs->passed_over++;
    else
        append(search, path, NULL);
    return 0;
}

static int add(const struct search *search, const char *path, struct input_file *file,
               enum input_kind kind, struct error *err)
{
    struct inputs *inputs = search->inputs;

    if (inputs->kind != INPUT_NONE && inputs->kind != kind) {
        error_set(err, "%s is a %s, but %s is a %s: learn them one after the other, and merge",
                  inputs->list[0].path, inputs->kind == INPUT_CAPTURES ? "capture" : "flow log", path,
                  kind == INPUT_CAPTURES ? "capture" : "flow log");
        input_file_close(file);
        return -1;
    }
    if (input_file_path(file) != NULL) {
        input_file_close(file);
        file = NULL;
    }
    inputs->kind = kind;
    append(search, path, file);
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

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not as the locale has it */
}

static int find_directory(const struct search *search, const char *path, struct error *err)
{
    struct search inner = { search->inputs, search->flow_logs, true, search->depth + 1 };
    struct dirent **entries;
    int count = scandir(path, &entries, is_shown, compare_names);
    int status = 0;

    if (count < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    if (inner.depth > MAX_DEPTH)
        status = error_set(err, "%s: directories are nested more than %d deep", path, MAX_DEPTH);
    for (int i = 0; i < count; i++) {
        char inside[MAX_PATH];

        if (status == 0 && snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name) < MAX_PATH)
            status = find(&inner, inside, err);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int find(const struct search *search, const char *path, struct error *err)
{
    struct stat status;

    if (strcmp(path, "-") == 0 || stat(path, &status) < 0)
        return find_file(search, path, err);
    if (S_ISDIR(status.st_mode))
        return find_directory(search, path, err);
    if (search->in_directory && !S_ISREG(status.st_mode))
        return 0; /* a pipe that somebody left there would never end */
    return find_file(search, path, err);
}

int inputs_find(struct inputs *inputs, char **arguments, int count, bool flow_logs, struct error *err)
{
    struct search search = { inputs, flow_logs, false, 0 };

    memset(inputs, 0, sizeof *inputs);
    for (int i = 0; i < count; i++) {
        if (find(&search, arguments[i], err) < 0)
            return -1;
    }
    if (inputs->kind == INPUT_NONE)
        return error_set(err, "%s: no capture and no flow log in it", arguments[0]);
    return 0;
}

struct input_file *inputs_open(struct inputs *inputs, size_t index, struct error *err)
{
    struct input_file *file = inputs->list[index].file;

    inputs->list[index].file = NULL;
    return file ? file : input_file_open(inputs->list[index].path, err);
}

void inputs_release(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        input_file_close(inputs->list[i].file);
        free(inputs->list[i].path);
    }
    free(inputs->list);
    memset(inputs, 0, sizeof *inputs);
}
