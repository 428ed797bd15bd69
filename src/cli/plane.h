/*
 * plane.h - the hosts of models as points, those that behave alike close together.
 */
#ifndef CLI_PLANE_H
#define CLI_PLANE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "model/model.h"

enum { PLANE_MAX_DIMENSIONS = 16 };

/* A host that has flows: a silent one behaves in no way. */
struct plane_point {
    uint32_t model; /* index */
    const struct host_model *host;
    double at[PLANE_MAX_DIMENSIONS];
};

struct plane {
    uint32_t dimensions;
    bool has_reference; /* the axes are those of the first model alone */
    char **paths;       /* of the models; borrowed */
    struct model **models; /* owned */
    uint32_t model_count;
    struct plane_point *points; /* owned */
    uint32_t point_count;
    uint32_t reference_points; /* the first ones: of these the axes are found */
    uint32_t silent;
    double shares[PLANE_MAX_DIMENSIONS]; /* of variance */
};

/* Of a plane with dimensions, paths and model_count, and zeros: loads the models. 0, or -1 when there is no point; to
 * be released in either case. */
int plane_load(struct plane *plane, struct error *err);

/* Finds the axes, and where the points are. */
void plane_place(struct plane *plane);

void plane_release(struct plane *plane);

/* A picture of the first two coordinates, as SVG (plane_picture.c). */
void plane_draw(FILE *to, const struct plane *plane);

#endif
