#include "synth/peer_draw.h"

#include <math.h>

#define MOST_STICKS 0x1p40 /* a peer beyond is met once */

/* ---- stick-breaking ---- */

/* Of a shape above 0, scale 1 (Marsaglia and Tsang 2000). */
static double draw_gamma(double shape, struct random_stream *random)
{
    double boost = shape < 1 ? pow(1.0 - random_unit(random), 1 / shape) : 1;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
    double c = 1 / sqrt(9 * d);

    for (;;) {
        double x = random_normal(random, 0, 1);
        double v = (1 + c * x) * (1 + c * x) * (1 + c * x);

        if (v > 0 && log(1.0 - random_unit(random)) < 0.5 * x * x + d - d * v + d * log(v))
            return boost * d * v;
    }
}

static double draw_beta(double a, double b, struct random_stream *random)
{
    double x = draw_gamma(a, random);
    double y = draw_gamma(b, random);

    return x + y > 0 ? x / (x + y) : 0;
}

/*
 * Number i when all sticks have their expected lengths, and `left` is the share that lies behind it:
 * left = prod_{k <= i} (theta + k d) / (theta + 1 + (k - 1) d), which is about (1 + i d / theta)^-((1 - d) / d).
 */
static double expected_stick(double discount, double concentration, double left)
{
    return concentration / discount * (pow(left, -discount / (1 - discount)) - 1);
}

/*
 * The share of sticks of length 0, where the others have a length in proportion to what is expected: so many
 * that the small sticks are as many as where all lengths vary like Gamma(1 - d), E[W^d] being what counts.
 */
static double share_gone(double discount)
{
    return 1 - exp(-(lgamma(1 - discount) + discount * log(1 - discount)) / (1 - discount));
}

/* A stick among those that have their expected length or none; which have none follows from `key`. */
static uint64_t draw_expected(double discount, double concentration, double left, uint64_t key,
                              struct random_stream *random)
{
    const double gone = share_gone(discount);

    for (;;) {
        double number = expected_stick(discount, concentration, left);
        bool is_met_once = number >= MOST_STICKS;
        uint64_t stick = is_met_once ? random_u64(random) | UINT64_C(1) << 63 : (uint64_t)number;

        if ((double)(random_mix64(key ^ stick) >> 11) * 0x1p-53 >= gone)
            return stick;
        left = 1.0 - random_unit(random);
    }
}

uint64_t peer_draw_stick(double discount, double concentration, struct random_stream *sticks,
                         struct random_stream *random)
{
    double left = 1.0 - random_unit(random);
    uint64_t first = 0;

    while (concentration <= PEER_MOST_CONCENTRATION && first < PEER_STICKS) {
        double stick = draw_beta(1 - discount, concentration + discount, sticks);

        if (left > 1 - stick)
            return first;
        left /= 1 - stick;
        concentration += discount;
        first++;
    }
    return first + draw_expected(discount, concentration, left, random_u64(sticks), random);
}

/* ---- peers ---- */

/* How many flows went to a peer, 0 when it is not listed. Symbols ascend. */
static uint32_t flows_with(const struct discrete *peers, uint32_t symbol)
{
    uint32_t low = 0;
    uint32_t high = peers->size;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (discrete_symbol(peers, middle) < symbol)
            low = middle + 1;
        else
            high = middle;
    }
    return low < peers->size && discrete_symbol(peers, low) == symbol ? discrete_count(peers, low) : 0;
}

/* The states other than its own of the same role. */
static uint64_t listed_elsewhere(const struct peer_owner *owner)
{
    enum host_role role = owner->model->states[owner->state].key.role;
    uint64_t count = 0;

    for (uint32_t i = 0; i < owner->model->state_count; i++) {
        const struct state_model *state = &owner->model->states[i];

        count += i != owner->state && state->key.role == role ? state->peers.size : 0;
    }
    return count;
}

/* The state whose list the peer with this number is in. */
static const struct state_model *state_elsewhere(const struct peer_owner *owner, uint64_t number)
{
    enum host_role role = owner->model->states[owner->state].key.role;
    const struct state_model *state = owner->model->states;

    for (;; state++) {
        if (state == &owner->model->states[owner->state] || state->key.role != role)
            continue;
        if (number < state->peers.size)
            return state;
        number -= state->peers.size;
    }
}

enum { TRIES = 8 };

/*
 * A peer of another state of the host, chosen by the name alone; false: it has none to offer. States count
 * by their peers, peers by their flows: who is met often is met now.
 */
static bool meet_known(const struct peer_owner *owner, uint64_t name, struct peer *peer)
{
    const struct state_model *state = &owner->model->states[owner->state];
    uint64_t count = listed_elsewhere(owner);
    struct random_stream random;

    random_init(&random, name, RANDOM_PEERS, 0, 0, 0);
    for (int i = 0; count > 0 && i < TRIES; i++) {
        const struct discrete *peers = &state_elsewhere(owner, random_below(&random, count))->peers;
        uint32_t symbol = discrete_symbol(peers, discrete_draw(peers, &random));

        if (peer_is_listed_outside(peer_unpack(symbol)) && flows_with(&state->peers, symbol) == 0) {
            *peer = peer_unpack(symbol);
            return true;
        }
    }
    return false;
}

static struct peer draw_new(const struct peer_owner *owner, uint64_t *name, struct random_stream *random)
{
    const struct peer_novelty *novelty = &owner->model->states[owner->state].novelty;
    struct peer peer = { PEER_OUTSIDE, PEER_ID_OTHER };
    struct random_stream sticks;
    uint64_t stick;

    random_init(&sticks, owner->seed, RANDOM_PEERS, owner->name, owner->state, 0);
    stick = peer_draw_stick(peer_novelty_discount(novelty), peer_novelty_strength(novelty), &sticks, random);
    *name = random_mix64(random_mix64((uint64_t)owner->name << 32 | owner->state) ^ stick);
    if (*name % UINT8_MAX < novelty->known)
        meet_known(owner, *name, &peer);
    return peer;
}

/*
 * A peer of c flows keeps c - d of them on average, as the process has it: it is met no more with probability
 * d / c. So of those met once some are gone for good, and the others come back as often as they did;
 * each coming back a little less often would be more peers than there were.
 */
static bool is_gone(const struct peer_owner *owner, uint32_t symbol, uint32_t flows)
{
    uint64_t name = random_mix64((uint64_t)owner->name << 32 | symbol);
    uint64_t chance = random_mix64(owner->seed ^ random_mix64(name ^ owner->state)) >> 32;

    return (double)chance * 0x1p-32 * flows <
           peer_novelty_discount(&owner->model->states[owner->state].novelty);
}

struct peer peer_draw(const struct peer_owner *owner, uint64_t *name, struct random_stream *random)
{
    const struct state_model *state = &owner->model->states[owner->state];
    const struct peer_novelty *novelty = &state->novelty;
    struct peer peer;
    uint32_t index;

    if (random_unit(random) * UINT16_MAX < novelty->unlisted)
        return draw_new(owner, name, random);
    index = discrete_draw(&state->peers, random);
    peer = peer_unpack(discrete_symbol(&state->peers, index));
    if (peer.kind == PEER_OUTSIDE && novelty->strength > 0 &&
        (random_unit(random) < peer_novelty_fresh(novelty) ||
         is_gone(owner, peer_pack(peer), discrete_count(&state->peers, index))))
        return draw_new(owner, name, random);
    return peer;
}

/* ---- local peers ---- */

bool peer_answers(const struct state_model *asks, uint32_t asker, uint32_t asked,
                  const struct host_model *asked_model, uint64_t key)
{
    uint32_t all = flows_with(&asks->peers, peer_pack((struct peer){ PEER_LOCAL, asked }));
    uint32_t answered = 0;

    for (uint32_t i = 0; i < asked_model->state_count; i++) {
        const struct state_model *state = &asked_model->states[i];

        if (state->key.role == ROLE_RESPONDER && state->key.protocol == asks->key.protocol &&
            state->key.port_feature == asks->key.port_feature)
            answered = flows_with(&state->peers, peer_pack((struct peer){ PEER_LOCAL, asker }));
    }
    return (double)(random_mix64(key) >> 32) * 0x1p-32 * all < answered;
}
