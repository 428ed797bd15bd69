#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strverscmp */
#endif
#include "capture/capture_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "capture/packet_gate.h"
#include "capture/prefetch.h"

enum { READ_AHEAD_SHARE = 4 /* of the memory, a quarter: the rest is for open files */ };

struct member {
    char *name;
    uint64_t size; /* on disk */
    size_t memory; /* that it takes while it is open, but for what is read ahead */
    struct day_time first; /* of its frames; before all others when none can be read */
    struct capture_file *file;      /* open, and not handed to a stream */
    struct prefetch_stream *stream; /* open, with threads */
    struct error unopened;          /* why it could not be opened a second time */
    struct packet_view view;        /* the next packet, without threads */
    struct packet_view *head;       /* the next packet, in either case */
    enum decode_result result; /* of it */
};

struct capture_set {
    struct capture_options options;
    capture_damage *damage;
    void *damage_self;
    struct prefetch *prefetch; /* NULL: without threads */
    struct packet_gate *gate;
    struct capture_counts counts;
    struct member **members; /* in order of their first frames, once reading began */
    size_t member_count, member_capacity;
    bool reading;
    size_t started; /* members that are, or were, open */
    size_t entered; /* of these, in the heap or ended */
    struct member **heap; /* by the time of their heads */
    size_t heap_count, heap_capacity;
    size_t open_bytes, max_open_bytes; /* of memory */
    bool given; /* the head of heap[0] is with the caller */
    uint64_t ended_bytes, size;
    bool size_known;
};

struct capture_set *capture_set_new(const struct capture_options *options,
                                    capture_damage *damage, void *damage_self)
{
    struct capture_set *set = memory_alloc(sizeof *set);

    set->options = *options;
    if (set->options.max_bytes == 0)
        set->options.max_bytes = CAPTURE_MAX_BYTES_DEFAULT;
    set->max_open_bytes = set->options.max_bytes - set->options.max_bytes / READ_AHEAD_SHARE;
    set->damage = damage;
    set->damage_self = damage_self;
    set->gate = packet_gate_new(options->dedup_ns);
    set->size_known = true;
    return set;
}

static void close_member(struct capture_set *set, struct member *member)
{
    if (member->stream != NULL || member->file != NULL)
        set->open_bytes -= member->memory;
    if (member->stream != NULL)
        prefetch_end(member->stream);
    capture_file_close(member->file);
    member->stream = NULL;
    member->file = NULL;
}

void capture_set_free(struct capture_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->member_count; i++) {
        close_member(set, set->members[i]);
        free(set->members[i]->name);
        free(set->members[i]);
    }
    free(set->members);
    free(set->heap);
    prefetch_free(set->prefetch);
    packet_gate_free(set->gate);
    free(set);
}

int capture_set_add(struct capture_set *set, struct input_file *input, struct error *err)
{
    struct member *member = memory_alloc(sizeof *member);
    bool again = input_file_path(input) != NULL;
    uint64_t read;

    member->name = memory_copy_text(input_file_name(input));
    input_file_position(input, &read, &member->size);
    member->file = capture_file_open(input, &set->options, err);
    if (member->file == NULL) {
        free(member->name);
        free(member);
        return -1;
    }
    if (!capture_file_first_time(member->file, &member->first))
        member->first.ns = INT64_MIN;
    member->memory = capture_file_memory(member->file);
    set->open_bytes += member->memory;
    if (again)
        close_member(set, member);
    set->size += member->size;
    set->size_known = set->size_known && member->size > 0;
    set->members = memory_grow(set->members, &set->member_capacity, set->member_count + 1,
                               sizeof *set->members);
    set->members[set->member_count++] = member;
    return 0;
}

/* ---- order ---- */

/*
 * Of files that a capture was cut into the one that began first, then the one whose number is
 * less (x9, x10). The order in which they were given decides nothing.
 */
static int compare_members(const struct member *a, const struct member *b)
{
    if (a->first.ns != b->first.ns)
        return a->first.ns < b->first.ns ? -1 : 1;
    return strverscmp(a->name, b->name);
}

static int compare_first(const void *a, const void *b)
{
    return compare_members(*(const struct member *const *)a, *(const struct member *const *)b);
}

/* Cuts fall between packets of one time, too. */
static bool heap_before(const struct member *a, const struct member *b)
{
    if (a->head->time.ns != b->head->time.ns)
        return a->head->time.ns < b->head->time.ns;
    return compare_members(a, b) < 0;
}

static void heap_sink(struct capture_set *set)
{
    struct member *member = set->heap[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < set->heap_count && heap_before(set->heap[child + 1], set->heap[child]))
            child++;
        if (child >= set->heap_count || !heap_before(set->heap[child], member))
            break;
        set->heap[at] = set->heap[child];
        at = child;
    }
    set->heap[at] = member;
}

static void heap_add(struct capture_set *set, struct member *member)
{
    size_t at = set->heap_count++;

    set->heap = memory_grow(set->heap, &set->heap_capacity, set->heap_count, sizeof *set->heap);
    while (at > 0 && heap_before(member, set->heap[(at - 1) / 2])) {
        set->heap[at] = set->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    set->heap[at] = member;
}

/* ---- members ---- */

/* The member is at its end, or at damage, which is told. */
static void end_member(struct capture_set *set, struct member *member, int status,
                       const struct error *err)
{
    if (status < 0)
        set->damage(set->damage_self, err->text);
    close_member(set, member);
    set->ended_bytes += member->size;
}

/* Reads the next head: false at the end. */
static bool read_head(struct capture_set *set, struct member *member)
{
    struct error err; /* set by what fails */
    int status;

    if (member->stream != NULL) {
        status = prefetch_read(member->stream, &member->head, &member->result, &set->counts, &err);
    } else {
        member->head = &member->view;
        status = capture_file_read(member->file, &member->view, &member->result, &set->counts, &err);
    }
    if (status == 1)
        return true;
    end_member(set, member, status, &err);
    return false;
}

static bool has_memory_for(const struct capture_set *set, const struct member *member)
{
    return member->file != NULL || set->open_bytes == 0 ||
           set->open_bytes + member->memory <= set->max_open_bytes;
}

/* For the second time: it could be opened when it was added. */
static void open_member(struct capture_set *set, struct member *member)
{
    struct input_file *input;

    if (!has_memory_for(set, member)) {
        error_set(&member->unopened, "%s: no memory to read it beside the %zu that overlap it in "
                  "time: allow more, or merge some of them first", member->name, set->heap_count);
        return;
    }
    input = input_file_open(member->name, &member->unopened);
    if (input != NULL)
        member->file = capture_file_open(input, &set->options, &member->unopened);
    if (member->file != NULL)
        set->open_bytes += member->memory;
}

/* Unless it stayed open, it is opened; while there is memory to read ahead, that begins. */
static void start_member(struct capture_set *set, struct member *member)
{
    if (member->file == NULL)
        open_member(set, member);
    if (member->file == NULL || set->prefetch == NULL || !prefetch_has_room(set->prefetch))
        return;
    member->stream = prefetch_start(set->prefetch, member->file);
    member->file = NULL;
}

/* Gives threads that would have nothing to do the files whose time comes next. */
static void start_ahead(struct capture_set *set)
{
    while (set->started < set->member_count && prefetch_is_idle(set->prefetch) &&
           prefetch_has_room(set->prefetch) && has_memory_for(set, set->members[set->started]))
        start_member(set, set->members[set->started++]);
}

static void enter_member(struct capture_set *set)
{
    struct member *member = set->members[set->entered];

    if (set->started == set->entered)
        start_member(set, set->members[set->started++]);
    set->entered++;
    if (member->stream == NULL && member->file == NULL)
        end_member(set, member, -1, &member->unopened);
    else if (read_head(set, member))
        heap_add(set, member);
}

/* ---- packets ---- */

static void begin(struct capture_set *set)
{
    set->reading = true;
    if (set->member_count > 0)
        qsort(set->members, set->member_count, sizeof *set->members, compare_first);
    if (set->options.jobs >= 2) /* without threads to be had it goes on without */
        set->prefetch = prefetch_new(set->options.jobs - 1,
                                     set->options.keep_bytes || set->options.dedup_ns > 0,
                                     set->options.max_bytes / READ_AHEAD_SHARE);
}

/* The head that was given makes room for the one behind it. */
static void advance(struct capture_set *set)
{
    set->given = false;
    if (!read_head(set, set->heap[0]))
        set->heap[0] = set->heap[--set->heap_count];
    if (set->heap_count > 0)
        heap_sink(set);
}

/* With the next packet at the top of the heap; false at the end of all. */
static bool next_head(struct capture_set *set)
{
    if (set->given)
        advance(set);
    while (set->entered < set->member_count &&
           (set->heap_count == 0 ||
            set->members[set->entered]->first.ns <= set->heap[0]->head->time.ns))
        enter_member(set);
    if (set->prefetch != NULL)
        start_ahead(set);
    set->given = set->heap_count > 0;
    return set->given;
}

bool capture_set_next(struct capture_set *set, struct packet_view *view)
{
    if (!set->reading)
        begin(set);
    if (packet_gate_release(set->gate, view, &set->counts))
        return true;
    while (next_head(set)) {
        *view = *set->heap[0]->head;
        view->file = set->heap[0]->name;
        if (packet_gate_pass(set->gate, view, set->heap[0]->result, &set->counts))
            return true;
    }
    return false;
}

const struct capture_counts *capture_set_counts(const struct capture_set *set)
{
    return &set->counts;
}

void capture_set_position(const struct capture_set *set, uint64_t *read, uint64_t *size)
{
    *read = set->ended_bytes;
    *size = set->size_known ? set->size : 0;
    for (size_t i = 0; i < set->heap_count; i++) {
        const struct member *member = set->heap[i];
        uint64_t taken = 0;
        uint64_t whole;

        if (member->stream != NULL)
            taken = prefetch_position(member->stream);
        else
            capture_file_position(member->file, &taken, &whole);
        *read += taken;
    }
}

const char *capture_set_name(const struct capture_set *set)
{
    return set->heap_count > 0 ? set->heap[0]->name : NULL;
}
