/*
 * TLS 1.3 as seen from outside (RFC 8446): the hellos in clear, all else application data.
 *
 * Sizes come out exact because a hello has soft parts: the legacy session id (0 to 32
 * bytes) takes small differences, the padding extension (RFC 7685) large ones.
 */
#include "session/payload_private.h"

#include <string.h>

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2 };

enum {
    TLS_1_0 = 0x0301,
    TLS_1_2 = 0x0303,
    RECORD_HEADER_BYTES = 5,
    HANDSHAKE_HEADER_BYTES = 4,
    RANDOM_BYTES = 32,
    MOST_SESSION_ID_BYTES = 32,
    MOST_RECORD_BYTES = RECORD_HEADER_BYTES + 16384,
    LEAST_RECORD_BYTES = RECORD_HEADER_BYTES + 1,
    CHANGE_CIPHER_SPEC_BYTES = RECORD_HEADER_BYTES + 1,
    ALERT_BYTES = RECORD_HEADER_BYTES + 2,
    EXTENSION_HEADER_BYTES = 4,
    KEY_BYTES = 32 /* X25519 */
};

enum {
    /* All hellos: headers, version, random, length of the session id. */
    HELLO_BYTES = RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES + 2 + RANDOM_BYTES + 1,
    BARE_CLIENT_HELLO_BYTES = HELLO_BYTES + 2 + 2 + 2, /* one suite, no compression */
    MOST_CLIENT_HELLO_BYTES = 2000,  /* more, and the rest is early data */
    USUAL_CLIENT_HELLO_BYTES = 517,
    BARE_SERVER_HELLO_BYTES = HELLO_BYTES + 2 + 1,
    OLD_EXTENSIONS_BYTES = 2 + 13,
    NEW_EXTENSIONS_BYTES = 2 + 46,
    LEAST_NEW_SERVER_HELLO_BYTES = BARE_SERVER_HELLO_BYTES + NEW_EXTENSIONS_BYTES,
    MOST_SERVER_HELLO_BYTES = LEAST_NEW_SERVER_HELLO_BYTES + MOST_SESSION_ID_BYTES
};

/* Extensions of a client, the most wanted first; each is taken when it fits. */
struct extension {
    uint16_t size;
    uint8_t bytes[32];
};

static const struct extension client_extensions[] = {
    {7, {0x00, 0x2b, 0, 3, 2, 0x03, 0x04}},                                   /* TLS 1.3 */
    {8, {0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x1d}},                                /* X25519 */
    {14, {0x00, 0x0d, 0, 10, 0, 8, 0x04, 0x03, 0x08, 0x04, 0x04, 0x01, 0x08, 0x05}}, /* signatures */
    {6, {0x00, 0x2d, 0, 2, 1, 1}},                                            /* PSK with (EC)DHE */
    {18, {0x00, 0x10, 0, 14, 0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'}},
    {6, {0x00, 0x0b, 0, 2, 1, 0}},                                            /* point formats */
    {4, {0x00, 0x17, 0, 0}},                                                  /* extended master secret */
    {4, {0x00, 0x23, 0, 0}},                                                  /* session ticket */
    {5, {0xff, 0x01, 0, 1, 0}},                                               /* renegotiation info */
};

static void write_record_header(struct piece *p, uint8_t type, uint16_t version, uint64_t record_bytes)
{
    piece_u8(p, type);
    piece_u16(p, version);
    piece_u16(p, (uint16_t)(record_bytes - RECORD_HEADER_BYTES));
}

static void write_data_record(struct piece *p, const struct tile *tile, const void *unused)
{
    (void)unused;
    if (tile->size < RECORD_HEADER_BYTES) {
        /* No record is so short. A byte that is no record type keeps parsers from joining it. */
        piece_zeros(p, tile->size);
        return;
    }
    write_record_header(p, APPLICATION_DATA, TLS_1_2, tile->size);
    piece_filler(p, FILLER_OPAQUE, tile->size - RECORD_HEADER_BYTES);
}

static void write_data(struct piece *p)
{
    if (piece_left(p) > 0)
        piece_tiles(p, piece_left(p), MOST_RECORD_BYTES, LEAST_RECORD_BYTES, write_data_record, NULL);
}

static void write_change_cipher_spec(struct piece *p)
{
    write_record_header(p, CHANGE_CIPHER_SPEC, TLS_1_2, CHANGE_CIPHER_SPEC_BYTES);
    piece_u8(p, 1);
}

/* Up to the session id, which both hellos have. */
static void write_hello(struct piece *p, uint8_t type, uint16_t version, uint64_t record_bytes,
                        uint64_t session_id_bytes)
{
    write_record_header(p, HANDSHAKE, version, record_bytes);
    piece_u8(p, type);
    piece_u8(p, 0);
    piece_u16(p, (uint16_t)(record_bytes - RECORD_HEADER_BYTES - HANDSHAKE_HEADER_BYTES));
    piece_u16(p, TLS_1_2);
    piece_filler(p, FILLER_OPAQUE, RANDOM_BYTES);
    piece_u8(p, (uint8_t)session_id_bytes);
}

static void write_server_name(struct piece *p, uint64_t flow_key)
{
    uint8_t name[12];

    filler_write(FILLER_LETTERS, flow_key, 0, name, sizeof name);
    memcpy(name + sizeof name - 4, ".com", 4);
    piece_u16(p, 0);
    piece_u16(p, 5 + sizeof name);
    piece_u16(p, 3 + sizeof name);
    piece_u8(p, 0);
    piece_u16(p, sizeof name);
    piece_bytes(p, name, sizeof name);
}

static void write_key_share(struct piece *p)
{
    piece_u16(p, 0x0033);
    piece_u16(p, 2 + 4 + KEY_BYTES);
    piece_u16(p, 4 + KEY_BYTES);
    piece_u16(p, 0x001d);
    piece_u16(p, KEY_BYTES);
    piece_filler(p, FILLER_OPAQUE, KEY_BYTES);
}

/* What a ClientHello of a wanted size holds beyond the bare one. */
struct client_hello_plan {
    bool has_extensions;
    bool has_server_name;
    bool has_key_share;
    bool extension[sizeof client_extensions / sizeof client_extensions[0]];
    bool has_padding;
    uint64_t padding_bytes;
    uint64_t session_id_bytes;
};

/* Takes a part off what is left, but leaves the session id its full length. */
static bool take(uint64_t *left, uint64_t bytes)
{
    if (*left < bytes + MOST_SESSION_ID_BYTES)
        return false;
    *left -= bytes;
    return true;
}

static struct client_hello_plan plan_client_hello(uint64_t record_bytes)
{
    struct client_hello_plan plan = {0};
    uint64_t left = record_bytes - BARE_CLIENT_HELLO_BYTES;

    if (left > MOST_SESSION_ID_BYTES) {
        plan.has_extensions = true;
        left -= 2;
        plan.has_server_name = take(&left, EXTENSION_HEADER_BYTES + 5 + 12);
        for (size_t i = 0; i < sizeof client_extensions / sizeof client_extensions[0]; i++)
            plan.extension[i] = take(&left, client_extensions[i].size);
        plan.has_key_share = take(&left, EXTENSION_HEADER_BYTES + 2 + 4 + KEY_BYTES);
    }
    if (left > MOST_SESSION_ID_BYTES) {
        plan.has_padding = true;
        left -= EXTENSION_HEADER_BYTES;
        plan.padding_bytes = left > MOST_SESSION_ID_BYTES ? left - MOST_SESSION_ID_BYTES : 0;
    }
    plan.session_id_bytes = left - plan.padding_bytes;
    return plan;
}

static void write_client_extensions(struct piece *p, const struct client_hello_plan *plan,
                                    uint64_t record_end, uint64_t flow_key)
{
    piece_u16(p, (uint16_t)(record_end - p->at - 2));
    if (plan->has_server_name)
        write_server_name(p, flow_key);
    for (size_t i = 0; i < sizeof client_extensions / sizeof client_extensions[0]; i++) {
        if (plan->extension[i])
            piece_bytes(p, client_extensions[i].bytes, client_extensions[i].size);
    }
    if (plan->has_key_share)
        write_key_share(p);
    if (plan->has_padding) {
        piece_u16(p, 21);
        piece_u16(p, (uint16_t)plan->padding_bytes);
        piece_zeros(p, plan->padding_bytes);
    }
}

static void write_client_hello(struct piece *p, uint64_t flow_key)
{
    uint64_t bytes = p->end > MOST_CLIENT_HELLO_BYTES ? USUAL_CLIENT_HELLO_BYTES : p->end;
    struct client_hello_plan plan = plan_client_hello(bytes);

    write_hello(p, CLIENT_HELLO, TLS_1_0, bytes, plan.session_id_bytes);
    piece_filler(p, FILLER_OPAQUE, plan.session_id_bytes);
    piece_u16(p, 2);
    piece_u16(p, 0x1301); /* TLS_AES_128_GCM_SHA256 */
    piece_u8(p, 1);
    piece_u8(p, 0);
    if (plan.has_extensions)
        write_client_extensions(p, &plan, bytes, flow_key);
}

static void write_server_extensions(struct piece *p, bool is_new)
{
    static const uint8_t old_extensions[OLD_EXTENSIONS_BYTES] = {
        0, 13, 0x00, 0x17, 0, 0, 0x00, 0x23, 0, 0, 0xff, 0x01, 0, 1, 0,
    };
    static const uint8_t new_extensions[] = {
        0, 46, 0x00, 0x2b, 0, 2, 0x03, 0x04, 0x00, 0x33, 0, 4 + KEY_BYTES, 0x00, 0x1d, 0, KEY_BYTES,
    };

    if (is_new) {
        piece_bytes(p, new_extensions, sizeof new_extensions);
        piece_filler(p, FILLER_OPAQUE, KEY_BYTES);
    } else {
        piece_bytes(p, old_extensions, sizeof old_extensions);
    }
}

/* Of `bytes`, at least the bare ones; short ones are of TLS 1.2. */
static void write_server_hello(struct piece *p, uint64_t bytes)
{
    bool is_new = bytes >= LEAST_NEW_SERVER_HELLO_BYTES;
    bool has_extensions = bytes >= BARE_SERVER_HELLO_BYTES + OLD_EXTENSIONS_BYTES;
    uint64_t least = BARE_SERVER_HELLO_BYTES +
                     (is_new ? NEW_EXTENSIONS_BYTES : has_extensions ? OLD_EXTENSIONS_BYTES : 0);

    write_hello(p, SERVER_HELLO, TLS_1_2, bytes, bytes - least);
    piece_filler(p, FILLER_OPAQUE, bytes - least);
    piece_u16(p, is_new ? 0x1301 : 0xc02f); /* 0xc02f: ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
    piece_u8(p, 0);
    if (has_extensions)
        write_server_extensions(p, is_new);
}

/* Hello, change-cipher-spec, and the certificate as encrypted data, as far as they fit. */
static void write_server_flight(struct piece *p)
{
    const uint64_t spare_bytes = CHANGE_CIPHER_SPEC_BYTES + LEAST_RECORD_BYTES;
    uint64_t hello = p->end;

    if (hello > MOST_SERVER_HELLO_BYTES)
        hello = MOST_SERVER_HELLO_BYTES;
    /* A shorter session id makes room for whole records behind. */
    if (p->end > hello && p->end < hello + CHANGE_CIPHER_SPEC_BYTES)
        hello = p->end - CHANGE_CIPHER_SPEC_BYTES;
    else if (p->end > hello + CHANGE_CIPHER_SPEC_BYTES && p->end < hello + spare_bytes)
        hello = p->end - spare_bytes;
    write_server_hello(p, hello);
    if (piece_left(p) > 0)
        write_change_cipher_spec(p);
    write_data(p);
}

static void write_alert(struct piece *p)
{
    write_record_header(p, ALERT, TLS_1_2, ALERT_BYTES);
    piece_u8(p, 2);
    piece_u8(p, 40); /* fatal: handshake failure */
}

void payload_tls(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);
    bool is_client = place->side == FLOW_INITIATOR;
    bool is_first = place->message_index == 0;

    if (is_first && is_client && p.end >= BARE_CLIENT_HELLO_BYTES)
        write_client_hello(&p, place->flow_key);
    else if (is_first && !is_client && p.end >= BARE_SERVER_HELLO_BYTES)
        write_server_flight(&p);
    else if (is_first && p.end == ALERT_BYTES)
        write_alert(&p);
    else if (is_client && place->message_index == 1 && p.end >= CHANGE_CIPHER_SPEC_BYTES + LEAST_RECORD_BYTES)
        write_change_cipher_spec(&p);
    write_data(&p);
}
