/*
 * SSH (RFC 4253): an identification line each way, the key exchange in clear, then cipher
 * text whose lengths are hidden too.
 *
 * By messages of a side: 0 the identification, and behind it the KEXINIT when there is
 * room; 1 the KEXINIT or the key exchange, as its size suggests; 2 key exchange and, when
 * there is room, NEWKEYS; 3 a client's NEWKEYS, if it has not come. From then on, and behind NEWKEYS, bytes are opaque.
 */
#include "session/payload_private.h"

#include <string.h>

enum {
    MESSAGE_IGNORE = 2,
    MESSAGE_KEXINIT = 20,
    MESSAGE_NEWKEYS = 21,
    MESSAGE_EXCHANGE_REQUEST = 30,
    MESSAGE_EXCHANGE_REPLY = 31
};

enum {
    MOST_NAME_BYTES = 255 - 8 - 2, /* a line without "SSH-2.0-" and its end */
    PACKET_HEADER_BYTES = 5, /* length, length of the padding */
    LEAST_PADDING_BYTES = 4,
    IGNORE_FIXED_BYTES = PACKET_HEADER_BYTES + 1 + 4 + LEAST_PADDING_BYTES,
    NEWKEYS_BYTES = 16,
    COOKIE_BYTES = 16,
    REQUEST_BYTES = 48,
    REPLY_BYTES = 192,
    KEY_BYTES = 32,
    SIGNATURE_BYTES = 64,
    ED25519_FIXED_BYTES = 4 + 4 + 11 + 4, /* lengths and the name around a key or signature */
    MOST_KEXINIT_BYTES = 4096,
    NAME_LISTS = 10,
    EXTRA_NAME_BYTES = 2    /* comma and at least one letter */
};

/* Key exchange, host key, ciphers, MACs and compressions each way, languages each way. */
static const char *const name_lists[NAME_LISTS] = {
    "curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group14-sha256",
    "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
    "chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com",
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
    "none,zlib@openssh.com",
    "none,zlib@openssh.com",
    "",
    "",
};

static size_t kexinit_least_bytes(void)
{
    size_t bytes = PACKET_HEADER_BYTES + 1 + COOKIE_BYTES + 1 + 4 + LEAST_PADDING_BYTES;

    for (size_t i = 0; i < NAME_LISTS; i++)
        bytes += 4 + strlen(name_lists[i]);
    return bytes;
}

static void write_packet_header(struct piece *p, uint64_t packet_bytes, uint64_t padding_bytes, uint8_t type)
{
    piece_u32(p, (uint32_t)(packet_bytes - 4));
    piece_u8(p, (uint8_t)padding_bytes);
    piece_u8(p, type);
}

/* What does not fit the known names is one more, private key exchange in the first list. */
static void write_kexinit(struct piece *p, uint64_t size)
{
    uint64_t spare = size - kexinit_least_bytes();
    uint64_t extra = spare > EXTRA_NAME_BYTES ? spare : 0;
    uint64_t padding = LEAST_PADDING_BYTES + spare - extra;

    write_packet_header(p, size, padding, MESSAGE_KEXINIT);
    piece_filler(p, FILLER_OPAQUE, COOKIE_BYTES);
    for (size_t i = 0; i < NAME_LISTS; i++) {
        uint64_t more = i == 0 ? extra : 0;

        piece_u32(p, (uint32_t)(strlen(name_lists[i]) + more));
        piece_text(p, name_lists[i]);
        if (more > 0) {
            piece_u8(p, ',');
            piece_filler(p, FILLER_LETTERS, more - 1);
        }
    }
    piece_zeros(p, 1 + 4); /* no guessed packet follows; reserved */
    piece_filler(p, FILLER_OPAQUE, padding);
}

static void write_newkeys(struct piece *p)
{
    write_packet_header(p, NEWKEYS_BYTES, NEWKEYS_BYTES - PACKET_HEADER_BYTES - 1, MESSAGE_NEWKEYS);
    piece_filler(p, FILLER_OPAQUE, NEWKEYS_BYTES - PACKET_HEADER_BYTES - 1);
}

/* One packet of any size that peers pass over; below its least size only its header is right. */
static void write_ignore(struct piece *p, uint64_t size)
{
    if (size < IGNORE_FIXED_BYTES) {
        piece_zeros(p, size);
        return;
    }
    write_packet_header(p, size, LEAST_PADDING_BYTES, MESSAGE_IGNORE);
    piece_u32(p, (uint32_t)(size - IGNORE_FIXED_BYTES));
    piece_filler(p, FILLER_OPAQUE, size - PACKET_HEADER_BYTES - 1 - 4);
}

static void write_clear_packet(struct piece *p, uint64_t size)
{
    if (size >= kexinit_least_bytes() && size <= MOST_KEXINIT_BYTES)
        write_kexinit(p, size);
    else
        write_ignore(p, size);
}

/* Too short to identify: servers may say something else first, in lines. */
static void write_greeting(struct piece *p)
{
    if (p->end > 2)
        piece_filler(p, FILLER_LETTERS, p->end - 2);
    if (p->end > 1)
        piece_u8(p, '\r');
    if (p->end > 0)
        piece_u8(p, '\n');
}

static void write_identification(struct piece *p)
{
    static const char usual[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
    static const char least[] = "SSH-2.0-";
    uint64_t letters;

    if (p->end >= sizeof usual - 1 + kexinit_least_bytes() || p->end == sizeof usual - 1) {
        piece_text(p, usual);
        return;
    }
    if (p->end < sizeof least - 1 + 3) {
        write_greeting(p);
        return;
    }
    letters = p->end - (sizeof least - 1) - 2;
    if (letters > MOST_NAME_BYTES)
        letters = MOST_NAME_BYTES - IGNORE_FIXED_BYTES; /* so that a whole packet follows */
    piece_text(p, least);
    piece_filler(p, FILLER_LETTERS, letters);
    piece_text(p, "\r\n");
}

static void write_string(struct piece *p, uint32_t bytes)
{
    piece_u32(p, bytes);
    piece_filler(p, FILLER_OPAQUE, bytes);
}

/* "ssh-ed25519" and a value: the form of a host key and of a signature (RFC 8709). */
static void write_ed25519(struct piece *p, uint32_t value_bytes)
{
    piece_u32(p, 4 + 11 + 4 + value_bytes);
    piece_u32(p, 11);
    piece_text(p, "ssh-ed25519");
    write_string(p, value_bytes);
}

/* The client's X25519 key. */
static void write_exchange_request(struct piece *p)
{
    const uint64_t padding = REQUEST_BYTES - PACKET_HEADER_BYTES - 1 - 4 - KEY_BYTES;

    write_packet_header(p, REQUEST_BYTES, padding, MESSAGE_EXCHANGE_REQUEST);
    write_string(p, KEY_BYTES);
    piece_filler(p, FILLER_OPAQUE, padding);
}

/* The server's host key, X25519 key and signature. */
static void write_exchange_reply(struct piece *p)
{
    const uint64_t strings_bytes =
        2 * ED25519_FIXED_BYTES + KEY_BYTES + SIGNATURE_BYTES + 4 + KEY_BYTES;
    const uint64_t padding = REPLY_BYTES - PACKET_HEADER_BYTES - 1 - strings_bytes;

    write_packet_header(p, REPLY_BYTES, padding, MESSAGE_EXCHANGE_REPLY);
    write_ed25519(p, KEY_BYTES);
    write_string(p, KEY_BYTES);
    write_ed25519(p, SIGNATURE_BYTES);
    piece_filler(p, FILLER_OPAQUE, padding);
}

/* As much of the end of the key exchange as fits. */
static void write_last_clear_packets(struct piece *p, bool is_client)
{
    if (is_client && p->end >= REQUEST_BYTES)
        write_exchange_request(p);
    else if (!is_client && p->end >= REPLY_BYTES + NEWKEYS_BYTES)
        write_exchange_reply(p);
    if (piece_left(p) >= NEWKEYS_BYTES)
        write_newkeys(p);
}

void payload_ssh(const struct payload_place *place, uint8_t *out, size_t size)
{
    struct piece p = piece_begin(place, out, size);

    if (place->message_index == 0) {
        write_identification(&p);
        if (piece_left(&p) > 0)
            write_clear_packet(&p, piece_left(&p));
    } else if (place->message_index == 1) {
        write_clear_packet(&p, p.end);
    } else if (place->message_index == 2) {
        write_last_clear_packets(&p, place->side == FLOW_INITIATOR);
    } else if (place->message_index == 3 && place->side == FLOW_INITIATOR && p.end >= NEWKEYS_BYTES) {
        write_newkeys(&p); /* nobody reads it where there was room before */
    }
    piece_filler(&p, FILLER_OPAQUE, piece_left(&p));
}
