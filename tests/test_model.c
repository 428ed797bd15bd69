#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "support.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_grid.h"
#include "base/random.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "model/model.h"
#include "net/wire.h"
#include "synth/slice.h"

/* ---- a small network that uses every table ---- */

enum { HOSTS = 3, RECORDS = 400, FLIPS = 1500, MODEL_PAGE = 4096 };

/* Addresses whose bytes are unlikely to occur by chance. */
static const char *const locals[HOSTS] = { "10.211.147.86", "10.211.147.173", "172.27.219.58" };
static const char *const outside[] = { "203.197.231.94", "198.151.87.242", "2001:db8:b7c3::e29a:5d17" };

static struct ip_address address(const char *text)
{
    struct ip_address a;

    assert_int_equal(ip_address_parse(&a, text), 0);
    return a;
}

static const char *any_peer(struct random_stream *random, uint32_t host)
{
    uint64_t i = random_below(random, 5);

    if (i < 3)
        return outside[i];
    return i == 3 ? "224.0.0.251" : locals[(host + 1) % HOSTS];
}

/* Record i of a capture of two mornings. */
static struct flow_record draw_record(uint32_t i, struct random_stream *random)
{
    static const struct {
        uint8_t protocol;
        uint16_t port;
    } services[] = { { IP_TCP, 443 },  { IP_UDP, 53 },    { IP_TCP, 8080 },    { IP_TCP, 3306 },
                     { IP_UDP, 5353 }, { IP_TCP, 50001 }, { IP_ICMP, 8 << 8 } };
    uint64_t service = random_below(random, sizeof services / sizeof *services);
    uint32_t host = (uint32_t)random_below(random, HOSTS);
    int64_t date = i < RECORDS / 2 ? 20000 : 20001;

    return (struct flow_record){
        .start = { date * NS_PER_DAY + (int64_t)(i % (RECORDS / 2)) * 5 * NS_PER_SECOND },
        .address = { address(locals[host]), address(any_peer(random, host)) },
        .port = { (uint16_t)(50000 + random_below(random, 9000)), services[service].port },
        .protocol = services[service].protocol,
        .packets = { 1 + random_below(random, 40), 1 + random_below(random, 40) },
        .bytes = { 4000, 4000 },
        .payload_bytes = { random_below(random, 3000), random_below(random, 3000) },
        .data_packets = { 1, 1 },
        .turns = 2,
        .duration_ns = (int64_t)random_below(random, NS_PER_SECOND),
        .rtt_ns = (int64_t)random_below(random, NS_PER_MS),
        .opening = (enum flow_opening)random_below(random, 3),
        .ending = (enum flow_ending)random_below(random, 3),
        .closing_side = (enum flow_side)random_below(random, 2),
        .mss = { 1460, 1400 },
        .ttl = { 64, 57 },
    };
}

struct learned {
    struct learner *learner;
    const struct network_stats *stats;
    struct network_fit fit;
};

static struct learned learn(uint32_t records)
{
    struct learner_config config = { 0 };
    struct learned learned = { .learner = learner_new(&config) };
    struct random_stream random;

    random_init(&random, 1, RANDOM_FIT, 0, 0, 0);
    for (uint32_t i = 0; i < records; i++) {
        struct flow_record record = draw_record(i, &random);

        learner_add(learned.learner, &record);
    }
    learned.stats = learner_finish(learned.learner);
    network_fit_init(&learned.fit, learned.stats);
    return learned;
}

static void forget(struct learned *learned)
{
    network_fit_release(&learned->fit);
    learner_free(learned->learner);
}

/* Saves under a name in the scratch directory; the path. */
static const char *save(const char *name, uint32_t records)
{
    struct learned learned = learn(records);
    const char *path = scratch_path(name);
    struct error err = { "" };

    if (model_save(path, learned.stats, &learned.fit, &err) < 0)
        fail_msg("%s", err.text);
    forget(&learned);
    return path;
}

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    struct bytes bytes;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    bytes = (struct bytes){ malloc((size_t)info.st_size + 1), (size_t)info.st_size };
    assert_int_equal(fread(bytes.at, 1, bytes.size, file), bytes.size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *at, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(at, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* ---- round trip ---- */

/* Where a state of the statistics is in the model: states of a host are in order of their ids. */
static const struct state_model *find_state(const struct model *model,
                                            const struct network_stats *stats, uint32_t state,
                                            uint32_t *index)
{
    uint32_t host = stats->states.entries[state].owner;

    *index = 0;
    for (uint32_t i = 0; i < state; i++)
        *index += stats->states.entries[i].owner == host;
    assert_in_range(*index, 0, model->hosts[host].state_count - 1);
    return &model->hosts[host].states[*index];
}

static uint32_t count_of(const struct discrete *d, uint32_t symbol)
{
    for (uint32_t i = 0; i < d->size; i++) {
        if (d->symbols[i] == symbol)
            return discrete_count(d, i);
    }
    return 0;
}

/* Every count of a tally owned by states is in the distribution at `offset` of its state; no other is. */
static void check_distributions(const struct model *model, const struct network_stats *stats,
                                const struct tally *tally, size_t offset)
{
    size_t entries = 0;

    for (size_t i = 0; i < tally->used; i++) {
        const struct tally_entry *entry = &tally->entries[i];
        uint32_t index;
        const char *state = (const char *)find_state(model, stats, entry->owner, &index);
        const struct discrete *d = (const struct discrete *)(state + offset);

        assert_int_equal(count_of(d, entry->symbol), entry->count);
    }
    for (uint32_t i = 0; i < stats->states.used; i++) {
        uint32_t index;
        const char *state = (const char *)find_state(model, stats, i, &index);

        entries += ((const struct discrete *)(state + offset))->size;
    }
    assert_int_equal(entries, tally->used);
}

static void check_states(const struct model *model, const struct network_stats *stats,
                         const struct network_fit *fit)
{
    for (uint32_t i = 0; i < stats->states.used; i++) {
        const struct tally_entry *entry = &stats->states.entries[i];
        const struct host_model *host = &model->hosts[entry->owner];
        uint32_t index;
        const struct state_model *state = find_state(model, stats, i, &index);

        assert_int_equal(state_key_pack(state->key), entry->symbol);
        assert_int_equal(state->flows, entry->count);
        assert_int_equal(state->packets.size, fit->packets[i].size);
        for (uint32_t k = 0; k < state->packets.size; k++) {
            assert_true(state->packets.components[k].weight == fit->packets[i].components[k].weight);
            assert_true(state->packets.components[k].mean == fit->packets[i].components[k].mean);
            assert_true(state->packets.components[k].sd == fit->packets[i].components[k].sd);
        }
        assert_int_equal(count_of(&host->frequency, index), entry->count);
        assert_int_equal(count_of(&host->initial, index),
                         tally_count(&stats->initial, entry->owner, i));
    }
}

/* Gaps of a transition are kept where it was seen often enough, those of its state always. */
static void check_transitions(const struct model *model, const struct network_stats *stats)
{
    for (uint32_t t = 0; t < stats->transitions.used; t++) {
        const struct tally_entry *entry = &stats->transitions.entries[t];
        uint32_t next;
        uint32_t index;
        uint32_t i = 0;
        const struct state_model *from;

        find_state(model, stats, entry->symbol, &next);
        from = find_state(model, stats, entry->owner, &index);
        assert_int_equal(count_of(&from->next, next), entry->count);
        assert_int_equal(discrete_total(&from->gaps), discrete_total(&from->next));
        while (from->next.symbols[i] != next)
            i++;
        assert_int_equal(discrete_total(&from->next_gaps[i]), entry->count >= 8 ? entry->count : 0);
        for (size_t g = 0; g < stats->gaps.used && entry->count >= 8; g++) {
            const struct tally_entry *gap = &stats->gaps.entries[g];

            if (gap->owner == t)
                assert_int_equal(count_of(&from->next_gaps[i], gap->symbol), gap->count);
        }
    }
}

static void check_profiles(const struct model *model, const struct network_fit *fit)
{
    for (uint32_t i = 0; i < model->host_count * DAY_SLICES; i++) {
        const struct slice_profile *got = &model->hosts[i / DAY_SLICES].profile[i % DAY_SLICES];
        const struct slice_profile *expected = &fit->profiles[i];

        assert_int_equal(got->observed, expected->observed);
        assert_int_equal(got->active, expected->active);
        assert_true(got->log_mean == expected->log_mean);
        assert_true(got->log_sd == expected->log_sd);
    }
}

static void check_row(const struct session_row *got, const struct session_row *expected)
{
    for (int side = 0; side < 2; side++) {
        assert_int_equal(got->packets[side], expected->packets[side]);
        assert_int_equal(got->data_packets[side], expected->data_packets[side]);
        assert_int_equal(got->payload_bytes[side], expected->payload_bytes[side]);
        assert_int_equal(got->mss[side], expected->mss[side]);
        assert_int_equal(got->ttl[side], expected->ttl[side]);
    }
    assert_int_equal(got->duration_ns, expected->duration_ns);
    assert_int_equal(got->rtt_ns, expected->rtt_ns);
    assert_int_equal(got->turns, expected->turns);
    assert_int_equal(got->opening, expected->opening);
    assert_int_equal(got->ending, expected->ending);
    assert_int_equal(got->first_data_side, expected->first_data_side);
    assert_int_equal(got->closing_side, expected->closing_side);
}

static void check_services(const struct model *model, const struct network_stats *stats)
{
    assert_int_equal(model->service_count, stats->services.used);
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service_model *service = &model->services[i];
        uint32_t index = tally_find(&stats->services, service->protocol, service->port);
        const struct row_sample *sample = &stats->samples[index];

        assert_int_not_equal(index, TALLY_NONE);
        assert_int_equal(service->flows, stats->services.entries[index].count);
        assert_int_equal(service->row_count, sample->used);
        for (size_t j = 0; j < sample->used; j++)
            check_row(&service->rows[j], &sample->rows[j].row);
    }
}

static void test_round_trip(void **state)
{
    struct learned learned = learn(RECORDS);
    const struct network_stats *stats = learned.stats;
    const char *path = save("round-trip", RECORDS);
    struct error err = { "" };
    struct model *model = model_load(path, &err);

    (void)state;
    if (model == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(model->host_count, HOSTS);
    assert_int_equal(model->flows, RECORDS);
    assert_int_equal(model->packets, stats->packets);
    assert_int_equal(model->first.ns, stats->first.ns);
    assert_int_equal(model->last.ns, stats->last.ns);
    assert_int_equal(model->covered_slices, learned.fit.covered_slices);
    check_states(model, stats, &learned.fit);
    check_transitions(model, stats);
    check_distributions(model, stats, &stats->initiator_ports,
                        offsetof(struct state_model, initiator_ports));
    check_distributions(model, stats, &stats->responder_ports,
                        offsetof(struct state_model, responder_ports));
    check_distributions(model, stats, &stats->peers, offsetof(struct state_model, peers));
    check_profiles(model, &learned.fit);
    check_services(model, stats);
    model_free(model);
    forget(&learned);
}

static void test_same_statistics_same_bytes(void **state)
{
    struct bytes first = read_file(save("first", RECORDS));
    struct bytes second = read_file(save("second", RECORDS));
    struct bytes other = read_file(save("other", RECORDS - 1));

    (void)state;
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.at, second.at, first.size);
    assert_true(first.size != other.size || memcmp(first.at, other.at, first.size) != 0);
    free(first.at);
    free(second.at);
    free(other.at);
}

static void test_save_needs_a_directory(void **state)
{
    struct learned learned = learn(10);
    const char *path = scratch_path("nowhere/model");
    struct error err = { "" };

    (void)state;
    assert_int_equal(model_save(path, learned.stats, &learned.fit, &err), -1);
    assert_non_null(strstr(err.text, path));
    forget(&learned);
}

/* Nothing learned is a model too: of no hosts. */
static void test_empty_network(void **state)
{
    struct error err = { "" };
    struct model *model = model_load(save("empty-network", 0), &err);

    (void)state;
    assert_non_null(model);
    assert_int_equal(model->host_count, 0);
    assert_null(model_service(model, IP_TCP, 443));
    model_free(model);
}

/* ---- what must not be in a file ---- */

static bool contains(const struct bytes *bytes, const void *what, size_t size)
{
    return memmem(bytes->at, bytes->size, what, size) != NULL;
}

static void check_absent(const struct bytes *file, const char *text)
{
    struct ip_address a = address(text);
    uint8_t turned[sizeof a.bytes];
    bool is_v4 = ip_address_is_v4(&a);
    size_t size = is_v4 ? 4 : sizeof a.bytes;
    const uint8_t *bytes = a.bytes + sizeof a.bytes - size;

    for (size_t i = 0; i < size; i++)
        turned[i] = bytes[size - 1 - i];
    assert_false(contains(file, text, strlen(text)));
    assert_false(contains(file, bytes, size));
    assert_false(contains(file, turned, size));
}

static void test_no_address_in_file(void **state)
{
    struct bytes file = read_file(save("private", RECORDS));

    (void)state;
    for (size_t i = 0; i < HOSTS; i++)
        check_absent(&file, locals[i]);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        check_absent(&file, outside[i]);
    check_absent(&file, "224.0.0.251");
    assert_true(contains(&file, "SQLite format 3", 15)); /* the search does find what is there */
    free(file.at);
}

/* ---- damaged files ---- */

static const struct service_model *find_service(const void *self, uint8_t protocol, uint32_t port)
{
    return model_service(self, protocol, port);
}

/* What was accepted must be safe to use: every host plays a few slices, unless they are enormous. */
static void use(const struct model *model)
{
    struct population_group group = { .models = model->hosts, .model_count = model->host_count,
                                      .service = find_service, .service_self = model,
                                      .host_count = model->host_count };
    struct ip_network outside_network;
    struct population population;
    struct plan_list plans = { 0 };
    struct error err;

    if (model->host_count == 0 || model->host_count > 1000)
        return;
    ip_network_parse(&group.network, "198.18.0.0/16");
    ip_network_parse(&outside_network, "198.19.0.0/16");
    assert_int_equal(population_init(&population, &group, 1, &outside_network, &err), 0);
    for (uint32_t i = 0; i < model->host_count * 2; i++) {
        struct slice_request request = { .population = &population, .host = i / 2, .slice = i % 2 };
        const struct host_model *host = &model->hosts[i / 2];
        const struct slice_profile *profile = &host->profile[i % 2];

        if ((double)profile->log_mean + 4 * (double)profile->log_sd < 9 && host->mean_packets > 1e-3)
            slice_synthesize(&request, &plans);
    }
    free(plans.plans);
    population_release(&population);
}

/* Loads bytes that are freed with the image; says whether they were taken. */
static bool try_bytes(const uint8_t *bytes, size_t size)
{
    struct error err = { "" };
    struct model_image image = { sqlite3_malloc64(size), size, strdup("some/model") };
    struct model *model;

    memcpy(image.bytes, bytes, size);
    model = model_from_image(&image, &err);
    if (model == NULL)
        assert_non_null(strstr(err.text, "some/model"));
    else
        use(model);
    model_free(model);
    model_image_release(&image);
    return model != NULL;
}

static void test_cut_files(void **state)
{
    struct bytes file = read_file(save("cut", 60));

    (void)state;
    assert_true(try_bytes(file.at, file.size));
    for (size_t size = 1; size < file.size; size += size < 200 ? 1 : 509)
        assert_false(try_bytes(file.at, size));
    for (size_t size = MODEL_PAGE; size < file.size; size += MODEL_PAGE)
        assert_false(try_bytes(file.at, size));
    assert_false(try_bytes(file.at, file.size - 1));
    free(file.at);
}

static void test_first_page_changed(void **state)
{
    struct bytes file = read_file(save("first-page", 60));
    size_t refused = 0;

    (void)state;
    for (size_t i = 0; i < MODEL_PAGE; i++) {
        file.at[i] ^= (uint8_t)(1 << i % 8);
        refused += !try_bytes(file.at, file.size);
        file.at[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_in_range(refused, MODEL_PAGE / 4, MODEL_PAGE);
    free(file.at);
}

static void test_any_byte_changed(void **state)
{
    struct bytes file = read_file(save("any-byte", 60));
    struct random_stream random;
    size_t taken = 0;

    (void)state;
    random_init(&random, 2, RANDOM_FIT, 0, 0, 0);
    for (size_t i = 0; i < FLIPS; i++) {
        size_t at = (size_t)random_below(&random, file.size);
        uint8_t before = file.at[at];

        file.at[at] = (uint8_t)random_u32(&random);
        taken += try_bytes(file.at, file.size);
        file.at[at] = before;
    }
    assert_in_range(taken, FLIPS / 10, FLIPS); /* most bytes are a page's unused room */
    free(file.at);
}

/* ---- what is no model ---- */

static void check_refused(const char *path, const char *needle)
{
    struct error err = { "" };
    struct model *model = model_load(path, &err);

    if (model != NULL)
        fail_msg("taken, where \"%s\" was to be found", needle);
    if (strstr(err.text, path) == NULL || strstr(err.text, needle) == NULL)
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.text, path, needle);
}

static void test_other_files(void **state)
{
    const char *path = scratch_path("other-file");

    (void)state;
    check_refused(scratch_path("not-there"), "No such file");
    write_file(path, "", 0);
    check_refused(path, "it is empty");
    write_file(path, "[general]\nnothing = true\n", 25);
    check_refused(path, "not a usable model file");
    check_refused(scratch_path("."), "not a regular file");
    assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
    check_refused(scratch_path("pipe"), "not a regular file");
}

/* Writes a copy of the model that SQL was applied to; the path. */
static const char *alter(const struct bytes *model, const char *sql)
{
    const char *path = scratch_path("altered");
    sqlite3 *db = NULL;
    char *message = NULL;

    write_file(path, model->at, model->size);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    if (message != NULL)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
    return path;
}

static void test_altered_files(void **state)
{
    static const struct {
        const char *sql;
        const char *needle;
    } cases[] = {
        { "PRAGMA application_id = 0", "not a model file: application id 0" },
        { "PRAGMA application_id = -9", "application_id: -9" },
        { "PRAGMA user_version = 2", "model format 2 is not 1" },
        { "DROP TABLE gap", "no such table" },
        { "ALTER TABLE state RENAME COLUMN role TO part", "no such column" },
        { "UPDATE summary SET covered_slices = 289",
          "table summary, row 1, column covered_slices: 289" },
        { "UPDATE state SET role = 2 WHERE id = 0", "table state, row 1, column role: 2" },
        { "UPDATE state SET protocol = 256 WHERE id = 0", "table state, row 1, column protocol: 256" },
        { "UPDATE state SET port_feature = 1046 WHERE id = 0", "column port_feature: 1046" },
        { "UPDATE state SET flows = 0 WHERE id = 0", "table state, row 1, column flows: 0" },
        { "UPDATE state SET flows = 'many' WHERE id = 0",
          "column flows: something that is no integer" },
        { "UPDATE state SET host = 3 WHERE id = 0", "column host: 3" },
        { "UPDATE state SET id = 9999 WHERE id = 0", "table state" },
        { "UPDATE transition SET next = 9999 WHERE id = 0", "table transition" },
        { "UPDATE state SET protocol = 47 WHERE id = 0", "table state, row 1: a protocol" },
        { "UPDATE transition SET state = 0, next = 0 WHERE id < 2", "row 2: it is there twice" },
        { "UPDATE transition SET next = (SELECT max(id) FROM state WHERE host != (SELECT host FROM"
          " state WHERE id = 0)) WHERE id = (SELECT min(id) FROM transition WHERE state = 0)",
          " of host 0" },
        { "UPDATE peer SET flows = 9007199254740992", "the counts add up to more" },
        { "UPDATE state SET role = 1 WHERE id IN (SELECT state FROM peer WHERE peer = 2 << 28)",
          "536870912 is nobody" },
        { "UPDATE transition SET times = -1 WHERE id = 0", "column times: -1" },
        { "UPDATE initial SET times = 0", "table initial, row 1, column times: 0" },
        { "UPDATE gap SET bin = 1024 + bin", "table gap, row 1, column bin: 1" },
        { "UPDATE gap SET times = 9007199254740993", "column times: 9007199254740993" },
        { "UPDATE mixture SET component = 5 + component", "table mixture, row 1, column component: 5" },
        { "UPDATE mixture SET weight = 1.5", "table mixture, row 1, column weight: 1.5" },
        { "UPDATE mixture SET weight = 0.25", "weights" },
        { "UPDATE mixture SET mean = 1e300", "column mean: 1e+300" },
        { "UPDATE mixture SET sd = 0", "table mixture, row 1, column sd: 0" },
        { "UPDATE mixture SET sd = 'wide'", "table mixture, row 1, column sd" },
        { "UPDATE mixture SET mean = NULL", "table mixture, row 1, column mean" },
        { "DELETE FROM mixture WHERE state = 0", "has no mixture" },
        { "UPDATE initiator_port SET port_feature = 1046 + port_feature", "column port_feature: " },
        { "UPDATE responder_port SET port = 65537", "table responder_port, row 1, column port: 65537" },
        { "UPDATE peer SET peer = (2 << 28) + peer WHERE peer >> 28 = 1", "is nobody" },
        { "UPDATE peer SET peer = 3 WHERE peer < 3", "3 is nobody" },
        { "UPDATE peer SET flows = 0", "table peer, row 1, column flows: 0" },
        { "DELETE FROM peer WHERE state = 0", "has no peer" },
        { "DELETE FROM initiator_port", "has no initiator_port" },
        { "DELETE FROM gap", "has no gap" },
        { "UPDATE profile SET observed = 0", "table profile, row 1, column observed: 0" },
        { "UPDATE profile SET active = observed + 1", "table profile, row 1, column active: " },
        { "UPDATE profile SET log_mean = -1", "table profile, row 1, column log_mean: -1" },
        { "UPDATE profile SET log_sd = NULL", "table profile, row 1, column log_sd" },
        { "UPDATE profile SET slice = 288 WHERE slice = 0", "column slice: 288" },
        { "UPDATE service SET port = 65537", "table service, row 1, column port: 65537" },
        { "UPDATE service SET protocol = -1", "table service, row 1, column protocol: -1" },
        { "UPDATE service SET flows = 0", "table service, row 1, column flows: 0" },
        { "UPDATE session_row SET initiator_packets = -1", "column initiator_packets: -1" },
        { "UPDATE session_row SET responder_data_packets = 1 + responder_packets",
          "column responder_data_packets: " },
        { "UPDATE session_row SET responder_payload_bytes = -5", "column responder_payload_bytes: -5" },
        { "UPDATE session_row SET duration_ns = -5",
          "table session_row, row 1, column duration_ns: -5" },
        { "UPDATE session_row SET turns = 4294967296", "column turns: 4294967296" },
        { "UPDATE session_row SET initiator_mss = 65536", "column initiator_mss: 65536" },
        { "UPDATE session_row SET responder_ttl = 256", "column responder_ttl: 256" },
        { "UPDATE session_row SET opening = 3", "column opening: 3" },
        { "UPDATE session_row SET ending = 3", "column ending: 3" },
        { "UPDATE session_row SET first_data_side = 2", "column first_data_side: 2" },
        { "UPDATE session_row SET closing_side = 2", "column closing_side: 2" },
    };

    struct bytes model = read_file(save("to-alter", RECORDS));

    (void)state;
    assert_true(try_bytes(model.at, model.size));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(alter(&model, cases[i].sql), cases[i].needle);
    free(model.at);
}

/* ---- which service stands for a port ---- */

static void test_service_lookup(void **state)
{
    struct service_model services[] = {
        { .protocol = IP_TCP, .port = 22, .row_count = 3 },
        { .protocol = IP_TCP, .port = 443, .row_count = 100 },
        { .protocol = IP_TCP, .port = 3306, .row_count = MODEL_MIN_ROWS },
        { .protocol = IP_TCP, .port = 3307, .row_count = MODEL_MIN_ROWS - 1 },
        { .protocol = IP_UDP, .port = 53, .row_count = 1 },
        { .protocol = IP_UDP, .port = SERVICE_OTHER_PORTS, .row_count = 40 },
    };
    struct service_model pools[] = {
        { .protocol = IP_TCP, .port = port_feature_first(port_feature_of(3306)), .row_count = 31 },
    };
    const struct model model = { .services = services, .service_count = 6,
                                 .pools = pools, .pool_count = 1 };
    const struct {
        uint8_t protocol;
        uint32_t port;
        const struct service_model *expected;
    } cases[] = {
        { IP_TCP, 443, &services[1] },  { IP_TCP, 22, &services[0] }, /* few, but all there are */
        { IP_TCP, 3306, &services[2] }, { IP_TCP, 3307, &pools[0] },  { IP_TCP, 3400, &pools[0] },
        { IP_TCP, 1, &services[0] },    { IP_TCP, 30, &services[0] }, { IP_TCP, 440, &services[1] },
        { IP_TCP, 9000, &services[3] }, { IP_UDP, 53, &services[4] }, { IP_UDP, 65000, &services[5] },
        { IP_ICMP, 8, NULL },
    };

    (void)state;
    assert_int_equal(port_feature_of(3306), port_feature_of(3400));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (model_service(&model, cases[i].protocol, cases[i].port) != cases[i].expected)
            fail_msg("protocol %u, port %u: another service", cases[i].protocol, cases[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_statistics_same_bytes),
        cmocka_unit_test(test_save_needs_a_directory),
        cmocka_unit_test(test_empty_network),
        cmocka_unit_test(test_no_address_in_file),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_first_page_changed),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_altered_files),
        cmocka_unit_test(test_service_lookup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
