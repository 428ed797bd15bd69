/*
 * Links and VLANs of a whole scenario: every frame passes the gate of its link and no other one, and every host is found
 * on its link and in its VLAN alone.
 */
#include "support.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/answer_filter.h"
#include "daemon/link_gates.h"
#include "model/model.h"
#include "net/wire.h"
#include "scenario/scenario.h"
#include "scenario/scenario_hosts.h"

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

static const enum host_os systems[GROUPS] = { HOST_OS_LEARNED, HOST_OS_LINUX, HOST_OS_WINDOWS, HOST_OS_ROUTER };

static void test_hosts_of_a_link(void **state)
{
    struct run run;

    (void)state;
    begin(&run, &(struct population_outside){ 0 });
    for (uint16_t link = 0; link < LINKS; link++) {
        struct scenario_hosts *made = scenario_hosts_new(scenario_population(run.scenario), NULL, systems, link);
        const struct link_hosts hosts = scenario_hosts_of(made);

        assert_int_equal(hosts.virtual_count, link < 2 ? 2 : 0);
        for (uint16_t vlan = 0; vlan <= 4095; vlan++) {
            for (int i = 0; i < GROUPS; i++) {
                uint32_t address = 0x0a000001 + (uint32_t)(i + 1) * 0x10000;
                const struct ip_address host = ip_address_from_v4(address);
                const struct ip_address nobody = ip_address_from_v4(address + HOSTS);
                bool is_there = places[i].link == link && places[i].vlan == vlan;
                struct link_host found;

                assert_int_equal(link_hosts_find(&hosts, &host, vlan, &found), is_there ? HOST_VIRTUAL : HOST_ELSEWHERE);
                if (is_there)
                    assert_int_equal(wire_get_u32(found.mac + 2), address);
                if (is_there && systems[i] != HOST_OS_LEARNED)
                    assert_int_equal(found.stack.os, systems[i]);
                assert_int_equal(link_hosts_find(&hosts, &nobody, vlan, &found), HOST_NONE);
            }
        }
        scenario_hosts_free(made);
    }
    end(&run);
}

static struct ip_address address_of(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(&address, text), 0);
    return address;
}

/* Hosts of both families, the outside on a link of its own. */
static struct scenario *dual_scenario(struct model *model)
{
    struct scenario_group group = { .model = model, .hosts = HOSTS, .link = 1, .vlan = 20 };
    struct scenario_config config = {
        .groups = &group, .group_count = 1, .seed = 3, .begin = model->first, .day_ns = NS_PER_DAY, .speed = 1,
        .outside = { .has_link = true, .has_vlan = true, .link = 2 }, .threads = 1,
    };
    struct error err = { "" };
    struct scenario *scenario;

    group.addresses.networks[IP_FAMILY_4] = network_of("10.1.0.0/24");
    group.addresses.networks[IP_FAMILY_6] = network_of("fd01::/64");
    group.addresses.ipv6 = 0.5;
    config.outside.networks[IP_FAMILY_4] = network_of("10.9.0.0/16");
    config.outside.networks[IP_FAMILY_6] = network_of("fd09::/32");
    scenario = scenario_new(&config, &err);
    assert_non_null(scenario);
    return scenario;
}

static void check_dual_hosts(const struct scenario *scenario)
{
    struct scenario_hosts *made = scenario_hosts_new(scenario_population(scenario), NULL, systems, 1);
    const struct link_hosts hosts = scenario_hosts_of(made);
    struct ip_address address = address_of("fd01::");
    struct link_host found;

    for (uint32_t i = 0; i < HOSTS; i++) {
        address.bytes[15] = (uint8_t)(i + 1);
        assert_int_equal(link_hosts_find(&hosts, &address, 20, &found), HOST_VIRTUAL);
        assert_int_equal(wire_get_u32(found.mac + 2), 0x0a010001 + i); /* that of its IPv4 address, too */
    }
    address.bytes[15] = HOSTS + 1;
    assert_int_equal(link_hosts_find(&hosts, &address, 20, &found), HOST_NONE);
    address = address_of("fd09:0:1::7");
    assert_int_equal(link_hosts_find(&hosts, &address, 20, &found), HOST_ELSEWHERE);
    scenario_hosts_free(made);
}

/* Of both families each frame passes the gate of its link, and not that of the other one. */
static void test_both_families(void **state)
{
    struct error err = { "" };
    struct model *model = model_load(source_path("fuzz/corpus/model/every_table"), &err);
    struct scenario *scenario = dual_scenario(model);
    struct frame_source frames = scenario_frames(scenario);
    size_t ipv6[LINKS] = { 0 }, ipv4[LINKS] = { 0 };
    uint8_t room[FRAME_MAX_BYTES];
    struct link_gates gates;
    struct frame frame;

    (void)state;
    check_dual_hosts(scenario);
    link_gates_init(&gates, scenario);
    while (frame_source_next(&frames, room, &frame, &err) > 0) {
        uint16_t type = wire_get_u16(room + (wire_get_u16(room + 12) == 0x8100 ? 16 : 12));
        struct gate gate = link_gates_of(&gates, frame.link), other = link_gates_of(&gates, 3 - frame.link);

        assert_in_range(frame.link, 1, 2);
        assert_true(gate_passes(&gate, &frame));
        assert_false(gate_passes(&other, &frame));
        *(type == 0x86dd ? &ipv6[frame.link] : &ipv4[frame.link]) += 1;
    }
    assert_string_equal(err.text, "");
    assert_true(ipv6[1] > 0 && ipv6[2] > 0 && ipv4[1] > 0 && ipv4[2] > 0);
    link_gates_release(&gates);
    scenario_free(scenario);
    model_free(model);
}

/* The outside is somebody on the link and in the VLAN that it has to itself, and on the others it is elsewhere. */
static void test_outside_of_a_link(void **state)
{
    static const struct {
        struct population_outside outside;
        uint16_t link, vlan;
        enum host_kind kind;
    } rows[] = {
        { { .mac = { 0 } }, 0, 0, HOST_NONE }, /* beside every host, and nowhere by itself */
        { { .has_link = true, .has_vlan = true, .link = 2, .vlan = 7 }, 2, 7, HOST_OUTSIDE },
        { { .has_link = true, .has_vlan = true, .link = 2, .vlan = 7 }, 2, 0, HOST_ELSEWHERE },
        { { .has_link = true, .has_vlan = true, .link = 2, .vlan = 7 }, 0, 7, HOST_ELSEWHERE },
        { { .has_vlan = true, .vlan = 7 }, 1, 7, HOST_OUTSIDE }, /* on the links of all */
        { { .has_vlan = true, .vlan = 7 }, 1, 20, HOST_ELSEWHERE },
    };
    const struct ip_address address = ip_address_from_v4(0x0a090203);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scenario_hosts *made;
        struct link_hosts hosts;
        struct link_host found;
        struct run run;

        begin(&run, &rows[i].outside);
        made = scenario_hosts_new(scenario_population(run.scenario), NULL, systems, rows[i].link);
        hosts = scenario_hosts_of(made);
        assert_int_equal(link_hosts_find(&hosts, &address, rows[i].vlan, &found), rows[i].kind);
        scenario_hosts_free(made);
        end(&run);
    }
}

/* Most sessions of a host show the stack that its answers show. */
static void test_learned_stack_is_that_of_the_sessions(void **state)
{
    struct run run;
    const struct population *population;
    size_t agreed = 0, all = 0;
    struct scenario_hosts *made;
    struct link_hosts hosts;
    struct frame_source frames;
    uint8_t room[FRAME_MAX_BYTES];
    struct error err = { "" };
    struct frame frame;

    (void)state;
    begin(&run, &(struct population_outside){ 0 });
    population = scenario_population(run.scenario);
    made = scenario_hosts_new(population, NULL, systems, 0);
    hosts = scenario_hosts_of(made);
    frames = scenario_frames(run.scenario);
    while (frame_source_next(&frames, room, &frame, &err) > 0) {
        const struct ip_address source = ip_address_from_v4(source_of(&frame));
        struct link_host found;

        if (source_of(&frame) >> 16 != 0x0a01 || link_hosts_find(&hosts, &source, 0, &found) != HOST_VIRTUAL)
            continue;
        agreed += found.stack.ttl == frame.bytes[22];
        all++;
    }
    assert_true(all > 100);
    assert_true(agreed * 2 > all);
    scenario_hosts_free(made);
    end(&run);
}

/* ---- what the kernel hands on ---- */

static bool passes(int sockets[2], const char *source, const char *destination)
{
    uint8_t frame[60] = { [12] = 0x08, [14] = 0x45 };
    uint8_t got[sizeof frame];
    struct ip_address from, to;

    assert_int_equal(ip_address_parse(&from, source), 0);
    assert_int_equal(ip_address_parse(&to, destination), 0);
    memcpy(frame + 26, from.bytes + 12, 4);
    memcpy(frame + 30, to.bytes + 12, 4);
    (void)send(sockets[0], frame, sizeof frame, MSG_DONTWAIT); /* what does not pass is an error here */
    return recv(sockets[1], got, sizeof got, MSG_DONTWAIT) == (ssize_t)sizeof frame;
}

/* Two links; of the second population it is not said how many hosts it has. */
static void test_filter_of_a_link(void **state)
{
    static const struct {
        size_t link;
        const char *source, *destination;
        bool passes;
    } rows[] = {
        { 0, "192.0.2.1", "10.1.0.200", true },
        { 0, "192.0.2.1", "10.2.0.1", false },
        { 0, "192.0.2.1", "10.9.0.1", false },
        { 0, "10.1.0.250", "10.1.0.1", true },
        { 0, "10.2.0.1", "10.1.0.1", true },  /* nobody knows: maybe a real machine */
        { 0, "10.9.0.1", "10.1.0.1", false }, /* from the outside */
        { 1, "192.0.2.1", "10.2.0.1", true },
        { 1, "192.0.2.1", "10.9.255.1", true },
        { 1, "10.1.0.1", "10.2.0.1", false },
        { 1, "10.1.0.9", "10.9.0.1", false },
        { 1, "10.1.0.10", "10.2.0.1", true }, /* no virtual host */
    };
    struct configuration_population populations[2] = { { .hosts = HOSTS, .link = 0 }, { .link = 1 } };
    struct configuration c = { .populations = populations, .population_count = 2,
                               .outside = { .has_link = true, .has_vlan = true, .link = 1 } };

    (void)state;
    populations[0].addresses.networks[IP_FAMILY_4] = network_of("10.1.0.0/24");
    populations[1].addresses.networks[IP_FAMILY_4] = network_of("10.2.0.0/24");
    c.outside.networks[IP_FAMILY_4] = network_of("10.9.0.0/16");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct receive_filter filter;
        int sockets[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets), 0);
        answer_filter(&c, rows[i].link, &filter);
        assert_int_equal(receive_filter_attach(&filter, sockets[1]), 0);
        if (passes(sockets, rows[i].source, rows[i].destination) != rows[i].passes)
            fail_msg("link %zu, %s to %s: wrong", rows[i].link, rows[i].source, rows[i].destination);
        close(sockets[0]);
        close(sockets[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_pass_the_gate_of_their_link),
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_hosts_of_a_link),
        cmocka_unit_test(test_outside_of_a_link),
        cmocka_unit_test(test_both_families),
        cmocka_unit_test(test_learned_stack_is_that_of_the_sessions),
        cmocka_unit_test(test_filter_of_a_link),
    };

    return cmocka_run_group_tests_name("link_gates", tests, NULL, NULL);
}
