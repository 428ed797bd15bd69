#include "eval/likelihood.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/memory.h"

/* What a count is given. */
enum context {
    CONTEXT_NONE,
    CONTEXT_BEFORE,       /* the state before */
    CONTEXT_STATE,
    CONTEXT_KIND,         /* role and protocol of the state */
    CONTEXT_TRANSITION,   /* both states */
    CONTEXT_STATE_PACKETS,
    CONTEXT_KIND_PACKETS
};

enum {
    STATES = 2 * (2 * PORT_FEATURES + 1), /* roles; TCP and UDP with their ports, and a ping */
    GAP_BINS = 42 * GAP_GRID_PER_OCTAVE,  /* a longer silence than an hour ends a sequence */
    MAX_KEPT_HOSTS = 256                  /* by which weights are fitted */
};

static const struct term {
    const char *name;
    uint32_t depth;
    struct {
        enum backoff_scope scope;
        enum context context;
    } levels[BACKOFF_LEVELS];
    enum context urn;
} terms[LIKELIHOOD_TERMS] = {
    [TERM_STATE] = { "state", 6,
                     { { BACKOFF_OF_ALL, CONTEXT_NONE }, { BACKOFF_OF_ALL, CONTEXT_BEFORE },
                       { BACKOFF_OF_CROWD, CONTEXT_NONE }, { BACKOFF_OF_CROWD, CONTEXT_BEFORE },
                       { BACKOFF_OF_HOST, CONTEXT_NONE }, { BACKOFF_OF_HOST, CONTEXT_BEFORE } }, CONTEXT_NONE },
    [TERM_PACKETS] = { "packets", 4,
                       { { BACKOFF_OF_ALL, CONTEXT_KIND }, { BACKOFF_OF_ALL, CONTEXT_STATE },
                         { BACKOFF_OF_CROWD, CONTEXT_STATE }, { BACKOFF_OF_HOST, CONTEXT_STATE } },
                       CONTEXT_STATE },
    [TERM_BYTES] = { "bytes", 4,
                     { { BACKOFF_OF_ALL, CONTEXT_KIND_PACKETS }, { BACKOFF_OF_ALL, CONTEXT_STATE_PACKETS },
                       { BACKOFF_OF_CROWD, CONTEXT_STATE_PACKETS }, { BACKOFF_OF_HOST, CONTEXT_STATE_PACKETS } },
                     CONTEXT_STATE_PACKETS },
    [TERM_INITIATOR_PORT] = { "initiator_port", 4,
                              { { BACKOFF_OF_ALL, CONTEXT_KIND }, { BACKOFF_OF_ALL, CONTEXT_STATE },
                                { BACKOFF_OF_CROWD, CONTEXT_STATE }, { BACKOFF_OF_HOST, CONTEXT_STATE } },
                              CONTEXT_STATE },
    [TERM_RESPONDER_PORT] = { "responder_port", 3,
                              { { BACKOFF_OF_ALL, CONTEXT_STATE }, { BACKOFF_OF_CROWD, CONTEXT_STATE },
                                { BACKOFF_OF_HOST, CONTEXT_STATE } }, CONTEXT_STATE },
    [TERM_GAP] = { "gap", 6,
                   { { BACKOFF_OF_ALL, CONTEXT_NONE }, { BACKOFF_OF_ALL, CONTEXT_TRANSITION },
                     { BACKOFF_OF_CROWD, CONTEXT_NONE }, { BACKOFF_OF_CROWD, CONTEXT_TRANSITION },
                     { BACKOFF_OF_HOST, CONTEXT_NONE }, { BACKOFF_OF_HOST, CONTEXT_TRANSITION } },
                   CONTEXT_NONE },
};

struct likelihood {
    uint32_t *crowds;   /* by host; NULL: not known */
    struct tally pairs; /* two numbers -> their index, which stands for both */
    struct backoff terms[LIKELIHOOD_TERMS];
};

const char *likelihood_term_name(enum likelihood_term term)
{
    return terms[term].name;
}

/* ---- what a step is, to a term ---- */

/* A step and the state before it, BACKOFF_NO_CONTEXT where there is none. */
struct moment {
    struct host_step step;
    uint32_t before;
};

static uint32_t index_of_pair(struct likelihood *likelihood, uint32_t a, uint32_t b)
{
    return tally_add(&likelihood->pairs, a, b, 1);
}

static uint32_t context_of(struct likelihood *likelihood, enum context context, const struct moment *moment)
{
    uint32_t state = moment->step.state;

    switch (context) {
    case CONTEXT_NONE: return 0;
    case CONTEXT_BEFORE: return moment->before;
    case CONTEXT_STATE: return state;
    case CONTEXT_KIND: return state >> 16;
    case CONTEXT_TRANSITION: return index_of_pair(likelihood, moment->before, state);
    case CONTEXT_STATE_PACKETS:
        return index_of_pair(likelihood, state, UINT32_MAX - moment->step.packets_bin);
    default: return (state >> 16) << 16 | moment->step.packets_bin;
    }
}

static uint32_t symbol_of(enum likelihood_term term, const struct host_step *step)
{
    switch (term) {
    case TERM_STATE: return step->state;
    case TERM_PACKETS: return step->packets_bin;
    case TERM_BYTES: return step->bytes_bin;
    case TERM_INITIATOR_PORT: return step->initiator_feature;
    case TERM_RESPONDER_PORT: return step->responder_port;
    default: return step->gap_bin;
    }
}

static bool has_term(enum likelihood_term term, const struct moment *moment)
{
    struct state_key key = state_key_unpack(moment->step.state);

    switch (term) {
    case TERM_INITIATOR_PORT: return state_key_has_ports(key);
    case TERM_RESPONDER_PORT:
        return state_key_has_ports(key) && !port_feature_is_exact(key.port_feature);
    case TERM_GAP: return moment->before != BACKOFF_NO_CONTEXT;
    default: return true;
    }
}

/* The uniform distribution over what a term could be. */
static double base_of(enum likelihood_term term, const struct host_step *step)
{
    uint32_t feature = state_key_unpack(step->state).port_feature;

    switch (term) {
    case TERM_STATE: return 1.0 / STATES;
    case TERM_PACKETS: return 1.0 / FLOW_PACKET_BINS;
    case TERM_BYTES: return 1.0 / FLOW_BYTE_BINS;
    case TERM_INITIATOR_PORT: return 1.0 / PORT_FEATURES;
    case TERM_RESPONDER_PORT:
        return 1.0 / (port_feature_first(feature + 1) - port_feature_first(feature));
    default: return 1.0 / GAP_BINS;
    }
}

static void contexts_of(struct likelihood *likelihood, enum likelihood_term term,
                        const struct moment *moment, uint32_t contexts[BACKOFF_LEVELS])
{
    for (uint32_t l = 0; l < terms[term].depth; l++)
        contexts[l] = context_of(likelihood, terms[term].levels[l].context, moment);
}

/* ---- learning ---- */

/* What is counted from. */
struct source {
    struct likelihood *likelihood;
    const struct network_stats *stats;
    uint32_t kept_step; /* every so many hosts are kept to fit by */
};

static void count(const struct source *source, enum likelihood_term term, uint32_t host,
                  const struct moment *moment, uint32_t symbol, uint64_t times)
{
    uint32_t contexts[BACKOFF_LEVELS];

    contexts_of(source->likelihood, term, moment, contexts);
    backoff_add(&source->likelihood->terms[term], host, contexts, symbol, times,
                base_of(term, &moment->step), host % source->kept_step == 0);
}

static const struct tally_entry *state_of(const struct source *source, uint32_t state)
{
    return &source->stats->states.entries[state];
}

static void count_initial(const struct source *source, const struct tally_entry *entry)
{
    uint32_t state = state_of(source, entry->symbol)->symbol;
    const struct moment moment = { .step = { .state = state }, .before = BACKOFF_NO_CONTEXT };

    count(source, TERM_STATE, entry->owner, &moment, state, entry->count);
}

static struct moment moment_of_transition(const struct source *source, const struct tally_entry *transition)
{
    return (struct moment){ .step = { .state = state_of(source, transition->symbol)->symbol },
                            .before = state_of(source, transition->owner)->symbol };
}

static void count_transition(const struct source *source, const struct tally_entry *entry)
{
    const struct moment moment = moment_of_transition(source, entry);

    count(source, TERM_STATE, state_of(source, entry->owner)->owner, &moment, moment.step.state, entry->count);
}

static void count_gap(const struct source *source, const struct tally_entry *entry)
{
    const struct tally_entry *transition = &source->stats->transitions.entries[entry->owner];
    const struct moment moment = moment_of_transition(source, transition);

    count(source, TERM_GAP, state_of(source, transition->owner)->owner, &moment, entry->symbol, entry->count);
}

static void count_of_state(const struct source *source, enum likelihood_term term,
                           const struct tally_entry *entry)
{
    const struct tally_entry *state = state_of(source, entry->owner);
    struct moment moment = { .step = { .state = state->symbol }, .before = BACKOFF_NO_CONTEXT };
    uint32_t symbol = entry->symbol;

    if (term == TERM_BYTES) {
        moment.step.packets_bin = (uint16_t)flow_size_packets_bin(symbol);
        symbol = flow_size_bytes_bin(symbol);
    }
    if (term == TERM_RESPONDER_PORT && symbol == PORT_OTHER)
        symbol = BACKOFF_ESCAPE;
    count(source, term, state->owner, &moment, symbol, entry->count);
}

static void count_states(const struct source *source, enum likelihood_term term, const struct tally *tally)
{
    for (size_t i = 0; i < tally->used; i++)
        count_of_state(source, term, &tally->entries[i]);
}

static void learn(const struct source *source)
{
    const struct network_stats *stats = source->stats;

    for (size_t i = 0; i < stats->initial.used; i++)
        count_initial(source, &stats->initial.entries[i]);
    for (size_t i = 0; i < stats->transitions.used; i++)
        count_transition(source, &stats->transitions.entries[i]);
    for (size_t i = 0; i < stats->gaps.used; i++)
        count_gap(source, &stats->gaps.entries[i]);
    count_states(source, TERM_PACKETS, &stats->volumes);
    count_states(source, TERM_BYTES, &stats->bytes);
    count_states(source, TERM_INITIATOR_PORT, &stats->initiator_ports);
    count_states(source, TERM_RESPONDER_PORT, &stats->responder_ports);
}

struct likelihood *likelihood_new(const struct network_stats *stats, const uint32_t *crowds)
{
    struct likelihood *likelihood = memory_alloc(sizeof *likelihood);
    const struct source source = { likelihood, stats, stats->host_count / MAX_KEPT_HOSTS + 1 };

    tally_init(&likelihood->pairs);
    if (crowds && stats->host_count > 0) {
        likelihood->crowds = memory_alloc_array(stats->host_count, sizeof *crowds);
        memcpy(likelihood->crowds, crowds, stats->host_count * sizeof *crowds);
    }
    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        enum backoff_scope scopes[BACKOFF_LEVELS] = { BACKOFF_OF_ALL };

        for (uint32_t l = 0; l < terms[t].depth; l++)
            scopes[l] = terms[t].levels[l].scope;
        backoff_init(&likelihood->terms[t], terms[t].depth, scopes, likelihood->crowds);
    }
    learn(&source);
    for (int t = 0; t < LIKELIHOOD_TERMS; t++)
        backoff_fit(&likelihood->terms[t]);
    return likelihood;
}

void likelihood_free(struct likelihood *likelihood)
{
    if (likelihood == NULL)
        return;
    for (int t = 0; t < LIKELIHOOD_TERMS; t++)
        backoff_release(&likelihood->terms[t]);
    tally_release(&likelihood->pairs);
    free(likelihood->crowds);
    free(likelihood);
}

double likelihood_weight(const struct likelihood *likelihood, enum likelihood_term term, uint32_t level)
{
    return level < likelihood->terms[term].depth ? likelihood->terms[term].levels[level].weight : 0;
}

/* ---- sequences made ready ---- */

/* Something that happens in the sample, once or often: what all hosts together make of it is known. */
struct event {
    uint32_t contexts[BACKOFF_LEVELS];
    uint32_t symbol;
    double of_all;
};

/* A record, to one term. */
struct occurrence {
    uint32_t event; /* TALLY_NONE: the term does not apply */
    uint16_t like, of; /* earlier records of the sequence that are like it, and that have its context; 0 without
                        * the urn */
};

struct events {
    struct tally index; /* (finest context, symbol) -> times; its index is an event */
    struct event *events;
    size_t capacity;
};

struct likelihood_sample {
    size_t count;
    bool has_urn;
    uint32_t *lengths;
    struct events events[LIKELIHOOD_TERMS];
    struct occurrence (*records)[LIKELIHOOD_TERMS];
};

static uint32_t add_event(struct likelihood *likelihood, struct events *events, enum likelihood_term term,
                          const struct moment *moment)
{
    struct event event = { .symbol = symbol_of(term, &moment->step) };
    size_t known = events->index.used;
    double p = base_of(term, &moment->step);
    uint32_t index;

    contexts_of(likelihood, term, moment, event.contexts);
    index = tally_add(&events->index, event.contexts[terms[term].depth - 1], event.symbol, 1);
    if (index < known)
        return index;
    for (uint32_t l = 0; l < terms[term].depth && terms[term].levels[l].scope == BACKOFF_OF_ALL; l++)
        p = backoff_apply(&likelihood->terms[term], l, 0, event.contexts[l], event.symbol, p);
    event.of_all = p;
    events->events = memory_grow(events->events, &events->capacity, known + 1, sizeof *events->events);
    events->events[index] = event;
    return index;
}

/* Counts of the urn, of one sequence. */
static void look_back(const uint32_t *contexts, const uint32_t *symbols, uint32_t at, struct occurrence *o)
{
    uint32_t of = 0;
    uint32_t like = 0;

    for (uint32_t i = 0; i < at; i++) {
        of += contexts[i] == contexts[at];
        like += contexts[i] == contexts[at] && symbols[i] == symbols[at];
    }
    o->of = (uint16_t)of;
    o->like = (uint16_t)like;
}

static void prepare_term(struct likelihood *likelihood, struct likelihood_sample *sample,
                         enum likelihood_term term, const struct step_sequence *sequence, size_t first)
{
    uint32_t *contexts = memory_alloc_array(sequence->length, sizeof *contexts);
    uint32_t *symbols = memory_alloc_array(sequence->length, sizeof *symbols);
    struct moment moment = { .before = BACKOFF_NO_CONTEXT };

    for (uint32_t i = 0; i < sequence->length; i++) {
        struct occurrence *o = &sample->records[first + i][term];

        moment.before = i == 0 || sequence->steps[i].gap_bin == STEP_NO_GAP ? BACKOFF_NO_CONTEXT
                                                                            : sequence->steps[i - 1].state;
        moment.step = sequence->steps[i];
        *o = (struct occurrence){ .event = TALLY_NONE };
        contexts[i] = BACKOFF_NO_CONTEXT;
        symbols[i] = 0;
        if (!has_term(term, &moment))
            continue;
        o->event = add_event(likelihood, &sample->events[term], term, &moment);
        contexts[i] = context_of(likelihood, terms[term].urn, &moment);
        symbols[i] = symbol_of(term, &moment.step);
        if (sample->has_urn)
            look_back(contexts, symbols, i, o);
    }
    free(contexts);
    free(symbols);
}

struct likelihood_sample *likelihood_sample_new(struct likelihood *likelihood,
                                                const struct step_sequence *sequences, size_t count,
                                                bool has_urn)
{
    struct likelihood_sample *sample = memory_alloc(sizeof *sample);
    size_t records = 0;

    sample->count = count;
    sample->has_urn = has_urn;
    sample->lengths = memory_alloc_array(count, sizeof *sample->lengths);
    for (size_t i = 0; i < count; i++) {
        sample->lengths[i] = sequences[i].length;
        records += sequences[i].length;
    }
    sample->records = memory_alloc_array(records, sizeof *sample->records);
    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        size_t first = 0;

        tally_init(&sample->events[t].index);
        for (size_t i = 0; i < count; first += sequences[i++].length)
            prepare_term(likelihood, sample, (enum likelihood_term)t, &sequences[i], first);
    }
    return sample;
}

void likelihood_sample_free(struct likelihood_sample *sample)
{
    if (sample == NULL)
        return;
    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        tally_release(&sample->events[t].index);
        free(sample->events[t].events);
    }
    free(sample->lengths);
    free(sample->records);
    free(sample);
}

/* ---- judging ---- */

/* What the host makes of each event of a term: done once, however often it happens. */
static double *event_probabilities(const struct likelihood *likelihood, const struct likelihood_sample *sample,
                                   enum likelihood_term term, uint32_t host)
{
    const struct backoff *backoff = &likelihood->terms[term];
    size_t count = sample->events[term].index.used;
    double *probabilities = memory_alloc_array(count, sizeof *probabilities);

    for (size_t i = 0; i < count; i++) {
        const struct event *event = &sample->events[term].events[i];
        double p = event->of_all;

        for (uint32_t l = 0; l < backoff->depth; l++) {
            if (backoff->levels[l].scope != BACKOFF_OF_ALL)
                p = backoff_apply(backoff, l, host, event->contexts[l], event->symbol, p);
        }
        probabilities[i] = p;
    }
    return probabilities;
}

/* The product over the terms: no record's is so small that it is lost. */
static double record_probability(const struct occurrence occurrences[LIKELIHOOD_TERMS],
                                 double *const probabilities[LIKELIHOOD_TERMS])
{
    double product = 1;

    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        const struct occurrence *o = &occurrences[t];

        if (probabilities[t] && o->event != TALLY_NONE)
            product *= (LIKELIHOOD_URN * probabilities[t][o->event] + o->like) / (LIKELIHOOD_URN + o->of);
    }
    return product;
}

void likelihood_score(const struct likelihood *likelihood, const struct likelihood_sample *sample,
                      uint32_t host, unsigned set, double *nats)
{
    double *probabilities[LIKELIHOOD_TERMS] = { NULL };
    size_t record = 0;

    for (int t = 0; t < LIKELIHOOD_TERMS; t++) {
        if (set & 1u << t)
            probabilities[t] = event_probabilities(likelihood, sample, (enum likelihood_term)t, host);
    }
    for (size_t i = 0; i < sample->count; i++) {
        nats[i] = 0;
        for (uint32_t k = 0; k < sample->lengths[i]; k++)
            nats[i] += log(record_probability(sample->records[record++], probabilities));
    }
    for (int t = 0; t < LIKELIHOOD_TERMS; t++)
        free(probabilities[t]);
}
