#include "session/bn_packets.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "session/bn_network.h"
#include "session/bn_quantiles.h"

/* Columns of the networks. */
enum bn_column {
    BN_LABEL,
    BN_INDEX,
    BN_LAST_LENGTH,
    BN_LAST_GAP,
    BN_LAST_SIDE,
    BN_LAST_FLAGS,
    BN_LENGTH,
    BN_GAP,
    BN_SIDE,
    BN_FLAGS,
    BN_END,
    BN_COLUMNS
};


enum {
    FLAG_SETS = 32, /* of the five flags a sequence keeps */
    DRAWN = 1 << BN_LENGTH | 1 << BN_GAP | 1 << BN_SIDE | 1 << BN_FLAGS | 1 << BN_END,
    GIVEN = (1 << BN_COLUMNS) - 1 - DRAWN
};

#define LONGEST_GAP_NS (120 * NS_PER_SECOND) /* behind a longer silence a learned flow was over */

/* Between numbers and the values of columns. */
struct codec {
    struct bn_quantiles length, gap, index; /* bytes; bins of the gap grid; packets before it */
    uint32_t flag_sets;                     /* that were seen */
    uint8_t flags[FLAG_SETS];               /* [code] */
    uint8_t flag_code[FLAG_SETS];           /* [flags] */
};

struct bn_packets {
    struct codec codec;
    struct bn_network *first, *later; /* packets of a flow; NULL: there were none */
};

/* ---- flows to packets ---- */

/* A packet to learn from. */
struct seen_packet {
    uint16_t length;
    uint8_t gap_bin, side, flags;
    uint16_t index;
    bool follows; /* the packet before it in the list is the one before it in the flow */
    bool is_last; /* of the flow */
};

/* The gap over packets that were left out. */
static uint8_t joined_gap(uint8_t bin, double left_out_ns)
{
    uint32_t joined;

    if (left_out_ns == 0)
        return bin;
    joined = log_grid_bin(log_grid_value(bin, GAP_GRID_PER_OCTAVE) + left_out_ns, GAP_GRID_PER_OCTAVE);
    return joined < UINT8_MAX ? (uint8_t)joined : UINT8_MAX;
}

/* What is learned of a flow; returns the number of packets, at most FLOW_MAX_SEQUENCE. */
static uint32_t read_flow(const struct session_row *row, enum bn_impaired impaired, struct seen_packet *list)
{
    bool has_hole = row->sequence_head > 0 && row->sequence_head < row->sequence_length;
    uint64_t packets = session_row_packets(row);
    double left_out_ns = 0;
    uint32_t left_out = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < row->sequence_length; i++) {
        struct flow_packet packet = row->sequence[i];
        bool is_behind_hole = has_hole && i >= row->sequence_head;
        uint64_t index = is_behind_hole && packets > row->sequence_length
                             ? packets - (row->sequence_length - i)
                             : i;

        if (impaired == BN_WITHOUT_IMPAIRED && flow_packet_mark(packet) == PACKET_IMPAIRED) {
            left_out++;
            left_out_ns += log_grid_value(packet.gap_bin, GAP_GRID_PER_OCTAVE);
            continue;
        }
        index -= left_out;
        list[count] = (struct seen_packet){
            .length = packet.payload_bytes,
            .gap_bin = joined_gap(packet.gap_bin, left_out_ns),
            .side = (uint8_t)flow_packet_side(packet),
            .flags = flow_packet_tcp_flags(packet),
            .index = index < UINT16_MAX ? (uint16_t)index : UINT16_MAX,
            .follows = count > 0 && !(has_hole && i == row->sequence_head),
        };
        count++;
        left_out_ns = 0;
    }
    if (count > 0)
        list[count - 1].is_last = has_hole || row->sequence_length >= packets;
    return count;
}

/* ---- the codec ---- */

struct value_counts {
    uint64_t length[BN_QUANTILE_VALUES], gap[BN_QUANTILE_VALUES], index[BN_QUANTILE_VALUES];
    bool flags[FLAG_SETS];
};

static void count_values(struct value_counts *counts, const struct seen_packet *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        counts->length[list[i].length]++;
        counts->flags[list[i].flags] = true;
        if (list[i].follows) {
            counts->gap[list[i].gap_bin]++;
            counts->index[list[i].index]++;
        }
    }
}

static void init_codec(struct codec *codec, const struct value_counts *counts)
{
    bn_quantiles_init(&codec->length, counts->length, true);
    bn_quantiles_init(&codec->gap, counts->gap, false);
    bn_quantiles_init(&codec->index, counts->index, false);
    for (uint32_t flags = 0; flags < FLAG_SETS; flags++) {
        if (!counts->flags[flags])
            continue;
        codec->flag_code[flags] = (uint8_t)codec->flag_sets;
        codec->flags[codec->flag_sets++] = (uint8_t)flags;
    }
}

static void learn_codec(struct codec *codec, const struct bn_flow *flows, size_t count,
                        enum bn_impaired impaired, struct seen_packet *list)
{
    struct value_counts *counts = memory_alloc(sizeof *counts);

    for (size_t i = 0; i < count; i++)
        count_values(counts, list, read_flow(flows[i].row, impaired, list));
    init_codec(codec, counts);
    free(counts);
}

/* ---- the networks ---- */

static void put_inputs(const struct bn_packets *packets, const struct bn_state *state, uint16_t *values)
{
    values[BN_LABEL] = state->label;
    values[BN_INDEX] = bn_quantiles_bin(&packets->codec.index, state->index);
    values[BN_LAST_LENGTH] = state->last_length;
    values[BN_LAST_GAP] = state->last_gap;
    values[BN_LAST_SIDE] = state->last_side;
    values[BN_LAST_FLAGS] = state->last_flags;
}

static void step(struct bn_state *state, const uint16_t *values)
{
    state->index = state->index < UINT16_MAX ? (uint16_t)(state->index + 1) : UINT16_MAX;
    state->last_length = values[BN_LENGTH];
    state->last_gap = values[BN_GAP];
    state->last_side = values[BN_SIDE];
    state->last_flags = values[BN_FLAGS];
}

static void add_flow(const struct bn_packets *packets, uint16_t label, const struct seen_packet *list,
                     uint32_t count, struct bn_data *first, struct bn_data *later)
{
    struct bn_state state = bn_state_begin(label);
    uint16_t values[BN_COLUMNS];

    for (uint32_t i = 0; i < count; i++) {
        state.index = list[i].index;
        put_inputs(packets, &state, values);
        values[BN_LENGTH] = bn_quantiles_bin(&packets->codec.length, list[i].length);
        values[BN_GAP] = i > 0 ? bn_quantiles_bin(&packets->codec.gap, list[i].gap_bin) : 0;
        values[BN_SIDE] = list[i].side;
        values[BN_FLAGS] = packets->codec.flag_code[list[i].flags];
        values[BN_END] = list[i].is_last;
        if (i == 0)
            bn_data_add(first, values, 1);
        else if (list[i].follows)
            bn_data_add(later, values, 1);
        step(&state, values);
    }
}

/* Inputs never depend on outputs; nor on one another, which would tell nothing about outputs. */
static struct bn_network *learn_network(const struct bn_data *data, uint32_t inputs)
{
    uint32_t allowed[BN_MAX_COLUMNS] = { 0 };
    struct bn_structure structure;
    struct bn_scores *scores;

    if (bn_data_rows(data) == 0)
        return NULL;
    for (uint32_t c = 0; c < BN_COLUMNS; c++)
        allowed[c] = DRAWN >> c & 1 ? (inputs | DRAWN) & ~(UINT32_C(1) << c) : 0;
    scores = bn_scores_new(data);
    structure = bn_search(scores, allowed);
    bn_scores_free(scores);
    return bn_network_new(data, &structure, DRAWN);
}

static void init_data(struct bn_data *data, const struct codec *codec, uint32_t labels)
{
    uint32_t arity[BN_COLUMNS] = {
        [BN_LABEL] = labels,
        [BN_INDEX] = codec->index.bins,
        [BN_LAST_LENGTH] = codec->length.bins,
        [BN_LAST_GAP] = codec->gap.bins,
        [BN_LAST_SIDE] = 2,
        [BN_LAST_FLAGS] = codec->flag_sets,
        [BN_LENGTH] = codec->length.bins,
        [BN_GAP] = codec->gap.bins,
        [BN_SIDE] = 2,
        [BN_FLAGS] = codec->flag_sets,
        [BN_END] = 2,
    };

    bn_data_init(data, arity, BN_COLUMNS);
}

static void learn_networks(struct bn_packets *packets, const struct bn_flow *flows, size_t count,
                           uint32_t labels, enum bn_impaired impaired, struct seen_packet *list)
{
    struct bn_data first;
    struct bn_data later;

    init_data(&first, &packets->codec, labels);
    init_data(&later, &packets->codec, labels);
    for (size_t i = 0; i < count; i++)
        add_flow(packets, flows[i].label, list, read_flow(flows[i].row, impaired, list), &first, &later);
    packets->first = learn_network(&first, 1 << BN_LABEL);
    packets->later = learn_network(&later, GIVEN);
    bn_data_release(&first);
    bn_data_release(&later);
}

struct bn_packets *bn_packets_new(const struct bn_flow *flows, size_t count, uint32_t labels,
                                  enum bn_impaired impaired)
{
    struct bn_packets *packets = memory_alloc(sizeof *packets);
    struct seen_packet *list = memory_alloc_array(FLOW_MAX_SEQUENCE, sizeof *list);

    learn_codec(&packets->codec, flows, count, impaired, list);
    if (packets->codec.flag_sets > 0)
        learn_networks(packets, flows, count, labels, impaired, list);
    free(list);
    if (packets->first != NULL)
        return packets;
    bn_packets_free(packets);
    return NULL;
}

void bn_packets_free(struct bn_packets *packets)
{
    if (packets == NULL)
        return;
    bn_network_free(packets->first);
    bn_network_free(packets->later);
    free(packets);
}

size_t bn_packets_bytes(const struct bn_packets *packets)
{
    return sizeof *packets + bn_network_bytes(packets->first) +
           (packets->later ? bn_network_bytes(packets->later) : 0);
}

/* ---- draws ---- */

/* The numbers behind the drawn values; steps on. */
static void decode(const struct bn_packets *packets, struct bn_state *state, const uint16_t *values,
                   struct bn_packet *packet, struct random_stream *random)
{
    const struct codec *codec = &packets->codec;

    packet->side = (enum flow_side)values[BN_SIDE];
    packet->tcp_flags = codec->flags[values[BN_FLAGS]];
    packet->payload_bytes = bn_quantiles_draw(&codec->length, values[BN_LENGTH], random);
    packet->gap_ns = 0;
    if (state->index > 0) {
        double bin = bn_quantiles_draw(&codec->gap, values[BN_GAP], random);

        double ns = log_grid_value(bin + random_short_unit(random) - 0.5, GAP_GRID_PER_OCTAVE);

        packet->gap_ns = ns < (double)LONGEST_GAP_NS ? (int64_t)ns : LONGEST_GAP_NS;
    }
    packet->is_last = values[BN_END] || packets->later == NULL;
    step(state, values);
}

static const struct bn_network *next_network(const struct bn_packets *packets, const struct bn_state *state)
{
    return state->index == 0 ? packets->first : packets->later;
}

void bn_packets_draw(const struct bn_packets *packets, struct bn_state *state, struct bn_packet *packet,
                     struct random_stream *random)
{
    uint16_t values[BN_COLUMNS] = { 0 };

    put_inputs(packets, state, values);
    bn_network_draw(next_network(packets, state), values, random);
    decode(packets, state, values, packet, random);
}

struct legality {
    const struct codec *codec;
    const struct tcp_machine *machine;
};

static bool is_legal(const void *self, const uint16_t *values)
{
    const struct legality *legality = self;

    /* length's bin 0 is for no payload alone */
    return tcp_machine_allows(legality->machine, (enum flow_side)values[BN_SIDE],
                              legality->codec->flags[values[BN_FLAGS]], PACKET_PLAIN, values[BN_LENGTH] > 0);
}

bool bn_packets_draw_legal(const struct bn_packets *packets, const struct tcp_machine *machine,
                           struct bn_state *state, struct bn_packet *packet, struct random_stream *random)
{
    struct legality legality = { &packets->codec, machine };
    struct bn_condition condition = { 1 << BN_LENGTH | 1 << BN_SIDE | 1 << BN_FLAGS, is_legal, &legality };
    uint16_t values[BN_COLUMNS] = { 0 };

    put_inputs(packets, state, values);
    if (!bn_network_draw_where(next_network(packets, state), &condition, values, random))
        return false;
    decode(packets, state, values, packet, random);
    return true;
}
