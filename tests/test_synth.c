#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_grid.h"
#include "base/time_zone.h"
#include "net/wire.h"
#include "synth/day.h"
#include "synth/flow_draw.h"
#include "synth/peer_draw.h"
#include "synth/pick.h"
#include "synth/flow_ends.h"
#include "synth/population.h"
#include "synth/slice.h"

enum { SEED = 3, DATE = 20000, DRAWS = 200000, MODEL_HOSTS = 3, STATES = 3 };

/* ---- draws ---- */

/* Log-volumes of two well separated components come back with their weights and moments. */
static void test_draw_packets(void **state)
{
    const struct mixture_component components[] = { { 0.3, 5.0, 0.2 }, { 0.7, 9.0, 0.5 } };
    const struct volume_model mixture = { components, 20.0, 2 };
    struct random_stream random;
    double n[2] = { 0 };
    double sum[2] = { 0 };
    double squares[2] = { 0 };

    (void)state;
    random_init(&random, SEED, RANDOM_SLICE, 0, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double x = log((double)flow_draw_packets(&mixture, &random));
        int k = x > 7;

        n[k]++;
        sum[k] += x;
        squares[k] += x * x;
    }
    for (int k = 0; k < 2; k++) {
        const struct mixture_component *c = &mixture.components[k];
        double mean = sum[k] / n[k];

        /* five standard errors; the first component is rounded to whole packets, 1/150 each */
        assert_true(fabs(n[k] / DRAWS - c->weight) < 5 * sqrt(0.21 / DRAWS));
        assert_true(fabs(mean - c->mean) < 5 * c->sd / sqrt(n[k]) + 1e-4);
        assert_true(fabs(sqrt(squares[k] / n[k] - mean * mean) / c->sd - 1) < 0.02);
    }
}

static void test_draw_packets_bounds(void **state)
{
    const struct mixture_component low = { 1.0, -1.0, 0.5 };
    const struct mixture_component high = { 1.0, 100.0, 100.0 };
    const struct volume_model least = { &low, 20.0, 1 };
    const struct volume_model most = { &high, (float)log(5000), 1 };
    struct random_stream random;

    (void)state;
    random_init(&random, SEED, RANDOM_SLICE, 1, 0, 0);
    for (int i = 0; i < 10000; i++) {
        assert_true(flow_draw_packets(&least, &random) >= 1);
        assert_in_range(flow_draw_packets(&most, &random), 1, 5000); /* the largest that was seen */
    }
}

/* Inside the feature, and each eighth of it as often as the others. */
static void test_draw_port(void **state)
{
    static const uint32_t features[] = { 0, 80, 1024, 1025, 1026, 1034, 1044, 1045 };

    (void)state;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        uint32_t first = port_feature_first(features[i]);
        uint32_t width = port_feature_first(features[i] + 1) - first;
        uint32_t eighths[8] = { 0 };
        struct random_stream random;

        random_init(&random, SEED, RANDOM_SLICE, 2, features[i], 0);
        for (int n = 0; n < 16000; n++) {
            uint16_t port = flow_draw_port(features[i], &random);

            assert_int_equal(port_feature_of(port), features[i]);
            eighths[(port - first) * 8 / width]++;
        }
        for (int k = 0; k < 8 && width > 1; k++)
            assert_in_range(eighths[k], 2000 - 250, 2000 + 250); /* 5.9 sigma */
    }
}

/* ---- a network by hand: two clients and a server ---- */

struct network {
    struct host_model hosts[MODEL_HOSTS];
    struct state_model states[MODEL_HOSTS][STATES];
    struct mixture_component components[MODEL_HOSTS][STATES];
    struct slice_profile profiles[MODEL_HOSTS][DAY_SLICES];
    uint16_t observed_days[DAY_SLICES];
    struct arena arena;
    struct population_group group;
    struct population_outside outside;
    struct population population; /* of whatever groups, once populate() was called */
};

static struct slice_profile profile_of(uint32_t slice, double share, double packets, double sd, double flows)
{
    return (struct slice_profile){ (uint16_t)slice, (uint8_t)lround(share * 255), (uint8_t)lround(sd * 32),
                                   (uint16_t)lround(log(packets) * 1024),
                                   (uint16_t)lround(log(flows) * 1024) };
}

/* The same for both classes of days. */
static void set_days(struct host_model *host, struct slice_profile *slices, uint32_t size,
                     const uint16_t *observed)
{
    for (int class = 0; class < DAY_CLASSES; class++)
        host->days[class] = (struct class_profile){ slices, size, observed };
}

static void set_discrete(struct network *n, struct discrete *d, const uint32_t *symbols,
                         uint32_t count)
{
    struct tally_entry entries[STATES];

    for (uint32_t i = 0; i < count; i++)
        entries[i] = (struct tally_entry){ 0, symbols[i], 10 };
    discrete_init(d, &n->arena, entries, count);
}

static void set_one(struct network *n, struct discrete *d, uint32_t symbol)
{
    set_discrete(n, d, &symbol, 1);
}

static const struct service_model *no_service(const void *self, uint8_t protocol, uint32_t port, uint32_t label,
                                              uint64_t choice)
{
    (void)self;
    (void)protocol;
    (void)port;
    (void)label;
    (void)choice;
    return NULL;
}

static struct ip_network network_of(const char *text)
{
    struct ip_network network;

    assert_int_equal(ip_network_parse(&network, text), 0);
    return network;
}

static void set_state(struct network *n, uint32_t host, uint32_t index, struct state_key key,
                      struct peer peer)
{
    static const uint32_t all[STATES] = { 0, 1, 2 };
    struct state_model *state = &n->states[host][index];

    state->key = key;
    state->flows = 10;
    n->components[host][index] = (struct mixture_component){ 1.0, log(20), 0.1 };
    state->packets = (struct volume_model){ &n->components[host][index], (float)log(1000), 1 };
    set_discrete(n, &state->next, all, STATES);
    set_one(n, &state->gaps, log_grid_bin(2e9, GAP_GRID_PER_OCTAVE));
    set_one(n, &state->initiator_ports, PORT_FEATURES - 1);
    set_one(n, &state->peers, peer_pack(peer));
}

/* Every host asks its neighbour and the world, and answers its other neighbour. */
static struct network *network_new(void)
{
    static const uint32_t all[STATES] = { 0, 1, 2 };
    struct network *n = calloc(1, sizeof *n);

    for (uint32_t h = 0; h < MODEL_HOSTS; h++) {
        struct host_model *host = &n->hosts[h];
        struct peer right = { PEER_LOCAL, (h + 1) % MODEL_HOSTS };
        struct peer left = { PEER_LOCAL, (h + 2) % MODEL_HOSTS };

        set_state(n, h, 0, (struct state_key){ ROLE_INITIATOR, IP_TCP, 445 }, right);
        set_state(n, h, 1, (struct state_key){ ROLE_INITIATOR, IP_TCP, 443 },
                  (struct peer){ PEER_OUTSIDE, 77 });
        set_state(n, h, 2, (struct state_key){ ROLE_RESPONDER, IP_TCP, 445 }, left);
        host->id = h;
        host->members = 1;
        host->states = n->states[h];
        host->state_count = STATES;
        host->flows = 10 * STATES;
        set_discrete(n, &host->frequency, all, STATES);
        set_discrete(n, &host->initial, all, STATES);
        host->mean_packets = 20 * exp(0.005);
        host->log_slice_max = log(2000);
        set_days(host, n->profiles[h], DAY_SLICES, n->observed_days);
        for (uint32_t s = 0; s < DAY_SLICES; s++) {
            n->observed_days[s] = 4;
            n->profiles[h][s] = profile_of(s, 0.75, 400, 0.1, 20);
        }
    }
    n->group = (struct population_group){ .models = n->hosts, .model_count = MODEL_HOSTS,
                                          .service = no_service,
                                          .addresses.networks = { network_of("198.18.0.0/24") },
                                          .host_count = 2 * MODEL_HOSTS };
    n->outside.networks[IP_FAMILY_4] = network_of("198.19.0.0/16");
    return n;
}

static void network_free(struct network *n)
{
    population_release(&n->population);
    arena_release(&n->arena);
    free(n);
}

static void populate(struct population *population, const struct population_group *groups, size_t count,
                     const struct population_outside *outside)
{
    struct error err = { "" };

    if (population_init(population, groups, count, outside, &err) < 0)
        fail_msg("%s", err.text);
}

/* ---- peers ---- */

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t count_distinct(uint64_t *numbers, size_t count)
{
    size_t distinct = count > 0;

    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 1; i < count; i++)
        distinct += numbers[i] != numbers[i - 1];
    return distinct;
}

/* E[peers after n flows] = theta / d ((theta + d)_n / (theta)_n - 1), (x)_n = x (x+1) .. (x+n-1). */
static double expected_peers(double d, double theta, double n)
{
    return theta / d * (exp(lgamma(theta + d + n) - lgamma(theta + d) - lgamma(theta + n) + lgamma(theta)) - 1);
}

/*
 * As many new peers as the process has after 10, 100, 1000 and 10000 flows: on average over hosts within
 * an eighth. Sticks beyond PEER_STICKS have the lengths expected or none, which is where that comes from.
 */
static void test_new_peers_grow(void **state)
{
    static const struct {
        double d, theta;
    } cases[] = { { 0.001, 3 }, { 0.2, 2 }, { 0.5, 1 }, { 0.5, 8 }, { 0.5, 100 }, { 0.8, 5 }, { 0.8, 60 },
                  { 0.95, 2 } };
    static uint64_t numbers[10000];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t n = 10; n <= 10000; n *= 10) {
            uint32_t hosts = n < 10000 ? 300 : 60;
            double sum = 0;
            double expected = expected_peers(cases[i].d, cases[i].theta, (double)n);

            for (uint32_t host = 0; host < hosts; host++) {
                struct random_stream random;

                random_init(&random, SEED, RANDOM_SLICE, host, 0, 0);
                for (size_t k = 0; k < n; k++) {
                    struct random_stream sticks;

                    random_init(&sticks, SEED, RANDOM_PEERS, host, 0, 0);
                    numbers[k] = peer_draw_stick(cases[i].d, cases[i].theta, &sticks, &random);
                }
                sum += (double)count_distinct(numbers, n);
            }
            if (fabs(sum / hosts / expected - 1) > 1.0 / 8)
                fail_msg("d %g, theta %g, %zu flows: %g peers, not %g", cases[i].d, cases[i].theta, n,
                         sum / hosts, expected);
        }
    }
}

/* A state that met three outside peers and its neighbour, and what the process of these is. */
static void meet_peers(struct network *n, double d, double theta)
{
    const struct tally_entry met[] = { { 0, peer_pack((struct peer){ PEER_LOCAL, 1 }), 6 },
                                       { 0, peer_pack((struct peer){ PEER_OUTSIDE, 10 }), 1 },
                                       { 0, peer_pack((struct peer){ PEER_OUTSIDE, 11 }), 3 },
                                       { 0, peer_pack((struct peer){ PEER_OUTSIDE, 12 }), 8 } };
    struct state_model *asks = &n->states[0][0];

    discrete_init(&asks->peers, &n->arena, met, 4);
    asks->novelty = (struct peer_novelty){ .fresh = peer_number_pack(theta / (12 + theta)),
                                           .strength = peer_number_pack(theta + 3 * d),
                                           .discount = (uint8_t)round(d * 256) };
}

/* Over many hosts: (c - d) / (n + theta) of the flows outside to a peer of c flows, the rest to new ones. */
static void test_peer_posterior(void **state)
{
    enum { ADDRESSES = 4000, FLOWS = 50 };
    const double d = 0.6;
    const double theta = 2;
    const double outside = 12.0 / 18;
    const double expected[] = { 6.0 / 18, outside * (1 - d) / (12 + theta), outside * (3 - d) / (12 + theta),
                                outside * (8 - d) / (12 + theta), outside * (theta + 3 * d) / (12 + theta) };
    struct network *n = network_new();
    double met[5] = { 0 };

    (void)state;
    meet_peers(n, d, theta);
    for (uint32_t address = 0; address < ADDRESSES; address++) {
        const struct peer_owner owner = { n->hosts, 0, SEED, address };
        struct random_stream random;
        uint64_t name;

        random_init(&random, SEED, RANDOM_SLICE, address, 0, 0);
        for (int i = 0; i < FLOWS; i++) {
            struct peer peer = peer_draw(&owner, &name, &random);

            met[peer.kind == PEER_LOCAL ? 0 : peer.id == PEER_ID_OTHER ? 4 : peer.id - 9]++;
        }
    }
    for (int i = 0; i < 5; i++) {
        double share = met[i] / ADDRESSES / FLOWS;

        if (fabs(share - expected[i]) > 0.004)
            fail_msg("%d: %g, not %g", i, share, expected[i]);
    }
    network_free(n);
}

/* New peers of one slice come back in the next, whatever else was drawn; those of another host do not. */
static void test_new_peers_come_back(void **state)
{
    static uint64_t names[3][2000];
    struct network *n = network_new();
    size_t used[3] = { 0 };
    size_t apart;

    (void)state;
    meet_peers(n, 0.2, 20);
    for (uint32_t turn = 0; turn < 3; turn++) {
        const struct peer_owner owner = { n->hosts, 0, SEED, turn == 2 ? 6 : 5 };
        struct random_stream random;
        uint64_t name;

        random_init(&random, SEED, RANDOM_SLICE, 5, turn, 0);
        for (int i = 0; i < 2000; i++) {
            if (peer_draw(&owner, &name, &random).id == PEER_ID_OTHER)
                names[turn][used[turn]++] = name;
        }
        assert_true(used[turn] > 600);
    }
    apart = count_distinct(names[0], used[0]) + count_distinct(names[1], used[1]);
    memcpy(&names[0][used[0]], names[1], (2000 - used[0]) * sizeof **names);
    assert_true(count_distinct(names[0], used[0] + used[1] < 2000 ? used[0] + used[1] : 2000) < apart * 3 / 4);
    for (size_t i = 0; i < used[2]; i++)
        assert_null(bsearch(&names[2][i], names[0], 2000, sizeof **names, compare_numbers));
    network_free(n);
}

/* Where a state shares all its new peers, they are those of the others; without others, nobody's. */
static void test_new_peers_known(void **state)
{
    struct network *n = network_new();
    const struct peer_owner owner = { n->hosts, 0, SEED, 5 };
    struct random_stream random;
    uint64_t name;

    (void)state;
    meet_peers(n, 0.5, 1000);
    n->states[0][0].novelty.known = UINT8_MAX;
    random_init(&random, SEED, RANDOM_SLICE, 5, 0, 0);
    for (int i = 0; i < 1000; i++) {
        uint32_t id = peer_draw(&owner, &name, &random).id; /* state 1 asks 77, state 2 answers */

        assert_true(id == 77 || id == 1 || (id >= 10 && id <= 12));
    }
    set_one(n, &n->states[0][1].peers, peer_pack((struct peer){ PEER_OUTSIDE, 12 }));
    for (int i = 0; i < 1000; i++) { /* one of its own is not new */
        uint32_t id = peer_draw(&owner, &name, &random).id;

        assert_true(id == PEER_ID_OTHER || id == 1 || (id >= 10 && id <= 12));
    }
    network_free(n);
}

/* As often as it did: of ten flows in that state all, four or none; of another service, or to another host, none. */
static void test_peer_answers(void **state)
{
    static const struct {
        uint64_t flows;
        uint32_t asker, asked;
        double answered;
    } cases[] = { { 10, 0, 1, 1 }, { 4, 0, 1, 0.4 }, { 0, 0, 1, 0 }, { 10, 2, 1, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network *n = network_new(); /* host 0 had ten flows with 1, which answered 0 */
        const struct tally_entry answered = { 0, peer_pack((struct peer){ PEER_LOCAL, 0 }), cases[i].flows };
        const int keys = 10000;
        int count = 0;

        discrete_init(&n->states[1][2].peers, &n->arena, &answered, answered.count > 0);
        for (int key = 0; key < keys; key++)
            count += peer_answers(&n->states[0][0], cases[i].asker, cases[i].asked, &n->hosts[1], (uint64_t)key);
        assert_true(fabs((double)count / keys - cases[i].answered) < 0.02);
        for (int key = 0; key < 100; key++)
            assert_false(peer_answers(&n->states[0][1], 0, 1, &n->hosts[1], (uint64_t)key) &&
                         cases[i].answered < 1);
        network_free(n);
    }
}

/* ---- population ---- */

static void test_population_errors(void **state)
{
    static const struct {
        const char *networks[2];
        const char *outside;
        uint32_t hosts;
        const char *message;
    } cases[] = {
        { { "10.0.0.0/24", "10.0.1.0/24" }, "10.1.0.0/16", 254, NULL },
        { { "10.0.0.0/24", "10.0.1.0/24" }, "10.1.0.0/16", 255,
          "network 10.0.0.0/24: 255 hosts wanted, it has room for 254" },
        { { "10.0.0.0/31", "10.0.1.0/24" }, "10.1.0.0/16", 1,
          "network 10.0.0.0/31: 1 hosts wanted, it has room for 0" },
        { { "10.0.0.0/24", "10.0.0.128/25" }, "10.1.0.0/16", 9,
          "networks 10.0.0.0/24 and 10.0.0.128/25 overlap" },
        { { "10.0.0.0/24", "10.1.3.0/24" }, "10.1.0.0/16", 9,
          "networks 10.1.3.0/24 and 10.1.0.0/16 overlap" },
        { { "10.0.0.0/24", "fd00::/64" }, "10.1.0.0/16", 9,
          "network fd00::/64: it is not IPv4" },
        { { "10.0.0.0/24", "10.0.1.0/24" }, "fd00::/64", 9,
          "network fd00::/64: it is not IPv4" },
        { { "10.0.0.0/24", "10.0.1.0/24" }, "10.1.0.0/32", 9,
          "network 10.1.0.0: 1 hosts wanted, it has room for 0" },
    };
    struct network *n = network_new();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct population_group groups[2] = { n->group, n->group };
        struct population_outside outside = { .networks = { network_of(cases[i].outside) } };
        struct population population;
        struct error err = { "" };
        int status;

        for (int g = 0; g < 2; g++) {
            groups[g].addresses.networks[IP_FAMILY_4] = network_of(cases[i].networks[g]);
            groups[g].host_count = cases[i].hosts;
        }
        groups[1].host_count = 3;
        status = population_init(&population, groups, 2, &outside, &err);
        assert_int_equal(status, cases[i].message ? -1 : 0);
        assert_string_equal(err.text, cases[i].message ? cases[i].message : "");
        if (status == 0)
            population_release(&population);
    }
    network_free(n);
}

static void test_population_find(void **state)
{
    static const uint32_t nobody[] = { 0xc6120000, 0xc6120007, 0x0a000007, 0, UINT32_MAX };
    struct network *n = network_new();
    struct population_group groups[2] = { n->group, n->group };

    (void)state;
    groups[1].addresses.networks[IP_FAMILY_4] = network_of("10.0.0.0/8");
    populate(&n->population, groups, 2, &n->outside);
    assert_int_equal(n->population.host_count, 12);
    for (uint32_t i = 0; i < n->population.host_count; i++) {
        const struct virtual_host *host = &n->population.hosts[i];
        uint8_t mac[6] = { 0x02, 0xd5 };

        wire_put_u32(mac + 2, host->end.name);
        assert_int_equal(host->end.name, (i < 6 ? 0xc6120001 : 0x0a000001) + i % 6);
        assert_memory_equal(host->end.mac, mac, 6);
        assert_ptr_equal(host->model, &n->hosts[i % MODEL_HOSTS]);
        assert_ptr_equal(population_find(&n->population, &host->end.address), host);
    }
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        const struct ip_address address = ip_address_from_v4(nobody[i]);

        assert_null(population_find(&n->population, &address));
    }
    network_free(n);
}

/* A local peer is in the same copy of the network, or outside when nobody plays it there. */
static void test_population_peers(void **state)
{
    struct network *n = network_new();
    bool is_virtual;

    (void)state;
    n->group.host_count = 5; /* a copy and two thirds of one */
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t i = 0; i < 5; i++) {
        for (uint32_t id = 0; id < MODEL_HOSTS; id++) {
            struct flow_end end = flow_ends_peer(&n->population, &n->population.hosts[i],
                                                  (struct peer){ PEER_LOCAL, id }, 0, &is_virtual);
            uint32_t wanted = i / MODEL_HOSTS * MODEL_HOSTS + id;

            assert_int_equal(is_virtual, wanted < 5 && wanted != i); /* nobody plays against himself */
            if (is_virtual)
                assert_int_equal(end.name, 0xc6120001 + wanted);
            else
                assert_int_equal(end.name >> 16, 0xc613);
        }
    }
    network_free(n);
}

static void test_population_outside(void **state)
{
    struct network *n = network_new();
    const struct peer known = { PEER_OUTSIDE, 5 };
    const struct peer other = { PEER_OUTSIDE, 6 };
    const struct peer unlisted = { PEER_OUTSIDE, PEER_ID_OTHER };
    struct flow_end ends[5];
    bool is_virtual = true;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    ends[0] = flow_ends_peer(&n->population, &n->population.hosts[0], known, 1, &is_virtual);
    ends[1] = flow_ends_peer(&n->population, &n->population.hosts[5], known, 2, &is_virtual);
    ends[2] = flow_ends_peer(&n->population, &n->population.hosts[0], other, 1, &is_virtual);
    ends[3] = flow_ends_peer(&n->population, &n->population.hosts[0], unlisted, 1, &is_virtual);
    ends[4] = flow_ends_peer(&n->population, &n->population.hosts[0], unlisted, 2, &is_virtual);
    assert_false(is_virtual);
    assert_int_equal(ends[0].name, ends[1].name); /* the same for all who know it */
    assert_int_not_equal(ends[0].name, ends[2].name);
    assert_int_not_equal(ends[3].name, ends[4].name);
    for (int i = 0; i < 5; i++) {
        assert_in_range(ends[i].name, 0xc6130001, 0xc613fffe);
        assert_memory_equal(ends[i].mac, n->population.outside.mac, 6);
    }
    network_free(n);
}

static void place_of(const struct flow_end *end, uint16_t link, uint16_t vlan)
{
    assert_int_equal(end->link, link);
    assert_int_equal(end->vlan, vlan);
}

/* Hosts are where their group is; the outside where it is said, else where the host is that talks with it. */
static void test_population_places(void **state)
{
    static const struct {
        struct population_outside place;
        uint16_t links[2], vlans[2]; /* of the outside, to hosts of either group */
        size_t senders;
    } cases[] = {
        { { .has_link = false }, { 1, 2 }, { 0, 30 }, 4 },
        { { .has_link = true, .link = 5, .has_vlan = true, .vlan = 0 }, { 5, 5 }, { 0, 0 }, 3 },
        { { .has_link = true, .link = 5, .has_vlan = true, .vlan = 7 }, { 5, 5 }, { 7, 7 }, 3 },
        { { .has_vlan = true, .vlan = 7 }, { 1, 2 }, { 7, 7 }, 4 },
    };
    struct network *n = network_new();
    struct population_group groups[2] = { n->group, n->group };

    (void)state;
    groups[0].link = 1;
    groups[1].link = 2;
    groups[1].vlan = 30;
    groups[1].addresses.networks[IP_FAMILY_4] = network_of("10.0.0.0/8");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct population_sender senders[4];
        struct population population;
        bool is_virtual;

        struct population_outside outside = cases[i].place;

        outside.networks[IP_FAMILY_4] = n->outside.networks[IP_FAMILY_4];
        populate(&population, groups, 2, &outside);
        for (uint32_t h = 0; h < population.host_count; h++) {
            const struct virtual_host *host = &population.hosts[h];
            const struct peer peers[] = { { PEER_OUTSIDE, 5 }, { PEER_OUTSIDE, PEER_ID_OTHER },
                                          { PEER_LOCAL, host->model->id } };
            int g = host->group == &groups[1];

            place_of(&host->end, groups[g].link, groups[g].vlan);
            for (size_t k = 0; k < sizeof peers / sizeof *peers; k++) {
                struct flow_end end = flow_ends_peer(&population, host, peers[k], h, &is_virtual);

                place_of(&end, cases[i].links[g], cases[i].vlans[g]);
            }
        }
        assert_int_equal(population_senders(&population, senders), cases[i].senders);
        assert_int_equal(senders[0].link, 1);
        assert_int_equal(senders[0].vlan, 0);
        assert_memory_equal(&senders[0].network, &groups[0].addresses.networks[IP_FAMILY_4], sizeof senders[0].network);
        assert_int_equal(senders[1].link, cases[i].links[0]);
        assert_int_equal(senders[1].vlan, cases[i].vlans[0]);
        assert_memory_equal(&senders[1].network, &n->outside.networks[IP_FAMILY_4], sizeof senders[1].network);
        assert_int_equal(senders[2].link, 2);
        assert_int_equal(senders[2].vlan, 30);
        population_release(&population);
    }
    network_free(n);
}

static void test_group_ends(void **state)
{
    static const struct {
        uint16_t port;
        uint32_t address;
        uint8_t mac[6];
    } cases[] = {
        { 5353, 0xe00000fb, { 0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb } },
        { 5355, 0xe00000fc, { 0x01, 0x00, 0x5e, 0x00, 0x00, 0xfc } },
        { 1900, 0xeffffffa, { 0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa } },
        { 137, 0xffffffff, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
    };
    struct network *n = network_new();

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flow_end end = flow_ends_group(&n->population.hosts[0], cases[i].port);

        assert_int_equal(ip_address_to_v4(&end.address), cases[i].address);
        assert_int_equal(end.port, cases[i].port);
        assert_memory_equal(end.mac, cases[i].mac, 6);
    }
    network_free(n);
}

/* ---- both families ---- */

static struct ip_address address_of(const char *text)
{
    struct ip_address address;

    assert_int_equal(ip_address_parse(&address, text), 0);
    return address;
}

/* Groups with IPv4, with IPv6 and with both, each with its own first addresses. */
static void dual_groups(const struct network *n, struct population_group groups[3], struct population_outside *outside)
{
    for (int g = 0; g < 3; g++)
        groups[g] = n->group;
    groups[1].addresses = (struct population_addresses){ .networks[IP_FAMILY_6] = network_of("2001:db8:1::/64") };
    groups[2].addresses = (struct population_addresses){
        .networks = { network_of("10.0.0.0/24"), network_of("2001:db8:2::/64") },
        .firsts = { address_of("10.0.0.100"), address_of("2001:db8:2:0:7fff:ffff:ffff:fffd") }, /* counts on through every byte */
        .mac = { 0x00, 0x00, 0x5e, 0x00, 0x53, 0xfe },
        .ipv6 = 0.3,
    };
    *outside = n->outside;
    outside->networks[IP_FAMILY_6] = network_of("2001:2:0:8000::/49");
}

static void test_dual_stack_hosts(void **state)
{
    static const struct {
        uint32_t host;
        const char *v4, *v6;
        uint8_t mac[6];
    } rows[] = {
        { 0, "198.18.0.1", NULL, { 0x02, 0xd5, 198, 18, 0, 1 } },
        { 6, NULL, "2001:db8:1::1", { 0x02, 0xd6, 1, 0, 0, 0 } },
        { 11, NULL, "2001:db8:1::6", { 0x02, 0xd6, 1, 0, 0, 5 } },
        { 12, "10.0.0.100", "2001:db8:2:0:7fff:ffff:ffff:fffd", { 0x00, 0x00, 0x5e, 0x00, 0x53, 0xfe } },
        { 15, "10.0.0.103", "2001:db8:2:0:8000::", { 0x00, 0x00, 0x5e, 0x00, 0x54, 0x01 } },
    };
    static const char *const nobody[] = { "198.18.0.7", "2001:db8:1::", "2001:db8:1::7", "10.0.0.99", "10.0.0.106",
                                          "2001:db8:2::1", "::ffff:0:0", "::198.18.0.1", "::" };
    struct network *n = network_new();
    struct population_group groups[3];
    struct population_outside outside;

    (void)state;
    dual_groups(n, groups, &outside);
    populate(&n->population, groups, 3, &outside);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct virtual_host *host = &n->population.hosts[rows[i].host];

        assert_memory_equal(host->end.mac, rows[i].mac, 6);
        if (rows[i].v4) {
            struct ip_address v4 = address_of(rows[i].v4);

            assert_true(ip_address_equal(&host->end.address, &v4));
            assert_int_equal(host->end.name, ip_address_to_v4(&v4));
            assert_ptr_equal(population_find(&n->population, &v4), host);
        }
        if (rows[i].v6) {
            struct ip_address v6 = address_of(rows[i].v6), own = population_address(host, IP_FAMILY_6);

            assert_true(ip_address_equal(&own, &v6));
            assert_ptr_equal(population_find(&n->population, &v6), host);
        }
    }
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        struct ip_address address = address_of(nobody[i]);

        assert_null(population_find(&n->population, &address));
    }
    for (uint32_t i = 0; i < n->population.host_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            assert_int_not_equal(n->population.hosts[i].end.name, n->population.hosts[k].end.name);
            assert_memory_not_equal(n->population.hosts[i].end.mac, n->population.hosts[k].end.mac, 6);
        }
    }
    network_free(n);
}

/* Both ends are of one family, which is that of the two whoever asks; about the share that is wanted is IPv6. */
static void test_family_of_a_pair(void **state)
{
    enum { PEERS = 4000 };
    struct network *n = network_new();
    struct population_group groups[3];
    struct population_outside outside;
    uint32_t ipv6[3] = { 0 };

    (void)state;
    dual_groups(n, groups, &outside);
    populate(&n->population, groups, 3, &outside);
    for (uint32_t g = 0; g < 3; g++) {
        const struct virtual_host *host = &n->population.hosts[6 * g];

        for (uint32_t id = 0; id < PEERS; id++) {
            const struct peer peer = { PEER_OUTSIDE, id };
            bool is_virtual;
            struct flow_end end = flow_ends_peer(&n->population, host, peer, 1, &is_virtual);
            struct flow_end again = flow_ends_peer(&n->population, host, peer, 2, &is_virtual);
            struct flow_end own = flow_ends_own(&n->population, host, &end);
            enum ip_family family = ip_address_family(&end.address);

            assert_true(ip_address_equal(&end.address, &again.address));
            assert_int_equal(ip_address_family(&own.address), family);
            assert_ptr_equal(population_find(&n->population, &own.address), host);
            assert_true(ip_network_contains(&outside.networks[family], &end.address));
            assert_true(population_is_outside(&n->population, &end.address, host->end.link, host->end.vlan));
            ipv6[g] += family == IP_FAMILY_6;
        }
    }
    assert_int_equal(ipv6[0], 0);
    assert_int_equal(ipv6[1], PEERS);
    assert_in_range(ipv6[2], 0.3 * PEERS - 150, 0.3 * PEERS + 150); /* five standard deviations */
    for (uint32_t i = 12; i < 18; i++) { /* local pairs */
        for (uint32_t id = 0; id < MODEL_HOSTS; id++) {
            const struct virtual_host *host = &n->population.hosts[i];
            const struct virtual_host *other;
            struct flow_end end, back;
            bool is_virtual;

            end = flow_ends_peer(&n->population, host, (struct peer){ PEER_LOCAL, id }, 0, &is_virtual);
            if (!is_virtual)
                continue;
            other = population_find(&n->population, &end.address);
            back = flow_ends_peer(&n->population, other, (struct peer){ PEER_LOCAL, host->model->id }, 0, &is_virtual);
            assert_int_equal(ip_address_family(&end.address), ip_address_family(&back.address));
            assert_ptr_equal(population_find(&n->population, &back.address), host);
        }
    }
    network_free(n);
}

/* Multicast has its counterpart, and broadcast none but for who has no IPv4. */
static void test_groups_of_ipv6(void **state)
{
    static const struct {
        uint16_t port;
        const char *address;
        uint8_t mac[6];
    } cases[] = {
        { 5353, "ff02::fb", { 0x33, 0x33, 0, 0, 0, 0xfb } },
        { 5355, "ff02::1:3", { 0x33, 0x33, 0, 1, 0, 3 } },
        { 1900, "ff02::c", { 0x33, 0x33, 0, 0, 0, 0x0c } },
        { 67, "ff02::1", { 0x33, 0x33, 0, 0, 0, 1 } },
    };
    struct network *n = network_new();
    struct population_group groups[3];
    struct population_outside outside;

    (void)state;
    dual_groups(n, groups, &outside);
    groups[2].addresses.ipv6 = 1;
    groups[1].link = 3;
    groups[1].vlan = 7;
    populate(&n->population, groups, 3, &outside);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flow_end end = flow_ends_group(&n->population.hosts[6], cases[i].port);
        struct flow_end both = flow_ends_group(&n->population.hosts[12], cases[i].port);
        struct ip_address wanted = address_of(cases[i].address);

        assert_true(ip_address_equal(&end.address, &wanted));
        assert_memory_equal(end.mac, cases[i].mac, 6);
        assert_int_equal(end.link, 3);
        assert_int_equal(end.vlan, 7);
        assert_int_equal(ip_address_is_v4(&both.address), cases[i].port == 67);
    }
    network_free(n);
}

static void check_next_hop(const struct flow_end *end, const uint8_t wanted[6])
{
    assert_memory_equal(end->next_hop, wanted, 6);
}

/* To all that is not in the host's own network; the outside has its own way to everybody. */
static void test_gateways(void **state)
{
    static const uint8_t nobody[6], routers[3][6] = { { 2, 1 }, { 2, 2 }, { 2, 3 } };
    struct network *n = network_new();
    struct population_group groups[3];
    struct population_outside outside;
    bool is_virtual;

    (void)state;
    dual_groups(n, groups, &outside);
    groups[0].addresses.gateway = (struct gateway){ .kind = GATEWAY_MAC, .mac = { 2, 1 } };
    groups[1].addresses.gateway = (struct gateway){ .kind = GATEWAY_ADDRESS, .address = address_of("fe80::1") };
    outside.gateway = (struct gateway){ .kind = GATEWAY_ADDRESS, .address = address_of("198.19.0.1") };
    populate(&n->population, groups, 3, &outside);
    for (int resolved = 0; resolved < 2; resolved++) {
        for (uint32_t g = 0; g < 3; g++) {
            const struct virtual_host *host = &n->population.hosts[6 * g];
            struct flow_end far = flow_ends_peer(&n->population, host, (struct peer){ PEER_OUTSIDE, 4 }, 1, &is_virtual);
            struct flow_end near = flow_ends_peer(&n->population, host, (struct peer){ PEER_LOCAL, 1 }, 1, &is_virtual);
            struct flow_end all = flow_ends_group(host, 5353);
            struct flow_end own = flow_ends_own(&n->population, host, &far);

            assert_true(is_virtual);
            check_next_hop(&own, g == 0 || (g == 1 && resolved) ? routers[g] : nobody);
            check_next_hop(&far, resolved ? routers[2] : nobody);
            check_next_hop(&near, nobody);
            own = flow_ends_own(&n->population, host, &near);
            check_next_hop(&own, nobody);
            own = flow_ends_own(&n->population, host, &all);
            check_next_hop(&own, nobody);
        }
        population_set_gateway_mac(&n->population, 1, routers[1]);
        population_set_gateway_mac(&n->population, 3, routers[2]);
    }
    network_free(n);
}

/* The address of the outside's gateway is nobody's that is played. */
static void test_gateway_is_not_outside(void **state)
{
    struct network *n = network_new();
    struct population_outside outside = { .networks = { network_of("198.19.0.0/30") } };
    bool is_virtual;

    (void)state;
    outside.gateway = (struct gateway){ .kind = GATEWAY_ADDRESS, .address = address_of("198.19.0.2") };
    populate(&n->population, &n->group, 1, &outside);
    for (uint32_t id = 0; id < 100; id++) {
        struct flow_end end = flow_ends_peer(&n->population, &n->population.hosts[0], (struct peer){ PEER_OUTSIDE, id }, 1,
                                              &is_virtual);

        assert_int_equal(end.name, 0xc6130001);
    }
    assert_false(population_is_outside(&n->population, &outside.gateway.address, 0, 0));
    network_free(n);
}

/* ---- slices ---- */

static struct plan_list slice_of(const struct population *population, uint32_t host, uint64_t seed,
                                 int32_t date, uint32_t slice)
{
    struct slice_request request = { .population = population, .host = host, .seed = seed, .date = date,
                                     .slice = slice, .begin = day_time_of_slice(date, slice) };
    struct plan_list list = { 0 };

    slice_synthesize(&request, &list);
    return list;
}

static bool same_end(const struct flow_end *a, const struct flow_end *b)
{
    return ip_address_equal(&a->address, &b->address) && a->name == b->name && a->port == b->port && memcmp(a->mac, b->mac, 6) == 0;
}

/* All of a plan but which index its host has. */
static bool same_plan(const struct flow_plan *a, const struct flow_plan *b)
{
    return a->start.ns == b->start.ns && a->key == b->key && a->protocol == b->protocol &&
           a->to_group == b->to_group && a->packets == b->packets && a->service == b->service &&
           same_end(&a->ends[0], &b->ends[0]) && same_end(&a->ends[1], &b->ends[1]);
}

static bool same_lists(const struct plan_list *a, const struct plan_list *b)
{
    for (size_t i = 0; i < a->used && i < b->used; i++) {
        if (!same_plan(&a->plans[i], &b->plans[i]))
            return false;
    }
    return a->used == b->used;
}

/* An active slice of host 0, and that its name alone decides what is in it. */
static void test_slice_is_its_name(void **state)
{
    static const struct {
        uint32_t host;
        uint64_t seed;
        int32_t date;
        uint32_t slice;
        bool same;
    } cases[] = {
        { 0, SEED, DATE, 100, true },      { 1, SEED, DATE, 100, false },
        { 3, SEED, DATE, 100, false },     { 0, SEED + 1, DATE, 100, false },
        { 0, SEED, DATE + 1, 100, false }, { 0, SEED, DATE, 101, false },
    };
    struct network *n = network_new();
    struct plan_list first;

    (void)state;
    for (uint32_t s = 0; s < DAY_SLICES; s++) {
        for (uint32_t h = 0; h < MODEL_HOSTS; h++)
            n->profiles[h][s].active = 255;
    }
    populate(&n->population, &n->group, 1, &n->outside);
    first = slice_of(&n->population, 0, SEED, DATE, 100);
    assert_in_range(first.used, 5, 100);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan_list list = slice_of(&n->population, cases[i].host, cases[i].seed, cases[i].date,
                                         cases[i].slice);

        assert_int_equal(same_lists(&first, &list), cases[i].same);
        free(list.plans);
    }
    free(first.plans);
    network_free(n);
}

static void test_plans_fit_their_slice(void **state)
{
    struct network *n = network_new();
    uint32_t active = 0;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        struct plan_list list = slice_of(&n->population, 1, SEED, DATE, slice);

        for (size_t i = 0; i < list.used; i++) {
            const struct flow_plan *plan = &list.plans[i];

            assert_int_equal(day_time_date(plan->start), DATE);
            assert_int_equal(day_time_slice(plan->start), slice);
            assert_int_equal(plan->virtual_host, 1);
            assert_true(plan->packets >= 1);
            assert_true(plan->ends[FLOW_INITIATOR].port >= PORT_EPHEMERAL_FIRST);
            assert_true(plan->ends[FLOW_RESPONDER].port == 443 ||
                        plan->ends[FLOW_RESPONDER].port == 445);
        }
        active += list.used > 0;
        free(list.plans);
    }
    assert_in_range(active, DAY_SLICES * 3 / 4 - 37, DAY_SLICES * 3 / 4 + 37); /* five sigma */
    network_free(n);
}

/* Flows between two virtual hosts come from the initiator alone. */
static void test_local_flows_come_once(void **state)
{
    struct network *n = network_new();
    uint32_t local = 0;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t host = 0; host < n->population.host_count; host++) {
        for (uint32_t slice = 0; slice < 48; slice++) {
            struct plan_list list = slice_of(&n->population, host, SEED, DATE, slice);

            for (size_t i = 0; i < list.used; i++) {
                const struct flow_plan *plan = &list.plans[i];
                const struct virtual_host *to =
                    population_find(&n->population, &plan->ends[FLOW_RESPONDER].address);

                assert_true(same_end(&plan->ends[FLOW_INITIATOR], &(struct flow_end){
                    IPV4_END(n->population.hosts[host].end.name), .port = plan->ends[FLOW_INITIATOR].port,
                    .mac = { 0x02, 0xd5, 198, 18, 0, (uint8_t)(host + 1) } }));
                assert_true(to == NULL || to->number / MODEL_HOSTS == host / MODEL_HOSTS);
                local += to != NULL;
            }
            free(list.plans);
        }
    }
    assert_in_range(local, 1000, 3000);
    network_free(n);
}

/* The same hosts with a second family beside the first do the same at the same times. */
static void test_ipv6_beside_changes_no_flow(void **state)
{
    struct network *n = network_new();
    struct population_group both = n->group;
    struct population_outside outside = n->outside;
    struct population alone, beside;
    uint32_t ipv6 = 0, flows = 0;

    (void)state;
    outside.networks[IP_FAMILY_6] = network_of("2001:2:0:8000::/49");
    both.addresses.networks[IP_FAMILY_6] = network_of("2001:db8::/64");
    both.addresses.ipv6 = 0.5;
    populate(&alone, &n->group, 1, &outside);
    populate(&beside, &both, 1, &outside);
    for (uint32_t host = 0; host < alone.host_count; host++) {
        for (uint32_t slice = 0; slice < 24; slice++) {
            struct plan_list a = slice_of(&alone, host, SEED, DATE, slice);
            struct plan_list b = slice_of(&beside, host, SEED, DATE, slice);

            assert_int_equal(a.used, b.used);
            for (size_t i = 0; i < a.used; i++) {
                assert_int_equal(a.plans[i].start.ns, b.plans[i].start.ns);
                assert_int_equal(a.plans[i].key, b.plans[i].key);
                for (int side = 0; side < 2; side++)
                    assert_int_equal(a.plans[i].ends[side].name, b.plans[i].ends[side].name);
                ipv6 += flow_plan_is_ipv6(&b.plans[i]);
                flows++;
            }
            free(a.plans);
            free(b.plans);
        }
    }
    assert_in_range(ipv6, flows / 10, flows - flows / 10);
    population_release(&alone);
    population_release(&beside);
    network_free(n);
}

/* Hosts added to the first of two groups change nothing that the others do. */
static void test_other_hosts_do_not_matter(void **state)
{
    struct network *n = network_new();
    struct population_group groups[2] = { n->group, n->group };
    struct population_group more[2];
    struct population small;
    struct population large;

    (void)state;
    groups[1].addresses.networks[IP_FAMILY_4] = network_of("10.0.0.0/8");
    populate(&small, groups, 2, &n->outside);
    memcpy(more, groups, sizeof more);
    more[0].host_count += MODEL_HOSTS;
    populate(&large, more, 2, &n->outside);
    for (uint32_t i = 0; i < small.host_count; i++) {
        const struct virtual_host *same = population_find(&large, &small.hosts[i].end.address);

        for (uint32_t slice = 0; slice < 12; slice++) {
            struct plan_list a = slice_of(&small, i, SEED, DATE, slice);
            struct plan_list b = slice_of(&large, (uint32_t)(same - large.hosts), SEED, DATE, slice);

            assert_true(same_lists(&a, &b));
            free(a.plans);
            free(b.plans);
        }
    }
    population_release(&small);
    population_release(&large);
    network_free(n);
}

/* ---- how much ---- */

struct amounts {
    double flows, packets;
};

/* What host 0 plans for slice 150, on average over many dates. */
static struct amounts mean_amounts(const struct population *population)
{
    enum { DATES = 4000 };
    struct amounts mean = { 0 };

    for (int32_t date = 0; date < DATES; date++) {
        struct plan_list list = slice_of(population, 0, SEED, DATE + date, 150);

        for (size_t i = 0; i < list.used; i++)
            mean.packets += (double)list.plans[i].packets / DATES;
        mean.flows += (double)list.used / DATES;
        free(list.plans);
    }
    return mean;
}

/* Bursts a second apart with pauses of 50 minutes: most gaps of a slice are still a second. */
static void set_bursts(struct network *n)
{
    const struct tally_entry gaps[] = {
        { 0, log_grid_bin(1e9, GAP_GRID_PER_OCTAVE), 29 },
        { 0, log_grid_bin(3000e9, GAP_GRID_PER_OCTAVE), 1 },
    };

    for (uint32_t i = 0; i < STATES; i++) {
        discrete_init(&n->states[0][i].gaps, &n->arena, gaps, 2);
    }
}

static int compare_starts(const void *a, const void *b)
{
    const struct flow_plan *x = a;
    const struct flow_plan *y = b;

    return x->start.ns == y->start.ns ? 0 : x->start.ns < y->start.ns ? -1 : 1;
}

static void test_bursts_stay_bursts(void **state)
{
    struct network *n = network_new();
    uint32_t short_gaps = 0;
    uint32_t gaps = 0;

    (void)state;
    set_bursts(n);
    populate(&n->population, &n->group, 1, &n->outside);
    for (int32_t date = 0; date < 200; date++) {
        struct plan_list list = slice_of(&n->population, 0, SEED, date, 100);

        if (list.used > 0)
            qsort(list.plans, list.used, sizeof *list.plans, compare_starts);
        for (size_t i = 1; i < list.used; i++, gaps++)
            /* one to three seconds: an answered flow between two made here leaves a gap of two */
            short_gaps += list.plans[i].start.ns - list.plans[i - 1].start.ns > 800 * NS_PER_MS &&
                          list.plans[i].start.ns - list.plans[i - 1].start.ns < 3500 * NS_PER_MS;
        free(list.plans);
    }
    assert_true(gaps > 1000);
    assert_true(short_gaps > gaps * 0.8);
    network_free(n);
}

/*
 * Flows by second of the slice, each second of many slices: chi-square with 299 degrees of freedom is below 377.8 with
 * probability 0.9987 (three sigma) where no second is special. A slice counts for one flow, chosen at random: flows
 * of a burst come together, which is no matter of borders. So for the first and the last second alone, to three sigma.
 */
static void test_seconds_are_alike(void **state)
{
    enum { SECONDS = 300, DATES = 30000 };
    struct network *n = network_new();
    struct random_stream random;
    uint32_t seconds[SECONDS] = { 0 };
    double expected;
    double chi_square = 0;
    uint32_t flows = 0;

    (void)state;
    set_bursts(n);
    random_init(&random, SEED, RANDOM_FIT, 0, 0, 0);
    populate(&n->population, &n->group, 1, &n->outside);
    for (int32_t date = 0; date < DATES; date++) {
        struct plan_list list = slice_of(&n->population, 0, SEED, date, 100);

        if (list.used > 0) {
            const struct flow_plan *plan = &list.plans[random_below(&random, list.used)];

            seconds[plan->start.ns % NS_PER_SLICE / NS_PER_SECOND]++;
            flows++;
        }
        free(list.plans);
    }
    expected = (double)flows / SECONDS;
    for (int i = 0; i < SECONDS; i++)
        chi_square += (seconds[i] - expected) * (seconds[i] - expected) / expected;
    assert_true(chi_square < 377.8);
    assert_true(fabs(seconds[0] - expected) < 3 * sqrt(expected));
    assert_true(fabs(seconds[SECONDS - 1] - expected) < 3 * sqrt(expected));
    network_free(n);
}

/* As many flows in the first and the last ten seconds of a slice as anywhere in it. */
static void test_borders_do_not_show(void **state)
{
    struct network *n = network_new();
    uint32_t parts[30] = { 0 };
    uint32_t flows = 0;

    (void)state;
    set_bursts(n);
    populate(&n->population, &n->group, 1, &n->outside);
    for (int32_t date = 0; date < 20000; date++) {
        struct plan_list list = slice_of(&n->population, 0, SEED, date, 100);

        for (size_t i = 0; i < list.used; i++, flows++)
            parts[list.plans[i].start.ns % NS_PER_SLICE / (NS_PER_SLICE / 30)]++;
        free(list.plans);
    }
    for (int i = 0; i < 30; i++) /* bursts come together: 3 % where counts would vary by 0.4 % */
        assert_true(fabs(parts[i] * 30.0 / flows - 1) < 0.15);
    network_free(n);
}

/*
 * As in the profile: active on three of four days, then so many packets in so many flows, on average. A third of
 * the flows are those of a responder, whose peer makes them; those are left to it.
 */
static void test_volume_agrees_with_profile(void **state)
{
    static const struct {
        double packets, sd, flows, tolerance;
    } cases[] = {
        { 400, 0.1, 20, 0.02 }, { 30, 0.5, 1.5, 0.03 }, { 400, 1.5, 20, 0.05 }, { 100, 0, 20, 0.05 },
        { 2000, 0.3, 3, 0.05 }, /* larger flows than the states' mixtures have: as large as they may be */
    };
    struct network *n = network_new();

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double share = 0.75 * 2 / 3;
        struct amounts mean;

        n->profiles[0][150] = profile_of(150, 0.75, cases[i].packets, cases[i].sd, cases[i].flows);
        mean = mean_amounts(&n->population);
        assert_true(fabs(mean.flows / cases[i].flows / share - 1) < cases[i].tolerance);
        assert_true(fabs(mean.packets / cases[i].packets / share - 1) < cases[i].tolerance + 0.03);
    }
    network_free(n);
}

/* What an unobserved slice is like: as the only observed one, or silent. */
static void test_unobserved_slices(void **state)
{
    struct network *n = network_new();
    size_t spread = 0;

    (void)state;
    memset(n->observed_days, 0, sizeof n->observed_days);
    n->observed_days[7] = 1;
    n->profiles[0][0] = profile_of(7, 1, 400, 0, 20);
    set_days(&n->hosts[0], n->profiles[0], 1, n->observed_days);
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        struct slice_request request = { .population = &n->population, .seed = SEED, .date = DATE, .slice = slice,
                                         .fallback = DAY_SILENT };
        struct plan_list list = { 0 };

        slice_synthesize(&request, &list);
        assert_int_equal(list.used > 0, slice == 7);
        request.fallback = DAY_SPREAD;
        slice_synthesize(&request, &list);
        request.fallback = DAY_INTERPOLATE;
        slice_synthesize(&request, &list);
        spread += list.used > 0;
        free(list.plans);
    }
    assert_int_equal(spread, DAY_SLICES);
    set_days(&n->hosts[0], n->profiles[0], 0, n->observed_days); /* observed, and never active */
    assert_int_equal(slice_of(&n->population, 0, SEED, DATE, 7).used, 0);
    n->observed_days[7] = 0; /* nothing was ever observed */
    for (int fallback = DAY_SPREAD; fallback <= DAY_INTERPOLATE; fallback++) {
        struct slice_request request = { .population = &n->population, .seed = SEED, .date = DATE, .slice = 7,
                                         .fallback = (enum day_fallback)fallback };
        struct plan_list list = { 0 };

        slice_synthesize(&request, &list);
        assert_int_equal(list.used, 0);
    }
    network_free(n);
}

/*
 * 22:00 and 02:00 were observed: 10 flows of the first, 40 of the second on every other day. Midnight is halfway
 * (20 flows on three of four days), 10:00 two fifths of the long way back.
 */
static void test_interpolated_slices(void **state)
{
    static const struct {
        uint32_t slice;
        double share, flows;
    } cases[] = {
        { 264, 1, 10 }, { 24, 0.5, 40 }, { 0, 0.75, 20 }, { 12, 0.625, 28.28 }, { 144, 0.75, 20 }, { 120, 0.7, 22.97 },
    };
    enum { DATES = 4000 };
    struct network *n = network_new();

    (void)state;
    memset(n->observed_days, 0, sizeof n->observed_days);
    n->observed_days[24] = n->observed_days[264] = 2;
    n->profiles[0][0] = profile_of(24, 0.5, 800, 0, 40);
    n->profiles[0][1] = profile_of(264, 1, 200, 0, 10);
    set_days(&n->hosts[0], n->profiles[0], 2, n->observed_days);
    populate(&n->population, &n->group, 1, &n->outside);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double expected = cases[i].share * cases[i].flows * 2 / 3;
        struct plan_list list = { 0 };
        double active = 0;

        for (int32_t date = 0; date < DATES; date++) {
            struct slice_request request = { .population = &n->population, .seed = SEED, .date = date,
                                             .slice = cases[i].slice, .fallback = DAY_INTERPOLATE };
            size_t before = list.used;

            slice_synthesize(&request, &list);
            active += list.used > before;
        }
        assert_true(fabs(active / DATES - cases[i].share) < 0.02);
        assert_true(fabs((double)list.used / DATES / expected - 1) < 0.03);
        free(list.plans);
    }
    network_free(n);
}

/* Two flows on weekdays, thirty at weekends; slice 8 was observed on weekdays alone, and stands for both. */
static void test_day_classes(void **state)
{
    struct slice_profile weekend = profile_of(7, 1, 600, 0, 30);
    struct slice_profile weekday[] = { profile_of(7, 1, 40, 0, 2), profile_of(8, 1, 40, 0, 2) };
    uint16_t observed[DAY_CLASSES][DAY_SLICES] = { { [7] = 2, [8] = 2 }, { [7] = 2 } };
    struct network *n = network_new();

    (void)state;
    n->hosts[0].days[DAY_WEEKDAY] = (struct class_profile){ weekday, 2, observed[DAY_WEEKDAY] };
    n->hosts[0].days[DAY_WEEKEND] = (struct class_profile){ &weekend, 1, observed[DAY_WEEKEND] };
    populate(&n->population, &n->group, 1, &n->outside);
    for (int32_t date = 0; date < 14; date++) { /* from a Thursday on */
        bool is_weekend = date % 7 == 2 || date % 7 == 3;
        struct plan_list at7 = slice_of(&n->population, 0, SEED, date, 7);
        struct plan_list at8 = slice_of(&n->population, 0, SEED, date, 8);

        assert_int_equal(day_class_of(date), is_weekend ? DAY_WEEKEND : DAY_WEEKDAY);
        assert_in_range(at7.used, is_weekend ? 10 : 0, is_weekend ? 30 : 2);
        assert_in_range(at8.used, 0, 2);
        free(at7.plans);
        free(at8.plans);
    }
    network_free(n);
}

/* A week of a slice that is active on two of seven days has two such days, or nearly. */
static void test_dates_share_out(void **state)
{
    struct network *n = network_new();

    (void)state;
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++)
        n->profiles[0][slice] = profile_of(slice, 2.0 / 7, 400, 0, 20);
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
        uint32_t active = 0;

        for (int32_t date = 0; date < 7; date++) {
            struct plan_list list = slice_of(&n->population, 0, SEED, DATE + date, slice);

            active += list.used > 0;
            free(list.plans);
        }
        assert_in_range(active, 1, 3);
    }
    network_free(n);
}

/* A slice is found where it is, and only there; a transition's own clock as well. */
static void test_sparse_lookups(void **state)
{
    struct slice_profile profile[] = { { .slice = 0 }, { .slice = 7 }, { .slice = 8 }, { .slice = 287 } };
    struct transition_gaps own[] = { { .next = 1 }, { .next = 4 }, { .next = 9 } };

    (void)state;
    for (uint32_t size = 0; size <= 4; size++) {
        const struct class_profile days = { .slices = profile, .size = size };

        for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
            const struct slice_profile *expected = NULL;

            for (uint32_t i = 0; i < size; i++)
                expected = profile[i].slice == slice ? &profile[i] : expected;
            assert_ptr_equal(class_profile_slice(&days, slice), expected);
        }
    }
    for (uint16_t count = 0; count <= 3; count++) {
        const struct state_model model = { .own_gaps = own, .own_gap_count = count };

        for (uint32_t next = 0; next < 12; next++) {
            const struct discrete *expected = &model.gaps;

            for (uint32_t i = 0; i < count; i++)
                expected = own[i].next == next ? &own[i].gaps : expected;
            assert_ptr_equal(state_model_gaps(&model, next), expected);
        }
    }
}

/* ---- the day ---- */

enum { MOST_PLANS = 300000 };

static struct plan_list day_of(const struct population *population, int64_t begin_ns, int64_t end_ns,
                               unsigned threads)
{
    struct day_config config = { population, SEED, { begin_ns }, { end_ns }, DAY_SPREAD, threads, threads % 2 == 0, NULL };
    struct day *day = day_new(&config);
    struct plan_list list = { 0 };
    struct flow_plan plan;
    struct error err;

    list.plans = calloc(MOST_PLANS, sizeof *list.plans);
    while (day_next(day, &plan, &err) > 0) {
        assert_in_range(list.used, 0, MOST_PLANS - 1);
        list.plans[list.used++] = plan;
    }
    assert_int_equal(day_next(day, &plan, &err), 0);
    day_free(day);
    return list;
}

/* Set before a slice is planned, and among the flows of one. */
static void test_stop_ends_the_day(void **state)
{
    const int64_t begin = (int64_t)DATE * NS_PER_DAY;
    struct network *n = network_new();
    struct error err;
    atomic_bool stop;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (int flows = 0; flows < 2; flows++) {
        struct day_config config = { &n->population, SEED, { begin }, { begin + NS_PER_DAY }, DAY_SPREAD, 1, false, &stop };
        struct day *day = day_new(&config);
        struct flow_plan plan;

        atomic_init(&stop, false);
        for (int i = 0; i < flows; i++)
            assert_int_equal(day_next(day, &plan, &err), 1);
        atomic_store(&stop, true);
        assert_int_equal(day_next(day, &plan, &err), 0);
        assert_int_equal(day_next(day, &plan, &err), 0);
        day_free(day);
    }
    network_free(n);
}

static void test_window_filters_the_day(void **state)
{
    const int64_t begin = (int64_t)DATE * NS_PER_DAY;
    const struct {
        int64_t from, to;
    } windows[] = {
        { begin, begin + NS_PER_DAY },
        { begin + 1, begin + NS_PER_SLICE },
        { begin + NS_PER_SLICE / 3, begin + 20 * NS_PER_SLICE + 12345 },
        { begin + 7 * NS_PER_SLICE, begin + 7 * NS_PER_SLICE },
        { begin + 287 * NS_PER_SLICE, begin + NS_PER_DAY + NS_PER_SLICE / 2 },
    };
    struct network *n = network_new();
    struct plan_list whole;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    whole = day_of(&n->population, begin, begin + 2 * NS_PER_DAY, 1);
    assert_in_range(whole.used, 20000, 99999);
    for (size_t i = 1; i < whole.used; i++)
        assert_true(whole.plans[i].start.ns >= whole.plans[i - 1].start.ns);
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        struct plan_list window = day_of(&n->population, windows[w].from, windows[w].to, 1 + (unsigned)w);
        size_t at = 0;

        for (size_t i = 0; i < whole.used; i++) {
            if (whole.plans[i].start.ns < windows[w].from || whole.plans[i].start.ns >= windows[w].to)
                continue;
            assert_true(at < window.used && same_plan(&whole.plans[i], &window.plans[at]));
            at++;
        }
        assert_int_equal(at, window.used);
        free(window.plans);
    }
    free(whole.plans);
    network_free(n);
}

/* The same plans in the same order from any number of threads, also when they are more than there are hosts. */
static void test_threads_do_not_show(void **state)
{
    static const unsigned threads[] = { 2, 3, 8, DAY_MAX_THREADS };
    const int64_t begin = (int64_t)DATE * NS_PER_DAY;
    struct network *n = network_new();
    struct plan_list one;

    (void)state;
    n->group.host_count = 200;
    populate(&n->population, &n->group, 1, &n->outside);
    one = day_of(&n->population, begin, begin + 6 * NS_PER_SLICE, 1);
    assert_in_range(one.used, 5000, 99999);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct plan_list many = day_of(&n->population, begin, begin + 6 * NS_PER_SLICE, threads[t]);

        assert_true(same_lists(&one, &many));
        free(many.plans);
    }
    free(one.plans);
    network_free(n);
}

/* A day that is left while the next slice is being planned. */
static void test_threads_are_left(void **state)
{
    struct network *n = network_new();
    struct flow_plan plan;
    struct error err;

    (void)state;
    populate(&n->population, &n->group, 1, &n->outside);
    for (unsigned threads = 1; threads < 5; threads++) {
        struct day_config config = { &n->population, SEED, { 0 }, { NS_PER_DAY }, DAY_SPREAD, threads, threads % 2 == 0, NULL };
        struct day *day = day_new(&config);

        assert_int_equal(day_next(day, &plan, &err), 1);
        day_free(day);
    }
    network_free(n);
}

/* ---- clocks ---- */

enum { CLOCK_SLICES = 2000 };

/*
 * Host 0 looks up a name every `period` seconds and connects 5 ms later: its flows of so many slices in a row, in order.
 * It does nothing else, and the profile has as many flows as there are ticks.
 */
static struct plan_list clock_plans(struct network *n, double period_s, double jitter_s, double kept)
{
    const struct tally_entry gaps[] = { { 0, log_grid_bin(5e6, GAP_GRID_PER_OCTAVE), 1 } };
    const struct tally_entry pauses[] = { { 0, log_grid_bin(period_s * 1e9, GAP_GRID_PER_OCTAVE), 1 } };
    /* of the transitions: from state 0 to state 1 within a burst, and back between two */
    const struct tally_entry entries[] = { { 0, 0, 1 }, { 0, 1, 100000 } };
    struct host_model *host = &n->hosts[0];
    struct population population;
    struct plan_list list;

    set_state(n, 0, 0, (struct state_key){ ROLE_INITIATOR, IP_UDP, 53 }, (struct peer){ PEER_OUTSIDE, 7 });
    host->state_count = 2;
    host->flows = 20;
    set_one(n, &n->states[0][0].next, 1);
    set_one(n, &n->states[0][1].next, 0);
    discrete_init(&n->states[0][0].gaps, &n->arena, gaps, 1);
    discrete_init(&n->states[0][1].gaps, &n->arena, pauses, 1);
    set_discrete(n, &host->frequency, (const uint32_t[]){ 0, 1 }, 2);
    discrete_init(&host->entry, &n->arena, entries, 2);
    for (int i = 0; i < 2; i++) {
        n->states[0][i].beat_s = (float)period_s;
        n->states[0][i].beat_sd_s = (float)jitter_s;
    }
    for (uint32_t s = 0; s < DAY_SLICES; s++)
        n->profiles[0][s] = profile_of(s, 1, 40 * kept * 300 / period_s, 0, 2 * kept * 300 / period_s);
    n->group.host_count = 1;
    populate(&population, &n->group, 1, &n->outside);
    list = day_of(&population, 0, CLOCK_SLICES * NS_PER_SLICE, 1);
    population_release(&population);
    return list;
}

/* A clock goes on through slices and days: all times between name lookups are the period, or more of it missed. */
static void test_clocks_go_on(void **state)
{
    static const struct {
        double period_s, jitter_s, kept;
    } cases[] = { { 8, 0, 1 }, { 13.7, 0, 1 }, { 60, 0, 1 }, { 140, 0, 1 }, { 20, 0.2, 1 }, { 30, 0, 0.7 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct network *n = network_new();
        struct plan_list list = clock_plans(n, cases[i].period_s, cases[i].jitter_s, cases[i].kept);
        double ticks = CLOCK_SLICES * 300 / cases[i].period_s;
        double least = cases[i].period_s - 6 * cases[i].jitter_s;
        int64_t last_ns = -1;
        uint32_t lookups = 0;
        uint32_t off = 0;

        for (size_t k = 0; k < list.used; k++) {
            const struct flow_plan *plan = &list.plans[k];
            double gap_s = (double)(plan->start.ns - last_ns) * 1e-9;

            if (plan->protocol != IP_UDP)
                continue;
            if (last_ns >= 0)
                off += fabs(gap_s / cases[i].period_s - round(gap_s / cases[i].period_s)) >
                       1e-6 + 9 * cases[i].jitter_s / cases[i].period_s;
            assert_true(last_ns < 0 || gap_s > least - 0.001);
            last_ns = plan->start.ns;
            lookups++;
        }
        assert_int_equal(off, 0);
        assert_true(fabs(lookups / ticks / cases[i].kept - 1) < 0.03);
        assert_true(fabs((double)list.used / (2 * lookups) - 1) < 0.03); /* a connection with each */
        free(list.plans);
        network_free(n);
    }
}

/* A connection follows its lookup as it did, on the clock. */
static void test_clocks_keep_bursts(void **state)
{
    struct network *n = network_new();
    struct plan_list list = clock_plans(n, 8, 0, 1);
    uint32_t near = 0;

    (void)state;
    for (size_t k = 1; k < list.used; k++) {
        double gap_s = (double)(list.plans[k].start.ns - list.plans[k - 1].start.ns) * 1e-9;

        near += list.plans[k - 1].protocol == IP_UDP && list.plans[k].protocol == IP_TCP && gap_s > 0.003 &&
                gap_s < 0.007;
    }
    assert_true(near > 0.95 * (double)list.used / 2);
    free(list.plans);
    network_free(n);
}

/* ---- the wall clock ---- */

/*
 * A host that is active in the slices of 02:00 to 02:55 alone, in Madrid: for an hour on a usual day (00:00 UTC in
 * summer), not at all when the hour is missing, for two hours when it comes twice.
 */
static void test_day_by_the_wall_clock(void **state)
{
    static const struct {
        const char *zone;
        int32_t date;
        int64_t first_hour; /* of the UTC day */
        int hours;
    } cases[] = {
        { "UTC", 20540, 2, 1 },           /* 2026-03-28 */
        { "Europe/Madrid", 20540, 1, 1 },
        { "Europe/Madrid", 20541, 0, 0 }, /* 02:00 becomes 03:00 */
        { "Europe/Madrid", 20542, 0, 1 },
        { "Europe/Madrid", 20751, 0, 2 }, /* 2026-10-25, 03:00 becomes 02:00 */
        { "Asia/Kathmandu", 20540, -4, 1 }, /* 5:45 ahead: 20:15 UTC of the day before */
    };
    struct network *n = network_new();
    struct error err;

    (void)state;
    set_days(&n->hosts[0], &n->profiles[0][24], 12, n->observed_days);
    for (int i = 0; i < DAY_SLICES; i++)
        n->profiles[0][i].active = 255;
    n->group.host_count = 1;
    populate(&n->population, &n->group, 1, &n->outside);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t begin = (int64_t)cases[i].date * NS_PER_DAY;
        bool slices[2 * DAY_SLICES] = { false };
        struct plan_list list;
        int active = 0;

        if (time_zone_set(cases[i].zone, &err) < 0)
            skip(); /* no time zone database here */
        list = day_of(&n->population, begin - NS_PER_DAY / 2, begin + NS_PER_DAY / 2, 1);
        for (size_t k = 0; k < list.used; k++)
            slices[(list.plans[k].start.ns - begin + NS_PER_DAY / 2) / NS_PER_SLICE] = true;
        for (int64_t k = 0; k < 2 * DAY_SLICES; k++) {
            int64_t hour = k / 12 - 12;

            active += slices[k];
            if (cases[i].zone[0] != 'A') /* whole hours */
                assert_int_equal(slices[k], hour >= cases[i].first_hour &&
                                                hour < cases[i].first_hour + cases[i].hours);
        }
        assert_int_equal(active, 12 * cases[i].hours);
        free(list.plans);
    }
    assert_int_equal(time_zone_set("UTC", &err), 0);
    network_free(n);
}

/* ---- who is played ---- */

static void test_pick(void **state)
{
    static const struct {
        const char *text;
        uint32_t counts[4];
        const char *message;
    } cases[] = {
        { "all", { 1, 3, 1, 1 }, NULL },
        { "3", { 0, 0, 0, 1 }, NULL },
        { "1,3*5,1", { 0, 2, 0, 5 }, NULL },
        { "all*2,0", { 3, 6, 2, 2 }, NULL },
        { "crowd:7", { 0, 3, 1, 0 }, NULL },
        { "crowd:7*2,0", { 1, 6, 2, 0 }, NULL },
        { "4", { 0 }, "there is no host 4: the model has 4, from 0 on" },
        { "crowd:8", { 0 }, "'crowd:8': the model has no such crowd" },
        { "", { 0 }, "'' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)" },
        { "1,,2", { 0 }, "'' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)" },
        { "1,x", { 0 }, "'x' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)" },
        { "-1", { 0 }, "'-1' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)" },
        { "crowd:", { 0 }, "'crowd:' is neither 'all', the number of a host (7, 7*5) nor a crowd (crowd:2)" },
        { "1*0", { 0 }, "'1*0': behind the * is no whole number from 1 to 1000000" },
        { "1*", { 0 }, "'1*': behind the * is no whole number from 1 to 1000000" },
        { "1*2*3", { 0 }, "'1*2*3': behind the * is no whole number from 1 to 1000000" },
        { "1*600000,2*600000", { 0 }, "it has more than 1000000 hosts" },
    };
    const struct host_model models[4] = {
        { .members = 1, .crowd = 0 }, { .members = 3, .crowd = 7 }, { .members = 1, .crowd = 7 }, { .members = 1, .crowd = 3 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { "" };
        uint32_t counts[4];
        uint32_t places;
        int status = pick_parse(cases[i].text, models, 4, counts, &places, &err);

        assert_int_equal(status, cases[i].message ? -1 : 0);
        assert_string_equal(err.text, cases[i].message ? cases[i].message : "");
        if (status < 0)
            continue;
        assert_memory_equal(counts, cases[i].counts, sizeof counts);
        assert_int_equal(places, counts[0] + counts[1] + counts[2] + counts[3]);
    }
}

/*
 * Host 2 four times, host 0 twice, host 1 never: any part of the places from the first on is in proportion; who knows
 * host 2 knows one of its four, of his own copy, and not himself; whom nobody plays is outside.
 */
static void test_picked_population(void **state)
{
    static const uint32_t counts[MODEL_HOSTS] = { 2, 0, 4 };
    struct network *n = network_new();
    uint32_t played[MODEL_HOSTS] = { 0 };

    (void)state;
    n->group.counts = counts;
    n->group.host_count = 15;
    populate(&n->population, &n->group, 1, &n->outside);
    for (uint32_t i = 0; i < 15; i++) {
        played[n->population.hosts[i].model->id]++;
        assert_true(fabs(played[2] - (i + 1) * 2 / 3.0) <= 1);
        for (uint32_t id = 0; id < MODEL_HOSTS; id++) {
            bool is_virtual;
            struct flow_end end = flow_ends_peer(&n->population, &n->population.hosts[i],
                                                  (struct peer){ PEER_LOCAL, id }, 0, &is_virtual);
            const struct virtual_host *peer = population_find(&n->population, &end.address);

            assert_int_equal(peer != NULL, is_virtual);
            assert_true(id != 1 || peer == NULL);
            assert_true(id == 1 || peer != NULL || i >= 12); /* the copy that is not whole */
            if (peer == NULL)
                continue;
            assert_int_equal(peer->model->id, id);
            assert_int_equal(peer->number / 6, i / 6);
            assert_int_not_equal(peer->number, i);
        }
    }
    assert_int_equal(played[1], 0);
    network_free(n);
}

/* So many times as many flows, of the same size; other hosts of the group are as they were. */
static void test_activity(void **state)
{
    static const double factors[] = { 0.25, 1, 3 };
    struct network *n = network_new();
    struct population population;

    (void)state;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        struct amounts mean;

        n->group.activity = factors[i];
        populate(&population, &n->group, 1, &n->outside);
        mean = mean_amounts(&population);
        assert_true(fabs(mean.flows / (0.75 * 20 * 2 / 3 * factors[i]) - 1) < 0.03);
        assert_true(fabs(mean.packets / mean.flows / 20 - 1) < 0.03);
        population_release(&population);
    }
    network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw_packets),
        cmocka_unit_test(test_draw_packets_bounds),
        cmocka_unit_test(test_draw_port),
        cmocka_unit_test(test_new_peers_grow),
        cmocka_unit_test(test_peer_posterior),
        cmocka_unit_test(test_new_peers_come_back),
        cmocka_unit_test(test_new_peers_known),
        cmocka_unit_test(test_peer_answers),
        cmocka_unit_test(test_population_errors),
        cmocka_unit_test(test_population_find),
        cmocka_unit_test(test_population_peers),
        cmocka_unit_test(test_population_outside),
        cmocka_unit_test(test_population_places),
        cmocka_unit_test(test_group_ends),
        cmocka_unit_test(test_dual_stack_hosts),
        cmocka_unit_test(test_family_of_a_pair),
        cmocka_unit_test(test_groups_of_ipv6),
        cmocka_unit_test(test_gateways),
        cmocka_unit_test(test_gateway_is_not_outside),
        cmocka_unit_test(test_ipv6_beside_changes_no_flow),
        cmocka_unit_test(test_slice_is_its_name),
        cmocka_unit_test(test_plans_fit_their_slice),
        cmocka_unit_test(test_local_flows_come_once),
        cmocka_unit_test(test_other_hosts_do_not_matter),
        cmocka_unit_test(test_bursts_stay_bursts),
        cmocka_unit_test(test_seconds_are_alike),
        cmocka_unit_test(test_borders_do_not_show),
        cmocka_unit_test(test_volume_agrees_with_profile),
        cmocka_unit_test(test_sparse_lookups),
        cmocka_unit_test(test_unobserved_slices),
        cmocka_unit_test(test_interpolated_slices),
        cmocka_unit_test(test_day_classes),
        cmocka_unit_test(test_dates_share_out),
        cmocka_unit_test(test_window_filters_the_day),
        cmocka_unit_test(test_stop_ends_the_day),
        cmocka_unit_test(test_threads_do_not_show),
        cmocka_unit_test(test_threads_are_left),
        cmocka_unit_test(test_clocks_go_on),
        cmocka_unit_test(test_clocks_keep_bursts),
        cmocka_unit_test(test_day_by_the_wall_clock),
        cmocka_unit_test(test_pick),
        cmocka_unit_test(test_picked_population),
        cmocka_unit_test(test_activity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
