/*
 * packet_model.h - how the packets of a session follow one another: direction, flags, payload, gap.
 *
 * The plug point for packet models. A model is fitted to the sampled flows of one service, and then draws the
 * packets of sessions one by one. It knows no addresses, numbers, bytes or clock. The session owns what is
 * still to be sent and the TCP machine, shows both to the model and updates both; so no model sends more packets than
 * planned or breaks TCP, but those that say so. Bytes are a wish: a model keeps lengths that the service has, and comes
 * near the planned bytes. Adding a model is one file, one line in packet_model.c and its state in the union.
 */
#ifndef SESSION_PACKET_MODEL_H
#define SESSION_PACKET_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "dayshift/service_model.h"
#include "session/bn_state.h"
#include "session/packet_budget.h"
#include "session/symbol_state.h"
#include "session/tcp_machine.h"

/* One packet as a model draws it. */
struct packet_draw {
    uint8_t side;            /* enum flow_side */
    uint8_t mark;            /* enum packet_mark, never PACKET_IMPAIRED */
    uint8_t tcp_flags;       /* of the five in TCP's machine; UDP, ICMP: 0 */
    uint32_t payload_bytes;  /* at most the session's largest */
    int64_t gap_ns;          /* since the session's previous packet; of the first: any */
};

/* What a session is, as far as a model may know: fixed from its beginning to its end. */
struct packet_shape {
    uint8_t protocol;
    bool under_way;      /* TCP: began before the flow did */
    uint32_t row;        /* the sampled flow it was made from: index in service->rows */
    int64_t rtt_ns;      /* > 0 */
    uint16_t most_bytes[2]; /* largest payload of a packet of that side: MSS of the other side less options */
    uint16_t ip_payload; /* that fits a frame: what is more goes out in pieces */
    struct packet_budget total;
    const struct session_row *planned; /* how it adds up: for begin() alone, NULL later */
};

enum { PACKET_RECENT = 4 }; /* datagrams whose answers may still be due */

/* What happened so far: read by models, written by the session. */
struct packet_progress {
    struct packet_budget left;
    struct tcp_machine machine; /* TCP alone */
    uint32_t messages[2]; /* finished runs of data packets one way; UDP, ICMP: datagrams */
    uint64_t latest_bytes[2]; /* of a side's latest one, as far as it went */
    uint16_t recent_bytes[2][PACKET_RECENT]; /* of its latest datagrams, by number */
};

/* A datagram answers the one of the same number; when there is none, the latest one. */
static inline uint64_t packet_progress_request_bytes(const struct packet_progress *p, enum flow_side side)
{
    enum flow_side asking = flow_side_other(side);
    uint32_t index = p->messages[side];
    uint32_t requests = p->messages[asking];

    if (index >= requests || requests - index > PACKET_RECENT)
        return p->latest_bytes[asking];
    return p->recent_bytes[asking][index % PACKET_RECENT];
}

/* What a model remembers of one session. */
union packet_memory {
    struct messages_memory {
        uint8_t opening, ending, closing_side;
        uint8_t first_side;    /* of the messages */
        uint8_t speaker;       /* of the current or next message */
        uint8_t listener;      /* who acknowledges, when ack_due */
        uint8_t attempts_done;
        bool begun;            /* its first packet was drawn */
        bool fin_on_data[2];   /* the last data packet of that side carries its FIN */
        bool unanswered[2];    /* the side sent data, SYN or FIN since the other one's latest packet */
        bool ack_due;          /* an acknowledgement (or a refusal) of the last packet comes next */
        bool message_open;     /* more packets of the current message follow */
        bool is_over;
        uint32_t messages_left[2];
        uint64_t pure_left[2];  /* packets without payload, not reserved for opening or closing */
        uint64_t acks_total[2]; /* pure acknowledgements a side spends over the other's data */
        uint64_t message_bytes_left, message_packets_left; /* of the current message */
        int64_t retry_ns;       /* from the first SYN to the second; then twice that, and so on */
        struct session_waits {
            int64_t ns;      /* waiting time not yet spent */
            uint64_t places; /* where it can be spent */
        } turns, segments;   /* before messages and the end; between the packets of a message */
    } messages;
    struct symbol_state symbols;
    struct bn_memory {
        struct bn_state state;
        uint32_t packets;      /* drawn so far */
        uint8_t last_fin_side; /* TCP: who sent the latest FIN */
        uint8_t idle;          /* TCP: packets without payload or FIN since then */
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
    void (*fit_all)(const struct packet_model *model, const struct service_model *const *services, size_t count,
                    struct packet_tables **tables);
    void (*release)(struct packet_tables *tables);
    size_t (*bytes)(const struct packet_tables *tables); /* memory they take */
    void (*begin)(const struct packet_tables *tables, const struct packet_shape *shape,
                  union packet_memory *memory, struct random_stream *random);
    /*
     * The next packet; false: the session is over. Every draw is allowed by progress->machine, and paid from
     * progress->left, of datagrams in pieces each piece: its side has packets left, and data packets left if it
     * has payload (bytes may be more or fewer than are left); but for what ignores_budget and is_lawless say.
     */
    bool (*next)(const struct packet_tables *tables, const struct packet_shape *shape,
                 const struct packet_progress *progress, union packet_memory *memory,
                 struct random_stream *random, struct packet_draw *draw);
};

/* All there are, the default first; NULL behind the last. */
const struct packet_model *packet_model_at(size_t place);

/* By name, "symbols", or the default for NULL; NULL: there is none of that name. */
const struct packet_model *packet_model_find(const char *name);

/* The fits of one packet model to services, made when they are first asked for, or all at once. One thread. */
struct packet_models; /* opaque */

/* `services`: those that may be asked for, from which a model with fit_all() learns. Borrowed. */
struct packet_models *packet_models_new(const struct packet_model *model,
                                        const struct service_model *const *services, size_t count);
void packet_models_free(struct packet_models *models); /* NULL is fine */
const struct packet_model *packet_models_kind(const struct packet_models *models);

/* NULL: this service has to do without. The service must live as long as `models`. */
const struct packet_tables *packet_models_tables(struct packet_models *models, const struct service_model *service);

#endif
