#include "toy_model.h"

#include <math.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/tally.h"
#include "dayshift/port_feature.h"
#include "net/wire.h"

enum { STATES = 4, ROWS = MODEL_MIN_ROWS, SERVICES = 3 };

struct toy_model {
    struct model model;
    struct host_model hosts[TOY_HOSTS];
    struct state_model states[TOY_HOSTS][STATES];
    struct mixture_component components[STATES];
    struct slice_profile profiles[DAY_CLASSES][DAY_SLICES];
    uint16_t observed[DAY_SLICES];
    struct service_model services[SERVICES];
    struct session_row rows[SERVICES][ROWS];
};

static void set_discrete(struct toy_model *t, struct discrete *d, const uint32_t *symbols, uint32_t count)
{
    struct tally_entry entries[STATES];

    for (uint32_t i = 0; i < count; i++)
        entries[i] = (struct tally_entry){ 0, symbols[i], 10 };
    discrete_init(d, &t->model.arena, entries, count);
}

static void set_one(struct toy_model *t, struct discrete *d, uint32_t symbol)
{
    set_discrete(t, d, &symbol, 1);
}

static const uint32_t all_states[STATES] = { 0, 1, 2, 3 };

/* Names, the world's servers, the neighbour's; and what the other neighbour asks for. */
static void set_states(struct toy_model *t, uint32_t host)
{
    const struct peer right = { PEER_LOCAL, (host + 1) % TOY_HOSTS };
    const struct peer left = { PEER_LOCAL, (host + TOY_HOSTS - 1) % TOY_HOSTS };
    const struct {
        struct state_key key;
        struct peer peer;
        double packets;
    } states[STATES] = {
        { { ROLE_INITIATOR, IP_UDP, 53 }, { PEER_OUTSIDE, 1 }, 2 },
        { { ROLE_INITIATOR, IP_TCP, 443 }, { PEER_OUTSIDE, 2 }, 25 },
        { { ROLE_INITIATOR, IP_TCP, 445 }, right, 15 },
        { { ROLE_RESPONDER, IP_TCP, 445 }, left, 15 },
    };

    for (int i = 0; i < STATES; i++) {
        struct state_model *state = &t->states[host][i];

        state->key = states[i].key;
        state->flows = 10;
        t->components[i] = (struct mixture_component){ 1.0, log(states[i].packets), i == 0 ? 0.1 : 0.6 };
        state->packets = (struct volume_model){ &t->components[i], (float)log(400), 1 };
        set_discrete(t, &state->next, all_states, STATES);
        set_one(t, &state->gaps, log_grid_bin(2e9, GAP_GRID_PER_OCTAVE));
        set_one(t, &state->initiator_ports, PORT_FEATURES - 1);
        set_one(t, &state->peers, peer_pack(states[i].peer));
    }
    t->states[host][0].beat_s = 64;
    t->states[host][0].beat_sd_s = 0.5F;
}

static void set_host(struct toy_model *t, uint32_t h)
{
    struct host_model *host = &t->hosts[h];

    set_states(t, h);
    host->id = h;
    host->members = 1;
    host->states = t->states[h];
    host->state_count = STATES;
    host->flows = 10 * STATES;
    set_discrete(t, &host->frequency, all_states, STATES);
    set_discrete(t, &host->initial, all_states, STATES);
    host->mean_packets = 15;
    host->log_slice_max = log(2000);
    for (int class = 0; class < DAY_CLASSES; class++)
        host->days[class] = (struct class_profile){ t->profiles[class], DAY_SLICES, t->observed };
}

static void set_profiles(struct toy_model *t)
{
    for (uint32_t s = 0; s < DAY_SLICES; s++) {
        bool is_day = s >= 8 * 12 && s < 18 * 12;

        t->observed[s] = 5;
        for (int class = 0; class < DAY_CLASSES; class++) {
            double share = class == DAY_WEEKEND ? 0.2 : is_day ? 0.9 : 0.4;
            double flows = is_day ? 20 : 5;

            t->profiles[class][s] = (struct slice_profile){ (uint16_t)s, (uint8_t)lround(share * 255), 8,
                                                            (uint16_t)lround(log(15 * flows) * 1024),
                                                            (uint16_t)lround(log(flows) * 1024) };
        }
    }
}

/* The i-th of a service's connections: larger ones later, as rows are ordered. */
static struct session_row tcp_row(uint32_t i)
{
    static const enum flow_ending endings[] = { FLOW_ENDING_FIN, FLOW_ENDING_FIN, FLOW_ENDING_NONE,
                                                FLOW_ENDING_RESET };
    struct session_row row = {
        .packets = { 5 + i, 5 + i },
        .data_packets = { 1 + i / 4, 2 + i / 2 },
        .payload_bytes = { 300 * (1 + i / 4), 1200 * (2 + i / 2) },
        .duration_ns = (i % 3 == 2 ? 300 : 2) * NS_PER_SECOND,
        .rtt_ns = (1 + 40 * (i % 5)) * NS_PER_MS,
        .turns = 2 + i / 4,
        .mss = { 1460, 1460 },
        .ttl = { 64, 64 },
        .window = { 64240, 65160 },
        .is_measured = true,
        .opening = i % 8 == 5 ? FLOW_OPENING_NONE : FLOW_OPENING_HANDSHAKE,
        .ending = endings[i % 4],
        .closing_side = i % 3 == 0 ? FLOW_RESPONDER : FLOW_INITIATOR,
    };

    return row;
}

/* One refused, one not answered. */
static struct session_row attempt_row(uint32_t i)
{
    struct session_row row = {
        .packets = { 2, i },
        .duration_ns = NS_PER_SECOND,
        .rtt_ns = NS_PER_MS,
        .is_measured = true,
        .opening = FLOW_OPENING_ATTEMPT,
        .ending = i == 0 ? FLOW_ENDING_NONE : FLOW_ENDING_RESET,
        .closing_side = FLOW_RESPONDER,
    };

    return row;
}

static struct session_row name_row(void)
{
    return (struct session_row){ .packets = { 1, 1 }, .data_packets = { 1, 1 }, .payload_bytes = { 40, 90 },
                                 .duration_ns = 20 * NS_PER_MS, .rtt_ns = 20 * NS_PER_MS, .turns = 2,
                                 .ttl = { 64, 64 }, .is_measured = true };
}

static void set_services(struct toy_model *t)
{
    static const struct {
        uint8_t protocol;
        uint16_t port;
    } names[SERVICES] = { { IP_TCP, 443 }, { IP_TCP, 445 }, { IP_UDP, 53 } };

    for (uint32_t s = 0; s < SERVICES; s++) {
        for (uint32_t i = 0; i < ROWS; i++)
            t->rows[s][i] = names[s].protocol == IP_UDP ? name_row() : i < 2 ? attempt_row(i) : tcp_row(i - 2);
        t->services[s] = (struct service_model){ .protocol = names[s].protocol, .port = names[s].port,
                                                 .flows = ROWS, .rows = t->rows[s], .row_count = ROWS,
                                                 .longest_ns = 300 * NS_PER_SECOND };
    }
}

struct toy_model *toy_model_new(void)
{
    struct toy_model *t = memory_alloc(sizeof *t);

    set_profiles(t);
    set_services(t);
    for (uint32_t h = 0; h < TOY_HOSTS; h++)
        set_host(t, h);
    t->model.hosts = t->hosts;
    t->model.host_count = t->model.member_count = TOY_HOSTS;
    t->model.services = t->services;
    t->model.service_count = SERVICES;
    return t;
}

void toy_model_free(struct toy_model *t)
{
    arena_release(&t->model.arena);
    free(t);
}

struct model *toy_model_of(struct toy_model *t)
{
    return &t->model;
}
