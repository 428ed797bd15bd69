/*
 * early_replies [-o MERGED] CAPTURE... - were replies captured before what they reply to?
 *
 * Reads captures of several links by one clock in the order of their time stamps, and writes them as one if it is asked
 * to. Follows the TCP connections whose SYN it sees: a segment that acknowledges what no segment of the other side has
 * brought yet is early. Prints "0 of 1234 acknowledgements are early", with the first early ones before.
 *
 * Exit status: 0 none is early, 1 some are, 2 cannot be read.
 */
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CAPTURES = 8, PLACES = 1 << 20, MOST_SHOWN = 5, FIN = 0x01, SYN = 0x02, ACK = 0x10 };

struct capture {
    const char *path;
    pcap_t *pcap;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    bool has_frame;
};

/* What one side of a connection has sent: all before `end`. The key is addresses and ports, the sender's first. */
struct side {
    uint8_t key[36];
    bool is_used;
    uint32_t end;
};

struct segment {
    uint8_t key[36], reverse[36];
    uint32_t sequence, acknowledged, end;
    uint8_t flags;
};

static struct side *sides; /* of PLACES, by a hash of the key */
static unsigned long acknowledgements, early;

static uint16_t get16(const u_char *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const u_char *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* ---- captures ---- */

static void next_frame(struct capture *c)
{
    int got = pcap_next_ex(c->pcap, &c->header, &c->bytes);

    if (got != 1 && got != PCAP_ERROR_BREAK) {
        fprintf(stderr, "early_replies: %s: %s\n", c->path, pcap_geterr(c->pcap));
        exit(2);
    }
    c->has_frame = got == 1;
}

static void open_capture(struct capture *c, const char *path)
{
    char words[PCAP_ERRBUF_SIZE];

    *c = (struct capture){ .path = path };
    c->pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, words);
    if (c->pcap == NULL) {
        fprintf(stderr, "early_replies: %s: %s\n", path, words);
        exit(2);
    }
    next_frame(c);
}

static bool is_before(const struct capture *a, const struct capture *b)
{
    return a->header->ts.tv_sec != b->header->ts.tv_sec ? a->header->ts.tv_sec < b->header->ts.tv_sec
                                                        : a->header->ts.tv_usec < b->header->ts.tv_usec;
}

static struct capture *earliest(struct capture *captures, int count)
{
    struct capture *first = NULL;

    for (int i = 0; i < count; i++) {
        if (captures[i].has_frame && (first == NULL || is_before(&captures[i], first)))
            first = &captures[i];
    }
    return first;
}

/* ---- connections ---- */

static struct side *side_of(const uint8_t key[36])
{
    uint64_t hash = 1469598103934665603u;
    size_t at;

    for (int i = 0; i < 36; i++)
        hash = (hash ^ key[i]) * 1099511628211u;
    for (at = hash >> 32; sides[at % PLACES].is_used && memcmp(sides[at % PLACES].key, key, 36) != 0; at++)
        continue;
    memcpy(sides[at % PLACES].key, key, 36);
    return &sides[at % PLACES];
}

/* The TCP segment of a whole packet of IPv4 or IPv6 without options of IPv6; false when there is none. */
static bool parse(const u_char *bytes, bpf_u_int32 length, struct segment *s)
{
    const u_char *ip = bytes + 14;
    const u_char *tcp;
    size_t address_bytes = 4;
    uint32_t payload;

    if (length < 54)
        return false;
    if (get16(ip - 2) == 0x8100) {
        ip += 4;
        length -= 4;
    }
    memset(s, 0, sizeof *s);
    if (length >= 54 && get16(ip - 2) == 0x0800 && ip[9] == 6 && (get16(ip + 6) & 0x3fff) == 0) {
        tcp = ip + 4 * (ip[0] & 15);
        payload = get16(ip + 2) - (uint32_t)(tcp - ip);
        memcpy(s->key, ip + 12, 8);
    } else if (get16(ip - 2) == 0x86dd && ip[6] == 6 && length >= 74) {
        tcp = ip + 40;
        payload = get16(ip + 4);
        address_bytes = 16;
        memcpy(s->key, ip + 8, 32);
    } else {
        return false;
    }
    memcpy(s->key + 2 * address_bytes, tcp, 4);
    memcpy(s->reverse, s->key + address_bytes, address_bytes);
    memcpy(s->reverse + address_bytes, s->key, address_bytes);
    memcpy(s->reverse + 2 * address_bytes, tcp + 2, 2);
    memcpy(s->reverse + 2 * address_bytes + 2, tcp, 2);
    s->sequence = get32(tcp + 4);
    s->acknowledged = get32(tcp + 8);
    s->flags = tcp[13];
    s->end = s->sequence + payload - 4 * (uint32_t)(tcp[12] >> 4) + !!(s->flags & SYN) + !!(s->flags & FIN);
    return true;
}

static void judge(const struct segment *s, const struct pcap_pkthdr *header, const char *path)
{
    struct side *own = side_of(s->key);
    const struct side *other = side_of(s->reverse);

    if ((s->flags & ACK) && other->is_used) {
        acknowledgements++;
        if ((int32_t)(other->end - s->acknowledged) < 0 && ++early <= MOST_SHOWN)
            printf("%s: %lld.%09ld: %u is acknowledged, and seen is %u\n", path, (long long)header->ts.tv_sec,
                   (long)header->ts.tv_usec, s->acknowledged, other->end);
    }
    if ((s->flags & SYN) || (own->is_used && (int32_t)(s->end - own->end) > 0))
        own->end = s->end;
    own->is_used |= (s->flags & SYN) != 0;
}

int main(int argc, char **argv)
{
    struct capture captures[MOST_CAPTURES];
    struct capture *c;
    struct segment segment;
    pcap_dumper_t *merged = NULL;
    int first = argc > 2 && strcmp(argv[1], "-o") == 0 ? 3 : 1;
    int count = argc - first;

    sides = calloc(PLACES, sizeof *sides);
    if (count < 1 || count > MOST_CAPTURES || sides == NULL) {
        fprintf(stderr, "usage: early_replies [-o MERGED] CAPTURE...\n");
        return 2;
    }
    for (int i = 0; i < count; i++)
        open_capture(&captures[i], argv[first + i]);
    if (first == 3 && (merged = pcap_dump_open(captures[0].pcap, argv[2])) == NULL) {
        fprintf(stderr, "early_replies: %s: %s\n", argv[2], pcap_geterr(captures[0].pcap));
        return 2;
    }
    for (; (c = earliest(captures, count)) != NULL; next_frame(c)) {
        if (merged)
            pcap_dump((u_char *)merged, c->header, c->bytes);
        if (parse(c->bytes, c->header->caplen, &segment))
            judge(&segment, c->header, c->path);
    }
    if (merged)
        pcap_dump_close(merged);
    for (int i = 0; i < count; i++)
        pcap_close(captures[i].pcap);
    free(sides);
    printf("%lu of %lu acknowledgements are early\n", early, acknowledgements);
    return early > 0;
}
