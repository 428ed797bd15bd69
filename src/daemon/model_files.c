#include "daemon/model_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

int model_files_open(struct model_files *files, const struct configuration *c, struct error *err)
{
    *files = (struct model_files){ .descriptors = memory_alloc_array(c->population_count, sizeof *files->descriptors) };
    for (; files->count < c->population_count; files->count++) {
        int fd = model_file_open(c->populations[files->count].model, err);

        if (fd < 0) {
            model_files_close(files);
            return -1;
        }
        files->descriptors[files->count] = fd;
    }
    return 0;
}

int model_files_read(const struct model_files *files, const struct configuration *c, struct model_image *images,
                     struct error *err)
{
    for (size_t i = 0; i < files->count; i++) {
        if (model_image_read_fd(&images[i], files->descriptors[i], c->populations[i].model, err) == 0)
            continue;
        while (i-- > 0)
            model_image_release(&images[i]);
        return -1;
    }
    return 0;
}

void model_files_close(struct model_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        close(files->descriptors[i]);
    free(files->descriptors);
    memset(files, 0, sizeof *files);
}
