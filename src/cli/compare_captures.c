#include "cli/compare_captures.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "capture/capture_file.h"
#include "cli/cli.h"
#include "cli/read_inputs.h"
#include "eval/capture_compare.h"

#define LABELLER_MAX_BYTES ((size_t)64 << 20)

enum comparable comparable_of(const char *path)
{
    struct stat status;
    struct error ignored;
    struct input_file *input;
    const uint8_t *bytes;
    size_t got;
    bool is_capture;

    if (stat(path, &status) < 0)
        return COMPARABLE_MODEL;
    if (S_ISDIR(status.st_mode))
        return COMPARABLE_DIRECTORY;
    if (!S_ISREG(status.st_mode) || (input = input_file_open(path, &ignored)) == NULL)
        return COMPARABLE_MODEL;
    bytes = input_file_peek(input, CAPTURE_MAGIC_BYTES, &got);
    is_capture = capture_file_recognizes(bytes, got);
    input_file_close(input);
    return is_capture ? COMPARABLE_CAPTURE : COMPARABLE_MODEL;
}

/* ---- reading ---- */

static void add_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    capture_profile_packet(self, state, side, packet);
}

static void end_flow(void *self, void *state, const struct flow_record *record)
{
    capture_profile_flow(self, state, record);
}

static void pass_over(void *self, const struct flow_record *record)
{
    (void)self; /* the observer has seen it */
    (void)record;
}

/* Owned; NULL with *err. *damaged is set when a part could not be read. */
static struct capture_profile *read_profile(char *path, struct application_labeller *labeller, bool *damaged,
                                            struct error *err)
{
    struct capture_profile *profile = capture_profile_new();
    const struct flow_observer observer = { profile, sizeof(struct profiled_flow), add_packet, end_flow, NULL };
    const struct read_options options = {
        .captures_only = true,
        .max_bytes = READ_MAX_BYTES_DEFAULT,
        .labeller = labeller,
        .observer = &observer,
    };
    struct read_totals totals = { 0 };

    if (read_inputs(&path, 1, &options, pass_over, NULL, &totals, err) < 0) {
        capture_profile_free(profile);
        return NULL;
    }
    capture_profile_end(profile);
    *damaged |= totals.damaged > 0;
    return profile;
}

/* ---- text ---- */

static const char *number_text(double value, char text[16])
{
    if (isfinite(value))
        snprintf(text, 16, "%.4f", value);
    else
        snprintf(text, 16, "-");
    return text;
}

static void print_distance(const char *name, const struct distance_and_floor *d)
{
    char text[2][16];

    printf("  %-38s %10s %10s\n", name, number_text(d->distance, text[0]), number_text(d->floor, text[1]));
}

static void print_figure(const char *name, const struct clock_figure *f)
{
    char text[4][16];

    printf("  %-38s %10s %10s   %10s %10s\n", name, number_text(f->of[0], text[0]), number_text(f->of[1], text[1]),
           number_text(f->halves[0], text[2]), number_text(f->halves[1], text[3]));
}

static const char *scale_text(int scale, char text[32])
{
    uint32_t ms = clock_scale_bins[scale] * 10;

    snprintf(text, 32, "variance at %g %s", ms < 1000 ? ms : ms / 1000.0, ms < 1000 ? "ms" : "s");
    return text;
}

static void print_times(const struct capture_comparison *c)
{
    char name[32];

    printf("%-40s %10s %10s   %10s %10s\n", "packets over time, even and odd slices apart", "real", "synthetic",
           "even", "odd");
    for (int i = 0; i < CLOCK_SCALES; i++)
        print_figure(scale_text(i, name), &c->variance[i]);
    print_figure("Hurst parameter", &c->hurst);
    for (int i = 0; i < COMPARED_LAGS; i++) {
        snprintf(name, sizeof name, "autocorrelation at %d s", compared_lags[i]);
        print_figure(name, &c->autocorrelation[i]);
    }
}

static void print_text(const struct capture_comparison *c)
{
    printf("%-40s %10s %10s\n", "", "real", "synthetic");
    printf("  %-38s %10" PRIu64 " %10" PRIu64 "\n", "packets", c->packets[0], c->packets[1]);
    printf("  %-38s %10" PRIu64 " %10" PRIu64 "\n", "flows", c->flows[0], c->flows[1]);
    printf("  %-38s %10.0f %10.0f\n", "seconds observed", c->observed_s[0], c->observed_s[1]);
    printf("%-40s %10s %10s\n", "Jensen-Shannon divergence (base 2)", "distance", "floor");
    for (enum profile_category i = 0; i < PROFILE_CATEGORIES; i++)
        print_distance(profile_category_name(i), &c->divergence[i]);
    printf("%-40s %10s %10s\n", "Wasserstein-1 of natural logarithms", "distance", "floor");
    for (enum profile_number i = 0; i < PROFILE_NUMBERS; i++)
        print_distance(profile_number_name(i), &c->distance[i]);
    print_times(c);
    printf("%-40s %10s %10s\n", "over all scales, lags and slices", "distance", "floor");
    print_distance("variance, difference of logarithms", &c->variance_distance);
    print_distance("autocorrelation, difference", &c->autocorrelation_distance);
    printf("%-40s %10s %10s   %" PRIu32 " slices, %" PRIu32 " pairs of halves\n", "correlation of day profiles",
           "alike", "floor", c->slices, c->half_slices);
    print_distance("packets", &c->packet_profile);
    print_distance("flows", &c->flow_profile);
}

/* ---- JSON ---- */

/* What is no number is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *distance_json(const struct distance_and_floor *d)
{
    return json_pack("{s:o,s:o}", "distance", number(d->distance), "floor", number(d->floor));
}

static json_t *figure_json(const struct clock_figure *f)
{
    return json_pack("{s:o,s:o,s:[o,o]}", "real", number(f->of[0]), "synthetic", number(f->of[1]), "halves",
                     number(f->halves[0]), number(f->halves[1]));
}

static json_t *times_json(const struct capture_comparison *c)
{
    json_t *variance = json_array();
    json_t *autocorrelation = json_array();

    for (int i = 0; i < CLOCK_SCALES; i++) {
        json_t *figure = figure_json(&c->variance[i]);

        json_object_set_new(figure, "ms", json_integer((json_int_t)clock_scale_bins[i] * 10));
        json_array_append_new(variance, figure);
    }
    for (int i = 0; i < COMPARED_LAGS; i++) {
        json_t *figure = figure_json(&c->autocorrelation[i]);

        json_object_set_new(figure, "lag_s", json_integer(compared_lags[i]));
        json_array_append_new(autocorrelation, figure);
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "variance", variance, "variance_distance",
                     distance_json(&c->variance_distance), "hurst", figure_json(&c->hurst), "autocorrelation",
                     autocorrelation, "autocorrelation_distance", distance_json(&c->autocorrelation_distance));
}

static int print_json(const struct capture_comparison *c)
{
    json_t *divergences = json_object();
    json_t *distances = json_object();

    for (enum profile_category i = 0; i < PROFILE_CATEGORIES; i++)
        json_object_set_new(divergences, profile_category_name(i), distance_json(&c->divergence[i]));
    for (enum profile_number i = 0; i < PROFILE_NUMBERS; i++)
        json_object_set_new(distances, profile_number_name(i), distance_json(&c->distance[i]));
    return cli_print_json(json_pack(
        "{s:[I,I],s:[I,I],s:[f,f],s:o,s:o,s:o,s:{s:i,s:i,s:o,s:o}}", "packets", (json_int_t)c->packets[0],
        (json_int_t)c->packets[1], "flows", (json_int_t)c->flows[0], (json_int_t)c->flows[1], "observed_s",
        c->observed_s[0], c->observed_s[1], "jensen_shannon", divergences, "wasserstein", distances, "time",
        times_json(c), "day_profile", "slices", (int)c->slices, "half_slices", (int)c->half_slices, "packets",
        distance_json(&c->packet_profile), "flows", distance_json(&c->flow_profile)));
}

/* ---- all of it ---- */

static int compare_profiles(const struct capture_profile *real, const struct capture_profile *synthetic, bool json)
{
    struct capture_comparison comparison;

    capture_compare(&comparison, real, synthetic);
    if (json)
        return print_json(&comparison);
    print_text(&comparison);
    return EXIT_OK;
}

int compare_captures(char *real, char *synthetic, bool json)
{
    struct application_labeller *labeller = NULL;
    struct capture_profile *a = NULL;
    struct capture_profile *b = NULL;
    struct error err = { "" };
    bool damaged = false;
    int status = EXIT_FAILED;

    if (application_labeller_is_available() && (labeller = application_labeller_new(LABELLER_MAX_BYTES, &err)) == NULL)
        return cli_fail(&err);
    a = read_profile(real, labeller, &damaged, &err);
    if (a != NULL)
        b = read_profile(synthetic, labeller, &damaged, &err);
    if (b == NULL)
        cli_fail(&err);
    else
        status = compare_profiles(a, b, json);
    if (status == EXIT_OK && damaged)
        status = EXIT_DAMAGED;
    capture_profile_free(a);
    capture_profile_free(b);
    application_labeller_free(labeller);
    return status;
}
