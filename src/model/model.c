#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "model/model_services.h"

static int read_all(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);

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

static int check_file(int fd, const char *path, struct stat *info, struct error *err)
{
    if (fstat(fd, info) < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    if (!S_ISREG(info->st_mode))
        return error_set(err, "%s: not a model file: not a regular file", path);
    if (info->st_size == 0)
        return error_set(err, "%s: not a model file: it is empty", path);
    if (info->st_size > MODEL_MAX_BYTES)
        return error_set(err, "%s: %lld bytes are more than a model may have (%lld)", path,
                         (long long)info->st_size, (long long)MODEL_MAX_BYTES);
    return 0;
}

static int read_image(struct model_image *image, int fd, const char *path, struct error *err)
{
    struct stat info;

    if (check_file(fd, path, &info, err) < 0)
        return -1;
    image->size = (size_t)info.st_size;
    image->bytes = sqlite3_malloc64(image->size);
    if (image->bytes == NULL)
        return error_set(err, "%s: no memory for its %zu bytes", path, image->size);
    if (read_all(fd, image->bytes, image->size) < 0)
        return error_set(err, "%s: cannot read: %s", path, strerror(errno));
    image->path = memory_copy_text(path);
    return 0;
}

int model_file_open(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;

    if (fd < 0)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (check_file(fd, path, &info, err) == 0)
        return fd;
    close(fd);
    return -1;
}

int model_image_read_fd(struct model_image *image, int fd, const char *path, struct error *err)
{
    memset(image, 0, sizeof *image);
    if (read_image(image, fd, path, err) == 0)
        return 0;
    model_image_release(image);
    return -1;
}

int model_image_read(struct model_image *image, const char *path, struct error *err)
{
    int fd = model_file_open(path, err);
    int status;

    memset(image, 0, sizeof *image);
    if (fd < 0)
        return -1;
    status = model_image_read_fd(image, fd, path, err);
    close(fd);
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

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->service_count; i++)
        service_model_release(&model->services[i]);
    for (size_t i = 0; i < model->pool_count; i++)
        service_model_release(&model->pools[i]);
    arena_release(&model->arena);
    for (uint32_t i = 0; i < model->label_count; i++)
        free(model->labels[i]);
    free(model->labels);
    free(model->pools);
    free(model->hosts);
    free(model->services);
    free(model);
}

/* Services in their order; of one protocol and port: one of each class. */
struct service_range {
    const struct service_model *first;
    size_t count;
};

static uint64_t service_key(uint8_t protocol, uint32_t port)
{
    return (uint64_t)protocol << 32 | port;
}

/* Index of the first service that is not before (protocol, port). */
static size_t first_service_from(struct service_range all, uint64_t key)
{
    size_t low = 0;
    size_t high = all.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (service_key(all.first[middle].protocol, all.first[middle].port) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct service_range services_of(struct service_range all, uint8_t protocol, uint32_t port)
{
    size_t from = first_service_from(all, service_key(protocol, port));
    size_t end = from;

    while (end < all.count && all.first[end].protocol == protocol && all.first[end].port == port)
        end++;
    return (struct service_range){ end > from ? all.first + from : NULL, end - from };
}

/* Those of that protocol with the nearest port; none when there is none of the protocol. */
static struct service_range nearest_services(struct service_range all, uint8_t protocol, uint32_t port)
{
    size_t at = first_service_from(all, service_key(protocol, port));
    bool has_above = at < all.count && all.first[at].protocol == protocol;
    bool has_below = at > 0 && all.first[at - 1].protocol == protocol;

    if (has_above && has_below && port - all.first[at - 1].port < all.first[at].port - port)
        has_above = false;
    if (!has_above && !has_below)
        return (struct service_range){ NULL, 0 };
    return services_of(all, protocol, all.first[has_above ? at : at - 1].port);
}

static const struct service_model *with_label(struct service_range services, uint32_t label)
{
    for (size_t i = 0; i < services.count; i++) {
        if (services.first[i].label_number == label)
            return &services.first[i];
    }
    return NULL;
}

/* One of them, as likely as it has flows. */
static const struct service_model *choose_service(struct service_range services, uint64_t choice)
{
    uint64_t flows = 0;
    size_t i = 0;

    for (size_t k = 0; k < services.count; k++)
        sum_add(&flows, services.first[k].flows);
    for (choice %= flows; i + 1 < services.count && choice >= services.first[i].flows; i++)
        choice -= services.first[i].flows;
    return &services.first[i];
}

const struct service_model *model_service(const struct model *model, uint8_t protocol, uint32_t port,
                                          uint32_t label, uint64_t choice)
{
    uint32_t pool_port = port > UINT16_MAX ? port : port_feature_first(port_feature_of((uint16_t)port));
    struct service_range all = { model->services, model->service_count };
    struct service_range all_pools = { model->pools, model->pool_count };
    struct service_range same = services_of(all, protocol, port);
    const struct service_model *own = with_label(same, label);
    struct service_range pools;
    const struct service_model *pool;

    if (own && own->row_count >= MODEL_MIN_ROWS)
        return own;
    pools = services_of(all_pools, protocol, pool_port);
    pool = with_label(pools, label);
    if (own == NULL && pool == NULL && same.count > 0) {
        own = choose_service(same, choice);
        pool = with_label(pools, own->label_number);
    }
    if (own && (own->row_count >= MODEL_MIN_ROWS || pool == NULL))
        return own;
    if (pool)
        return pool;
    if (pools.count > 0)
        return choose_service(pools, choice);
    same = nearest_services(all, protocol, port);
    if (same.count == 0)
        return NULL;
    own = with_label(same, label);
    return own ? own : choose_service(same, choice);
}

/* Aligned pieces begin at the next multiple of that. */
static size_t array_bytes(size_t bytes)
{
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

static size_t state_bytes(const struct state_model *state)
{
    size_t bytes = sizeof *state + discrete_bytes(&state->next) + discrete_bytes(&state->gaps) +
                   discrete_bytes(&state->initiator_ports) + discrete_bytes(&state->responder_ports) +
                   discrete_bytes(&state->peers);

    bytes += array_bytes(state->packets.size * sizeof *state->packets.components);
    bytes += array_bytes(state->own_gap_count * sizeof *state->own_gaps);
    for (uint32_t i = 0; i < state->own_gap_count; i++)
        bytes += discrete_bytes(&state->own_gaps[i].gaps);
    return bytes;
}

size_t host_model_bytes(const struct host_model *host)
{
    size_t bytes = sizeof *host + discrete_bytes(&host->frequency) + discrete_bytes(&host->initial) +
                   discrete_bytes(&host->entry) +
                   array_bytes(host->days[DAY_WEEKDAY].size * sizeof *host->days[DAY_WEEKDAY].slices);

    if (host_model_has_classes(host))
        bytes += array_bytes(host->days[DAY_WEEKEND].size * sizeof *host->days[DAY_WEEKEND].slices);
    for (uint32_t i = 0; i < host->state_count; i++)
        bytes += state_bytes(&host->states[i]);
    bytes += array_bytes(host->mix_count * sizeof *host->mixes);
    for (uint32_t i = 0; i < host->mix_count; i++)
        bytes += discrete_bytes(&host->mixes[i].labels);
    return bytes;
}
