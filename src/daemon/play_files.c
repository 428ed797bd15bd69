#include "daemon/play_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/output_file.h"

static int open_models(struct play_files *files, const struct configuration *c, struct error *err)
{
    for (; files->model_count < c->population_count; files->model_count++) {
        const struct configuration_population *population = &c->populations[files->model_count];
        int fd = model_file_open(population->model, err);

        if (fd < 0)
            return error_prefix(err, "%s", population->model_place);
        files->models[files->model_count] = fd;
    }
    return 0;
}

/* A pipe could be read once only. */
static int open_capture(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;

    if (fd < 0)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return fd;
    close(fd);
    return error_set(err, "%s: not a capture: not a regular file", path);
}

static int open_overlays(struct play_files *files, const struct configuration *c, struct error *err)
{
    for (; files->overlay_count < c->overlay_count; files->overlay_count++) {
        const struct configuration_overlay *overlay = &c->overlays[files->overlay_count];
        int fd = open_capture(overlay->pcap, err);

        if (fd < 0)
            return error_prefix(err, "%s", overlay->pcap_place);
        files->overlays[files->overlay_count] = fd;
    }
    return 0;
}

int play_files_open(struct play_files *files, const struct configuration *c, struct error *err)
{
    *files = (struct play_files){ .models = memory_alloc_array(c->population_count, sizeof *files->models),
                                  .overlays = memory_alloc_array(c->overlay_count, sizeof *files->overlays) };
    if (open_models(files, c, err) == 0 && open_overlays(files, c, err) == 0)
        return 0;
    play_files_close(files);
    return -1;
}

int play_files_read_models(const struct play_files *files, const struct configuration *c, struct model_image *images,
                           struct error *err)
{
    for (size_t i = 0; i < files->model_count; i++) {
        if (model_image_read_fd(&images[i], files->models[i], c->populations[i].model, err) == 0)
            continue;
        error_prefix(err, "%s", c->populations[i].model_place);
        while (i-- > 0)
            model_image_release(&images[i]);
        return -1;
    }
    return 0;
}

int play_files_check_apart(const struct configuration *c, const char *output, struct error *err)
{
    int status = output_file_check_apart(output, c->path, err);

    for (size_t i = 0; status == 0 && i < c->population_count; i++)
        status = output_file_check_apart(output, c->populations[i].model, err);
    for (size_t i = 0; status == 0 && i < c->overlay_count; i++)
        status = output_file_check_apart(output, c->overlays[i].pcap, err);
    return status;
}

int play_files_check_truth(const struct configuration *c, struct error *err)
{
    if (c->truth == NULL || play_files_check_apart(c, c->truth, err) == 0)
        return 0;
    return error_prefix(err, "%s", c->truth_place);
}

void play_files_close(struct play_files *files)
{
    for (size_t i = 0; i < files->model_count; i++)
        close(files->models[i]);
    for (size_t i = 0; i < files->overlay_count; i++)
        close(files->overlays[i]);
    free(files->models);
    free(files->overlays);
    memset(files, 0, sizeof *files);
}
