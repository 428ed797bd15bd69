#include "cli/blindtest_choice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/order.h"
#include "base/random.h"
#include "cli/read_inputs.h"
#include "net/wire.h"

/* ---- the first reading: which flows ---- */

/* Of one capture: flows are known by their number, in order of their first packets. */
struct drawing {
    const struct blindtest_choice *choice;
    struct random_stream stream;
    uint64_t *numbers; /* those chosen, `wanted` when there are enough */
    size_t wanted;
    uint64_t begun, eligible; /* flows */
};

/* Of a flow, in either reading. */
struct chosen_flow {
    uint64_t number; /* 0: no packet yet */
    struct blind_flow *flow; /* of the second; NULL: not chosen */
};

static void number_flow(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    struct drawing *drawing = self;
    struct chosen_flow *flow = state;

    (void)side;
    (void)packet;
    if (flow->number == 0)
        flow->number = ++drawing->begun;
}

/* Each of those seen so far is as likely among the chosen as any other (reservoir sampling, Vitter 1985). */
static void choose_flow(void *self, void *state, const struct flow_record *record)
{
    struct drawing *drawing = self;
    const struct chosen_flow *flow = state;
    uint64_t place;

    if (!blind_flow_is_eligible(record, drawing->choice->protocol, drawing->choice->least_packets))
        return;
    place = drawing->eligible++;
    if (place >= drawing->wanted)
        place = random_below(&drawing->stream, drawing->eligible);
    if (place < drawing->wanted)
        drawing->numbers[place] = flow->number;
}

static void pass_over(void *self, const struct flow_record *record)
{
    (void)self; /* the observer has seen it */
    (void)record;
}

static int read_capture(char *path, const struct flow_observer *observer, const struct blindtest_choice *choice,
                        struct read_totals *totals, struct error *err)
{
    const struct read_options options = {
        .captures_only = true,
        .quiet = choice->quiet,
        .max_bytes = READ_MAX_BYTES_DEFAULT,
        .observer = observer,
    };

    return read_inputs(&path, 1, &options, pass_over, NULL, totals, err);
}

/* 0, or -1 with *err. *damaged: a part could not be read. */
static int choose_flows(struct drawing *drawing, char *path, bool *damaged, struct error *err)
{
    const struct flow_observer observer = { drawing, sizeof(struct chosen_flow), number_flow, choose_flow, NULL };
    struct read_totals totals = { 0 };

    if (strcmp(path, "-") == 0)
        return error_set(err, "standard input cannot be read twice: a file is needed");
    if (read_capture(path, &observer, drawing->choice, &totals, err) < 0)
        return -1;
    if (drawing->eligible < drawing->wanted)
        return error_set(err, "%s: %" PRIu64 " flows of %s over IPv4 with at least %" PRIu64 " packets; %zu are needed",
                         path, drawing->eligible, drawing->choice->protocol == IP_TCP ? "TCP" : "UDP",
                         drawing->choice->least_packets, drawing->wanted);
    *damaged |= totals.damaged > 0;
    qsort(drawing->numbers, drawing->wanted, sizeof *drawing->numbers, order_u64);
    return 0;
}

/* ---- the second reading: their packets ---- */

struct collection {
    struct drawing *drawing;
    struct blind_flow *flows; /* of drawing->numbers, in their order */
    uint64_t begun;
};

static void collect_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    struct collection *collection = self;
    struct chosen_flow *flow = state;
    const struct drawing *drawing = collection->drawing;

    if (flow->number == 0) {
        const uint64_t *found;

        flow->number = ++collection->begun;
        found = bsearch(&flow->number, drawing->numbers, drawing->wanted, sizeof *found, order_u64);
        flow->flow = found ? &collection->flows[found - drawing->numbers] : NULL;
    }
    if (flow->flow != NULL)
        blind_flow_add(flow->flow, side, packet, drawing->choice->keep_payload);
}

/* What was said of damage in the first reading is not said again. */
static int collect_flows(struct drawing *drawing, char *path, struct blind_flow *flows, struct error *err)
{
    struct collection collection = { drawing, flows, 0 };
    const struct flow_observer observer = { &collection, sizeof(struct chosen_flow), collect_packet, NULL, NULL };
    struct read_totals totals = { 0 };

    return read_capture(path, &observer, drawing->choice, &totals, err);
}

int blindtest_choice_draw(const struct blindtest_choice *choice, char *path, uint32_t stream, struct blind_flow *flows,
                          size_t count, bool *damaged, struct error *err)
{
    struct drawing drawing = { .choice = choice, .wanted = count };
    int status;

    drawing.numbers = memory_alloc_array(count, sizeof *drawing.numbers);
    random_init(&drawing.stream, choice->seed, RANDOM_BLIND, stream, 0, 0);
    status = choose_flows(&drawing, path, damaged, err);
    if (status == 0)
        status = collect_flows(&drawing, path, flows, err);
    free(drawing.numbers);
    return status;
}
