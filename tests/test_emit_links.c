/*
 * One emitter for several links: in which order frames leave, what one link that cannot send does to the others, and
 * what is counted for which. Sinks that write down what they are given, and a clock that jumps.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "emit/emitter.h"
#include "net/wire.h"

#define SEED UINT64_C(20240229)

enum { LINKS = 3, MOST_FRAMES = 20000, FRAME_BYTES = 60, NUMBER_AT = 56, HELD = 40 };

/* What a sink was given and took. */
struct entry {
    uint32_t number;
    uint32_t link;
    int64_t sent_ns; /* run time */
};

struct world;

struct recording_sink {
    struct sink base; /* first: a struct sink * is one of these */
    struct world *world;
    uint32_t link;
    uint32_t calls;
    uint32_t strangers;              /* frames of another link */
    int64_t busy_from_ns, busy_to_ns; /* run time in which there is no room */
    bool is_down;                    /* loses all */
    uint32_t fails_at;               /* the call that fails; 0: none */
    uint32_t stops_at;               /* the call after which the run is stopped; 0: none */
    bool holds;                      /* the last HELD frames, which must stay as they are */
    const uint8_t *held[HELD];
    uint32_t held_numbers[HELD];
    uint32_t held_count;
    uint32_t overwritten;
};

struct world {
    struct gate_network network;
    struct gate gate;
    struct emit_clock clock;
    atomic_bool stop;
    struct emit_counts counts[LINKS];
    struct emit_link links[LINKS];
    struct recording_sink sinks[LINKS];
    struct emitter emitter;
    struct frame planned[MOST_FRAMES]; /* without bytes */
    uint32_t count, next;
    struct entry log[MOST_FRAMES];
    uint32_t logged;
};

/* ---- sinks ---- */

static void hold(struct recording_sink *sink, const uint8_t *bytes, uint32_t number)
{
    uint32_t at = sink->held_count++ % HELD;

    sink->overwritten += sink->held[at] && wire_get_u32(sink->held[at] + NUMBER_AT) != sink->held_numbers[at];
    sink->held[at] = bytes;
    sink->held_numbers[at] = number;
}

static const uint8_t *oldest_held(struct sink *base)
{
    struct recording_sink *sink = (struct recording_sink *)base;

    return sink->held_count < HELD ? sink->held[0] : sink->held[sink->held_count % HELD];
}

static enum sink_result take_one(struct recording_sink *sink, const struct frame *frame)
{
    struct world *world = sink->world;
    struct run_time now = emit_clock_now(&world->clock);
    uint32_t number = wire_get_u32(frame->bytes + NUMBER_AT);

    if (now.ns >= sink->busy_from_ns && now.ns < sink->busy_to_ns)
        return SINK_BUSY;
    if (sink->is_down)
        return SINK_LOST;
    sink->strangers += frame->link != sink->link;
    if (sink->holds)
        hold(sink, frame->bytes, number);
    world->log[world->logged++] = (struct entry){ number, sink->link, now.ns };
    return SINK_OK;
}

static enum sink_result send_frames(struct sink *base, const struct frame *frames, size_t count, size_t *sent,
                                    struct error *err)
{
    struct recording_sink *sink = (struct recording_sink *)base;
    enum sink_result result = SINK_OK;

    *sent = 0;
    sink->calls++;
    if (sink->calls == sink->stops_at)
        atomic_store(&sink->world->stop, true);
    if (sink->calls == sink->fails_at) {
        error_set(err, "the interface is gone");
        return SINK_FAILED;
    }
    for (; *sent < count && result == SINK_OK; *sent += result == SINK_OK)
        result = take_one(sink, &frames[*sent]);
    return result;
}

static void close_nothing(struct sink *sink)
{
    (void)sink;
}

/* ---- frames ---- */

static int peek(void *self, struct frame *next, struct error *err)
{
    const struct world *world = self;

    (void)err;
    if (world->next == world->count)
        return 0;
    *next = world->planned[world->next];
    return 1;
}

static uint32_t take(void *self, uint8_t *room)
{
    struct world *world = self;

    memset(room, 0, FRAME_BYTES);
    wire_put_u16(room + 12, 0x0800);
    room[14] = 0x45;
    wire_put_u32(room + 26, UINT32_C(0xc6120001)); /* 198.18.0.1 */
    wire_put_u32(room + 30, UINT32_C(0xc6120002));
    wire_put_u32(room + NUMBER_AT, world->next++);
    return FRAME_BYTES;
}

/* Frames one every `gap_ns`, or several at once where that is 0 for a while; each on a link and for a link by chance. */
static void plan_frames(struct world *world, uint32_t count, int64_t gap_ns)
{
    struct random_stream random;
    int64_t due_ns = 0;

    random_init(&random, SEED, RANDOM_SLICE, 0, 0, 0);
    world->count = count;
    for (uint32_t i = 0; i < count; i++) {
        world->planned[i] = (struct frame){ .due = { due_ns }, .flow = FRAME_NO_FLOW };
        world->planned[i].link = random_u32(&random) % LINKS;
        world->planned[i].to_link = random_u32(&random) % LINKS;
        due_ns += random_u32(&random) % 4 == 0 ? 4 * gap_ns : 0;
    }
}

static struct world *world_new(void)
{
    static const struct sink_operations operations = { send_frames, oldest_held, close_nothing };
    static const char *const names[LINKS] = { "eth1", "eth2", "eth3" };
    struct world *world = memory_alloc(sizeof *world);
    struct ip_network network;

    assert_int_equal(ip_network_parse(&network, "198.18.0.0/15"), 0);
    world->network = gate_network_of(&network);
    world->gate = (struct gate){ .networks = &world->network, .network_count = 1 };
    world->clock = emit_clock_simulated();
    world->emitter.clock = &world->clock;
    world->emitter.stop = &world->stop;
    for (uint32_t i = 0; i < LINKS; i++) {
        world->sinks[i].base.operations = &operations;
        world->sinks[i].world = world;
        world->sinks[i].link = i;
        world->links[i] = (struct emit_link){ .name = names[i], .gate = &world->gate, .sink = &world->sinks[i].base,
                                              .counts = &world->counts[i] };
        world->emitter.links[i] = &world->links[i];
    }
    return world;
}

static int play(struct world *world, struct error *err)
{
    const struct frame_source source = { peek, take, world };

    return emitter_run_source(&world->emitter, &source, err);
}

static uint32_t count_planned(const struct world *world, uint32_t link)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->count; i++)
        count += world->planned[i].link == link;
    return count;
}

/* Frames left in the order in which they were planned, whatever became of others; and never before their time. */
static void assert_order(const struct world *world)
{
    for (uint32_t i = 0; i < world->logged; i++) {
        const struct entry *entry = &world->log[i];

        assert_true(i == 0 || entry->number > entry[-1].number);
        assert_int_equal(entry->link, world->planned[entry->number].link);
        assert_true(entry->sent_ns >= world->planned[entry->number].due.ns);
    }
    for (uint32_t i = 0; i < LINKS; i++)
        assert_int_equal(world->sinks[i].strangers, 0);
}

/* What each link's counts say is what is in the log, and what was planned. */
static void assert_counts(const struct world *world)
{
    uint64_t sent[LINKS] = { 0 };
    uint64_t crossed[LINKS][LINKS] = { { 0 } };

    for (uint32_t i = 0; i < world->logged; i++) {
        const struct frame *frame = &world->planned[world->log[i].number];

        sent[frame->link]++;
        crossed[frame->link][frame->to_link] += frame->link != frame->to_link;
    }
    for (uint32_t i = 0; i < LINKS; i++) {
        const struct emit_counts *counts = &world->counts[i];

        assert_int_equal(counts->planned, count_planned(world, i));
        assert_int_equal(counts->sent, sent[i]);
        assert_int_equal(counts->sent_bytes, sent[i] * FRAME_BYTES);
        assert_int_equal(counts->lateness.count, sent[i]);
        assert_int_equal(counts->planned, counts->sent + counts->dropped + counts->refused);
        for (uint32_t k = 0; k < LINKS; k++)
            assert_int_equal(counts->crossed[k], crossed[i][k]);
    }
}

/* ---- tests ---- */

/* On time, and all of it overdue: what follows each other on one link goes out by one call, and by no more than one. */
static void test_order_across_links(void **state)
{
    static const int64_t late_ns[] = { 0, 1000, 500 * NS_PER_MS };
    struct error err = { "" };

    (void)state;
    for (size_t i = 0; i < sizeof late_ns / sizeof *late_ns; i++) {
        struct world *world = world_new();
        uint32_t runs = 1;
        uint32_t calls = 0;

        plan_frames(world, MOST_FRAMES, 100);
        world->clock.simulated_ns += late_ns[i];
        assert_int_equal(play(world, &err), 0);
        assert_int_equal(world->logged, MOST_FRAMES);
        assert_order(world);
        assert_counts(world);
        for (uint32_t k = 1; k < MOST_FRAMES; k++)
            runs += world->planned[k].link != world->planned[k - 1].link;
        for (uint32_t k = 0; k < LINKS; k++)
            calls += world->sinks[k].calls;
        if (late_ns[i] == 500 * NS_PER_MS) /* a run may be cut where a batch ends */
            assert_in_range(calls, runs, runs + MOST_FRAMES / EMIT_BATCH);
        free(world);
    }
}

/* A link without room holds up all for at most 10 ms, once; then its frames are dropped, and the others are on time. */
static void test_busy_link(void **state)
{
    static const struct {
        int64_t busy_ms;
        bool loses;
    } rows[] = { { 3, false }, { 9, false }, { 30, true }, { 1000, true } };
    const int64_t from_ns = 100 * NS_PER_MS;
    struct error err = { "" };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = world_new();
        int64_t latest_ns = 0;

        plan_frames(world, MOST_FRAMES, 100 * NS_PER_US); /* about 2 s of them */
        world->sinks[1].busy_from_ns = from_ns;
        world->sinks[1].busy_to_ns = from_ns + rows[i].busy_ms * NS_PER_MS;
        assert_int_equal(play(world, &err), 0);
        assert_order(world);
        assert_counts(world);
        assert_true(world->counts[1].busy > 0);
        assert_int_equal(world->counts[1].lost > 0, rows[i].loses);
        assert_int_equal(world->counts[0].busy + world->counts[2].busy, 0);
        assert_int_equal(world->counts[0].dropped + world->counts[2].dropped, 0);
        for (uint32_t k = 0; k < world->logged; k++) {
            int64_t late_ns = world->log[k].sent_ns - world->planned[world->log[k].number].due.ns;

            latest_ns = late_ns > latest_ns ? late_ns : latest_ns;
            if (world->log[k].sent_ns > from_ns + 2 * EMIT_BUSY_NS && world->log[k].link != 1)
                assert_int_equal(late_ns, 0);
        }
        assert_in_range(latest_ns, 1, EMIT_BUSY_NS + NS_PER_MS);
        free(world);
    }
}

/* What an interface that is down loses costs the others nothing. */
static void test_link_that_is_down(void **state)
{
    struct world *world = world_new();
    struct error err = { "" };

    (void)state;
    plan_frames(world, MOST_FRAMES, 1000);
    world->sinks[2].is_down = true;
    assert_int_equal(play(world, &err), 0);
    assert_order(world);
    assert_counts(world);
    assert_int_equal(world->counts[2].sent, 0);
    assert_int_equal(world->counts[2].lost, count_planned(world, 2));
    for (uint32_t i = 0; i < LINKS; i++)
        assert_int_equal(world->counts[i].lateness.max_ns, 0);
    free(world);
}

/* The ceiling of one link makes all late, and none of them is lost or overtaken. */
static void test_ceiling_of_one_link(void **state)
{
    struct world *world = world_new();
    struct rate_ceiling ceiling;
    struct error err = { "" };

    (void)state;
    plan_frames(world, 6000, 1000);
    rate_ceiling_init(&ceiling, 1000, 0);
    world->links[1].ceiling = &ceiling;
    world->emitter.max_late_ns = NS_PER_DAY;
    assert_int_equal(play(world, &err), 0);
    assert_int_equal(world->logged, 6000);
    assert_order(world);
    assert_counts(world);
    assert_true(world->counts[1].held_back > 0);
    assert_int_equal(world->counts[0].held_back + world->counts[2].held_back, 0);
    /* 2,000 or so, 1.1 ms each but the first 100 ms of them. */
    assert_in_range(emit_clock_now(&world->clock).ns, 1900 * NS_PER_MS, 2300 * NS_PER_MS);
    free(world);
}

/* A stall puts all links off by the same. */
static void test_stall_is_of_all_links(void **state)
{
    struct world *world = world_new();
    struct error err = { "" };
    uint64_t stalls = 0;
    uint64_t stalled_ns = 0;

    (void)state;
    plan_frames(world, MOST_FRAMES, 1000);
    world->clock.simulated_ns += 5 * NS_PER_SECOND;
    assert_int_equal(play(world, &err), 0);
    assert_order(world);
    assert_counts(world);
    for (uint32_t i = 0; i < LINKS; i++) {
        stalls += world->counts[i].stalls;
        stalled_ns += world->counts[i].stalled_ns;
    }
    assert_int_equal(stalls, 1);
    assert_int_equal(stalled_ns, 5 * NS_PER_SECOND);
    for (uint32_t i = 0; i < world->logged; i++)
        assert_int_equal(world->log[i].sent_ns, world->planned[world->log[i].number].due.ns);
    free(world);
}

/* The run ends, and it is said whose sink it was. */
static void test_sink_that_fails(void **state)
{
    struct world *world = world_new();
    struct error err = { "" };

    (void)state;
    plan_frames(world, MOST_FRAMES, 1000);
    world->sinks[1].fails_at = 100;
    assert_int_equal(play(world, &err), -1);
    assert_string_equal(err.text, "eth2: the interface is gone");
    assert_order(world);
    assert_int_equal(world->counts[1].lost, 1);
    assert_true(world->counts[0].sent > 0 && world->counts[2].sent > 0);
    free(world);
}

/* What is left at a stop is counted for the links that it was for. */
static void test_stop(void **state)
{
    struct world *world = world_new();
    struct error err = { "" };

    (void)state;
    plan_frames(world, 300, 1000);
    world->sinks[0].stops_at = 30;
    assert_int_equal(play(world, &err), 0);
    assert_order(world);
    assert_counts(world);
    for (uint32_t i = 0; i < LINKS; i++) {
        assert_true(world->counts[i].unsent > 0);
        assert_int_equal(world->counts[i].unsent, world->counts[i].dropped);
    }
    free(world);
}

/* The memory of frames that any of the sinks still reads is not written over. */
static void test_memory_is_held_for_all_sinks(void **state)
{
    struct world *world = world_new();
    struct error err = { "" };

    (void)state;
    plan_frames(world, MOST_FRAMES, 1000);
    for (uint32_t i = 0; i < LINKS; i++)
        world->sinks[i].holds = i != 1;
    assert_int_equal(play(world, &err), 0);
    assert_order(world);
    assert_int_equal(world->logged, MOST_FRAMES);
    for (uint32_t i = 0; i < LINKS; i++) {
        assert_int_equal(world->sinks[i].overwritten, 0);
        assert_int_equal(world->sinks[i].held_count > 5000, i != 1);
    }
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_across_links),
        cmocka_unit_test(test_busy_link),
        cmocka_unit_test(test_link_that_is_down),
        cmocka_unit_test(test_ceiling_of_one_link),
        cmocka_unit_test(test_stall_is_of_all_links),
        cmocka_unit_test(test_sink_that_fails),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_memory_is_held_for_all_sinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
