#include "synth/smoothed_chain.h"

#include <math.h>

#include "base/memory.h"

static uint32_t entries_of(const struct host_model *host)
{
    uint32_t count = 0;

    for (uint32_t s = 0; s < host->state_count; s++)
        count += host->states[s].next.size;
    return count;
}

/* ln p of all transitions, each foretold by the others. */
static double left_out(const struct smoothed_chain *chain, double weight)
{
    double sum = 0;

    for (uint32_t s = 0; s < chain->states; s++) {
        const struct discrete *next = &chain->host->states[s].next;
        double others = (double)discrete_total(next) - 1;

        for (uint32_t i = 0; i < next->size; i++) {
            double times = discrete_count(next, i);
            double prior = weight * chain->frequency[discrete_symbol(next, i)];

            sum += times * log((times - 1 + prior) / (others + weight));
        }
    }
    return sum;
}

static double best_weight(const struct smoothed_chain *chain)
{
    double best = SMOOTHED_CHAIN_LEAST_WEIGHT;
    double most = left_out(chain, best);

    for (double weight = 2 * best; weight <= SMOOTHED_CHAIN_MOST_WEIGHT; weight *= 2) {
        double sum = left_out(chain, weight);

        if (sum > most) {
            most = sum;
            best = weight;
        }
    }
    return best;
}

static void set_row(struct smoothed_chain *chain, uint32_t state)
{
    const struct discrete *next = &chain->host->states[state].next;
    const double known = 1 - CHAIN_UNKNOWN_PROBABILITY;
    double sum = discrete_total(next) + chain->weight;
    uint32_t at = chain->rows[state];

    for (uint32_t i = 0; i < next->size; i++, at++) {
        chain->next[at] = discrete_symbol(next, i);
        chain->own[at] = known * discrete_count(next, i) / sum;
    }
    chain->rest[state] = known * chain->weight / sum;
    chain->rows[state + 1] = at;
}

static int compare_keys(const void *a, const void *b)
{
    uint32_t x = ((const struct smoothed_chain_key *)a)->packed;
    uint32_t y = ((const struct smoothed_chain_key *)b)->packed;

    return (x > y) - (x < y);
}

static void set_keys(struct smoothed_chain *chain)
{
    for (uint32_t s = 0; s < chain->states; s++)
        chain->keys[s] = (struct smoothed_chain_key){ state_key_pack(chain->host->states[s].key), s };
    qsort(chain->keys, chain->states, sizeof *chain->keys, compare_keys);
}

void smoothed_chain_init(struct smoothed_chain *chain, const struct host_model *host)
{
    uint32_t entries = entries_of(host);

    *chain = (struct smoothed_chain){
        .host = host,
        .states = host->state_count,
        .rows = memory_alloc_array((size_t)host->state_count + 1, sizeof *chain->rows),
        .next = memory_alloc_array(entries, sizeof *chain->next),
        .own = memory_alloc_array(entries, sizeof *chain->own),
        .rest = memory_alloc_array(host->state_count, sizeof *chain->rest),
        .frequency = memory_alloc_array(host->state_count, sizeof *chain->frequency),
        .keys = memory_alloc_array(host->state_count, sizeof *chain->keys),
    };
    set_keys(chain);
    for (uint32_t i = 0; i < host->frequency.size; i++)
        chain->frequency[discrete_symbol(&host->frequency, i)] = discrete_share(&host->frequency, i);
    chain->weight = best_weight(chain);
    for (uint32_t s = 0; s < host->state_count; s++)
        set_row(chain, s);
}

void smoothed_chain_release(struct smoothed_chain *chain)
{
    free(chain->rows);
    free(chain->next);
    free(chain->own);
    free(chain->rest);
    free(chain->frequency);
    free(chain->keys);
}

static double own_probability(const struct smoothed_chain *chain, uint32_t from, uint32_t to)
{
    for (uint32_t i = chain->rows[from]; i < chain->rows[from + 1]; i++) {
        if (chain->next[i] == to)
            return chain->own[i];
    }
    return 0;
}

double smoothed_chain_log(const struct smoothed_chain *chain, uint32_t from, uint32_t to)
{
    if (to == CHAIN_NONE)
        return 0;
    if (to == CHAIN_UNKNOWN)
        return log(CHAIN_UNKNOWN_PROBABILITY);
    if (from == CHAIN_NONE)
        return log(chain->frequency[to]);
    if (from == CHAIN_UNKNOWN)
        return log((1 - CHAIN_UNKNOWN_PROBABILITY) * chain->frequency[to]);
    return log(own_probability(chain, from, to) + chain->rest[from] * chain->frequency[to]);
}

bool smoothed_chain_has(const struct smoothed_chain *chain, uint32_t from, uint32_t to)
{
    return from < chain->states && to < chain->states && own_probability(chain, from, to) > 0;
}

uint32_t smoothed_chain_find(const struct smoothed_chain *chain, struct state_key key)
{
    const struct smoothed_chain_key wanted = { state_key_pack(key), 0 };
    const struct smoothed_chain_key *found =
        bsearch(&wanted, chain->keys, chain->states, sizeof *chain->keys, compare_keys);

    return found ? found->state : CHAIN_UNKNOWN;
}
