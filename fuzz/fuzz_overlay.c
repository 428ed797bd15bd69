/*
 * fuzz_overlay.c - libFuzzer target of captures that are played in a run.
 *
 * Input: options; then, with bit 0, one IP packet that gets other addresses and its own back: it is what it was, but for
 * the two zeros of one's complement. Else a capture; bit 1: it is played ten times as fast, bit 2: in a run without IPv6.
 * Whatever the capture holds, each frame goes out in order, between hosts of the run, and past the gate, which has a say
 * of its own in extension headers of IPv6 alone; the ground truth is told of as many as there were.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emit/gate.h"
#include "net/ethernet_header.h"
#include "net/ip_header.h"
#include "net/ipv6_extensions.h"
#include "net/readdress.h"
#include "scenario/overlay_set.h"

enum { GROUPS = 2, MOST_NETWORKS = 2 * GROUPS + 2, MOST_SENDERS = 4 * GROUPS, MOST_SLOTS = 4096 };

#define END_NS (INT64_C(1000) * NS_PER_SECOND)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in every build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

/* ---- one packet ---- */

/* Its own inverse, within a family. */
static bool change_last(const void *self, const struct ip_address *from, struct ip_address *to)
{
    const uint8_t *change = self;

    *to = *from;
    to->bytes[15] ^= change[0];
    to->bytes[14] ^= change[1];
    return true;
}

static bool is_zero(uint16_t sum)
{
    return sum == 0 || sum == UINT16_MAX;
}

/* At most one byte of the two that are a checksum may be at `at`. */
static bool is_other_zero(const uint8_t *a, const uint8_t *b, size_t size, size_t at)
{
    return (at + 1 < size && is_zero(wire_get_u16(a + at)) && is_zero(wire_get_u16(b + at))) ||
           (at > 0 && is_zero(wire_get_u16(a + at - 1)) && is_zero(wire_get_u16(b + at - 1)));
}

static void readdress_there_and_back(const uint8_t *data, size_t size)
{
    static const uint8_t change[2] = { 0x5a, 0xc3 };
    const struct readdress_map map = { change_last, change };
    uint8_t *packet = malloc(size ? size : 1); /* exactly as long, so that a sanitizer sees a read behind the end */
    struct ip_address ends[2];

    require(packet != NULL);
    memcpy(packet, data, size);
    if (readdress_packet(packet, size, &map, ends)) {
        require(readdress_packet(packet, size, &map, ends));
        for (size_t i = 0; i < size; i++)
            require(packet[i] == data[i] || is_other_zero(packet, data, size, i));
    }
    free(packet);
}

/* ---- a run ---- */

static struct ip_network network(const char *text)
{
    struct ip_network network = { .prefix = 0 };

    require(ip_network_parse(&network, text) == 0);
    return network;
}

/* Two groups on two links, one of them with a VLAN; the outside is where they are. */
struct world {
    struct host_model model;
    uint32_t count;
    struct population_group groups[GROUPS];
    struct population population;
    struct ip_network networks[MOST_NETWORKS];
    size_t network_count;
    struct gate_network *allowed;
    struct gate_sender senders[FRAME_MAX_LINKS][MOST_SENDERS];
    struct gate gates[FRAME_MAX_LINKS];
};

static void make_population(struct world *w, bool has_v6)
{
    struct population_outside outside = { .networks = { network("198.19.0.0/16"), network("2001:2:0:8000::/49") } };
    struct error err;

    w->count = 1;
    for (uint16_t i = 0; i < GROUPS; i++)
        w->groups[i] = (struct population_group){ .models = &w->model, .model_count = 1, .counts = &w->count,
                                                  .host_count = 50, .link = i, .vlan = i ? 30 : 0, .mtu = i ? 9000 : 1500 };
    w->groups[0].addresses.networks[IP_FAMILY_4] = network("198.18.0.0/24");
    w->groups[1].addresses.networks[IP_FAMILY_4] = network("198.18.1.0/24");
    if (has_v6)
        w->groups[1].addresses.networks[IP_FAMILY_6] = network("2001:2::/64");
    require(population_init(&w->population, w->groups, GROUPS, &outside, &err) == 0);
    w->network_count = population_networks(&w->population, w->networks);
}

static void make_gates(struct world *w)
{
    struct population_sender senders[MOST_SENDERS];
    size_t count = population_senders(&w->population, senders);

    w->allowed = gate_networks_new(w->networks, w->network_count);

    for (size_t i = 0; i < FRAME_MAX_LINKS; i++)
        w->gates[i] = (struct gate){ w->allowed, w->network_count, (i ? 9000u : 1500u) + ETHERNET_BYTES, w->senders[i], 0 };
    for (size_t i = 0; i < count; i++) {
        struct gate *gate = &w->gates[senders[i].link];

        w->senders[senders[i].link][gate->sender_count++] = (struct gate_sender){ gate_network_of(&senders[i].network), senders[i].vlan };
    }
}

static struct world *world_new(bool has_v6)
{
    struct world *w = calloc(1, sizeof *w);

    require(w != NULL);
    make_population(w, has_v6);
    make_gates(w);
    return w;
}

/* ---- the ground truth ---- */

struct keeper {
    uint32_t slots;
    bool is_over[MOST_SLOTS];
    uint64_t frames[MOST_SLOTS];
};

static uint32_t keep_begin(void *self, const struct sent_flow *flow)
{
    struct keeper *k = self;

    require(flow->overlay != NULL);
    return k->slots < MOST_SLOTS ? k->slots++ : FRAME_NO_FLOW;
}

static void keep_end(void *self, uint32_t slot, uint64_t frames)
{
    struct keeper *k = self;

    if (slot == FRAME_NO_FLOW)
        return;
    require(slot < k->slots && !k->is_over[slot] && k->frames[slot] == frames);
    k->is_over[slot] = true;
}

static void keep_frame(struct keeper *k, const struct frame *frame)
{
    uint32_t slot = frame->flow >> 1;

    if (frame->flow == FRAME_NO_FLOW)
        return;
    require(slot < k->slots && !k->is_over[slot]);
    k->frames[slot]++;
}

/* ---- playing ---- */

static int peek_nothing(void *self, struct frame *next, struct error *err)
{
    (void)self;
    (void)next;
    (void)err;
    return 0;
}

/* The gate, but not who plays, looks at these. */
static bool has_odd_extensions(const struct frame *frame)
{
    const uint8_t *ip = frame->bytes + ETHERNET_BYTES;
    struct ipv6_extensions extensions;

    if (wire_get_u16(frame->bytes + ETHERNET_TYPE) == ETHERNET_TYPE_VLAN)
        ip += ETHERNET_TAG_BYTES;
    if (ip[0] >> 4 != 6)
        return false;
    extensions = ipv6_extensions_at(ip[IPV6_NEXT], ip + IPV6_HEADER_BYTES,
                                    frame->length - (size_t)(ip + IPV6_HEADER_BYTES - frame->bytes));
    return !extensions.has_routing && (extensions.cut_bytes > 0 || extensions.count > 7);
}

static void play(const struct world *w, struct overlay_set *set, struct keeper *k)
{
    struct frame_source frames = overlay_set_frames(set);
    struct run_time last = { 0 };
    static uint8_t room[FRAME_MAX_BYTES];
    struct frame frame;
    struct error err;

    while (frame_source_next(&frames, room, &frame, &err) == 1) {
        require(frame.due.ns >= last.ns && frame.due.ns < END_NS);
        require(frame.link < GROUPS && frame.to_link < GROUPS && frame.length <= FRAME_MAX_BYTES);
        require(gate_passes(&w->gates[frame.link], &frame) || has_odd_extensions(&frame));
        keep_frame(k, &frame);
        last = frame.due;
    }
}

/* Of each flow that is over as many frames were told as there were. */
static void play_capture(const struct world *w, int fd, double speed)
{
    const struct overlay_mapping map[] = { { .from = network("10.0.0.0/24"), .to = network("198.18.1.0/24") },
                                           { .from = network("2001:db8::/64"), .to = network("2001:2::/64") } };
    const struct overlay_config overlay = { .fd = fd, .path = "input", .time.when = OVERLAY_AFTER, .speed = speed,
                                            .map = map, .map_count = w->groups[1].addresses.networks[IP_FAMILY_6].prefix ? 2 : 1 };
    const struct schedule schedule = { .speed = 1 };
    struct keeper k = { .slots = 0 };
    const struct sent_flow_keeper keeper = { keep_begin, keep_end, &k };
    const struct overlay_set_config config = {
        .overlays = &overlay, .count = 1, .background = { .peek = peek_nothing }, .schedule = &schedule, .end = { END_NS },
        .keeper = &keeper, .population = &w->population, .networks = w->networks, .network_count = w->network_count,
    };
    struct error err;
    struct overlay_set *set = overlay_set_new(&config, &err);

    if (set == NULL)
        return;
    play(w, set, &k);
    overlay_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *worlds[2];
    static int fd = -1;

    if (size < 1)
        return 0;
    if (data[0] & 1) {
        readdress_there_and_back(data + 1, size - 1);
        return 0;
    }
    if (fd < 0) {
        fd = memfd_create("capture", MFD_CLOEXEC);
        worlds[0] = world_new(true);
        worlds[1] = world_new(false);
    }
    require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)(size - 1));
    play_capture(worlds[data[0] >> 2 & 1], fd, data[0] & 2 ? 10 : 1);
    return 0;
}
