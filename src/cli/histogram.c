/*
 * Every TCP and UDP flow of a host counts twice: for the port of the host itself, on which it receives, and
 * for that of its peer, to which it sends. Of an initiator the one is its own port and the other the
 * service; of a responder the other way round. Flows, not packets.
 */
#include "cli/histogram.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"
#include "cli/info.h"
#include "cli/svg.h"
#include "net/wire.h"

enum side { RECEIVED_ON, SENT_TO, SIDES };

struct histogram {
    double flows[SIDES][PORT_FEATURES];
};

static void add_state(struct histogram *h, const struct state_model *state)
{
    bool initiates = state->key.role == ROLE_INITIATOR;
    double *service = h->flows[initiates ? SENT_TO : RECEIVED_ON];
    double *other = h->flows[initiates ? RECEIVED_ON : SENT_TO];

    if (state->key.protocol != IP_TCP && state->key.protocol != IP_UDP)
        return;
    service[state->key.port_feature] += (double)state->flows;
    for (uint32_t i = 0; i < state->initiator_ports.size; i++)
        other[discrete_symbol(&state->initiator_ports, i)] +=
            (double)state->flows * discrete_share(&state->initiator_ports, i);
}

static struct histogram *histogram_of(const struct host_model *host)
{
    struct histogram *h = memory_alloc(sizeof *h);

    for (uint32_t i = 0; i < host->state_count; i++)
        add_state(h, &host->states[i]);
    return h;
}

/* ---- which hosts ---- */

static int compare_flows(const void *a, const void *b)
{
    const struct host_model *x = *(const struct host_model *const *)a;
    const struct host_model *y = *(const struct host_model *const *)b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int compare_ids(const void *a, const void *b)
{
    const struct host_model *x = *(const struct host_model *const *)a;
    const struct host_model *y = *(const struct host_model *const *)b;

    return x->id < y->id ? -1 : 1;
}

/* The busiest, in their order; the caller frees. */
static const struct host_model **choose(const struct model *model, const struct host_model *host,
                                        uint32_t *count)
{
    const struct host_model **hosts = memory_alloc_array(model->host_count, sizeof(void *));

    *count = 0;
    for (uint32_t i = 0; i < model->host_count; i++) {
        if (host == NULL || host == &model->hosts[i])
            hosts[(*count)++] = &model->hosts[i];
    }
    if (*count > HISTOGRAM_MOST_HOSTS) {
        qsort(hosts, *count, sizeof(void *), compare_flows);
        *count = HISTOGRAM_MOST_HOSTS;
        qsort(hosts, *count, sizeof(void *), compare_ids);
    }
    return hosts;
}

/* ---- the picture ---- */

enum {
    COLUMNS = 4,
    PANEL_WIDTH = 380,
    PANEL_HEIGHT = 190,
    LEFT = 45, RIGHT = 20, TOP = 30, BOTTOM = 35, /* of a panel, around its bars */
    TITLE = 40,
    SINGLE = 3 /* one host has a panel so many times as large */
};

struct panel {
    FILE *to;
    double left, top, width, height; /* of the bars */
    double decades; /* of flows, from half a flow on: so that a single one can be seen */
};

static double height_of(const struct panel *p, double flows)
{
    return p->height * (log10(flows) + log10(2)) / (p->decades + log10(2));
}

/* Port features lie to both sides of the middle, port 0 innermost. */
static double place_of(const struct panel *p, enum side side, uint32_t feature)
{
    double middle = p->left + p->width / 2;
    double offset = p->width / 2 * feature / PORT_FEATURES;

    return side == SENT_TO ? middle + offset : middle - offset;
}

static void draw_axes(const struct panel *p)
{
    static const struct {
        uint32_t feature;
        const char *name;
    } ticks[] = { { 0, "0" }, { 443, "443" }, { PORT_REGISTERED_FIRST, "1025+" } };
    static const char grey[] = "#bbbbbb";
    double bottom = p->top + p->height;
    char text[16];

    for (int decade = 0; decade <= (int)p->decades; decade++) {
        double y = bottom - height_of(p, pow(10, decade));

        svg_line(p->to, p->left, y, p->left + p->width, y, "#e6e6e6");
        snprintf(text, sizeof text, "1e%d", decade);
        svg_text(p->to, p->left - 4, y + 4, SVG_END, text);
    }
    svg_line(p->to, p->left, bottom, p->left + p->width, bottom, grey);
    svg_line(p->to, p->left + p->width / 2, p->top, p->left + p->width / 2, bottom, grey);
    for (int side = 0; side < SIDES; side++) {
        for (size_t i = side == SENT_TO; i < sizeof ticks / sizeof *ticks; i++)
            svg_text(p->to, place_of(p, (enum side)side, ticks[i].feature), bottom + 14, SVG_MIDDLE,
                     ticks[i].name);
    }
    svg_text(p->to, p->left + p->width / 4, bottom + 28, SVG_MIDDLE, "received on");
    svg_text(p->to, p->left + p->width * 3 / 4, bottom + 28, SVG_MIDDLE, "sent to");
}

static void draw_bars(const struct panel *p, const struct histogram *h)
{
    double width = fmax(1, p->width / 2 / PORT_FEATURES);

    for (int side = 0; side < SIDES; side++) {
        for (uint32_t feature = 0; feature < PORT_FEATURES; feature++) {
            double height = h->flows[side][feature] > 0.5 ? height_of(p, h->flows[side][feature]) : 0;

            if (height > 0)
                svg_bar(p->to, place_of(p, (enum side)side, feature) - (side == RECEIVED_ON ? width : 0),
                        p->top + p->height - height, width, height, svg_colour((uint32_t)side));
        }
    }
}

static void draw_panel(FILE *to, const struct host_model *host, double left, double top, int times)
{
    struct histogram *h = histogram_of(host);
    struct panel p = { to, left + LEFT, top + TOP, times * PANEL_WIDTH - LEFT - RIGHT,
                       times * PANEL_HEIGHT - TOP - BOTTOM, 1 };
    char flows[TEXT_NUMBER];
    char title[64];

    for (int side = 0; side < SIDES; side++) {
        for (uint32_t i = 0; i < PORT_FEATURES; i++)
            p.decades = fmax(p.decades, ceil(log10(fmax(h->flows[side][i], 1))));
    }
    snprintf(title, sizeof title, "host %" PRIu32 ", %s flows", host->id,
             text_from_count(host->flows, flows));
    svg_text(to, left + LEFT, top + 20, SVG_START, title);
    draw_axes(&p);
    draw_bars(&p, h);
    free(h);
}

static void draw(FILE *to, const struct model *model, const struct host_model *host)
{
    uint32_t count;
    const struct host_model **hosts = choose(model, host, &count);
    int times = count == 1 ? SINGLE : 1;
    uint32_t columns = count < COLUMNS ? count : COLUMNS;
    uint32_t rows = (count + COLUMNS - 1) / COLUMNS;
    char title[160];

    snprintf(title, sizeof title, "Flows by port feature, log scale: ports received on to the left, sent to"
             " to the right%s",
             host == NULL && model->host_count > HISTOGRAM_MOST_HOSTS ? " (the busiest hosts)" : "");
    svg_begin(to, fmax(2, columns * times) * PANEL_WIDTH, TITLE + (double)rows * times * PANEL_HEIGHT, title);
    for (uint32_t i = 0; i < count; i++)
        draw_panel(to, hosts[i], i % COLUMNS * (double)PANEL_WIDTH,
                   TITLE + i / COLUMNS * (double)PANEL_HEIGHT, times);
    svg_end(to);
    free(hosts);
}

int histogram_write(const char *path, const struct model *model, const struct host_model *host,
                    struct error *err)
{
    struct output_file file;

    cli_catch_signals();
    if (output_file_open(&file, path, err) < 0)
        return -1;
    draw(file.stream, model, host);
    return output_file_commit(&file, err);
}

/* ---- JSON ---- */

static json_t *side_json(const double flows[PORT_FEATURES])
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < PORT_FEATURES; i++) {
        if (flows[i] > 0)
            json_array_append_new(array, json_pack("{s:i,s:i,s:f}", "first_port", (int)port_feature_first(i),
                                                   "last_port", (int)port_feature_first(i + 1) - 1, "flows",
                                                   flows[i]));
    }
    return array;
}

static json_t *host_json(const struct host_model *host)
{
    struct histogram *h = histogram_of(host);
    json_t *root = json_pack("{s:I,s:I,s:o,s:o}", "host", (json_int_t)host->id, "flows",
                             (json_int_t)host->flows, "received_on", side_json(h->flows[RECEIVED_ON]),
                             "sent_to", side_json(h->flows[SENT_TO]));

    free(h);
    return root;
}

int histogram_print_json(const struct model *model, const struct host_model *host)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < model->host_count; i++) {
        if (host == NULL || host == &model->hosts[i])
            json_array_append_new(array, host_json(&model->hosts[i]));
    }
    return cli_print_json(json_pack("{s:o}", "histograms", array));
}
