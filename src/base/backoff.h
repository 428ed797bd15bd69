/*
 * backoff.h - probabilities that back off from what a host did to what its crowd did, and what all hosts did.
 *
 * A symbol is counted in several contexts at once, the most general one first. Each level is a
 * Dirichlet prior for the next (MacKay and Peto 1995, "A hierarchical Dirichlet language model"):
 *
 *   p_0(x) = base(x)
 *   p_l(x) = (n_l(x) + (w_l + e_l) p_l-1(x)) / (n_l + w_l)
 *
 * with n_l(x) the times x was counted in the context, n_l those of all symbols, w_l the weight of the
 * level and e_l the times of BACKOFF_ESCAPE: seen, but not listed which. Where base sums to 1, every p_l does. The
 * weights are fitted by leaving one out: every count is foretold by all the others.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tally.h"

#define BACKOFF_NO_CONTEXT UINT32_MAX /* the level is passed over */
#define BACKOFF_ESCAPE (UINT32_MAX - 1)

enum { BACKOFF_LEVELS = 6 };

/* Whose counts a level has: all hosts' together, those of a host's crowd, or a host's alone. */
enum backoff_scope { BACKOFF_OF_ALL, BACKOFF_OF_CROWD, BACKOFF_OF_HOST };

struct backoff_level {
    enum backoff_scope scope;
    double weight;
    struct tally contexts; /* (host, crowd, or 0 of all; context) -> times; its index owns symbols */
    struct tally symbols;  /* (index of context, symbol) -> times */
};

/* A kept count, by which the weights are fitted. */
struct backoff_event {
    uint32_t host;
    uint32_t contexts[BACKOFF_LEVELS]; /* index, or BACKOFF_NO_CONTEXT */
    uint32_t symbols[BACKOFF_LEVELS];  /* index */
    uint64_t times;
    double base;
};

struct backoff {
    const uint32_t *crowds; /* by host, borrowed; NULL: levels of crowds are passed over */
    uint32_t depth;
    struct backoff_level levels[BACKOFF_LEVELS];
    struct backoff_event *events;
    size_t event_count, event_capacity;
};

/* `scopes` by level: those of hosts come behind those of crowds, and these behind those of all. */
void backoff_init(struct backoff *backoff, uint32_t depth, const enum backoff_scope *scopes,
                  const uint32_t *crowds);
void backoff_release(struct backoff *backoff);

/* Counts a symbol of a host, or BACKOFF_ESCAPE. `contexts` by level; `is_kept`: the weights shall be
 * fitted by it too. */
void backoff_add(struct backoff *backoff, uint32_t host, const uint32_t *contexts, uint32_t symbol,
                 uint64_t times, double base, bool is_kept);

/*
 * The weights under which each kept count is likeliest when it is left out: of the counts of its host
 * once, of those of its crowd and of all hosts with all that
 * its host has. A host counts like one of at most
 * 300 flows, so that the busiest do not decide alone. Forgets what was kept.
 */
void backoff_fit(struct backoff *backoff);

/* p of one level, from that of the level before it. */
double backoff_apply(const struct backoff *backoff, uint32_t level, uint32_t host, uint32_t context,
                     uint32_t symbol, double before);

#endif
