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

static int read_and_play(const struct live_run_config *run, const struct model_files *models, struct error *err)
{
    struct model_image *images = memory_alloc_array(run->configuration->population_count, sizeof *images);
    int status = model_files_read(models, run->configuration, images, err);

    if (status == 0)
        status = live_run_play(run, images, err);
    free(images);
    return status;
}

/* Closes those that it has opened when one cannot be. */
static int open_links(struct live_link *links, const struct configuration *c, const struct emit_clock *clock,
                      struct error *err)
{
    for (size_t i = 0; i < c->link_count; i++) {
        if (live_link_open(&links[i], c, &c->links[i], clock, err) == 0)
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

static int highest_priority(const struct configuration *c)
{
    int highest = 0;

    for (size_t i = 0; i < c->link_count; i++) {
        if (c->links[i].priority > highest)
            highest = c->links[i].priority;
    }
    return highest;
}

int engine_process_play(const struct configuration *c, const struct model_files *models, const struct play_span *span,
                        const struct engine_ends *ends, struct error *err)
{
    struct live_link *links = memory_alloc_array(c->link_count, sizeof *links);
    struct emit_clock clock = emit_clock_real();
    const struct live_run_config run = {
        c, span, links, &clock, ends->options, ends->board, ends->channel, ends->control_fd, ends->logger,
    };
    int status = open_links(links, c, &clock, err);

    if (status == 0) {
        note_interfaces(links, c->link_count, ends->board);
        emit_thread_lock(ends->board->emitted, sizeof ends->board->emitted);
        emit_thread_raise_limits(highest_priority(c));
        status = give_up_rights(c, err);
        if (status == 0)
            status = read_and_play(&run, models, err);
        for (size_t i = 0; i < c->link_count; i++)
            live_link_close(&links[i]);
    }
    free(links);
    return status;
}

int engine_process_check(const struct configuration *c, const struct model_files *models, struct error *err)
{
    const struct play_span span = play_span_of(c);
    struct model_image *images = memory_alloc_array(c->population_count, sizeof *images);
    struct play play;
    int status = give_up_rights(c, err);

    if (status == 0)
        status = model_files_read(models, c, images, err);
    if (status == 0)
        status = play_init(&play, c, &span, images, NULL, err);
    if (status == 0)
        play_release(&play);
    free(images);
    return status;
}
