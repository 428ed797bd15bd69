#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/plane.h"
#include "cli/svg.h"

enum {
    WIDTH = 960, HEIGHT = 720,
    LEFT = 80, TOP = 56, RIGHT = 700, BOTTOM = 660, /* of the plane */
    LEGEND_LINE = 20, LEGEND_NAME = 32,
    MOST_LABELS = 60, /* more hosts have no names beside their points */
    MOST_STEPS = 8
};

/* One scale for both axes: distances are what is to be seen. */
struct frame_of_plane {
    double middle[2];
    double scale; /* pixels a unit */
};

static double coordinate(const struct plane *plane, uint32_t point, int axis)
{
    return (uint32_t)axis < plane->dimensions ? plane->points[point].at[axis] : 0;
}

static struct frame_of_plane frame_plane(const struct plane *plane)
{
    struct frame_of_plane frame = { .scale = INFINITY };
    const double size[2] = { RIGHT - LEFT, BOTTOM - TOP };

    for (int axis = 0; axis < 2; axis++) {
        double least = INFINITY;
        double most = -INFINITY;

        for (uint32_t i = 0; i < plane->point_count; i++) {
            least = fmin(least, coordinate(plane, i, axis));
            most = fmax(most, coordinate(plane, i, axis));
        }
        frame.middle[axis] = (least + most) / 2;
        frame.scale = fmin(frame.scale, 0.9 * size[axis] / fmax(most - least, 1e-6));
    }
    return frame;
}

static double pixel(const struct frame_of_plane *frame, int axis, double x)
{
    double offset = (x - frame->middle[axis]) * frame->scale;

    return axis == 0 ? (LEFT + RIGHT) / 2.0 + offset : (TOP + BOTTOM) / 2.0 - offset;
}

static void draw_axis(FILE *to, const struct plane *plane, const struct frame_of_plane *frame, int axis)
{
    double half = (axis == 0 ? RIGHT - LEFT : BOTTOM - TOP) / 2.0 / frame->scale;
    double step = svg_step(2 * half, MOST_STEPS);
    char text[48];

    for (double x = ceil((frame->middle[axis] - half) / step); x * step <= frame->middle[axis] + half; x++) {
        double at = pixel(frame, axis, x * step);

        snprintf(text, sizeof text, "%.3g", x * step + 0.0);
        if (axis == 0) {
            svg_line(to, at, TOP, at, BOTTOM, "#e6e6e6");
            svg_text(to, at, BOTTOM + 16, SVG_MIDDLE, text);
        } else {
            svg_line(to, LEFT, at, RIGHT, at, "#e6e6e6");
            svg_text(to, LEFT - 6, at + 4, SVG_END, text);
        }
    }
    snprintf(text, sizeof text, "axis %d (%.1f %% of variance)", axis + 1, 100 * plane->shares[axis]);
    if (axis == 0)
        svg_text(to, (LEFT + RIGHT) / 2.0, BOTTOM + 40, SVG_MIDDLE, text);
    else
        svg_text(to, LEFT, TOP - 6, SVG_START, text);
}

static void draw_points(FILE *to, const struct plane *plane, const struct frame_of_plane *frame)
{
    char text[64];

    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct plane_point *p = &plane->points[i];
        double x = pixel(frame, 0, coordinate(plane, i, 0));
        double y = pixel(frame, 1, coordinate(plane, i, 1));

        snprintf(text, sizeof text, "host %" PRIu32 ", %" PRIu64 " flows", p->host->id, p->host->flows);
        svg_point(to, x, y, svg_colour(p->model), text);
        snprintf(text, sizeof text, "%" PRIu32, p->host->id);
        if (plane->point_count <= MOST_LABELS)
            svg_text(to, x + 6, y - 4, SVG_START, text);
    }
}

/* The end of a long path tells more than its beginning. */
static void draw_legend(FILE *to, const struct plane *plane)
{
    for (uint32_t i = 0; i < plane->model_count; i++) {
        double y = TOP + 10 + i * (double)LEGEND_LINE;
        size_t length = strlen(plane->paths[i]);

        if (y > BOTTOM)
            break;
        svg_point(to, RIGHT + 20, y, svg_colour(i), plane->paths[i]);
        svg_text(to, RIGHT + 30, y + 4, SVG_START,
                 plane->paths[i] + (length > LEGEND_NAME ? length - LEGEND_NAME : 0));
    }
}

void plane_draw(FILE *to, const struct plane *plane)
{
    struct frame_of_plane frame = frame_plane(plane);

    svg_begin(to, WIDTH, HEIGHT, "Hosts by how they behave");
    for (int axis = 0; axis < 2; axis++)
        draw_axis(to, plane, &frame, axis);
    draw_points(to, plane, &frame);
    draw_legend(to, plane);
    svg_end(to);
}
