#include "capture/prefetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    BATCH_PACKETS = 256,
    BATCH_BYTES = 192 * 1024, /* of IP packets, when kept: three of the largest */
    STREAM_BATCHES = 32       /* read ahead of a stream, at most */
};

struct batch {
    struct batch *following;
    size_t count;
    struct packet_view views[BATCH_PACKETS];
    uint8_t results[BATCH_PACKETS]; /* enum decode_result */
    uint8_t *bytes;                 /* NULL: not kept */
    size_t byte_count;
    struct capture_counts counts; /* of these packets, and of what was between them */
    uint64_t position;
    int status; /* of the read behind the last packet: 1 goes on, 0 end, -1 damage */
    struct error err;
};

/* Everything but `file`, which belongs to the thread that is `busy`, is under the lock. */
struct prefetch_stream {
    struct prefetch *prefetch;
    struct prefetch_stream *previous, *following; /* in order of their start */
    struct capture_file *file;
    bool busy;     /* a thread reads it */
    bool finished; /* nothing more comes */
    struct batch *first, *last; /* filled, not taken */
    unsigned filled;            /* these, and the one that is being filled */
    /* the rest is the consumer's */
    struct batch *current; /* being consumed; NULL at first */
    size_t next;           /* packet of it */
};

struct prefetch {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* for threads: a stream has room, or all is over */
    pthread_cond_t ready; /* for the consumer: a batch was filled */
    pthread_t *threads;
    unsigned thread_count;
    bool keep_bytes;
    bool over;
    struct prefetch_stream *first, *last;
    size_t max_streams;  /* of two batches each: half of those that max_bytes allow */
    size_t max_further;  /* the other half: filled batches of streams beyond their first */
    size_t further;
    unsigned streams, unfinished;
    struct batch *free_batches;
    bool idle; /* the consumer's: as of its last look behind the lock */
};

/* ---- threads ---- */

static struct batch *new_batch(const struct prefetch *prefetch)
{
    struct batch *batch = memory_alloc(sizeof *batch);

    if (prefetch->keep_bytes)
        batch->bytes = memory_alloc(BATCH_BYTES);
    return batch;
}

static void free_batch(struct batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->bytes);
    free(batch);
}

static void keep_bytes(struct batch *batch, struct packet_view *view)
{
    uint8_t *to;

    if (batch->bytes == NULL || view->ip_captured == 0) {
        view->ip = NULL;
        view->ip_captured = 0;
        return;
    }
    to = batch->bytes + batch->byte_count;
    memcpy(to, view->ip, view->ip_captured);
    batch->byte_count += view->ip_captured;
    view->ip = to;
}

static void fill_batch(struct capture_file *file, struct batch *batch)
{
    uint64_t size;

    batch->count = batch->byte_count = 0;
    batch->counts = (struct capture_counts){ 0 };
    while (batch->count < BATCH_PACKETS &&
           batch->byte_count <= BATCH_BYTES - CAPTURE_MAX_IP_BYTES) {
        struct packet_view *view = &batch->views[batch->count];
        enum decode_result result;

        batch->status = capture_file_read(file, view, &result, &batch->counts, &batch->err);
        if (batch->status != 1)
            break;
        keep_bytes(batch, view);
        batch->results[batch->count++] = (uint8_t)result;
    }
    capture_file_position(file, &batch->position, &size);
}

/* The stream to read next: of those with room the one that has least, the oldest of equals. */
static struct prefetch_stream *choose_stream(const struct prefetch *prefetch)
{
    struct prefetch_stream *best = NULL;
    unsigned least = prefetch->further < prefetch->max_further ? STREAM_BATCHES : 1;

    for (struct prefetch_stream *s = prefetch->first; s; s = s->following) {
        if (!s->busy && !s->finished && s->filled < least) {
            best = s;
            least = s->filled;
        }
    }
    return best;
}

static struct batch *take_free_batch(struct prefetch *prefetch)
{
    struct batch *batch = prefetch->free_batches;

    if (batch == NULL)
        return new_batch(prefetch);
    prefetch->free_batches = batch->following;
    batch->following = NULL;
    return batch;
}

static void append_batch(struct prefetch_stream *stream, struct batch *batch)
{
    if (stream->last != NULL)
        stream->last->following = batch;
    else
        stream->first = batch;
    stream->last = batch;
    if (batch->status != 1) {
        stream->finished = true;
        stream->prefetch->unfinished--;
    }
}

/* Called, and left, with the lock held. */
static void read_stream(struct prefetch *prefetch, struct prefetch_stream *stream)
{
    struct batch *batch = take_free_batch(prefetch);

    stream->busy = true;
    if (stream->filled++ > 0)
        prefetch->further++;
    pthread_mutex_unlock(&prefetch->lock);
    fill_batch(stream->file, batch);
    pthread_mutex_lock(&prefetch->lock);
    stream->busy = false;
    append_batch(stream, batch);
    pthread_cond_signal(&prefetch->ready);
}

static void *run_thread(void *self)
{
    struct prefetch *prefetch = self;
    struct prefetch_stream *stream;

    pthread_mutex_lock(&prefetch->lock);
    while (!prefetch->over) {
        stream = choose_stream(prefetch);
        if (stream != NULL)
            read_stream(prefetch, stream);
        else
            pthread_cond_wait(&prefetch->work, &prefetch->lock);
    }
    pthread_mutex_unlock(&prefetch->lock);
    return NULL;
}

/* ---- the consumer ---- */

static void look(struct prefetch *prefetch)
{
    prefetch->idle = prefetch->unfinished < prefetch->thread_count;
}

struct prefetch *prefetch_new(unsigned threads, bool keep, size_t max_bytes)
{
    struct prefetch *prefetch = memory_alloc(sizeof *prefetch);
    size_t batches = max_bytes / (sizeof(struct batch) + (keep ? BATCH_BYTES : 0));

    pthread_mutex_init(&prefetch->lock, NULL);
    pthread_cond_init(&prefetch->work, NULL);
    pthread_cond_init(&prefetch->ready, NULL);
    prefetch->keep_bytes = keep;
    prefetch->max_streams = batches / 2 / 2;
    prefetch->max_further = batches / 2;
    prefetch->idle = true;
    prefetch->threads = memory_alloc_array(threads, sizeof *prefetch->threads);
    while (prefetch->thread_count < threads &&
           pthread_create(&prefetch->threads[prefetch->thread_count], NULL, run_thread,
                          prefetch) == 0)
        prefetch->thread_count++;
    if (prefetch->thread_count > 0)
        return prefetch;
    prefetch_free(prefetch);
    return NULL;
}

void prefetch_free(struct prefetch *prefetch)
{
    if (prefetch == NULL)
        return;
    pthread_mutex_lock(&prefetch->lock);
    prefetch->over = true;
    pthread_cond_broadcast(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
    for (unsigned i = 0; i < prefetch->thread_count; i++)
        pthread_join(prefetch->threads[i], NULL);
    while (prefetch->free_batches != NULL)
        free_batch(take_free_batch(prefetch));
    pthread_cond_destroy(&prefetch->ready);
    pthread_cond_destroy(&prefetch->work);
    pthread_mutex_destroy(&prefetch->lock);
    free(prefetch->threads);
    free(prefetch);
}

bool prefetch_has_room(const struct prefetch *prefetch)
{
    return prefetch->streams < prefetch->max_streams;
}

struct prefetch_stream *prefetch_start(struct prefetch *prefetch, struct capture_file *file)
{
    struct prefetch_stream *stream = memory_alloc(sizeof *stream);

    stream->prefetch = prefetch;
    stream->file = file;
    pthread_mutex_lock(&prefetch->lock);
    stream->previous = prefetch->last;
    if (prefetch->last != NULL)
        prefetch->last->following = stream;
    else
        prefetch->first = stream;
    prefetch->last = stream;
    prefetch->streams++;
    prefetch->unfinished++;
    look(prefetch);
    pthread_cond_signal(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
    return stream;
}

bool prefetch_is_idle(const struct prefetch *prefetch)
{
    return prefetch->idle;
}

/* Gives the batch back and waits for the next. */
static void next_batch(struct prefetch_stream *stream)
{
    struct prefetch *prefetch = stream->prefetch;

    pthread_mutex_lock(&prefetch->lock);
    if (stream->current != NULL) {
        stream->current->following = prefetch->free_batches;
        prefetch->free_batches = stream->current;
    }
    while (stream->first == NULL)
        pthread_cond_wait(&prefetch->ready, &prefetch->lock);
    stream->current = stream->first;
    stream->first = stream->current->following;
    if (stream->first == NULL)
        stream->last = NULL;
    stream->current->following = NULL;
    if (--stream->filled > 0)
        prefetch->further--;
    look(prefetch);
    pthread_cond_signal(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
    stream->next = 0;
}

int prefetch_read(struct prefetch_stream *stream, struct packet_view **view,
                  enum decode_result *result, struct capture_counts *counts, struct error *err)
{
    struct batch *batch = stream->current;

    while (batch == NULL || (stream->next == batch->count && batch->status == 1)) {
        next_batch(stream);
        batch = stream->current;
        capture_counts_add(counts, &batch->counts);
    }
    if (stream->next == batch->count) {
        *err = batch->err;
        return batch->status;
    }
    *view = &batch->views[stream->next];
    *result = (enum decode_result)batch->results[stream->next++];
    return 1;
}

uint64_t prefetch_position(const struct prefetch_stream *stream)
{
    return stream->current ? stream->current->position : 0;
}

static void unlink_stream(struct prefetch *prefetch, struct prefetch_stream *stream)
{
    if (stream->previous != NULL)
        stream->previous->following = stream->following;
    else
        prefetch->first = stream->following;
    if (stream->following != NULL)
        stream->following->previous = stream->previous;
    else
        prefetch->last = stream->previous;
    prefetch->streams--;
    if (stream->filled > 1)
        prefetch->further -= stream->filled - 1;
    if (!stream->finished)
        prefetch->unfinished--;
}

void prefetch_end(struct prefetch_stream *stream)
{
    struct prefetch *prefetch = stream->prefetch;

    pthread_mutex_lock(&prefetch->lock);
    while (stream->busy)
        pthread_cond_wait(&prefetch->ready, &prefetch->lock);
    unlink_stream(prefetch, stream);
    look(prefetch);
    if (stream->current != NULL) {
        stream->current->following = stream->first;
        stream->first = stream->current;
    }
    while (stream->first != NULL) {
        struct batch *batch = stream->first;

        stream->first = batch->following;
        batch->following = prefetch->free_batches;
        prefetch->free_batches = batch;
    }
    pthread_mutex_unlock(&prefetch->lock);
    capture_file_close(stream->file);
    free(stream);
}
