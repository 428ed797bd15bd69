#include "synth/bridge.h"

#include <math.h>
#include <stdbool.h>

#include "base/memory.h"

static double mean_of(const struct smoothed_chain *chain, const double *message)
{
    double mean = 0;

    for (uint32_t s = 0; s < chain->states; s++)
        mean += chain->frequency[s] * message[s];
    return mean;
}

/* The probability of what is beyond one more step, by the states before that step. */
static double step_back(const struct smoothed_chain *chain, const double *message, double spread, uint32_t from)
{
    double sum = chain->rest[from] * spread;

    for (uint32_t i = chain->rows[from]; i < chain->rows[from + 1]; i++)
        sum += chain->own[i] * message[chain->next[i]];
    return sum;
}

/* To a largest of 1; returns the logarithm of what it was. */
static double scale(double *message, uint32_t states)
{
    double most = 0;

    for (uint32_t s = 0; s < states; s++)
        most = fmax(most, message[s]);
    for (uint32_t s = 0; s < states; s++)
        message[s] /= most;
    return log(most);
}

static bool is_same(const double *a, const double *b, uint32_t states)
{
    for (uint32_t s = 0; s < states; s++) {
        if (fabs(a[s] - b[s]) > BRIDGE_TOLERANCE * a[s])
            return false;
    }
    return true;
}

/* The message of the state that is the last one missing. */
static void set_last(const struct bridge *bridge, double *message)
{
    for (uint32_t s = 0; s < bridge->chain->states; s++)
        message[s] = exp(smoothed_chain_log(bridge->chain, s, bridge->to));
}

static void set_earlier(const struct bridge *bridge, uint32_t number, double *message)
{
    size_t states = bridge->chain->states;

    for (uint32_t s = 0; s < states; s++)
        message[s] = step_back(bridge->chain, bridge->messages + (number - 1) * states,
                               bridge->spread[number - 1], s);
}

/* Makes messages until all states have one, or one is as the one before it; returns the last scale. */
static double make_messages(struct bridge *bridge, double *log_sum)
{
    size_t states = bridge->chain->states;
    size_t most = BRIDGE_MAX_BYTES / (states * sizeof(double));
    size_t capacity = 0;
    size_t spread_capacity = 0;
    double last = 0;

    while (bridge->kept < bridge->steps && bridge->kept < most) {
        uint32_t number = bridge->kept;
        double *message;

        bridge->messages = memory_grow(bridge->messages, &capacity, (size_t)number + 1,
                                       states * sizeof *bridge->messages);
        bridge->spread = memory_grow(bridge->spread, &spread_capacity, (size_t)number + 1,
                                     sizeof *bridge->spread);
        message = bridge->messages + number * states;
        if (number == 0)
            set_last(bridge, message);
        else
            set_earlier(bridge, number, message);
        last = scale(message, bridge->chain->states);
        *log_sum += last;
        bridge->spread[number] = mean_of(bridge->chain, message);
        bridge->kept++;
        if (number > 0 && is_same(message - states, message, bridge->chain->states))
            break;
    }
    return last;
}

/* The message of the missing state `step`. */
static uint32_t message_of(const struct bridge *bridge, uint32_t step)
{
    uint32_t number = bridge->steps - 1 - step;

    return number < bridge->kept ? number : bridge->kept - 1;
}

static bool is_state(uint32_t from)
{
    return from != CHAIN_NONE && from != CHAIN_UNKNOWN;
}

void bridge_init(struct bridge *bridge, const struct smoothed_chain *chain, uint32_t from, uint32_t to,
                 uint32_t steps)
{
    double log_sum = 0;
    double last;
    uint32_t first;

    *bridge = (struct bridge){ .chain = chain, .from = from, .to = to, .steps = steps };
    if (steps == 0) {
        bridge->log_end = smoothed_chain_log(chain, from, to);
        return;
    }
    last = make_messages(bridge, &log_sum);
    log_sum += last * (steps - bridge->kept);
    first = message_of(bridge, 0);
    bridge->log_end =
        log_sum + log(is_state(from) ? step_back(chain, bridge->messages + (size_t)first * chain->states,
                                                 bridge->spread[first], from)
                                     : bridge->spread[first]);
    if (from == CHAIN_UNKNOWN)
        bridge->log_end += log(1 - CHAIN_UNKNOWN_PROBABILITY);
}

void bridge_release(struct bridge *bridge)
{
    free(bridge->messages);
    free(bridge->spread);
}

/* In proportion to pi times the message. */
static uint32_t draw_any(const struct smoothed_chain *chain, const double *message, double wanted)
{
    uint32_t s = 0;

    for (; s + 1 < chain->states; s++) {
        double share = chain->frequency[s] * message[s];

        if (wanted < share)
            break;
        wanted -= share;
    }
    return s;
}

static uint32_t draw_next(const struct bridge *bridge, uint32_t number, uint32_t from,
                          struct random_stream *random)
{
    const struct smoothed_chain *chain = bridge->chain;
    const double *message = bridge->messages + (size_t)number * chain->states;
    double spread = bridge->spread[number];
    double wanted;

    if (!is_state(from))
        return draw_any(chain, message, random_unit(random) * spread);
    wanted = random_unit(random) * step_back(chain, message, spread, from);
    for (uint32_t i = chain->rows[from]; i < chain->rows[from + 1]; i++) {
        double share = chain->own[i] * message[chain->next[i]];

        if (wanted < share)
            return chain->next[i];
        wanted -= share;
    }
    return draw_any(chain, message, wanted / chain->rest[from]);
}

void bridge_draw(const struct bridge *bridge, uint32_t *states, struct random_stream *random)
{
    uint32_t at = bridge->from;

    for (uint32_t i = 0; i < bridge->steps; i++) {
        at = draw_next(bridge, message_of(bridge, i), at, random);
        states[i] = at;
    }
}
