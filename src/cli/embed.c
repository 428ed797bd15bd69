/*
 * dayshift embed: hosts as points, those that behave alike close together (Song, Fig. 3).
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/svg.h"
#include "model/model.h"
#include "similarity/embedding.h"
#include "similarity/reference_set.h"

static const char help[] =
    "Usage: dayshift embed [OPTION]... MODEL...\n"
    "\n"
    "Places the hosts of models such that those which behave alike are close together: kernel principal\n"
    "components with the probability product kernel. Without --csv, --svg and --json the\n"
    "coordinates are printed.\n"
    "\n"
    "      --dimensions N  coordinates of a host (1 to 16, default 2)\n"
    "      --reference     the axes are those of the first model alone: its hosts do not move, whatever\n"
    "                      the other models are\n"
    "      --csv FILE      write a table: model,host,flows,x1,x2,...\n"
    "      --svg FILE      write a picture of the first two coordinates\n"
    "      --json          as JSON\n"
    "  -h, --help          this text\n";

enum {
    MAX_DIMENSIONS = 16,
    MOST_EXACT = 1024,    /* hosts of which the axes are found; of more, they are found of fewer: */
    MOST_REFERENCES = 256
};

struct options {
    uint64_t dimensions;
    bool reference;
    const char *csv;
    const char *svg;
    bool json;
};

/* A host that has flows: a silent one behaves in no way. */
struct point {
    uint32_t model; /* index */
    const struct host_model *host;
    double at[MAX_DIMENSIONS];
};

struct plane {
    const struct options *options;
    char **paths;
    struct model **models;
    uint32_t model_count;
    struct point *points;
    uint32_t point_count;
    uint32_t reference_points; /* the first ones: of these the axes are found */
    uint32_t silent;
    double shares[MAX_DIMENSIONS]; /* of variance */
};

/* ---- the points ---- */

static int load_models(struct plane *plane, struct error *err)
{
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
                plane->points[plane->point_count++] = (struct point){ .model = i, .host = &model->hosts[h] };
            else
                plane->silent++;
        }
        if (i == 0 || !plane->options->reference)
            plane->reference_points = plane->point_count;
        if (plane->reference_points == 0 && plane->options->reference)
            return error_set(err, "%s: no host in it has a flow: there are no axes", plane->paths[0]);
    }
    return plane->point_count > 0 ? 0 : error_set(err, "%s: no host in it has a flow", plane->paths[0]);
}

/* Six digits are told; rounding must not leave a minus before nothing. */
static double rounded(double x)
{
    return round(x * 1e6) / 1e6 + 0.0;
}

static void place(struct plane *plane, struct reference_set *set, const struct behaviour *behaviours)
{
    size_t dimensions = (size_t)plane->options->dimensions;
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

static void place_points(struct plane *plane)
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

/* ---- as text, CSV and JSON ---- */

static void print_text(const struct plane *plane)
{
    printf("%" PRIu32 " hosts", plane->point_count);
    if (plane->silent > 0)
        printf(", and %" PRIu32 " without a flow that are left out", plane->silent);
    printf("; the axes explain");
    for (uint64_t k = 0; k < plane->options->dimensions; k++)
        printf("%s %.1f %%", k ? "," : "", 100 * plane->shares[k]);
    printf(" of variance\n");
    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct point *p = &plane->points[i];

        printf("%s %" PRIu32, plane->paths[p->model], p->host->id);
        for (uint64_t k = 0; k < plane->options->dimensions; k++)
            printf(" %9.6f", p->at[k]);
        putchar('\n');
    }
}

/* RFC 4180. */
static void put_quoted(FILE *to, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

static void put_csv(FILE *to, const struct plane *plane)
{
    fputs("model,host,flows", to);
    for (uint64_t k = 0; k < plane->options->dimensions; k++)
        fprintf(to, ",x%" PRIu64, k + 1);
    putc('\n', to);
    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct point *p = &plane->points[i];

        put_quoted(to, plane->paths[p->model]);
        fprintf(to, ",%" PRIu32 ",%" PRIu64, p->host->id, p->host->flows);
        for (uint64_t k = 0; k < plane->options->dimensions; k++)
            fprintf(to, ",%.6f", p->at[k]);
        putc('\n', to);
    }
}

static json_t *numbers_json(const double *numbers, uint64_t count)
{
    json_t *array = json_array();

    for (uint64_t k = 0; k < count; k++)
        json_array_append_new(array, json_real(numbers[k]));
    return array;
}

static int print_json(const struct plane *plane)
{
    json_t *hosts = json_array();

    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct point *p = &plane->points[i];

        json_array_append_new(hosts, json_pack("{s:o,s:I,s:I,s:o}", "model",
                                               cli_json_text(plane->paths[p->model]), "host",
                                               (json_int_t)p->host->id, "flows", (json_int_t)p->host->flows,
                                               "at", numbers_json(p->at, plane->options->dimensions)));
    }
    return cli_print_json(json_pack("{s:o,s:I,s:o}", "explained",
                                    numbers_json(plane->shares, plane->options->dimensions), "silent",
                                    (json_int_t)plane->silent, "hosts", hosts));
}

/* ---- as a picture ---- */

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
    return (uint64_t)axis < plane->options->dimensions ? plane->points[point].at[axis] : 0;
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
        const struct point *p = &plane->points[i];
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

static void draw(FILE *to, const struct plane *plane)
{
    struct frame_of_plane frame = frame_plane(plane);

    svg_begin(to, WIDTH, HEIGHT, "Hosts by how they behave");
    for (int axis = 0; axis < 2; axis++)
        draw_axis(to, plane, &frame, axis);
    draw_points(to, plane, &frame);
    draw_legend(to, plane);
    svg_end(to);
}

/* ---- files ---- */

static int write_file(const char *path, const struct plane *plane,
                      void (*put)(FILE *, const struct plane *), struct error *err)
{
    struct output_file file;

    if (path == NULL)
        return 0;
    if (output_file_open(&file, path, err) < 0)
        return -1;
    put(file.stream, plane);
    return output_file_commit(&file, err);
}

static int write_files(const struct plane *plane, struct error *err)
{
    const struct options *o = plane->options;

    cli_catch_signals();
    if (write_file(o->csv, plane, put_csv, err) < 0)
        return -1;
    return write_file(o->svg, plane, draw, err);
}

/* A slip of the hand must not cost a model. */
static int check_outputs(const struct plane *plane, struct error *err)
{
    const char *const outputs[] = { plane->options->csv, plane->options->svg };

    if (outputs[0] && outputs[1] && output_file_check_apart(outputs[0], outputs[1], err) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        for (uint32_t k = 0; outputs[i] && k < plane->model_count; k++) {
            if (output_file_check_apart(outputs[i], plane->paths[k], err) < 0)
                return -1;
        }
        if (outputs[i] && output_file_probe(outputs[i], err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the verb ---- */

static int embed(struct plane *plane)
{
    const struct options *o = plane->options;
    struct error err = { "" };

    if (check_outputs(plane, &err) < 0 || load_models(plane, &err) < 0 || find_points(plane, &err) < 0)
        return cli_fail(&err);
    place_points(plane);
    if (write_files(plane, &err) < 0)
        return cli_fail(&err);
    if (o->json)
        return print_json(plane);
    if (o->csv == NULL && o->svg == NULL)
        print_text(plane);
    return EXIT_OK;
}

/* What goes to standard output, of which there is one. */
static const char *misuse(const struct options *o, int models)
{
    int on_output = (o->csv && strcmp(o->csv, "-") == 0) + (o->svg && strcmp(o->svg, "-") == 0) + o->json;

    if (models == 0)
        return "at least one model is needed";
    return on_output > 1 ? "only one of --csv, --svg and --json can go to standard output" : NULL;
}

/* EXIT_OK to go on, -1 after --help, or the status to end with. */
static int parse(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "dimensions", required_argument, NULL, 'd' },
        { "reference", no_argument, NULL, 'r' },
        { "csv", required_argument, NULL, 'c' },
        { "svg", required_argument, NULL, 's' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct error err = { "" };
    const char *wrong;
    int c;

    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (c) {
        case 'd':
            if (option_u64("--dimensions", optarg, 1, MAX_DIMENSIONS, &o->dimensions, &err) < 0)
                return cli_fail(&err);
            break;
        case 'r': o->reference = true; break;
        case 'c': o->csv = optarg; break;
        case 's': o->svg = optarg; break;
        case 'j': o->json = true; break;
        case 'h':
            fputs(help, stdout);
            return -1;
        default: return EXIT_USAGE;
        }
    }
    wrong = misuse(o, argc - optind);
    if (wrong == NULL)
        return EXIT_OK;
    fprintf(stderr, "dayshift embed: %s; see dayshift embed --help\n", wrong);
    return EXIT_USAGE;
}

int verb_embed(int argc, char **argv)
{
    struct options o = { .dimensions = 2 };
    struct plane plane = { .options = &o };
    int status = parse(&o, argc, argv);

    if (status != EXIT_OK)
        return status < 0 ? EXIT_OK : status;
    plane.paths = argv + optind;
    plane.model_count = (uint32_t)(argc - optind);
    plane.models = memory_alloc_array(plane.model_count, sizeof *plane.models);
    status = embed(&plane);
    for (uint32_t i = 0; i < plane.model_count; i++)
        model_free(plane.models[i]);
    free(plane.models);
    free(plane.points);
    return status;
}
