/*
 * Host models made of the rows of a file. What is allocated for hosts comes from the model's arena.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "model/host_days.h"
#include "model/model.h"
#include "model/model_hosts.h"
#include "model/model_read.h"
#include "model/model_services.h"
#include "model/peer_novelty.h"

enum {
    MIN_GAP_TIMES = 16,     /* fewer say less about a transition than its state does */
    MANY_LISTED_PEERS = 64, /* outside, of a state */
    MOST_UNLISTED_FLOWS = 3, /* of a peer that is not listed where there are many */
    MOST_SINGLE_PORTS = 16 /* of a state, of one flow each */
};
#define NO_OWNER UINT32_MAX

struct builder {
    struct model *model;
    const struct model_shape *shape;
    struct state_model **states; /* by id in the file */
    struct peer_process *processes; /* by the same */
    uint32_t gap_state; /* whose transitions' gaps are being added up, or NO_OWNER */
    uint64_t gap_sums[MODEL_MAX_BIN];
    uint32_t gap_first, gap_last; /* bins with a sum are among these */
    struct host_days days;
    size_t service_capacity;
    size_t row_capacity; /* of the service whose rows are being read */
    struct state_labels *mixes; /* of states with several labels, as they come */
    uint32_t *mix_hosts;        /* by the same */
    size_t mix_count, mix_capacity, mix_host_capacity;
};

static struct host_model *host_of(struct builder *b, uint32_t state)
{
    return &b->model->hosts[b->shape->states[state].host];
}

/* ---- states ---- */

static void take_shape(void *self, const struct model_shape *shape)
{
    struct builder *b = self;
    struct model *model = b->model;

    b->shape = shape;
    model->flows = shape->flows;
    model->packets = shape->packets;
    model->first = shape->first;
    model->last = shape->last;
    model->has_tags = shape->has_tags;
    model->outside_count = shape->outside_count;
    model->host_count = shape->host_count;
    model->hosts = memory_alloc_array(shape->host_count, sizeof *model->hosts);
    for (uint32_t i = 0; i < shape->host_count; i++) {
        model->hosts[i].id = i;
        model->hosts[i].members = shape->host_members[i];
        model->member_count += shape->host_members[i];
        model->hosts[i].crowd = shape->host_crowds[i];
        model->hosts[i].states = arena_alloc_array(&model->arena, shape->host_states[i],
                                                   sizeof *model->hosts[i].states);
    }
    host_days_begin(&b->days, model, shape);
    model->labels = memory_alloc_array(shape->label_count, sizeof *model->labels);
    for (uint32_t i = 0; i < shape->label_count; i++)
        model->labels[model->label_count++] = memory_copy_text(shape->labels[i]);
    b->states = memory_alloc_array(shape->state_count, sizeof *b->states);
    b->processes = memory_alloc_array(shape->state_count, sizeof *b->processes);
    for (uint32_t i = 0; i < shape->state_count; i++) {
        struct host_model *host = host_of(b, i);
        struct state_model *state = &host->states[host->state_count++];

        state->key = shape->states[i].key;
        state->flows = shape->states[i].flows;
        host->flows += state->flows;
        b->states[i] = state;
    }
}

static void take_mixture(void *self, uint32_t state, const struct mixture *mixture)
{
    struct builder *b = self;
    struct mixture_component *components =
        arena_alloc_array(&b->model->arena, mixture->size, sizeof *components);

    memcpy(components, mixture->components, mixture->size * sizeof *components);
    b->states[state]->packets =
        (struct volume_model){ .components = components, .size = mixture->size };
}

static void take_peer_process(void *self, uint32_t state, const struct peer_process *process)
{
    ((struct builder *)self)->processes[state] = *process;
}

/* How many outside peers of the file's list have so many flows or more. */
static uint32_t count_outside(const struct tally_entry *entries, uint32_t size, uint64_t least)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < size; i++) {
        struct peer peer = peer_unpack(entries[i].symbol);

        count += peer_is_listed_outside(peer) && entries[i].count >= least;
    }
    return count;
}

/* Where there are many, those of one flow are not listed; if need be, those of two and three. */
static uint64_t least_listed(const struct tally_entry *entries, uint32_t size)
{
    uint64_t least = 1;

    while (least <= MOST_UNLISTED_FLOWS && count_outside(entries, size, least) > MANY_LISTED_PEERS)
        least++;
    return least;
}

/*
 * Those that were met often are known again. The others are as good as new: their process says how many
 * they are, and they need no memory. So the symbols are small numbers, too.
 */
static void take_peers(struct builder *b, uint32_t owner, const struct tally_entry *entries, uint32_t size)
{
    struct tally_entry *listed = memory_alloc_array(size, sizeof *listed);
    uint64_t least = least_listed(entries, size);
    struct state_model *state = b->states[owner];
    uint64_t unlisted = 0;
    uint32_t used = 0;

    for (uint32_t i = 0; i < size; i++) {
        struct peer peer = peer_unpack(entries[i].symbol);

        if (peer.kind == PEER_OUTSIDE && (peer.id == PEER_ID_OTHER || entries[i].count < least))
            unlisted += entries[i].count;
        else
            listed[used++] = entries[i];
    }
    discrete_init(&state->peers, &b->model->arena, listed, used);
    peer_novelty_init(&state->novelty, &b->processes[owner], entries, size, unlisted);
    free(listed);
}

/* Of most states all flows have one label, or none: then it takes no more than its number. */
static void take_labels(struct builder *b, uint32_t owner, const struct tally_entry *entries, uint32_t size)
{
    struct tally_entry *labels = memory_alloc_array((size_t)size + 1, sizeof *labels);
    struct state_model *state = b->states[owner];
    uint64_t others = state->flows;

    for (uint32_t i = 0; i < size; i++)
        others -= entries[i].count;
    memcpy(labels, entries, size * sizeof *labels);
    if (others > 0)
        labels[size++] = (struct tally_entry){ owner, LABEL_NONE, others };
    state->label = size == 1 ? (uint16_t)labels[0].symbol : STATE_LABELS_MIXED;
    if (size > 1) {
        b->mixes = memory_grow(b->mixes, &b->mix_capacity, b->mix_count + 1, sizeof *b->mixes);
        b->mix_hosts = memory_grow(b->mix_hosts, &b->mix_host_capacity, b->mix_count + 1, sizeof *b->mix_hosts);
        b->mix_hosts[b->mix_count] = b->shape->states[owner].host;
        b->mixes[b->mix_count].state = (uint32_t)(state - host_of(b, owner)->states);
        discrete_init(&b->mixes[b->mix_count++].labels, &b->model->arena, labels, size);
    }
    free(labels);
}

/* States come in order, so those of a host do. */
static void place_mixes(struct builder *b)
{
    for (size_t i = 0; i < b->mix_count; i++)
        b->model->hosts[b->mix_hosts[i]].mix_count++;
    for (size_t i = 0; i < b->mix_count; i++) {
        struct host_model *host = &b->model->hosts[b->mix_hosts[i]];

        if (host->mixes == NULL) {
            host->mixes = arena_alloc_array(&b->model->arena, host->mix_count, sizeof *host->mixes);
            host->mix_count = 0;
        }
        host->mixes[host->mix_count++] = b->mixes[i];
    }
}

/* Where there are many ports of a single flow, they say no more than that any port of the bin was used. */
static void take_responder_ports(struct builder *b, uint32_t owner, const struct tally_entry *entries,
                                 uint32_t size)
{
    struct tally_entry *ports = memory_alloc_array((size_t)size + 1, sizeof *ports);
    uint64_t others = 0;
    uint32_t singles = 0;
    uint32_t used = 0;

    for (uint32_t i = 0; i < size; i++)
        singles += entries[i].count == 1 && entries[i].symbol != PORT_OTHER;
    for (uint32_t i = 0; i < size; i++) {
        if (entries[i].symbol == PORT_OTHER || (entries[i].count == 1 && singles > MOST_SINGLE_PORTS))
            others += entries[i].count;
        else
            ports[used++] = entries[i];
    }
    if (others > 0)
        ports[used++] = (struct tally_entry){ owner, PORT_OTHER, others };
    discrete_init(&b->states[owner]->responder_ports, &b->model->arena, ports, used);
    free(ports);
}

/* Turns ids of states into indices of their host. */
static void take_localized(struct builder *b, struct discrete *discrete,
                           const struct tally_entry *entries, uint32_t size)
{
    struct tally_entry *local = memory_alloc_array(size, sizeof *local);

    for (uint32_t i = 0; i < size; i++) {
        uint32_t state = entries[i].symbol;

        local[i].symbol = (uint32_t)(b->states[state] - host_of(b, state)->states);
        local[i].count = entries[i].count;
    }
    discrete_init(discrete, &b->model->arena, local, size);
    free(local);
}

static void take_next(struct builder *b, struct state_model *state, const struct tally_entry *entries,
                      uint32_t size)
{
    uint32_t often = 0;

    take_localized(b, &state->next, entries, size);
    for (uint32_t i = 0; i < size; i++)
        often += discrete_count(&state->next, i) >= MIN_GAP_TIMES;
    if (often > 0)
        state->own_gaps = arena_alloc_array(&b->model->arena, often, sizeof *state->own_gaps);
}

/* ---- gaps: of a transition where it was made often, and of its state ---- */

static void end_gaps(struct builder *b)
{
    struct tally_entry entries[MODEL_MAX_BIN];
    uint32_t used = 0;

    if (b->gap_state == NO_OWNER)
        return;
    for (uint32_t bin = b->gap_first; bin <= b->gap_last; bin++) {
        if (b->gap_sums[bin] > 0)
            entries[used++] = (struct tally_entry){ 0, bin, b->gap_sums[bin] };
        b->gap_sums[bin] = 0;
    }
    discrete_init(&b->states[b->gap_state]->gaps, &b->model->arena, entries, used);
    b->gap_state = NO_OWNER;
}

static void take_gaps(struct builder *b, const struct model_transition *transition,
                      const struct tally_entry *entries, uint32_t size)
{
    struct state_model *state = b->states[transition->state];

    if (transition->state != b->gap_state) {
        end_gaps(b);
        b->gap_state = transition->state;
        b->gap_first = entries[0].symbol;
        b->gap_last = entries[0].symbol;
    }
    for (uint32_t i = 0; i < size; i++)
        b->gap_sums[entries[i].symbol] += entries[i].count;
    if (entries[0].symbol < b->gap_first)
        b->gap_first = entries[0].symbol;
    if (entries[size - 1].symbol > b->gap_last)
        b->gap_last = entries[size - 1].symbol;
    if (discrete_count(&state->next, transition->index) >= MIN_GAP_TIMES &&
        state->own_gap_count < UINT16_MAX) {
        struct transition_gaps *own = &state->own_gaps[state->own_gap_count++];

        own->next = transition->index;
        discrete_init(&own->gaps, &b->model->arena, entries, size);
    }
}

/* ---- other distributions ---- */

/* The upper edge of the last bin. */
static float largest_log_volume(const struct tally_entry *entries, uint32_t size)
{
    double edge = log(log_grid_value((double)entries[size - 1].symbol + 0.5, VOLUME_GRID_PER_OCTAVE));
    float nearest = (float)edge;

    return (double)nearest > edge ? nextafterf(nearest, 0) : nearest;
}

static float mean_bytes(const struct tally_entry *entries, uint32_t size)
{
    double sum = 0;
    double flows = 0;

    for (uint32_t i = 0; i < size; i++) {
        sum += (double)entries[i].count *
               log_grid_whole_value(flow_size_bytes_bin(entries[i].symbol), VOLUME_GRID_PER_OCTAVE);
        flows += (double)entries[i].count;
    }
    return (float)(sum / flows);
}

/* A clock shows where most of the times are nearly the same: among so many bins in a row, 4.4 percent. */
enum { BEAT_WINDOW = 16, BEAT_LEAST_TIMES = 16 };
#define BEAT_LEAST_SHARE 0.6

/* The times in the window that begins with an entry; *end: the entry behind it. */
static uint64_t window_times(const struct tally_entry *entries, uint32_t size, uint32_t begin, uint32_t *end)
{
    uint64_t times = 0;
    uint32_t i = begin;

    for (; i < size && entries[i].symbol - entries[begin].symbol < BEAT_WINDOW; i++)
        times += entries[i].count;
    *end = i;
    return times;
}

static void set_beat(struct state_model *state, const struct tally_entry *entries, uint64_t times)
{
    double sum = 0;
    double squares = 0;

    for (uint64_t seen = 0; seen < times; entries++) {
        double seconds = log_grid_value(entries->symbol, BEAT_GRID_PER_OCTAVE) / (double)NS_PER_SECOND;

        sum += (double)entries->count * seconds;
        squares += (double)entries->count * seconds * seconds;
        seen += entries->count;
    }
    state->beat_s = (float)(sum / (double)times);
    state->beat_sd_s = (float)sqrt(fmax(0, squares / (double)times - sum / (double)times * sum / (double)times));
}

static void take_beats(struct state_model *state, const struct tally_entry *entries, uint32_t size)
{
    uint64_t all = 0;
    uint64_t most = 0;
    uint32_t best = 0;
    uint32_t end;

    for (uint32_t i = 0; i < size; i++) {
        uint64_t times = window_times(entries, size, i, &end);

        all += entries[i].count;
        if (times > most) {
            most = times;
            best = i;
        }
    }
    /* and most flows of the state are part of it: those that came sooner, or later, are not in the table */
    if (most >= BEAT_LEAST_TIMES && (double)most >= BEAT_LEAST_SHARE * (double)all &&
        (double)most >= BEAT_LEAST_SHARE * (double)state->flows)
        set_beat(state, &entries[best], most);
}

static void take_counts(void *self, enum model_counts what, uint32_t owner,
                        const struct tally_entry *entries, uint32_t size)
{
    struct builder *b = self;
    struct arena *arena = &b->model->arena;

    if (what != COUNTS_GAP)
        end_gaps(b);
    switch (what) {
    case COUNTS_INITIAL: take_localized(b, &b->model->hosts[owner].initial, entries, size); break;
    case COUNTS_TRANSITION: take_next(b, b->states[owner], entries, size); break;
    case COUNTS_GAP: take_gaps(b, &b->shape->transitions[owner], entries, size); break;
    case COUNTS_BEAT: take_beats(b->states[owner], entries, size); break;
    case COUNTS_VOLUME: b->states[owner]->packets.log_max = largest_log_volume(entries, size); break;
    case COUNTS_BYTE_VOLUME: b->states[owner]->mean_bytes = mean_bytes(entries, size); break;
    case COUNTS_INITIATOR_PORT:
        discrete_init(&b->states[owner]->initiator_ports, arena, entries, size);
        break;
    case COUNTS_RESPONDER_PORT: take_responder_ports(b, owner, entries, size); break;
    case COUNTS_PEER: take_peers(b, owner, entries, size); break;
    case COUNTS_STATE_LABEL: take_labels(b, owner, entries, size); break;
    case COUNTS_COVERAGE: host_days_take_coverage(&b->days, owner, entries, size); break;
    }
}

static void take_activity(void *self, uint32_t host, uint32_t slice_number,
                          const struct activity *activity, const struct crowd_activity *crowd)
{
    host_days_take_activity(&((struct builder *)self)->days, host, slice_number, activity, crowd);
}

/* ---- services: index is the id until they are sorted ---- */

static void take_service(void *self, uint32_t id, const struct model_service *row)
{
    struct builder *b = self;
    struct model *model = b->model;

    model->services = memory_grow(model->services, &b->service_capacity, (size_t)id + 1,
                                  sizeof *model->services);
    model->services[id] = (struct service_model){
        .protocol = row->protocol,
        .port = row->port,
        .label_number = row->label,
        .label = row->label == LABEL_NONE ? NULL : model->labels[row->label - 1],
        .flows = row->flows,
        .conditions = row->conditions,
    };
    model->service_count = (size_t)id + 1;
}

static void take_session(void *self, uint32_t id, const struct keyed_row *row)
{
    struct builder *b = self;
    struct service_model *service = &b->model->services[id];

    if (service->row_count == 0)
        b->row_capacity = 0;
    service->rows = memory_grow(service->rows, &b->row_capacity, service->row_count + 1,
                                sizeof *service->rows);
    service->rows[service->row_count] = row->row;
    if (row->row.sequence) {
        struct flow_packet *kept =
            arena_alloc_array(&b->model->arena, row->row.sequence_length, sizeof *kept);

        service->rows[service->row_count].sequence =
            memcpy(kept, row->row.sequence, row->row.sequence_length * sizeof *kept);
    }
    service->row_count++;
    if (row->row.duration_ns > service->longest_ns)
        service->longest_ns = row->row.duration_ns;
}

static void finish(struct builder *b)
{
    end_gaps(b);
    host_days_end(&b->days);
    place_mixes(b);
    model_hosts_finish(b->model);
    model_services_finish(b->model);
}

struct model *model_from_image(struct model_image *image, struct error *err)
{
    struct builder b = { .model = memory_alloc(sizeof *b.model), .gap_state = NO_OWNER };
    const struct model_sink sink = {
        .self = &b,
        .shape = take_shape,
        .mixture = take_mixture,
        .peer_process = take_peer_process,
        .counts = take_counts,
        .activity = take_activity,
        .service = take_service,
        .session = take_session,
    };
    int status;

    host_days_init(&b.days);
    arena_init(&b.model->arena);
    status = model_read(image, &sink, b.model->rows, err);
    if (status == 0)
        finish(&b);
    host_days_release(&b.days);
    free(b.states);
    free(b.processes);
    free(b.mixes);
    free(b.mix_hosts);
    if (status < 0) {
        model_free(b.model);
        return NULL;
    }
    return b.model;
}
