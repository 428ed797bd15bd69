/*
 * fuzz_model.c - a libFuzzer target: any bytes as a model file, read as host models and as statistics.
 *
 * What one reader takes the other takes as well; what is taken can be measured, fitted and merged.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "learn/fit.h"
#include "model/model.h"

static struct model_image image_of(const uint8_t *bytes, size_t size)
{
    struct model_image image = { sqlite3_malloc64(size), size, memory_copy_text("fuzz.dsm") };

    if (image.bytes == NULL)
        abort();
    memcpy(image.bytes, bytes, size);
    return image;
}

/* What everything downstream relies on. */
static void check_host(const struct host_model *host)
{
    if (host_model_bytes(host) < sizeof *host)
        abort();
    for (uint32_t i = 0; i < host->state_count; i++) {
        const struct state_model *state = &host->states[i];

        if (state->packets.size == 0 || state->peers.size == 0)
            abort();
        for (uint32_t k = 0; k < state->next.size; k++) {
            if (discrete_symbol(&state->next, k) >= host->state_count ||
                discrete_total(state_model_gaps(state, k)) == 0)
                abort();
        }
    }
}

static void use_stats(const struct network_stats *stats)
{
    struct network_stats sum;
    struct network_fit fit;
    struct error err;

    network_fit_init(&fit, stats);
    network_fit_release(&fit);
    network_stats_init(&sum);
    if (network_stats_merge(&sum, stats, &err) == 0)
        (void)network_stats_merge(&sum, stats, &err); /* hosts that are there already */
    network_stats_release(&sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct network_stats stats;
    struct model_image image;
    struct model *model;
    struct error err = { "" };

    if (size == 0)
        return 0;
    image = image_of(bytes, size);
    model = model_from_image(&image, &err);
    model_image_release(&image);
    for (uint32_t i = 0; model && i < model->host_count; i++)
        check_host(&model->hosts[i]);
    network_stats_init(&stats);
    image = image_of(bytes, size);
    if ((model_stats_from_image(&image, &stats, &err) == 0) != (model != NULL))
        abort();
    if (model)
        use_stats(&stats);
    model_image_release(&image);
    network_stats_release(&stats);
    model_free(model);
    return 0;
}
