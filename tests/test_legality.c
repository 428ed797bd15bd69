#include "support.h"

#include <string.h>

#include "eval/legality.h"
#include "net/decode.h"
#include "net/packet_bytes.h"
#include "net/wire.h"

enum {
    S = TCP_SYN,
    SA = TCP_SYN | TCP_ACK,
    A = TCP_ACK,
    P = TCP_PSH | TCP_ACK,
    F = TCP_FIN | TCP_ACK,
    R = TCP_RST,
    RA = TCP_RST | TCP_ACK,
    MAX_STEPS = 16,
    MAX_PACKET = 20 + 60 + 4096
};

enum option { /* of a step, beside what its SYN offers */
    NO_STAMP = 1 << 0,
    SACK_BLOCK = 1 << 1,
    FAST_OPEN = 1 << 2,
    BAD_IP_SUM = 1 << 3,
    BAD_SUM = 1 << 4,
    IS_FRAGMENT = 1 << 5,
    NO_OFFER = 1 << 6 /* a SYN without options */
};

/* '>' is the initiator's. Both begin at number 1000 and 5000, offer an MSS of 1000, timestamps, SACK and a shift of 2. */
struct step {
    char direction; /* 0 ends a script */
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint32_t payload;
    uint32_t stamp, echo;
    int options;
    uint16_t window; /* 0: 1000, which stands for 4000; 1: closed */
};

#define OUT_WITH(options, window, flags, sequence, acknowledgement, payload, stamp, echo) \
    { '>', flags, sequence, acknowledgement, payload, stamp, echo, options, window }
#define IN_WITH(options, window, flags, sequence, acknowledgement, payload, stamp, echo) \
    { '<', flags, sequence, acknowledgement, payload, stamp, echo, options, window }
#define OUT(...) OUT_WITH(0, 0, __VA_ARGS__)
#define IN(...) IN_WITH(0, 0, __VA_ARGS__)

#define HANDSHAKE \
    OUT(S, 1000, 0, 0, 10, 0), IN(SA, 5000, 1001, 0, 70, 10), OUT(A, 1001, 5001, 0, 11, 70)

static size_t put_option(uint8_t *at, uint8_t kind, uint64_t value, uint8_t bytes)
{
    at[0] = kind;
    at[1] = bytes + 2;
    for (int i = 0; i < bytes; i++)
        at[2 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return bytes + 2u;
}

static size_t put_options(uint8_t *options, const struct step *step)
{
    size_t size = 0;

    if (step->flags & TCP_SYN && !(step->options & NO_OFFER)) {
        size += put_option(options + size, 2, 1000, 2);
        size += put_option(options + size, 3, 2, 1);
        size += put_option(options + size, 4, 0, 0);
    }
    if (!(step->options & (NO_STAMP | NO_OFFER))) {
        options[size] = 8;
        options[size + 1] = 10;
        wire_put_u32(options + size + 2, step->stamp);
        wire_put_u32(options + size + 6, step->echo);
        size += 10;
    }
    if (step->options & SACK_BLOCK)
        size += put_option(options + size, 5, 0, 8);
    if (step->options & FAST_OPEN)
        size += put_option(options + size, 34, 0xabcd, 4);
    while (size % 4)
        options[size++] = 1;
    return size;
}

/* The packet as it would be on the wire, decoded. */
static struct packet_view build(uint8_t *ip, const struct step *step, uint64_t frame)
{
    const bool out = step->direction == '>';
    uint8_t *tcp = ip + 20;
    size_t options = put_options(tcp + 20, step);
    size_t size = 40 + options + step->payload;
    const uint16_t window = step->window == 0 ? 1000 : (uint16_t)(step->window - 1);
    uint8_t pseudo[12] = { 0 };
    struct packet_view view = { .time = { (int64_t)frame * NS_PER_MS } };

    memset(tcp + 20 + options, 'x', step->payload);
    memset(ip, 0, 40);
    ip[0] = 0x45;
    wire_put_u16(ip + 2, (uint16_t)size);
    wire_put_u16(ip + 6, step->options & IS_FRAGMENT ? 0x2000 : 0);
    ip[8] = 64;
    ip[9] = IP_TCP;
    wire_put_u32(ip + 12, out ? 0x0a000001 : 0xc0000209);
    wire_put_u32(ip + 16, out ? 0xc0000209 : 0x0a000001);
    wire_put_u16(ip + 10, (uint16_t)(checksum_finish(checksum_add(0, ip, 20)) ^ !!(step->options & BAD_IP_SUM)));
    wire_put_u16(tcp, out ? 40000 : 443);
    wire_put_u16(tcp + 2, out ? 443 : 40000);
    wire_put_u32(tcp + 4, step->sequence);
    wire_put_u32(tcp + 8, step->acknowledgement);
    tcp[12] = (uint8_t)((20 + options) / 4 << 4);
    tcp[13] = step->flags;
    wire_put_u16(tcp + 14, window);
    memcpy(pseudo, ip + 12, 8);
    pseudo[9] = IP_TCP;
    wire_put_u16(pseudo + 10, (uint16_t)(size - 20));
    wire_put_u16(tcp + 16, (uint16_t)(checksum_finish(checksum_add(checksum_add(0, pseudo, 12), tcp, size - 20)) ^
                                      !!(step->options & BAD_SUM)));
    assert_int_equal(decode_frame(DECODE_RAW_IP, ip, size, size, false, &view), DECODE_OK);
    view.frame = frame;
    return view;
}

static struct legality judge(const struct step *steps)
{
    static uint8_t ip[MAX_PACKET];
    struct legality legality = { .judged = 0 };

    for (uint64_t i = 0; i < MAX_STEPS && steps[i].direction; i++) {
        struct packet_view view = build(ip, &steps[i], i + 1);

        legality_add(&legality, steps[i].direction == '<', &view);
    }
    return legality;
}

/* What a flow breaks and no more, and in which packet first (0: nothing). */
static const struct {
    const char *name;
    struct step steps[MAX_STEPS];
    uint32_t broken;
    uint64_t first;
} cases[] = {
    { "request, reply, FIN",
      { HANDSHAKE, OUT(P, 1001, 5001, 300, 12, 70), IN(A, 5001, 1301, 1000, 71, 12),
        IN(P, 6001, 1301, 500, 71, 12), OUT(A, 1301, 6501, 0, 13, 71),
        OUT(F, 1301, 6501, 0, 13, 71), IN(F, 6501, 1302, 0, 72, 13),
        OUT(A, 1302, 6502, 0, 14, 72) },
      0, 0 },
    { "sent again, out of order, twice",
      { HANDSHAKE, IN(A, 5001, 1001, 0, 70, 11), OUT(A, 1001, 5001, 1000, 12, 70), OUT(A, 3001, 5001, 1000, 13, 70),
        IN_WITH(SACK_BLOCK, 0, A, 5001, 2001, 0, 71, 12), OUT(A, 2001, 5001, 1000, 12, 70),
        OUT(A, 2001, 5001, 1000, 14, 71), IN(A, 5001, 4001, 0, 72, 14),
        IN(SA, 5000, 1001, 0, 70, 10), IN(A, 5001, 2001, 0, 71, 12) },
      0, 0 },
    { "under way, half closed, reset by the other side",
      { IN(A, 5001, 1001, 500, 70, 10), OUT(F, 1001, 5501, 0, 10, 70),
        IN(P, 5501, 1002, 500, 71, 10), OUT(A, 1002, 6001, 0, 11, 71),
        IN_WITH(NO_STAMP, 0, RA, 6001, 1002, 0, 0, 0), OUT(A, 1002, 6001, 0, 12, 71) },
      0, 0 },
    { "a capture of one side",
      { OUT(S, 1000, 0, 0, 10, 0), OUT(A, 1001, 5001, 0, 11, 70), OUT(P, 1001, 5001, 300, 12, 70),
        OUT(F, 1301, 9000, 0, 13, 71) },
      0, 0 },
    { "refused, and tried again",
      { OUT(S, 1000, 0, 0, 10, 0), IN_WITH(NO_STAMP, 0, RA, 0, 1001, 0, 0, 0), OUT(S, 1000, 0, 0, 11, 0),
        IN(SA, 5000, 1001, 0, 70, 11), OUT(A, 1001, 5001, 0, 12, 70) },
      0, 0 },
    { "an attempt with another number before any answer",
      { OUT(S, 1000, 0, 0, 10, 0), OUT(S, 2000, 0, 0, 11, 0), IN(SA, 5000, 2001, 0, 70, 11),
        OUT(A, 2001, 5001, 0, 12, 70) },
      0, 0 },
    { "keep-alives, also with a byte, also behind a FIN",
      { HANDSHAKE, OUT(A, 1000, 5001, 0, 12, 70), IN(A, 5001, 1001, 0, 71, 12),
        OUT(A, 1000, 5001, 1, 13, 71), IN(F, 5001, 1001, 0, 72, 13), IN(A, 5001, 1001, 1, 73, 13) },
      0, 0 },
    { "closed window, probed by a byte, not by two",
      { HANDSHAKE, OUT(A, 1001, 5001, 1000, 12, 70), IN_WITH(0, 1, A, 5001, 2001, 0, 71, 12),
        OUT(A, 2001, 5001, 1, 13, 71), OUT(A, 2001, 5001, 2, 14, 71) },
      1u << LEGAL_WINDOW, 7 },
    { "an open window, scaled",
      { HANDSHAKE, IN(A, 5001, 1001, 0, 70, 11), OUT(A, 1001, 5001, 1000, 12, 70), OUT(A, 2001, 5001, 1000, 12, 70),
        OUT(A, 3001, 5001, 1000, 12, 70), OUT(A, 4001, 5001, 1000, 12, 70) },
      0, 0 },
    { "reset twice by one side, then by the other",
      { HANDSHAKE, OUT_WITH(NO_STAMP, 0, R, 1001, 0, 0, 0, 0), OUT_WITH(NO_STAMP, 0, R, 1001, 0, 0, 0, 0),
        IN_WITH(NO_STAMP, 0, R, 5001, 0, 0, 0, 0) },
      0, 0 },
    { "TCP Fast Open",
      { OUT_WITH(FAST_OPEN, 0, S, 1000, 0, 100, 10, 0), IN(SA, 5000, 1101, 0, 70, 10),
        IN(P, 5001, 1101, 10, 70, 10), OUT(A, 1101, 5011, 0, 11, 70) },
      0, 0 },
    { "no flags", { HANDSHAKE, OUT(0, 1001, 0, 0, 12, 70) }, 1u << LEGAL_FLAGS, 4 },
    { "SYN and FIN", { OUT(S | TCP_FIN, 1000, 0, 0, 10, 0) }, 1u << LEGAL_FLAGS | 1u << LEGAL_OPENING, 1 },
    { "FIN without ACK", { OUT(TCP_FIN, 1000, 0, 0, 10, 0) }, 1u << LEGAL_FLAGS, 1 },
    { "RST and FIN", { HANDSHAKE, OUT(RA | TCP_FIN, 1001, 5001, 0, 12, 70) }, 1u << LEGAL_FLAGS, 4 },
    { "payload on the SYN",
      { OUT(S, 1000, 0, 5, 10, 0), IN(SA, 5000, 1006, 0, 70, 10) }, 1u << LEGAL_OPENING, 1 },
    { "payload before the SYN-ACK",
      { OUT(S, 1000, 0, 0, 10, 0), OUT(P, 1001, 0, 5, 11, 0), IN(SA, 5000, 1001, 0, 70, 10) },
      1u << LEGAL_OPENING, 2 },
    { "payload before the initiator acknowledged",
      { OUT(S, 1000, 0, 0, 10, 0), IN(SA, 5000, 1001, 0, 70, 10), IN(P, 5001, 1001, 5, 71, 10),
        OUT(A, 1001, 5001, 0, 11, 70) },
      1u << LEGAL_OPENING, 3 },
    { "FIN behind an answer that acknowledges nothing",
      { OUT(S, 1000, 0, 0, 10, 0), IN_WITH(NO_STAMP, 0, RA, 0, 1001, 0, 0, 0), OUT(F, 1001, 5001, 0, 11, 0) },
      1u << LEGAL_OPENING, 3 },
    { "the capture lost the SYN-ACK",
      { OUT(S, 1000, 0, 0, 10, 0), OUT(A, 1001, 5001, 0, 11, 70), OUT(P, 1001, 5001, 5, 11, 70),
        IN(A, 5001, 1006, 0, 71, 11), OUT(P, 1006, 5001, 5, 12, 71) },
      0, 0 },
    { "another SYN in mid-connection",
      { HANDSHAKE, OUT(S, 7000, 0, 0, 12, 0) }, 1u << LEGAL_ONE_OPENING, 4 },
    { "another SYN-ACK in mid-connection",
      { HANDSHAKE, IN(SA, 7000, 1001, 0, 71, 10) }, 1u << LEGAL_ONE_OPENING, 4 },
    { "payload behind the own FIN",
      { HANDSHAKE, OUT(F, 1001, 5001, 0, 12, 70), OUT(P, 1002, 5001, 10, 13, 70) }, 1u << LEGAL_FIN, 5 },
    { "payload in the place of the FIN",
      { HANDSHAKE, OUT(F, 1001, 5001, 0, 12, 70), OUT(P, 1001, 5001, 10, 13, 70) }, 1u << LEGAL_FIN, 5 },
    { "another FIN",
      { HANDSHAKE, OUT(F, 1001, 5001, 0, 12, 70), OUT(F, 1002, 5001, 0, 13, 70) }, 1u << LEGAL_FIN, 5 },
    { "a FIN before bytes that were sent",
      { HANDSHAKE, OUT(P, 1001, 5001, 10, 12, 70), OUT(F, 1001, 5001, 0, 13, 70) }, 1u << LEGAL_FIN, 5 },
    { "what was sent before a FIN, again",
      { HANDSHAKE, OUT(P, 1001, 5001, 10, 12, 70), OUT(F, 1011, 5001, 0, 13, 70),
        OUT(F, 1001, 5001, 10, 14, 70), OUT(P, 1001, 5001, 10, 15, 70) },
      0, 0 },
    { "an acknowledgement behind the own RST",
      { HANDSHAKE, OUT_WITH(NO_STAMP, 0, R, 1001, 0, 0, 0, 0), OUT_WITH(NO_STAMP, 0, R, 1001, 0, 0, 0, 0),
        OUT(A, 1001, 5001, 0, 13, 70) },
      1u << LEGAL_RESET, 6 },
    { "acknowledged beyond what was sent",
      { HANDSHAKE, OUT(P, 1001, 5001, 10, 12, 70), IN(A, 5001, 1012, 0, 71, 12) },
      1u << LEGAL_ACKNOWLEDGED, 5 },
    { "acknowledged across a hole",
      { HANDSHAKE, OUT(A, 1001, 5001, 10, 12, 70), OUT(A, 1021, 5001, 10, 12, 70),
        IN(A, 5001, 1031, 0, 71, 12) },
      1u << LEGAL_ACKNOWLEDGED, 6 },
    { "the SYN-ACK acknowledges another SYN",
      { OUT(S, 1000, 0, 0, 10, 0), IN(SA, 5000, 777, 0, 70, 10) }, 1u << LEGAL_ACKNOWLEDGED, 2 },
    { "an acknowledgement that goes back",
      { HANDSHAKE, IN(P, 5001, 1001, 10, 71, 11), OUT(P, 1001, 5011, 10, 12, 71),
        OUT(P, 1011, 5001, 10, 12, 71) },
      1u << LEGAL_ACK_ORDER, 6 },
    { "beyond the window of the SYN-ACK, which is not scaled",
      { OUT(S, 1000, 0, 0, 10, 0), IN(SA, 5000, 1001, 0, 70, 10), OUT(A, 1001, 5001, 1000, 11, 70),
        OUT(A, 2001, 5001, 2, 11, 70) },
      1u << LEGAL_WINDOW, 4 },
    { "numbers below the first",
      { HANDSHAKE, OUT(P, 900, 5001, 10, 12, 70) }, 1u << LEGAL_WINDOW, 4 },
    { "a segment above the MSS",
      { HANDSHAKE, IN(P, 5001, 1001, 1001, 71, 11) }, 1u << LEGAL_SEGMENT, 4 },
    { "timestamps that go back",
      { HANDSHAKE, OUT(P, 1001, 5001, 10, 12, 70), OUT(P, 1011, 5001, 10, 11, 70) },
      1u << LEGAL_TIMESTAMPS, 5 },
    { "an echo of a timestamp that was not sent",
      { HANDSHAKE, OUT(P, 1001, 5001, 10, 12, 71) }, 1u << LEGAL_ECHO, 4 },
    { "timestamps left out",
      { HANDSHAKE, OUT_WITH(NO_STAMP, 0, P, 1001, 5001, 10, 0, 0) }, 1u << LEGAL_OPTIONS, 4 },
    { "options that were not offered",
      { OUT_WITH(NO_OFFER, 0, S, 1000, 0, 0, 0, 0), IN(SA, 5000, 1001, 0, 70, 0) }, 1u << LEGAL_OPTIONS, 2 },
    { "SACK that was not permitted",
      { OUT_WITH(NO_OFFER, 0, S, 1000, 0, 0, 0, 0), IN_WITH(NO_OFFER, 0, SA, 5000, 1001, 0, 0, 0),
        OUT_WITH(NO_OFFER | SACK_BLOCK, 0, A, 1001, 5001, 0, 0, 0) },
      1u << LEGAL_OPTIONS, 3 },
    { "wrong sums",
      { HANDSHAKE, OUT_WITH(BAD_SUM, 0, P, 1001, 5001, 10, 12, 70), OUT_WITH(BAD_IP_SUM, 0, P, 1011, 5001, 10, 12, 70) },
      1u << LEGAL_CHECKSUM | 1u << LEGAL_IP_CHECKSUM, 4 },
    { "pieces of packets: numbers are not judged any more",
      { HANDSHAKE, OUT_WITH(IS_FRAGMENT, 0, A, 1001, 5001, 10, 12, 70), IN(A, 5001, 2001, 0, 71, 12) }, 0, 0 },
};

enum { CASES = sizeof cases / sizeof *cases };

/* The frame of the first packet that broke a rule, 0 when none did. */
static uint64_t first_frame(const struct legality *legality)
{
    uint64_t first = 0;

    for (int rule = 0; rule < LEGALITY_RULES; rule++) {
        if (legality->broken >> rule & 1 && (first == 0 || legality->places[rule].frame < first))
            first = legality->places[rule].frame;
    }
    return first;
}

static void test_rules(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct legality legality = judge(cases[i].steps);

        if (legality.broken != cases[i].broken || first_frame(&legality) != cases[i].first)
            fail_msg("%s: breaks %#x, not %#x, first in packet %d, not %d", cases[i].name, legality.broken,
                     cases[i].broken, (int)first_frame(&legality), (int)cases[i].first);
        assert_int_equal(legality.broken & ~legality.judged, 0);
    }
}

/* Each rule is broken by one of the cases, and kept by another that it was judged on. */
static void test_rules_are_tested(void **state)
{
    uint32_t broken = 0;
    uint32_t kept = 0;

    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct legality legality = judge(cases[i].steps);

        broken |= legality.broken;
        kept |= legality.judged & ~legality.broken;
    }
    assert_int_equal(broken, (1u << LEGALITY_RULES) - 1);
    assert_int_equal(kept, (1u << LEGALITY_RULES) - 1);
}

/* Islands run out: then only what is beyond everything seen is wrong. */
static void test_many_holes(void **state)
{
    static uint8_t ip[MAX_PACKET];
    static const struct step opening[MAX_STEPS] = { HANDSHAKE };
    struct legality legality = judge(opening);
    struct step step = OUT(A, 0, 5001, 10, 12, 70);
    struct packet_view view;

    (void)state;
    for (int i = 0; i < LEGALITY_ISLANDS + 1; i++) {
        step.sequence = 1021 + 20 * (uint32_t)i;
        view = build(ip, &step, 4);
        legality_add(&legality, FLOW_INITIATOR, &view);
    }
    step = (struct step)IN(A, 5001, step.sequence + 10, 0, 71, 12);
    view = build(ip, &step, 5);
    legality_add(&legality, FLOW_RESPONDER, &view);
    assert_int_equal(legality.broken, 0);
    step.acknowledgement++;
    view = build(ip, &step, 6);
    legality_add(&legality, FLOW_RESPONDER, &view);
    assert_int_equal(legality.broken, 1u << LEGAL_ACKNOWLEDGED);
}

/* Without bytes there is nothing to say of options and sums, and no rule that needs them speaks. */
static void test_without_bytes(void **state)
{
    static uint8_t ip[MAX_PACKET];
    struct legality legality = { .judged = 0 };
    static const struct step steps[MAX_STEPS] = {
        HANDSHAKE, OUT_WITH(BAD_SUM | BAD_IP_SUM, 0, A, 1001, 5001, 10, 1, 700)
    };

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct packet_view view = build(ip, &steps[i], (uint64_t)i);

        view.ip = NULL;
        view.ip_captured = 0;
        legality_add(&legality, steps[i].direction == '<', &view);
    }
    assert_int_equal(legality.broken, 0);
    assert_int_equal(legality.judged & (1u << LEGAL_OPTIONS | 1u << LEGAL_WINDOW | 1u << LEGAL_TIMESTAMPS |
                                        1u << LEGAL_CHECKSUM | 1u << LEGAL_IP_CHECKSUM),
                     0);
}

static void test_shares(void **state)
{
    struct legality_counts counts = { .flows = 0 };
    struct legality flow = { .judged = 1u << LEGAL_FLAGS | 1u << LEGAL_SEGMENT };

    (void)state;
    legality_counts_add(&counts, &flow);
    flow.broken = 1u << LEGAL_SEGMENT;
    legality_counts_add(&counts, &flow);
    flow.broken |= 1u << LEGAL_FLAGS;
    legality_counts_add(&counts, &flow);
    flow = (struct legality){ .judged = 1u << LEGAL_FLAGS };
    legality_counts_add(&counts, &flow);
    assert_int_equal(counts.flows, 4);
    assert_int_equal(counts.legal, 2);
    assert_int_equal(counts.legal_but_offloaded, 3);
    assert_float_equal(legality_share(&counts, LEGAL_FLAGS), 0.75, 1e-12);
    assert_float_equal(legality_share(&counts, LEGAL_SEGMENT), 1.0 / 3, 1e-12);
    assert_float_equal(legality_share(&counts, LEGAL_ECHO), 1, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_rules_are_tested),
        cmocka_unit_test(test_many_holes),    cmocka_unit_test(test_without_bytes),
        cmocka_unit_test(test_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
