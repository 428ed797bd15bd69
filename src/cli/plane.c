#include "cli/plane.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "similarity/embedding.h"
#include "similarity/reference_set.h"

enum {
    MOST_EXACT = 1024,    /* hosts of which the axes are found; of more, they are found of fewer: */
    MOST_REFERENCES = 256
};

static int load_models(struct plane *plane, struct error *err)
{
    plane->models = memory_alloc_array(plane->model_count, sizeof *plane->models);
    for (uint32_t i = 0; i < plane->model_count; i++) {
        plane->models[i] = model_load(plane->paths[i], err);
        if (plane->models[i] == NULL)
            return -1;
    }
    return 0;
}

static int find_points(struct plane *plane, struct error *err)
{
    size_t capacity = 0;

    for (uint32_t i = 0; i < plane->model_count; i++) {
        const struct model *model = plane->models[i];

        plane->points = memory_grow(plane->points, &capacity, (size_t)plane->point_count + model->host_count,
                                    sizeof *plane->points);
        for (uint32_t h = 0; h < model->host_count; h++) {
            if (model->hosts[h].flows > 0)
                plane->points[plane->point_count++] = (struct plane_point){ .model = i, .host = &model->hosts[h] };
            else
                plane->silent++;
        }
        if (i == 0 || !plane->has_reference)
            plane->reference_points = plane->point_count;
        if (plane->reference_points == 0 && plane->has_reference)
            return error_set(err, "%s: no host in it has a flow: there are no axes", plane->paths[0]);
    }
    return plane->point_count > 0 ? 0 : error_set(err, "%s: no host in it has a flow", plane->paths[0]);
}

int plane_load(struct plane *plane, struct error *err)
{
    return load_models(plane, err) < 0 ? -1 : find_points(plane, err);
}

void plane_release(struct plane *plane)
{
    for (uint32_t i = 0; plane->models && i < plane->model_count; i++)
        model_free(plane->models[i]);
    free(plane->models);
    free(plane->points);
}

/* Six digits are told; rounding must not leave a minus before nothing. */
static double rounded(double x)
{
    return round(x * 1e6) / 1e6 + 0.0;
}

static void place(struct plane *plane, struct reference_set *set, const struct behaviour *behaviours)
{
    size_t dimensions = plane->dimensions;
    double *kernels = memory_alloc_array(set->count, sizeof *kernels);
    struct embedding embedding;

    embedding_init(&embedding, set->gram, set->count, dimensions);
    for (uint32_t i = 0; i < plane->point_count; i++) {
        reference_set_compare(set, behaviours, i, kernels);
        embedding_place(&embedding, kernels, plane->points[i].at);
        for (size_t k = 0; k < dimensions; k++)
            plane->points[i].at[k] = rounded(plane->points[i].at[k]);
    }
    for (size_t k = 0; k < dimensions; k++)
        plane->shares[k] = rounded(embedding.shares[k]);
    embedding_release(&embedding);
    free(kernels);
}

void plane_place(struct plane *plane)
{
    struct behaviour *behaviours = memory_alloc_array(plane->point_count, sizeof *behaviours);
    struct reference_set set;

    for (uint32_t i = 0; i < plane->point_count; i++)
        behaviour_init_of_host(&behaviours[i], plane->points[i].host);
    reference_set_init(&set, behaviours, plane->reference_points,
                       plane->reference_points <= MOST_EXACT ? MOST_EXACT : MOST_REFERENCES);
    place(plane, &set, behaviours);
    reference_set_release(&set);
    for (uint32_t i = 0; i < plane->point_count; i++)
        behaviour_release(&behaviours[i]);
    free(behaviours);
}
