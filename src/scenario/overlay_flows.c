#include "scenario/overlay_flows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "flow/flow_table.h"

/* What is kept with a flow of the table. */
struct overlay_flow {
    bool has_begun;
    uint32_t slot;
    uint64_t frames; /* that have its mark */
    bool has_fin[2]; /* by side; of TCP, as is: */
    bool is_reset;
};

struct overlay_flows {
    const struct sent_flow_keeper *keeper;
    const char *name, *label;
    struct flow_observer observer;
    struct flow_table *table;
    const struct overlay_frame *frame; /* the one being marked */
    uint32_t mark;
    struct overlay_flow *marked; /* the flow of the last mark; NULL: of none */
    bool is_cut;
};

static uint32_t begin(const struct overlay_flows *flows, enum flow_side side)
{
    const struct overlay_frame *frame = flows->frame;
    const struct packet_view *view = &frame->view;
    struct sent_flow flow = {
        .protocol = view->protocol, .virtual_host = SENT_FLOW_NO_HOST, .label = flows->label, .overlay = flows->name,
    };

    flow.address[side] = view->source;
    flow.address[!side] = view->destination;
    flow.port[side] = view->source_port;
    flow.port[!side] = view->destination_port;
    flow.link[side] = frame->link;
    flow.link[!side] = frame->to_link;
    flow.vlan[side] = frame->vlan;
    flow.vlan[!side] = frame->to_vlan;
    return flows->keeper->begin(flows->keeper->self, &flow);
}

static void see_packet(void *self, void *state, enum flow_side side, const struct packet_view *packet)
{
    struct overlay_flows *flows = self;
    struct overlay_flow *flow = state;

    if (!flow->has_begun)
        flow->slot = begin(flows, side);
    flow->has_begun = true;
    flow->frames++;
    flow->has_fin[side] = flow->has_fin[side] || packet->tcp_flags & TCP_FIN;
    flow->is_reset = flow->is_reset || packet->tcp_flags & TCP_RST;
    flows->marked = flow;
    flows->mark = sent_flow_mark(flow->slot, side);
}

/* It is from the other side, or from somebody on the way there. */
static void see_error(void *self, void *state, enum flow_side side)
{
    struct overlay_flows *flows = self;
    struct overlay_flow *flow = state;

    flow->frames++;
    flows->marked = flow;
    flows->mark = sent_flow_mark(flow->slot, side == FLOW_INITIATOR ? FLOW_RESPONDER : FLOW_INITIATOR);
}

static bool is_closed(const struct overlay_flow *flow)
{
    return flow->is_reset || (flow->has_fin[0] && flow->has_fin[1]);
}

static void see_end(void *self, void *state, const struct flow_record *record)
{
    struct overlay_flows *flows = self;
    const struct overlay_flow *flow = state;

    if (flow->has_begun && (!flows->is_cut || record->protocol != IP_TCP || is_closed(flow)))
        flows->keeper->end(flows->keeper->self, flow->slot, flow->frames);
}

static void ignore_record(void *self, const struct flow_record *record)
{
    (void)self;
    (void)record;
}

struct overlay_flows *overlay_flows_new(const struct sent_flow_keeper *keeper, const char *name, const char *label)
{
    struct overlay_flows *flows = memory_alloc(sizeof *flows);
    struct flow_table_options options = { .max_flows = OVERLAY_MAX_FLOWS, .observer = &flows->observer };

    flows->keeper = keeper;
    flows->name = name;
    flows->label = label;
    flows->observer = (struct flow_observer){ flows, sizeof(struct overlay_flow), see_packet, see_end, see_error };
    flows->table = flow_table_new(&options, ignore_record, NULL);
    return flows;
}

void overlay_flows_free(struct overlay_flows *flows)
{
    if (flows == NULL)
        return;
    flow_table_free(flows->table);
    free(flows);
}

uint32_t overlay_flows_mark(struct overlay_flows *flows, const struct overlay_frame *frame, struct run_time due)
{
    struct packet_view view = frame->view;

    flows->frame = frame;
    flows->marked = NULL;
    flows->mark = FRAME_NO_FLOW;
    view.time.ns = due.ns;
    if (frame->has_flow)
        flow_table_add(flows->table, &view);
    return flows->mark;
}

void overlay_flows_take_back(struct overlay_flows *flows)
{
    if (flows->marked)
        flows->marked->frames--;
    flows->marked = NULL;
}

void overlay_flows_end(struct overlay_flows *flows, bool is_cut)
{
    flows->is_cut = is_cut;
    flow_table_flush(flows->table);
}
