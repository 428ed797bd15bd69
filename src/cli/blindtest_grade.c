#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/blindtest.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "eval/blind_answers.h"
#include "eval/blind_key.h"

static const char help[] =
    "Usage: dayshift blindtest grade [OPTION]... DIR ANSWERS...\n"
    "\n"
    "Grades sheets of answers, one a person, of the test in DIR: how many real and generated flows\n"
    "got which answer, and how many were taken for the other kind. Of several sheets mean and\n"
    "standard deviation. A sheet has a line 'number,answer' for each flow; answers are: real, likely\n"
    "real, likely generated, generated.\n"
    "\n"
    "      --key FILE  the key to the truth (default: seal.key in DIR)\n"
    "      --json      as JSON\n"
    "  -h, --help      this text\n";

enum { OPTION_KEY = 256, OPTION_JSON };
enum { LINE_BYTES = 4096 };

struct grade_options {
    const char *key;
    bool json;
};

/* The truth, and what was said of it. */
struct graded {
    bool is_generated[BLIND_MAX_FLOWS];
    size_t flows;
    struct blind_grade *grades; /* of `count` sheets */
    size_t count;
};

/* ---- reading ---- */

/* The first line of a file, without its end. */
static int read_line(const char *path, char line[LINE_BYTES], struct error *err)
{
    FILE *stream = fopen(path, "r");
    int status = 0;

    if (stream == NULL)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    if (fgets(line, LINE_BYTES, stream) == NULL)
        status = error_set(err, "%s: is empty, or cannot be read", path);
    else
        line[strcspn(line, "\r\n")] = '\0';
    fclose(stream);
    return status;
}

static int read_truth(struct graded *graded, const char *directory, const char *key_path, struct error *err)
{
    char *truth_path = memory_join_path(directory, BLINDTEST_TRUTH);
    char *own_key_path = memory_join_path(directory, BLINDTEST_KEY);
    char sealed[LINE_BYTES];
    char key[LINE_BYTES];
    int status = read_line(truth_path, sealed, err);

    if (status == 0)
        status = read_line(key_path ? key_path : own_key_path, key, err);
    if (status == 0 && (status = blind_key_open(key, sealed, graded->is_generated, err)) < 0)
        error_prefix(err, "%s", truth_path);
    if (status == 0)
        graded->flows = blind_key_flows(sealed);
    free(truth_path);
    free(own_key_path);
    return status;
}

static int grade_sheet(struct graded *graded, const char *path, struct error *err)
{
    enum blind_answer answers[BLIND_MAX_FLOWS];
    FILE *stream = fopen(path, "r");
    int status;

    if (stream == NULL)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    status = blind_answers_read(stream, path, answers, graded->flows, err);
    fclose(stream);
    if (status == 0)
        graded->grades[graded->count++] = blind_answers_grade(answers, graded->is_generated, graded->flows);
    return status;
}

/* ---- means over sheets ---- */

static const char *const truth_names[BLIND_TRUTHS] = { "real", "generated" };

static struct blind_mean mean_count(const struct graded *graded, enum blind_truth truth, enum blind_answer answer)
{
    double *values = memory_alloc_array(graded->count, sizeof *values);
    struct blind_mean mean;

    for (size_t i = 0; i < graded->count; i++)
        values[i] = graded->grades[i].count[truth][answer];
    mean = blind_mean_of(values, graded->count);
    free(values);
    return mean;
}

/* Of one kind, or with BLIND_TRUTHS of all flows. */
static struct blind_mean mean_error(const struct graded *graded, enum blind_truth truth)
{
    double *values = memory_alloc_array(graded->count, sizeof *values);
    struct blind_mean mean;

    for (size_t i = 0; i < graded->count; i++)
        values[i] = truth == BLIND_TRUTHS ? blind_grade_total_error(&graded->grades[i])
                                          : blind_grade_error(&graded->grades[i], truth);
    mean = blind_mean_of(values, graded->count);
    free(values);
    return mean;
}

/* ---- text ---- */

static void print_mean(struct blind_mean mean, double scale, int decimals)
{
    char text[32];

    if (isnan(mean.sd))
        snprintf(text, sizeof text, "%.*f", decimals, mean.mean * scale);
    else
        snprintf(text, sizeof text, "%.*f +- %.*f", decimals, mean.mean * scale, decimals, mean.sd * scale);
    printf(" %18s", text);
}

static void print_table(const struct graded *graded, const char *title, double scale, int decimals)
{
    printf("%-12s", title);
    for (enum blind_answer answer = 0; answer < BLIND_ANSWERS; answer++)
        printf(" %18s", blind_answer_name(answer));
    putchar('\n');
    for (enum blind_truth truth = 0; truth < BLIND_TRUTHS; truth++) {
        printf("%-12s", truth_names[truth]);
        for (enum blind_answer answer = 0; answer < BLIND_ANSWERS; answer++)
            print_mean(mean_count(graded, truth, answer), scale, decimals);
        putchar('\n');
    }
}

static void print_error(const struct graded *graded, const char *name, enum blind_truth truth)
{
    printf("%-36s", name);
    print_mean(mean_error(graded, truth), 1, 3);
    putchar('\n');
}

static void print_text(const struct graded *graded)
{
    printf("%zu flows, %zu %s\n", graded->flows, graded->count, graded->count == 1 ? "sheet" : "sheets: mean +- sd");
    print_table(graded, "flows", 1, graded->count == 1 ? 0 : 2);
    print_table(graded, "shares", 2.0 / (double)graded->flows, 3);
    print_error(graded, "generated taken for (likely) real", BLIND_TRUTH_GENERATED);
    print_error(graded, "real taken for (likely) generated", BLIND_TRUTH_REAL);
    print_error(graded, "wrong in all (a coin: 0.5)", BLIND_TRUTHS);
}

/* ---- JSON ---- */

static json_t *mean_json(struct blind_mean mean)
{
    return json_pack("{s:f,s:o}", "mean", mean.mean, "sd", isnan(mean.sd) ? json_null() : json_real(mean.sd));
}

static int print_json(const struct graded *graded)
{
    json_t *table = json_object();

    for (enum blind_truth truth = 0; truth < BLIND_TRUTHS; truth++) {
        json_t *row = json_object();

        for (enum blind_answer answer = 0; answer < BLIND_ANSWERS; answer++)
            json_object_set_new(row, blind_answer_name(answer), mean_json(mean_count(graded, truth, answer)));
        json_object_set_new(table, truth_names[truth], row);
    }
    return cli_print_json(json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "flows", (json_int_t)graded->flows, "sheets",
                                    (json_int_t)graded->count, "counts", table, "generated_taken_for_real",
                                    mean_json(mean_error(graded, BLIND_TRUTH_GENERATED)),
                                    "real_taken_for_generated", mean_json(mean_error(graded, BLIND_TRUTH_REAL)),
                                    "error_rate", mean_json(mean_error(graded, BLIND_TRUTHS))));
}

/* ---- the verb ---- */

static int take_option(void *self, int option, char *value, struct error *err)
{
    struct grade_options *o = self;

    (void)err;
    if (option == OPTION_KEY)
        o->key = value;
    o->json |= option == OPTION_JSON;
    return 0;
}

static int parse(struct grade_options *o, int argc, char **argv)
{
    static const struct option options[] = {
        { "key", required_argument, NULL, OPTION_KEY },
        { "json", no_argument, NULL, OPTION_JSON },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    const struct option_reader reader = { help, "h", options, take_option, o };
    int status = options_read(&reader, argc, argv);

    if (status == EXIT_OK && argc - optind < 2)
        return options_misused("blindtest grade", "the directory of a test and at least one sheet are needed");
    return status;
}

static int grade(const struct grade_options *o, const char *directory, char **sheets, size_t count)
{
    struct graded *graded = memory_alloc(sizeof *graded);
    struct error err = { "" };
    int status;

    graded->grades = memory_alloc_array(count, sizeof *graded->grades);
    status = read_truth(graded, directory, o->key, &err);
    for (size_t i = 0; i < count && status == 0; i++)
        status = grade_sheet(graded, sheets[i], &err);
    if (status < 0) {
        status = cli_fail(&err);
    } else if (o->json) {
        status = print_json(graded);
    } else {
        print_text(graded);
        status = EXIT_OK;
    }
    free(graded->grades);
    free(graded);
    return status;
}

int blindtest_grade(int argc, char **argv)
{
    struct grade_options o = { .json = false };
    int status = parse(&o, argc, argv);

    if (status == EXIT_OK)
        return grade(&o, argv[optind], argv + optind + 1, (size_t)(argc - optind - 1));
    return status < 0 ? EXIT_OK : status;
}
