/*
 * Sessions of IPv6, and of both families on links of several MTUs: every frame is read by a parser of its own here,
 * put together where it is a piece, and summed; the flow stage sees what was planned.
 */
#include "support.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dayshift/flow_plan.h"
#include "dayshift/session_options.h"
#include "emit/sent_count.h"
#include "net/decode.h"
#include "net/wire.h"
#include "records/flow_ledger.h"
#include "session/datagram.h"
#include "session/frame_template.h"
#include "session/payload.h"
#include "session/renderer.h"
#include "internet_sum.h"

#define SEED UINT64_C(11)

enum { PLANS = 300, ETHERNET = 14, MOST_PACKET = 65536, I = FLOW_INITIATOR, R = FLOW_RESPONDER };
enum { NEXT_FRAGMENT = 44, TTL = 57, ECHO_REQUEST6 = 128 };

static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };

static struct flow_end end_of(bool is_ipv6, int side, uint32_t number, uint16_t port)
{
    struct flow_end end = { .name = 0x0a000000 + number + ((uint32_t)side << 20), .port = port };

    end.address = is_ipv6 ? (struct ip_address){ { 0x20, 0x01, 0x0d, 0xb8, [7] = (uint8_t)side } }
                          : ip_address_from_v4(end.name);
    if (is_ipv6)
        wire_put_u32(end.address.bytes + 12, number + 1);
    memcpy(end.mac, macs[side], sizeof end.mac);
    return end;
}

/* ---- a parser of its own ---- */

/* A datagram that is put together, and what was seen of one direction of a flow. */
struct direction {
    uint8_t *whole;
    uint32_t at, label, fragment_id, used_ids[64], ids;
    bool has_label;
};

struct watch {
    struct direction directions[PLANS][2];
    const struct flow_plan *plans;
    uint16_t mtu;
    uint32_t longest, pieces, datagrams_in_pieces, syns, unreachable;
    uint16_t mss[2]; /* wanted in SYNs */
};

static void check_transport(const uint8_t *addresses, size_t address_bytes, uint8_t protocol, const uint8_t *transport,
                            size_t size)
{
    const uint8_t rest[8] = { 0, 0, (uint8_t)(size >> 8), (uint8_t)size, 0, 0, 0, protocol };
    uint32_t sum = protocol == IP_ICMP ? 0 : internet_sum(internet_sum(0, addresses, address_bytes), rest, sizeof rest);

    assert_int_equal(internet_sum(sum, transport, size), 0xffff);
    if (protocol == IP_UDP) {
        assert_int_not_equal(wire_get_u16(transport + 6), 0);
        assert_int_equal(wire_get_u16(transport + 4), size);
    }
}

static uint16_t mss_of(const uint8_t *tcp)
{
    size_t header = (size_t)(tcp[12] >> 4) * 4;

    for (size_t at = 20; at < header && tcp[at] != 0; at += tcp[at] == 1 ? 1 : tcp[at + 1]) {
        if (tcp[at] == 2)
            return wire_get_u16(tcp + at + 2);
    }
    return 0;
}

static void take_whole(struct watch *watch, const uint8_t *addresses, size_t address_bytes, uint8_t protocol, int side,
                       const uint8_t *transport, size_t size)
{
    check_transport(addresses, address_bytes, protocol, transport, size);
    if (protocol != IP_TCP || !(transport[13] & TCP_SYN))
        return;
    assert_int_equal(mss_of(transport), watch->mss[side]);
    watch->syns++;
}

/* Pieces come in order, one behind the other. */
static bool put_together(struct watch *watch, struct direction *d, uint32_t offset, bool has_more, const uint8_t *part,
                         size_t size)
{
    if (d->whole == NULL)
        d->whole = test_calloc(1, MOST_PACKET);
    assert_int_equal(offset, offset == 0 ? 0 : d->at);
    assert_true(!has_more || size % 8 == 0);
    memcpy(d->whole + offset, part, size);
    d->at = offset + (uint32_t)size;
    watch->pieces++;
    watch->datagrams_in_pieces += !has_more;
    return !has_more;
}

static void take_fragment(struct watch *watch, struct direction *d, const uint8_t *ip, int side, const uint8_t *extension,
                          size_t size)
{
    uint32_t offset = wire_get_u16(extension + 2) & 0xfff8;
    bool has_more = extension[3] & 1;
    uint32_t id = wire_get_u32(extension + 4);

    assert_int_equal(extension[1], 0);
    assert_int_equal(extension[3] & 6, 0);
    assert_true(offset > 0 || has_more);
    if (offset == 0) { /* a new datagram has a number that none before it had */
        for (uint32_t i = 0; i < d->ids; i++)
            assert_int_not_equal(d->used_ids[i], id);
        d->used_ids[d->ids++ % 64] = id;
    } else {
        assert_int_equal(id, d->fragment_id);
    }
    d->fragment_id = id;
    if (put_together(watch, d, offset, has_more, extension + 8, size - 8))
        take_whole(watch, ip + 8, 32, extension[0], side, d->whole, d->at);
}

static void take_ipv6(struct watch *watch, const uint8_t *ip, size_t size)
{
    uint32_t label = wire_get_u32(ip) & 0xfffff;
    int side = ip[15]; /* as end_of() has it */
    size_t number = wire_get_u32(ip + 20) - 1;
    struct direction *d = &watch->directions[number][side];

    assert_in_range(number, 0, PLANS - 1);
    assert_int_equal(ip[0], 0x60);
    assert_int_equal(wire_get_u16(ip + 4), size - 40);
    assert_int_equal(ip[7], TTL + side);
    assert_int_not_equal(label, 0);
    assert_true(!d->has_label || d->label == label);
    d->label = label;
    d->has_label = true;
    if (ip[6] == IP_ICMPV6 && ip[40] == 1) {
        watch->unreachable++;
        take_whole(watch, ip + 8, 32, ip[6], side, ip + 40, size - 40);
    } else if (ip[6] == NEXT_FRAGMENT) {
        take_fragment(watch, d, ip, side, ip + 40, size - 40);
    } else {
        assert_int_equal(ip[6], flow_plan_ip_protocol(&watch->plans[number]));
        take_whole(watch, ip + 8, 32, ip[6], side, ip + 40, size - 40);
    }
}

static void take_ipv4(struct watch *watch, const uint8_t *ip, size_t size)
{
    uint16_t fragment = wire_get_u16(ip + 6);
    int side = ip[13] >> 4;
    size_t number = wire_get_u32(ip + 12) & 0xfffff;

    assert_in_range(number, 0, PLANS - 1);
    assert_int_equal(ip[0], 0x45);
    assert_int_equal(wire_get_u16(ip + 2), size);
    assert_int_equal(internet_sum(0, ip, 20), 0xffff);
    if ((fragment & 0x3fff) == 0)
        take_whole(watch, ip + 12, 8, ip[9], side, ip + 20, size - 20);
    else if (put_together(watch, &watch->directions[number][side], (fragment & 0x1fff) * 8u, fragment & 0x2000, ip + 20,
                          size - 20))
        take_whole(watch, ip + 12, 8, ip[9], side, watch->directions[number][side].whole,
                   watch->directions[number][side].at);
}

static void take_frame(struct watch *watch, const struct frame *frame)
{
    const uint8_t *ip = frame->bytes + ETHERNET;
    bool is_ipv6 = wire_get_u16(ip - 2) == 0x86dd;
    int side = is_ipv6 ? ip[15] : ip[13] >> 4;

    assert_true(is_ipv6 || wire_get_u16(ip - 2) == 0x800);
    assert_memory_equal(frame->bytes, macs[!side], 6);
    assert_memory_equal(frame->bytes + 6, macs[side], 6);
    assert_in_range(frame->length, ETHERNET + 28, ETHERNET + watch->mtu);
    if (frame->length > watch->longest)
        watch->longest = frame->length;
    if (is_ipv6)
        take_ipv6(watch, ip, frame->length - ETHERNET);
    else
        take_ipv4(watch, ip, frame->length - ETHERNET);
}

static void watch_release(struct watch *watch)
{
    for (int i = 0; i < PLANS; i++) {
        for (int side = 0; side < 2; side++) {
            if (watch->directions[i][side].whole)
                test_free(watch->directions[i][side].whole);
        }
    }
}

/* ---- plans, played ---- */

struct script {
    const struct flow_plan *plans;
    size_t next;
};

static int next_scripted(void *self, struct flow_plan *plan, struct error *err)
{
    struct script *script = self;

    (void)err;
    if (script->next == PLANS)
        return 0;
    *plan = script->plans[script->next++];
    return 1;
}

/* What the ground truth has of the flows that are over. */
static void count_records(struct flow_ledger *ledger, uint64_t bytes[2])
{
    struct sent_record record;
    uint32_t slot;

    for (; flow_ledger_over(ledger, 0, &slot); flow_ledger_give_back(ledger, 1)) {
        flow_ledger_record(ledger, slot, 0, &record);
        for (int side = 0; side < 2; side++)
            bytes[side] += record.flow.bytes[side];
        assert_true(record.flow.protocol != IP_ICMP || ip_address_is_v4(&record.flow.address[0]));
        assert_true(record.flow.protocol != IP_ICMPV6 || !ip_address_is_v4(&record.flow.address[0]));
        assert_true(record.flow.protocol != IP_ICMPV6 || record.flow.port[R] == ECHO_REQUEST6 << 8);
    }
}

static void play(struct watch *watch, const char *impairments)
{
    struct script script = { watch->plans, 0 };
    struct renderer_config config = {
        .plans = { next_scripted, &script }, .schedule = { .speed = 1.0 }, .end = { INT64_MAX }, .seed = SEED,
    };
    static uint8_t room[FRAME_MAX_BYTES];
    uint64_t told[2] = { 0, 0 }, seen = 0;
    struct flow_ledger *ledger;
    struct sent_flow_keeper keeper;
    struct error err = { "" };
    struct renderer *renderer;
    struct frame_source frames;
    struct frame frame;
    uint32_t errors_before = 0;

    assert_int_equal(impairment_rates_parse(&config.how.impairments, impairments, &err), 0);
    ledger = flow_ledger_new(&err);
    assert_non_null(ledger);
    keeper = flow_ledger_keeper(ledger);
    config.how.keeper = &keeper;
    renderer = renderer_new(&config, &err);
    assert_non_null(renderer);
    frames = renderer_frames(renderer);
    while (frame_source_next(&frames, room, &frame, &err) > 0) {
        bool is_error4 = room[14] == 0x45 && room[23] == IP_ICMP && room[34] == 3 && (wire_get_u16(room + 20) & 0x3fff) == 0;

        sent_count_frame(flow_ledger_tallies(ledger), &frame, frame.due.ns);
        sent_count_handled(flow_ledger_tallies(ledger), &frame, 1);
        take_frame(watch, &frame);
        if (watch->unreachable == errors_before && !is_error4)
            seen += frame.length - ETHERNET;
        errors_before = watch->unreachable;
    }
    assert_string_equal(err.text, "");
    count_records(ledger, told);
    assert_int_equal(told[0] + told[1], seen); /* IP bytes, as a meter counts them */
    renderer_free(renderer);
    flow_ledger_free(ledger);
}

/* A third each of TCP with full segments, of large datagrams and of large pings. */
static void draw_plan(struct flow_plan *plan, struct session_row *row, struct service_model *service, uint32_t number,
                      bool is_ipv6, uint16_t mss, uint16_t mtu, struct random_stream *random)
{
    static const uint8_t protocols[] = { IP_TCP, IP_UDP, IP_ICMP };
    uint8_t protocol = protocols[number % 3];
    uint64_t count = 3 + random_below(random, 20);

    *row = (struct session_row){ .ttl = { TTL, TTL + 1 }, .mss = { mss, mss }, .turns = 4, .rtt_ns = NS_PER_MS };
    for (int side = 0; side < 2; side++) {
        row->packets[side] = protocol == IP_TCP ? 2 * count + 4 : count;
        row->data_packets[side] = protocol == IP_TCP ? count + 1 : count;
        row->payload_bytes[side] = protocol == IP_TCP ? row->data_packets[side] * FLOW_MOST_MTU
                                                      : random_below(random, count * 1472);
    }
    if (protocol == IP_UDP && number % 2 == 0) /* whom only errors answer */
        row->packets[R] = row->data_packets[R] = row->payload_bytes[R] = 0;
    row->opening = protocol == IP_TCP ? FLOW_OPENING_HANDSHAKE : FLOW_OPENING_NONE;
    row->ending = protocol == IP_TCP ? FLOW_ENDING_FIN : FLOW_ENDING_NONE;
    *service = (struct service_model){ .rows = row, .row_count = 1, .flows = 1 };
    service->conditions.unreachable = 1;
    *plan = (struct flow_plan){
        .start = { (int64_t)number * NS_PER_MS }, .key = random_u64(random), .protocol = protocol, .mtu = mtu,
        .packets = session_row_packets(row), .service = service,
        .ends = { end_of(is_ipv6, I, number, 40000), end_of(is_ipv6, R, number, protocol == IP_UDP ? 9 : 80) },
    };
}

struct mtu_case {
    bool is_ipv6;
    uint16_t mtu, mss;  /* of the links, 0: the usual one; and as learned */
    uint16_t announced;
    uint32_t longest;   /* packet */
    bool is_longest_met;
};

static void check_case(const struct mtu_case *c, const char *impairments, struct watch *watch)
{
    struct flow_plan *plans = test_calloc(PLANS, sizeof *plans);
    struct session_row *rows = test_calloc(PLANS, sizeof *rows);
    struct service_model *services = test_calloc(PLANS, sizeof *services);
    struct random_stream random;

    random_init(&random, SEED, RANDOM_FIT, c->mtu, c->mss, c->is_ipv6);
    for (uint32_t k = 0; k < PLANS; k++)
        draw_plan(&plans[k], &rows[k], &services[k], k, c->is_ipv6, c->mss, c->mtu, &random);
    memset(watch, 0, sizeof *watch);
    watch->plans = plans;
    watch->mtu = c->mtu ? c->mtu : FLOW_USUAL_MTU;
    watch->mss[0] = watch->mss[1] = c->announced;
    play(watch, impairments);
    assert_in_range(watch->syns, 2 * PLANS / 3, SIZE_MAX);
    assert_in_range(watch->longest, ETHERNET + (c->is_longest_met ? c->longest : 1400), ETHERNET + c->longest);
    watch_release(watch);
    test_free(services);
    test_free(rows);
    test_free(plans);
}

/* Segments and pieces are as long as the narrower link has room for, and no longer. */
static void test_mtus(void **state)
{
    static const struct mtu_case cases[] = {
        { false, 1500, 1460, 1460, 1500, true }, { true, 1500, 1440, 1440, 1500, true },
        { false, 0, 8960, 1460, 1500, true },    { true, 0, 8960, 1440, 1500, true },
        { false, 1280, 1460, 1240, 1280, true }, { true, 1280, 1460, 1220, 1280, true },
        { false, 9000, 8960, 8960, 9000, true }, { true, 9000, 8960, 8940, 9000, true },
        { false, 9000, 65495, 8960, 9000, true }, { true, 9000, 1460, 1460, 40 + 8 + 1472, false },
        { false, 576, 1460, 536, 576, true },    { true, 1400, 0, 1340, 1400, true },
    };
    struct watch *watch = test_calloc(1, sizeof *watch);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], "fragmentation=0.2,retransmission=0.05,reordering=0.05,duplication=0.05", watch);
        assert_in_range(watch->datagrams_in_pieces, 10, SIZE_MAX);
        check_case(&cases[i], "learned", watch);
        assert_true(!cases[i].is_ipv6 || watch->unreachable > 10);
        check_case(&cases[i], "none", watch);
        assert_int_equal(watch->pieces, 0);
    }
    test_free(watch);
}

/* ---- single frames ---- */

struct wire {
    struct flow_plan plan;
    struct stack_profile stack;
    struct frame_template frames[2];
    struct frame_builder *builder;
    uint8_t bytes[FRAME_MAX_BYTES];
    uint32_t length;
};

static struct wire *wire_new(uint8_t protocol, bool is_ipv6)
{
    struct wire *wire = test_calloc(1, sizeof *wire);
    struct error err = { "" };

    wire->plan = (struct flow_plan){ .protocol = protocol, .ends = { end_of(is_ipv6, I, 7, 40000), end_of(is_ipv6, R, 7, 9) } };
    wire->stack = (struct stack_profile){ .ttl = { TTL, TTL + 1 }, .mss = { 1440, 1440 }, .timestamp_hz = { 100, 100 } };
    wire->builder = frame_builder_new(&err);
    assert_non_null(wire->builder);
    for (int side = 0; side < 2; side++)
        frame_template_build(wire->builder, &wire->frames[side], &wire->plan, &wire->stack, (enum flow_side)side);
    return wire;
}

static struct packet_view wire_render(struct wire *wire, const struct session_packet *packet, payload_fill *fill)
{
    const uint8_t *ip = wire->bytes + ETHERNET;
    struct packet_view view = { 0 };

    memset(wire->bytes, 0xee, sizeof wire->bytes);
    wire->length = frame_template_render(wire->frames, &wire->stack, packet, (struct run_time){ 0 }, fill, wire->bytes);
    assert_int_equal(decode_frame(DECODE_ETHERNET, wire->bytes, wire->length, wire->length, false, &view), DECODE_OK);
    if (flow_plan_is_ipv6(&wire->plan))
        check_transport(ip + 8, 32, ip[6], ip + 40, wire->length - ETHERNET - 40);
    else
        check_transport(ip + 12, 8, ip[9], ip + 20, wire->length - ETHERNET - 20);
    return view;
}

static void wire_free(struct wire *wire)
{
    frame_builder_free(wire->builder);
    test_free(wire);
}

/* A datagram of any length, whole or in pieces that fit the link: put together they are what was sent. */
static void test_pieces(void **state)
{
    static const uint16_t mtus[] = { 1280, 1281, 1287, 1500, 9000 };
    struct flow_plan *plans = test_calloc(PLANS, sizeof *plans);
    static const uint32_t lengths[] = { 0, 1, 1232, 1233, 1239, 1452, 1453, 3000, 8952, 8953, 20000, DATAGRAM_MAX_BYTES };

    (void)state;
    for (size_t m = 0; m < sizeof mtus / sizeof *mtus; m++) {
        uint16_t room = (uint16_t)(mtus[m] - 40);
        uint16_t piece = datagram_piece_bytes(room, true);
        struct wire *wire = wire_new(IP_UDP, true);
        struct watch *watch = test_calloc(1, sizeof *watch);

        plans[7] = wire->plan;
        watch->plans = plans;
        watch->mtu = mtus[m];
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            struct session_packet packet = { .payload_bytes = lengths[i], .place = { .message_bytes = lengths[i] } };
            uint32_t before = watch->pieces, wanted = 0;

            if (8 + lengths[i] > room) {
                datagram_cut(&packet, piece);
                wanted = (8 + lengths[i] + piece - 1) / piece;
            }
            do {
                struct frame frame = { .bytes = wire->bytes };

                frame.length = frame_template_render(wire->frames, &wire->stack, &packet, (struct run_time){ 0 },
                                                     payload_for(IP_UDP, 9), wire->bytes);
                take_frame(watch, &frame);
            } while (datagram_next_piece(&packet));
            assert_int_equal(watch->pieces - before, wanted);
        }
        assert_in_range(watch->longest, ETHERNET + mtus[m] - 7, ETHERNET + mtus[m]);
        watch_release(watch);
        test_free(watch);
        wire_free(wire);
    }
    test_free(plans);
}

/* An error of ICMPv6 has what it is about, as much as fits 1280 bytes; and reads as one. */
static void test_unreachable(void **state)
{
    static const struct {
        uint8_t protocol;
        uint32_t payload_bytes;
        uint32_t quoted; /* bytes of the packet */
    } cases[] = {
        { IP_UDP, 0, 48 }, { IP_UDP, 30, 78 }, { IP_UDP, 1184, 1232 }, { IP_UDP, 1400, 1232 },
        { IP_ICMP, 56, 104 }, { IP_TCP, 0, 48 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire *wire = wire_new(cases[i].protocol, true);
        struct session_packet packet = { .tcp_flags = TCP_SYN, .payload_bytes = cases[i].payload_bytes,
                                         .place = { .message_bytes = cases[i].payload_bytes } };
        struct session_packet error = packet;
        struct packet_view view, about;
        uint8_t asked[1500];

        error.side = FLOW_RESPONDER;
        error.is_unreachable = true;
        about = wire_render(wire, &packet, payload_for(cases[i].protocol, 9));
        memcpy(asked, wire->bytes + ETHERNET, wire->length - ETHERNET);
        view = wire_render(wire, &error, payload_for(cases[i].protocol, 9));
        assert_true(view.is_unreachable);
        assert_int_equal(view.protocol, cases[i].protocol == IP_ICMP ? IP_ICMPV6 : cases[i].protocol);
        assert_int_equal(view.source_port, about.source_port);
        assert_int_equal(wire->length, ETHERNET + 40 + 8 + cases[i].quoted);
        assert_int_equal(wire->bytes[ETHERNET + 40], 1);
        assert_int_equal(wire->bytes[ETHERNET + 41], cases[i].protocol == IP_ICMP ? 3 : 4);
        assert_memory_equal(wire->bytes + ETHERNET + 48, asked, cases[i].quoted);
        wire_free(wire);
    }
}

/*
 * The pair of bytes that makes the sum of a datagram zero is among all: it is sent as 0xffff, for zero would say that
 * there is none (RFC 768; RFC 8200, section 8.1).
 */
static uint16_t filling;

static void fill_two(const struct payload_place *place, uint8_t *out, size_t size)
{
    (void)place;
    assert_int_equal(size, 2);
    wire_put_u16(out, filling);
}

static void test_zero_checksum(void **state)
{
    const struct session_packet packet = { .payload_bytes = 2, .place = { .message_bytes = 2 } };

    (void)state;
    for (int family = 0; family < IP_FAMILIES; family++) {
        struct wire *wire = wire_new(IP_UDP, family == IP_FAMILY_6);
        uint32_t all_ones = 0;

        for (uint32_t i = 0; i <= UINT16_MAX; i++) {
            filling = (uint16_t)i;
            (void)wire_render(wire, &packet, fill_two);
            all_ones += wire_get_u16(wire->bytes + ETHERNET + (family == IP_FAMILY_6 ? 46 : 26)) == 0xffff;
        }
        assert_in_range(all_ones, 1, 2);
        wire_free(wire);
    }
}

/* By the next hop where there is one, to the other end where there is none; the sender is who he is. */
static void test_next_hops(void **state)
{
    static const uint8_t router[6] = { 2, 9, 9, 9, 9, 9 };

    (void)state;
    for (int family = 0; family < IP_FAMILIES; family++) {
        struct wire *wire = wire_new(IP_UDP, family == IP_FAMILY_6);
        const struct session_packet packets[2] = { { .side = FLOW_INITIATOR }, { .side = FLOW_RESPONDER } };

        memcpy(wire->plan.ends[I].next_hop, router, sizeof router);
        for (int side = 0; side < 2; side++) {
            frame_template_build(wire->builder, &wire->frames[side], &wire->plan, &wire->stack, (enum flow_side)side);
            (void)frame_template_render(wire->frames, &wire->stack, &packets[side], (struct run_time){ 0 },
                                        payload_for(IP_UDP, 9), wire->bytes);
            assert_memory_equal(wire->bytes, side == I ? router : macs[I], 6);
            assert_memory_equal(wire->bytes + 6, macs[side], 6);
        }
        wire_free(wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mtus),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_zero_checksum),
        cmocka_unit_test(test_next_hops),
    };

    return cmocka_run_group_tests_name("session_ipv6", tests, NULL, NULL);
}
