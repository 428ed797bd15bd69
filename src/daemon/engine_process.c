#include "daemon/engine_process.h"

#include <stdlib.h>

#include "base/memory.h"
#include "daemon/live_run.h"
#include "daemon/privileges.h"
#include "daemon/syscall_filter.h"

/* The reason to be of this file: behind it nothing can be opened, and foreign data may come. */
static int give_up_rights(const struct configuration *c, struct error *err)
{
    if (privileges_drop(c->user, err) < 0 || syscall_filter_enter(err) < 0)
        return error_prefix(err, "%s", c->path);
    return 0;
}

static int read_and_play(const struct live_run_config *run, struct error *err)
{
    struct model_image *images = memory_alloc_array(run->configuration->population_count, sizeof *images);
    int status = play_files_read_models(run->files, run->configuration, images, err);

    if (status == 0)
        status = live_run_play(run, images, err);
    free(images);
    return status;
}

/* Closes those that it has opened when one cannot be. */
static int open_links(struct live_link *links, const struct configuration *c, const struct live_emitter *emitter,
                      struct error *err)
{
    for (size_t i = 0; i < c->link_count; i++) {
        if (live_link_open(&links[i], c, &c->links[i], emitter, err) == 0)
            continue;
        while (i-- > 0)
            live_link_close(&links[i]);
        return -1;
    }
    return 0;
}

static void note_interfaces(const struct live_link *links, size_t count, struct board *board)
{
    uint64_t counted;
    bool is_known = live_links_count(links, count, &counted);

    board_count_interface(board, is_known, live_links_identity(links, count), counted);
}

static int play_on(const struct live_run_config *run, struct error *err)
{
    const struct configuration *c = run->configuration;
    int status = open_links(run->links, c, run->emitter, err);

    if (status < 0)
        return -1;
    note_interfaces(run->links, c->link_count, run->board);
    emit_thread_lock(run->board->emitted, sizeof run->board->emitted);
    emit_thread_raise_limits(c->priority);
    status = give_up_rights(c, err);
    if (status == 0)
        status = read_and_play(run, err);
    for (size_t i = 0; i < c->link_count; i++)
        live_link_close(&run->links[i]);
    return status;
}

int engine_process_play(const struct configuration *c, const struct play_files *files, const struct play_span *span,
                        const struct engine_ends *ends, struct error *err)
{
    struct live_link *links = memory_alloc_array(c->link_count, sizeof *links);
    struct live_emitter *emitter = memory_alloc(sizeof *emitter);
    const struct live_run_config run = {
        c, files, span, links, emitter, ends->options, ends->board, ends->channel, ends->control_fd, ends->logger,
    };
    int status = live_emitter_open(emitter, c, err);

    if (status == 0) {
        status = play_on(&run, err);
        live_emitter_close(emitter);
    }
    free(emitter);
    free(links);
    return status;
}

int engine_process_check(const struct configuration *c, const struct play_files *files, FILE *overlays, struct error *err)
{
    const struct play_span span = play_span_of(c);
    struct model_image *images = memory_alloc_array(c->population_count, sizeof *images);
    struct play play;
    int status = give_up_rights(c, err);

    if (status == 0)
        status = play_files_read_models(files, c, images, err);
    if (status == 0)
        status = play_init(&play, c, files, &span, NULL, images, NULL, err);
    if (status == 0 && overlays) {
        play_say_overlays(&play);
        play_print_overlays(&play, overlays);
    }
    if (status == 0)
        play_release(&play);
    free(images);
    return status;
}
