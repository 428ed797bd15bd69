#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static int read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);

        if (got == 0) {
            errno = EIO; /* it became shorter under our hands */
            return -1;
        }
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            done += (size_t)got;
    }
    return 0;
}

static int read_image(struct model_image *image, int fd, const char *path, struct error *err)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return error_set(err, "%s: not a model file: not a regular file", path);
    if (info.st_size == 0)
        return error_set(err, "%s: not a model file: it is empty", path);
    if (info.st_size > MODEL_MAX_BYTES)
        return error_set(err, "%s: %lld bytes are more than a model may have (%lld)", path,
                         (long long)info.st_size, (long long)MODEL_MAX_BYTES);
    image->size = (size_t)info.st_size;
    image->bytes = sqlite3_malloc64(image->size);
    if (image->bytes == NULL)
        return error_set(err, "%s: no memory for its %zu bytes", path, image->size);
    if (read_all(fd, image->bytes, image->size) < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    image->path = memory_copy_text(path);
    return 0;
}

int model_image_read(struct model_image *image, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status;

    memset(image, 0, sizeof *image);
    if (fd < 0)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    status = read_image(image, fd, path, err);
    close(fd);
    if (status < 0)
        model_image_release(image);
    return status;
}

void model_image_release(struct model_image *image)
{
    sqlite3_free(image->bytes);
    free(image->path);
    memset(image, 0, sizeof *image);
}

struct model *model_load(const char *path, struct error *err)
{
    struct model_image image;
    struct model *model;

    if (model_image_read(&image, path, err) < 0)
        return NULL;
    model = model_from_image(&image, err);
    model_image_release(&image);
    return model;
}

static void release_state(struct state_model *state)
{
    for (uint32_t i = 0; state->next_gaps && i < state->next.size; i++)
        discrete_release(&state->next_gaps[i]);
    free(state->next_gaps);
    discrete_release(&state->next);
    discrete_release(&state->gaps);
    discrete_release(&state->initiator_ports);
    discrete_release(&state->responder_ports);
    discrete_release(&state->peers);
}

static void release_host(struct host_model *host)
{
    for (uint32_t i = 0; i < host->state_count; i++)
        release_state(&host->states[i]);
    free(host->states);
    discrete_release(&host->frequency);
    discrete_release(&host->initial);
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    for (uint32_t i = 0; i < model->host_count; i++)
        release_host(&model->hosts[i]);
    for (size_t i = 0; i < model->service_count; i++)
        free(model->services[i].rows);
    free(model->hosts);
    free(model->services);
    free(model);
}

static const struct service_model *find_service(const struct model *model, uint8_t protocol,
                                                uint32_t port)
{
    uint32_t wanted = (uint32_t)protocol << 17 | port;
    size_t low = 0;
    size_t high = model->service_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct service_model *service = &model->services[middle];
        uint32_t key = (uint32_t)service->protocol << 17 | service->port;

        if (key == wanted)
            return service;
        if (key < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    /* Not there: the nearest port below or above, if it is of the same protocol. */
    if (low < model->service_count && model->services[low].protocol == protocol)
        return &model->services[low];
    if (low > 0 && model->services[low - 1].protocol == protocol)
        return &model->services[low - 1];
    return NULL;
}

const struct service_model *model_service(const struct model *model, uint8_t protocol, uint32_t port)
{
    const struct service_model *exact = find_service(model, protocol, port);
    const struct service_model *other;

    if (exact && exact->port == port)
        return exact;
    other = find_service(model, protocol, SERVICE_OTHER_PORTS);
    return other && other->port == SERVICE_OTHER_PORTS ? other : exact;
}

static size_t discrete_bytes(const struct discrete *d)
{
    return (size_t)d->size * (sizeof *d->symbols + sizeof *d->cumulative);
}

size_t host_model_bytes(const struct host_model *host)
{
    size_t bytes = sizeof *host + discrete_bytes(&host->frequency) + discrete_bytes(&host->initial) +
                   host->state_count * sizeof *host->states;

    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        bytes += discrete_bytes(&state->next) + discrete_bytes(&state->gaps) +
                 discrete_bytes(&state->initiator_ports) +
                 discrete_bytes(&state->responder_ports) + discrete_bytes(&state->peers);
        for (uint32_t j = 0; j < state->next.size; j++)
            bytes += sizeof *state->next_gaps + discrete_bytes(&state->next_gaps[j]);
    }
    return bytes;
}
