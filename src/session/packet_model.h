/*
 * packet_model.h - how the packets of a session follow one another: direction, flags, payload, gap.
 *
 * The plug point for packet models. A model is fitted to the sampled flows of one service, and then draws the
 * packets of sessions one by one. It knows no addresses, numbers, bytes or clock. The session owns what is
 * still to be sent and the TCP machine, shows both to the model and updates both; so no model overspends or
 * breaks TCP, but those that say so. Adding a model is one file, one line in packet_model.c and its state in the union.
 */
#ifndef SESSION_PACKET_MODEL_H
#define SESSION_PACKET_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/service_model.h"
#include "session/bn_packets.h"
#include "session/tcp_machine.h"

/* One packet as a model draws it. */
struct packet_draw {
    enum flow_side side;
    enum packet_mark mark;   /* never PACKET_IMPAIRED */
    uint8_t tcp_flags;       /* of the five in TCP's machine; UDP, ICMP: 0 */
    uint32_t payload_bytes;  /* at most the session's largest */
    int64_t gap_ns;          /* since the session's previous packet; of the first: any */
};

/* What is still to be sent, by enum flow_side. */
struct packet_budget {
    uint64_t packets[2];
    uint64_t data_packets[2]; /* of these, with payload */
    uint64_t payload_bytes[2];
};

/* What a session is, as far as a model may know: fixed from its beginning to its end. */
struct packet_shape {
    uint8_t protocol;
    bool under_way;      /* TCP: began before the flow did */
    uint32_t row;        /* the sampled flow it was made from: index in service->rows */
    int64_t rtt_ns;      /* > 0 */
    uint16_t most_bytes[2]; /* largest payload of a packet of that side: MSS of the other side less options */
    struct packet_budget total;
};

/* What happened so far: read by models, written by the session. */
struct packet_progress {
    struct packet_budget left;
    struct tcp_machine machine; /* TCP alone */
};

/* What a model remembers of one session. */
union packet_memory {
    struct symbols_memory {
        uint8_t bytes[64]; /* see model_symbols.c */
    } symbols;
    struct bn_memory {
        struct bn_state state;
        uint32_t packets;      /* drawn so far */
        uint8_t last_fin_side; /* TCP: who sent the latest FIN */
        bool is_over;
    } bn;
};

struct packet_tables; /* opaque: what a model fitted to one service; does not change, and may be shared by threads */

struct packet_model {
    const char *name; /* in configurations */
    bool ignores_budget; /* volume is its own: draws are not paid from progress->left */
    bool is_lawless;     /* draws packets that progress->machine does not allow */
    /* From the sampled flows of a service and their sequences. NULL: too little is known; another model has to do. */
    struct packet_tables *(*fit)(const struct service_model *service);
    /*
     * Of a model that learns from all services at once, in place of fit(), which is then NULL: tables[i] is what
     * fit() would return for services[i], and released one by one. They may share memory: fitted and released
     * by one thread at a time.
     */
    void (*fit_all)(const struct service_model *const *services, size_t count,
                    struct packet_tables **tables);
    void (*release)(struct packet_tables *tables);
    size_t (*bytes)(const struct packet_tables *tables); /* memory they take */
    void (*begin)(const struct packet_tables *tables, const struct packet_shape *shape,
                  union packet_memory *memory, struct random_stream *random);
    /*
     * The next packet; false: the session is over. Every draw is allowed by progress->machine, and paid from
     * progress->left: its side has packets left, and data packets left if it has payload; but for what
     * ignores_budget and is_lawless say.
     */
    bool (*next)(const struct packet_tables *tables, const struct packet_shape *shape,
                 const struct packet_progress *progress, union packet_memory *memory,
                 struct random_stream *random, struct packet_draw *draw);
};

extern const struct packet_model packet_model_bn;     /* Falk's Bayesian network, as in the paper */
extern const struct packet_model packet_model_bn_tcp; /* the same, but TCP's machine allows what it draws */

#endif
