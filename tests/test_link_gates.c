/*
 * Links and VLANs of a whole scenario: every frame passes the gate of its link and no other one, and every host is found
 * on its link and in its VLAN alone.
 */
#include "support.h"

#include <string.h>

#include "daemon/link_gates.h"
#include "model/model.h"
#include "net/wire.h"
#include "scenario/scenario.h"

enum { GROUPS = 4, LINKS = 3, HOSTS = 9 };

static const struct place {
    const char *network;
    uint16_t link, vlan;
} places[GROUPS] = {
    { "10.1.0.0/24", 0, 0 },
    { "10.2.0.0/24", 0, 20 },
    { "10.3.0.0/24", 1, 20 },
    { "10.4.0.0/24", 1, 4094 },
};

struct run {
    struct model *model;
    struct scenario_group groups[GROUPS];
    struct scenario *scenario;
    struct link_gates gates;
};

static struct ip_network network_of(const char *text)
{
    struct ip_network network;

    assert_int_equal(ip_network_parse(&network, text), 0);
    return network;
}

/* A day of four populations, all of them wherever `places` says. */
static void begin(struct run *run, const struct population_outside *outside)
{
    struct scenario_config config = {
        .groups = run->groups, .group_count = GROUPS, .outside = *outside,
        .seed = 3, .day_ns = NS_PER_DAY, .speed = 1, .how = { .impairments = IMPAIRMENTS_LEARNED }, .threads = 1,
    };
    struct error err = { "" };

    config.outside.networks[IP_FAMILY_4] = network_of("10.9.0.0/16");
    memset(run, 0, sizeof *run);
    run->model = model_load(source_path("fuzz/corpus/model/every_table"), &err);
    assert_non_null(run->model);
    for (int i = 0; i < GROUPS; i++)
        run->groups[i] = (struct scenario_group){ .model = run->model, .addresses.networks = { network_of(places[i].network) },
                                                  .link = places[i].link, .vlan = places[i].vlan, .hosts = HOSTS };
    config.begin = run->model->first;
    run->scenario = scenario_new(&config, &err);
    assert_non_null(run->scenario);
    link_gates_init(&run->gates, run->scenario);
}

static void end(struct run *run)
{
    link_gates_release(&run->gates);
    scenario_free(run->scenario);
    model_free(run->model);
}

static uint32_t source_of(const struct frame *frame)
{
    return wire_get_u32(frame->bytes + (wire_get_u16(frame->bytes + 12) == 0x8100 ? 30 : 26));
}

/* Counts frames by link; from the outside in the second row. */
static void play(struct run *run, size_t counts[2][LINKS])
{
    struct frame_source frames = scenario_frames(run->scenario);
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;

    while (frame_source_next(&frames, room, &frame, &err) > 0) {
        assert_in_range(frame.link, 0, LINKS - 1);
        assert_true(gate_passes(&run->gates.all, &frame));
        for (size_t link = 0; link < LINKS; link++) {
            struct gate gate = link_gates_of(&run->gates, link);

            assert_int_equal(gate_passes(&gate, &frame), link == frame.link);
        }
        counts[source_of(&frame) >> 16 == 0x0a09][frame.link]++;
    }
    assert_string_equal(err.text, "");
}

/* Everybody outside is on a link of his own, so that no frame can be mistaken for one of another link. */
static void test_frames_pass_the_gate_of_their_link(void **state)
{
    struct run run;
    size_t counts[2][LINKS] = { { 0 } };

    (void)state;
    begin(&run, &(struct population_outside){ .has_link = true, .link = 2, .has_vlan = true, .vlan = 7 });
    play(&run, counts);
    assert_true(counts[0][0] > 0 && counts[0][1] > 0 && counts[1][2] > 0);
    assert_int_equal(counts[0][2] + counts[1][0] + counts[1][1], 0);
    end(&run);
}

static void test_senders(void **state)
{
    struct run run;
    struct gate gate;

    (void)state;
    begin(&run, &(struct population_outside){ 0 });
    assert_int_equal(run.gates.all.sender_count, 8); /* four populations, and the outside beside each */
    for (size_t link = 0; link < 2; link++) {
        gate = link_gates_of(&run.gates, link);
        assert_int_equal(gate.sender_count, 4);
        assert_int_equal(gate.network_count, GROUPS + 1);
    }
    gate = link_gates_of(&run.gates, CONFIGURATION_MAX_LINKS - 1);
    assert_int_equal(gate.sender_count, 0);
    end(&run);
}

static void test_hosts_of_a_link(void **state)
{
    struct run run;

    (void)state;
    begin(&run, &(struct population_outside){ 0 });
    for (uint16_t link = 0; link < LINKS; link++) {
        const struct scenario_link hosts = { run.scenario, link };

        for (uint16_t vlan = 0; vlan <= 4095; vlan++) {
            for (int i = 0; i < GROUPS; i++) {
                uint32_t address = 0x0a000001 + (uint32_t)(i + 1) * 0x10000;
                const struct ip_address host = ip_address_from_v4(address);
                const struct ip_address nobody = ip_address_from_v4(address + HOSTS);
                struct address_owner owner = { .is_outside = true };
                bool is_there = places[i].link == link && places[i].vlan == vlan;

                assert_int_equal(scenario_link_lookup(&hosts, &host, vlan, &owner), is_there);
                assert_false(owner.is_outside);
                assert_int_equal(owner.host, i * HOSTS);
                assert_int_equal(wire_get_u32(owner.mac + 2), address);
                assert_false(scenario_link_lookup(&hosts, &nobody, vlan, &owner));
            }
        }
    }
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_pass_the_gate_of_their_link),
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_hosts_of_a_link),
    };

    return cmocka_run_group_tests_name("link_gates", tests, NULL, NULL);
}
