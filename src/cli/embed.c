/*
 * dayshift embed: hosts as points, those that behave alike close together (Song, Fig. 3).
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/output_file.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/plane.h"

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

struct options {
    uint32_t dimensions;
    bool reference;
    const char *csv;
    const char *svg;
    bool json;
};

/* ---- as text, CSV and JSON ---- */

static void print_text(const struct plane *plane)
{
    printf("%" PRIu32 " hosts", plane->point_count);
    if (plane->silent > 0)
        printf(", and %" PRIu32 " without a flow that are left out", plane->silent);
    printf("; the axes explain");
    for (uint32_t k = 0; k < plane->dimensions; k++)
        printf("%s %.1f %%", k ? "," : "", 100 * plane->shares[k]);
    printf(" of variance\n");
    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct plane_point *p = &plane->points[i];

        printf("%s %" PRIu32, plane->paths[p->model], p->host->id);
        for (uint32_t k = 0; k < plane->dimensions; k++)
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
    for (uint32_t k = 0; k < plane->dimensions; k++)
        fprintf(to, ",x%" PRIu32, k + 1);
    putc('\n', to);
    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct plane_point *p = &plane->points[i];

        put_quoted(to, plane->paths[p->model]);
        fprintf(to, ",%" PRIu32 ",%" PRIu64, p->host->id, p->host->flows);
        for (uint32_t k = 0; k < plane->dimensions; k++)
            fprintf(to, ",%.6f", p->at[k]);
        putc('\n', to);
    }
}

static json_t *numbers_json(const double *numbers, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t k = 0; k < count; k++)
        json_array_append_new(array, json_real(numbers[k]));
    return array;
}

static int print_json(const struct plane *plane)
{
    json_t *hosts = json_array();

    for (uint32_t i = 0; i < plane->point_count; i++) {
        const struct plane_point *p = &plane->points[i];

        json_array_append_new(hosts, json_pack("{s:o,s:I,s:I,s:o}", "model",
                                               cli_json_text(plane->paths[p->model]), "host",
                                               (json_int_t)p->host->id, "flows", (json_int_t)p->host->flows,
                                               "at", numbers_json(p->at, plane->dimensions)));
    }
    return cli_print_json(json_pack("{s:o,s:I,s:o}", "explained",
                                    numbers_json(plane->shares, plane->dimensions), "silent",
                                    (json_int_t)plane->silent, "hosts", hosts));
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

static int write_files(const struct options *o, const struct plane *plane, struct error *err)
{
    cli_catch_signals();
    if (write_file(o->csv, plane, put_csv, err) < 0)
        return -1;
    return write_file(o->svg, plane, plane_draw, err);
}

/* A slip of the hand must not cost a model. */
static int check_outputs(const struct options *o, const struct plane *plane, struct error *err)
{
    const char *const outputs[] = { o->csv, o->svg };

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

static int embed(const struct options *o, struct plane *plane)
{
    struct error err = { "" };

    if (check_outputs(o, plane, &err) < 0 || plane_load(plane, &err) < 0)
        return cli_fail(&err);
    plane_place(plane);
    if (write_files(o, plane, &err) < 0)
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

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct options *o = self;

    switch (option) {
    case 'd': return option_u32("--dimensions", value, 1, PLANE_MAX_DIMENSIONS, &o->dimensions, err);
    case 'r': o->reference = true; return 0;
    case 'c': o->csv = value; return 0;
    case 's': o->svg = value; return 0;
    default: o->json = true; return 0;
    }
}

/* EXIT_OK to go on, or as options_read(). */
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
    const struct option_reader reader = { help, "h", long_options, take_option, o };
    int status = options_read(&reader, argc, argv);
    const char *wrong;

    if (status != EXIT_OK)
        return status;
    wrong = misuse(o, argc - optind);
    return wrong != NULL ? options_misused("embed", wrong) : EXIT_OK;
}

int verb_embed(int argc, char **argv)
{
    struct options o = { .dimensions = 2 };
    int status = parse(&o, argc, argv);
    struct plane plane;

    if (status != EXIT_OK)
        return status == OPTIONS_HELP ? EXIT_OK : status;
    plane = (struct plane){ .dimensions = o.dimensions, .has_reference = o.reference, .paths = argv + optind,
                            .model_count = (uint32_t)(argc - optind) };
    status = embed(&o, &plane);
    plane_release(&plane);
    return status;
}
