#include "daemon/engine_process.h"

#include <stdlib.h>

#include "base/memory.h"
#include "daemon/live_run.h"
#include "daemon/privileges.h"
#include "daemon/syscall_filter.h"
#include "emit/link.h"

/* The reason to be of this file: behind it nothing can be opened, and foreign data may come. */
static int give_up_rights(const struct configuration *c, struct error *err)
{
    if (privileges_drop(c->user, err) < 0 || syscall_filter_enter(err) < 0)
        return error_prefix(err, "%s", c->path);
    return 0;
}

static int read_and_play(const struct configuration *c, const struct model_files *models, const struct play_span *span,
                         const struct link *link, const struct play_options *options, struct board *board,
                         struct error *err)
{
    struct model_image *images = memory_alloc_array(c->population_count, sizeof *images);
    int status = model_files_read(models, c, images, err);

    if (status == 0)
        status = live_run_play(c, span, images, link, options, board, err);
    free(images);
    return status;
}

int engine_process_play(const struct configuration *c, const struct model_files *models, const struct play_span *span,
                        const struct play_options *options, struct board *board, struct error *err)
{
    uint64_t counted = 0;
    struct link link;
    int status;

    if (link_open(&link, c->links[0].interface, c->allow_default_route, err) < 0)
        return error_prefix(err, "%s: interface", c->path);
    status = link_sent_packets(&link, &counted, err);
    board_count_interface(board, status == 0, counted);
    if (status == 0)
        status = give_up_rights(c, err);
    if (status == 0)
        status = read_and_play(c, models, span, &link, options, board, err);
    link_close(&link);
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
        status = play_init(&play, c, &span, images, err);
    if (status == 0)
        play_release(&play);
    free(images);
    return status;
}
