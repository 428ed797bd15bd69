/*
 * payload_private.h - what the payload generators share: the window through which a message
 * is written, the fillers, and the tiling of a message by records.
 *
 * A generator writes its message from the start, in order, as if all of it were wanted;
 * the window keeps the part that was asked for. So a message comes out the same whether
 * it is filled at once or in pieces of any size. Long runs are skipped, not computed:
 * a piece costs its own length and the headers before it.
 */
#ifndef SESSION_PAYLOAD_PRIVATE_H
#define SESSION_PAYLOAD_PRIVATE_H

#include <stdbool.h>

#include "base/random.h"
#include "session/payload.h"

/* The generators, one file a family. */
payload_fill payload_opaque;
payload_fill payload_dhcp;
payload_fill payload_dns;
payload_fill payload_ftp;
payload_fill payload_http;
payload_fill payload_imap;
payload_fill payload_llmnr;
payload_fill payload_mdns;
payload_fill payload_mqtt;
payload_fill payload_nbns;
payload_fill payload_ntp;
payload_fill payload_plain;
payload_fill payload_pop3;
payload_fill payload_smtp;
payload_fill payload_snmp;
payload_fill payload_ssdp;
payload_fill payload_ssh;
payload_fill payload_syslog;
payload_fill payload_tls;

/* A number all packets of one message agree on, and nobody else. */
static inline uint64_t payload_message_key(const struct payload_place *place)
{
    return random_mix64(place->flow_key ^
                        random_mix64((uint64_t)place->message_index << 1 | place->side));
}

/*
 * Which request of the initiator a message is or answers. The n-th answer belongs to the
 * n-th request, except that an answer cannot precede its request.
 */
static inline uint32_t payload_exchange(const struct payload_place *place)
{
    uint32_t latest = place->reply_to_index == 0 ? 0 : place->reply_to_index - 1;

    if (place->side == FLOW_INITIATOR || place->message_index < latest)
        return place->message_index;
    return latest;
}

/* The same for a request and its answer: ids, names. */
static inline uint64_t payload_exchange_key(const struct payload_place *place)
{
    return random_mix64(place->flow_key + payload_exchange(place));
}

/* Bytes without a format, each a pure function of a key and its position. */
enum filler {
    FILLER_OPAQUE,  /* as if encrypted or compressed */
    FILLER_LETTERS, /* lower case: host names, paths, cookies */
    FILLER_WORDS    /* words of eight bytes, the space included */
};

void filler_write(enum filler kind, uint64_t key, uint64_t position, uint8_t *out, size_t size);

/* The window on a message. */
struct piece {
    uint8_t *out;
    uint64_t from; /* positions in the message: of out[0] ... */
    uint64_t to;   /* ... and after the last byte wanted */
    uint64_t at;   /* of the next byte written */
    uint64_t end;  /* length of the message */
    uint64_t key;  /* of its fillers */
};

struct piece piece_begin(const struct payload_place *place, uint8_t *out, size_t size);

/* Each writes at p->at and moves it on. The caller stays within piece_left(). */
void piece_bytes(struct piece *p, const void *bytes, size_t size);
void piece_text(struct piece *p, const char *text);
void piece_u8(struct piece *p, uint8_t value);
void piece_u16(struct piece *p, uint16_t value);
void piece_u32(struct piece *p, uint32_t value);
void piece_u64(struct piece *p, uint64_t value);
void piece_zeros(struct piece *p, uint64_t size);
void piece_filler(struct piece *p, enum filler kind, uint64_t size);

static inline uint64_t piece_left(const struct piece *p)
{
    return p->end - p->at;
}

/* One of the records that cover a stretch without gap. */
struct tile {
    uint64_t start; /* in the stretch */
    uint64_t size;
    bool is_first;
    bool is_last;
};

/*
 * The tile that covers `position` when `total` bytes are cut into tiles of `most` bytes.
 * None is shorter than `least` (2 * least <= most) unless all of `total` is.
 */
struct tile tile_at(uint64_t total, uint64_t position, uint64_t most, uint64_t least);

/* Writes one tile; exactly tile->size bytes. */
typedef void piece_write_tile(struct piece *p, const struct tile *tile, const void *context);

/* Covers the next `total` bytes with tiles; `write` sees only those the window needs. */
void piece_tiles(struct piece *p, uint64_t total, uint64_t most, uint64_t least,
                 piece_write_tile *write, const void *context);

#endif
