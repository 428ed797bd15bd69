#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "support.h"

#include <malloc.h>
#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_grid.h"
#include "base/memory.h"
#include "base/random.h"
#include "learn/fit.h"
#include "learn/learner.h"
#include "model/day_profile.h"
#include "model/model.h"
#include "model/model_services.h"
#include "net/wire.h"
#include "synth/flow_draw.h"
#include "synth/slice.h"

/* ---- a small network that uses every table ---- */

enum { HOSTS = 3, RECORDS = 400, FLIPS = 1500, MODEL_PAGE = 4096 };

static const struct crowd_activity one_host = { .members = 1 };

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

static const char *const names[] = { "TLS.Google", "DNS", "QUIC", NULL };
enum { NAMES = sizeof names / sizeof *names };

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
        .application = service < 2 ? names[(i + service) % NAMES] : NULL,
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

/* ---- statistics that fill every table ---- */

static uint64_t *draw_tags(uint32_t count, struct random_stream *random)
{
    uint64_t *tags = memory_alloc_array(count, sizeof *tags);

    for (uint32_t i = 0; i < count; i++)
        tags[i] = random_u64(random);
    return tags;
}

static void fill_tags(struct network_stats *stats, struct random_stream *random)
{
    stats->has_tags = true;
    stats->key_check = random_u64(random) | UINT64_C(1) << 63; /* negative in the file */
    stats->host_tags = draw_tags(stats->host_count, random);
    stats->outside_tags = draw_tags(stats->outside_count, random);
}

static void fill_services(struct network_stats *stats)
{
    for (uint32_t i = 0; i < stats->services.used; i++) {
        uint64_t flows = stats->services.entries[i].count;

        stats->conditions[i] = (struct service_conditions){
            .flows = flows,         .packets = 40 * flows, .retransmitted = 7 + i, .reordered = 6 + i,
            .duplicated = 5 + i,    .fragments = 4 + i,    .resets = 3 + i,        .attempts = flows,
            .unanswered = 1 + i,    .unreachable = 2 + i,
        };
    }
}

static void fill_row(struct keyed_row *row, uint32_t length, struct random_stream *random)
{
    row->row.window[1] = 65535;
    row->row.tcp_options[0] = 0x1f;
    row->row.window_scale[1] = 14;
    row->row.open_window[0] = 501;
    row->row.timestamp_hz[1] = 250;
    row->row.ip_id[0] = IP_ID_COUNTER;
    row->row.retransmitted[0] = 3;
    row->row.reordered[1] = 4;
    row->row.duplicated[0] = (uint32_t)row->row.packets[0];
    row->row.fragments[1] = (uint32_t)row->row.packets[1];
    row->row.is_measured = length % 2;
    row->row.sequence_length = length;
    row->row.sequence = length ? memory_alloc_array(length, sizeof *row->row.sequence) : NULL;
    for (uint32_t i = 0; i < length; i++)
        row->row.sequence[i] = (struct flow_packet){ (uint8_t)random_u32(random), (uint8_t)i,
                                                 (uint16_t)random_u32(random), (uint8_t)random_u32(random), 0 };
}

/* What the learner of a bare flow record leaves out. */
static void fill(struct network_stats *stats)
{
    struct random_stream random;

    random_init(&random, 4, RANDOM_FIT, 0, 0, 0);
    for (size_t i = 0; i < stats->volumes.used && stats->bytes.used < stats->volumes.used; i++) {
        const struct tally_entry *entry = &stats->volumes.entries[i];

        tally_add(&stats->bytes, entry->owner, flow_size_pack(entry->symbol, entry->symbol + 100),
                  entry->count);
    }
    for (uint32_t state = 0; stats->beats.used < stats->states.used; state++)
        tally_add(&stats->beats, state, BEAT_GRID_PER_OCTAVE * 30 + state % 1600, 1 + state % 7);
    if (!stats->has_tags)
        fill_tags(stats, &random);
    fill_services(stats);
    for (size_t i = 0; i < stats->services.used; i++) {
        struct row_sample *sample = &stats->samples[i];

        for (size_t k = 0; k < sample->used; k++) {
            uint64_t most = session_row_packets(&sample->rows[k].row);

            if (k + 1 == sample->used) {
                sample->rows[k].row.packets[0] += FLOW_MAX_SEQUENCE; /* the longest flow still */
                most = FLOW_MAX_SEQUENCE;
            } else if (most > 9) {
                most = random_below(&random, 9);
            }
            fill_row(&sample->rows[k], (uint32_t)most, &random);
            sample->packets += sample->rows[k].row.sequence_length;
        }
    }
}

static void save_stats(const char *path, const struct network_stats *stats)
{
    struct network_fit fit;
    struct error err = { "" };

    network_fit_init(&fit, stats);
    if (model_save(path, stats, &fit, &err) < 0)
        fail_msg("%s", err.text);
    network_fit_release(&fit);
}

static void load_stats(struct network_stats *stats, const char *path)
{
    struct error err = { "" };

    network_stats_init(stats);
    if (model_load_stats(path, stats, &err) < 0)
        fail_msg("%s", err.text);
}

/* As save(), with every table filled. */
static const char *save_full(const char *name, uint32_t records)
{
    struct network_stats stats;
    const char *path = save(name, records);

    load_stats(&stats, path);
    fill(&stats);
    save_stats(path, &stats);
    network_stats_release(&stats);
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
        if (discrete_symbol(d, i) == symbol)
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

/* What is drawn with follows from the process, which is in the file as fitted. */
static void check_novelty(const struct model *model, const struct network_stats *stats,
                          const struct network_fit *fit)
{
    for (uint32_t i = 0; i < stats->states.used; i++) {
        const struct peer_process *process = &fit->peers[i];
        uint32_t index;
        const struct peer_novelty *novelty = &find_state(model, stats, i, &index)->novelty;
        double flows = 0;
        double peers = 0;

        for (size_t k = 0; k < stats->peers.used; k++) {
            const struct tally_entry *entry = &stats->peers.entries[k];

            if (entry->owner != i || peer_unpack(entry->symbol).kind != PEER_OUTSIDE)
                continue;
            flows += (double)entry->count;
            peers++;
        }
        assert_true((process->concentration > 0) == (flows > 0));
        if (flows == 0) {
            assert_true(novelty->strength == 0 && novelty->fresh == 0);
            continue;
        }
        assert_true(fabs(peer_novelty_strength(novelty) /
                         (process->concentration + peers * process->discount) - 1) < 4e-4);
        assert_true(fabs(peer_novelty_fresh(novelty) * (flows + process->concentration) /
                         process->concentration - 1) < 4e-4);
        assert_true(fabs(peer_novelty_discount(novelty) - process->discount) < 1.0 / 256);
        assert_true(novelty->unlisted == 0);
        assert_true(novelty->known > UINT8_MAX / 4); /* three addresses for seven services */
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
        while (discrete_symbol(&from->next, i) != next)
            i++;
        if (entry->count < 16) {
            assert_ptr_equal(state_model_gaps(from, i), &from->gaps);
            continue;
        }
        assert_int_equal(discrete_total(state_model_gaps(from, i)), entry->count);
        for (size_t g = 0; g < stats->gaps.used; g++) {
            const struct tally_entry *gap = &stats->gaps.entries[g];

            if (gap->owner == t)
                assert_int_equal(count_of(state_model_gaps(from, i), gap->symbol), gap->count);
        }
    }
}

static void check_class(const struct class_profile *got, const struct day_profile *day,
                        const struct day_coverage *coverage, enum day_class class, double *most)
{
    struct slice_profile slices[DAY_SLICES];

    assert_int_equal(got->size, day_profile_finish(day, coverage, class, 1, slices));
    for (uint32_t i = 0; i < got->size; i++) {
        assert_memory_equal(&got->slices[i], &slices[i], sizeof *slices);
        *most = fmax(*most, slice_profile_log_packets(&slices[i]));
    }
    assert_memory_equal(got->observed, coverage->observed[class], sizeof coverage->observed[class]);
}

/* Profiles are derived as day_profile.h says, from activity in order of dates. */
static void check_profiles(const struct model *model, const struct network_stats *stats)
{
    struct tally_entry *active = tally_sorted(&stats->active);
    struct day_coverage coverage;
    size_t at = 0;

    day_coverage_init(&coverage, &stats->coverage);
    assert_int_equal(model->covered_slices, coverage.covered_slices);
    for (uint32_t i = 0; i < DAY_SLICES; i++)
        assert_int_equal(model->observed_days[i], day_coverage_days(&coverage, i));
    for (uint32_t h = 0; h < model->host_count; h++) {
        struct day_profile day;
        double most = 0;

        day_profile_init(&day);
        for (; at < stats->active.used && active[at].owner == h; at++) {
            uint32_t index = tally_find(&stats->active, h, active[at].symbol);
            const struct activity *activity = &stats->activity[index];
            struct slice_volume volume = slice_volume_of(activity, &one_host);

            day_profile_add(&day, &coverage, active[at].symbol, &volume);
            most = fmax(most, log(volume.packets));
        }
        day_profile_end(&day, &coverage);
        for (int class = 0; class < DAY_CLASSES; class++) {
            check_class(&model->hosts[h].days[class], &day, &coverage, (enum day_class)class, &most);
            assert_ptr_equal(model->hosts[h].days[class].observed, model->hosts[0].days[class].observed);
        }
        assert_true(model->hosts[h].log_slice_max == most);
    }
    free(active);
}

static void check_row(const struct session_row *got, const struct session_row *expected)
{
    for (int side = 0; side < 2; side++) {
        assert_int_equal(got->packets[side], expected->packets[side]);
        assert_int_equal(got->data_packets[side], expected->data_packets[side]);
        assert_int_equal(got->payload_bytes[side], expected->payload_bytes[side]);
        assert_int_equal(got->mss[side], expected->mss[side]);
        assert_int_equal(got->ttl[side], expected->ttl[side]);
        assert_int_equal(got->window[side], expected->window[side]);
        assert_int_equal(got->tcp_options[side], expected->tcp_options[side]);
        assert_int_equal(got->window_scale[side], expected->window_scale[side]);
    }
    assert_int_equal(got->is_measured, expected->is_measured);
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
        uint32_t index = tally_find(&stats->services, service_owner_pack(service->protocol, service->label_number),
                                    service->port);
        const struct row_sample *sample = &stats->samples[index];

        assert_int_not_equal(index, TALLY_NONE);
        assert_int_equal(service->flows, stats->services.entries[index].count);
        assert_int_equal(service->row_count, sample->used);
        assert_memory_equal(&service->conditions, &stats->conditions[index],
                            sizeof service->conditions);
        if (service->label_number == LABEL_NONE)
            assert_null(service->label);
        else
            assert_string_equal(service->label, network_stats_label(stats, service->label_number));
        for (size_t j = 0; j < sample->used; j++)
            check_row(&service->rows[j], &sample->rows[j].row);
    }
}

static void test_round_trip(void **state)
{
    struct learned learned = learn(RECORDS);
    const char *path = save_full("round-trip", RECORDS);
    struct network_stats full;
    const struct network_stats *stats = &full;
    struct error err = { "" };
    struct model *model = model_load(path, &err);

    (void)state;
    if (model == NULL)
        fail_msg("%s", err.text);
    load_stats(&full, path);
    assert_int_equal(model->host_count, HOSTS);
    assert_int_equal(model->flows, RECORDS);
    assert_int_equal(model->packets, learned.stats->packets);
    assert_int_equal(model->first.ns, learned.stats->first.ns);
    assert_int_equal(model->last.ns, learned.stats->last.ns);
    for (int day = 0; day < DAYS_A_WEEK; day++) /* 2024-10-04 and the day after */
        assert_int_equal(model->weekdays[day], day == 4 || day == 5);
    check_states(model, learned.stats, &learned.fit);
    check_novelty(model, learned.stats, &learned.fit);
    check_transitions(model, learned.stats);
    check_distributions(model, learned.stats, &learned.stats->initiator_ports,
                        offsetof(struct state_model, initiator_ports));
    check_distributions(model, learned.stats, &learned.stats->responder_ports,
                        offsetof(struct state_model, responder_ports));
    check_distributions(model, learned.stats, &learned.stats->peers,
                        offsetof(struct state_model, peers));
    check_profiles(model, learned.stats);
    check_services(model, stats);
    model_free(model);
    network_stats_release(&full);
    forget(&learned);
}

static void check_same_tally(const struct tally *got, const struct tally *expected)
{
    assert_int_equal(got->used, expected->used);
    for (size_t i = 0; i < got->used; i++)
        assert_int_equal(tally_count(got, expected->entries[i].owner, expected->entries[i].symbol),
                         expected->entries[i].count);
}

/* The same entries with the same indices. */
static void check_same_indices(const struct tally *got, const struct tally *expected)
{
    assert_int_equal(got->used, expected->used);
    assert_memory_equal(got->entries, expected->entries, got->used * sizeof *got->entries);
}

/* Transitions come back in another order; their gaps with them. */
static void check_same_gaps(const struct network_stats *got, const struct network_stats *expected)
{
    assert_int_equal(got->gaps.used, expected->gaps.used);
    for (size_t i = 0; i < expected->gaps.used; i++) {
        const struct tally_entry *gap = &expected->gaps.entries[i];
        const struct tally_entry *transition = &expected->transitions.entries[gap->owner];
        uint32_t index = tally_find(&got->transitions, transition->owner, transition->symbol);

        assert_int_equal(tally_count(&got->gaps, index, gap->symbol), gap->count);
    }
}

static void check_same_activity(const struct network_stats *got, const struct network_stats *expected)
{
    for (size_t i = 0; i < expected->active.used; i++) {
        const struct tally_entry *entry = &expected->active.entries[i];
        uint32_t index = tally_find(&got->active, entry->owner, entry->symbol);

        assert_memory_equal(&got->activity[index], &expected->activity[i], sizeof *got->activity);
    }
}

static void check_same_samples(const struct network_stats *got, const struct network_stats *expected)
{
    for (size_t i = 0; i < expected->services.used; i++) {
        const struct row_sample *a = &got->samples[i];
        const struct row_sample *b = &expected->samples[i];

        assert_int_equal(a->used, b->used);
        assert_int_equal(a->packets, b->packets);
        for (size_t k = 0; k < a->used; k++) {
            check_row(&a->rows[k].row, &b->rows[k].row);
            assert_true(a->rows[k].key == b->rows[k].key);
            assert_int_equal(a->rows[k].row.sequence_length, b->rows[k].row.sequence_length);
            if (b->rows[k].row.sequence_length > 0)
                assert_memory_equal(a->rows[k].row.sequence, b->rows[k].row.sequence,
                                    b->rows[k].row.sequence_length * sizeof(struct flow_packet));
        }
        assert_memory_equal(&got->conditions[i], &expected->conditions[i], sizeof *got->conditions);
    }
}

static void check_same_stats(const struct network_stats *got, const struct network_stats *expected)
{
    check_same_indices(&got->states, &expected->states);
    check_same_tally(&got->initial, &expected->initial);
    check_same_tally(&got->transitions, &expected->transitions);
    check_same_gaps(got, expected);
    check_same_tally(&got->volumes, &expected->volumes);
    check_same_tally(&got->bytes, &expected->bytes);
    check_same_tally(&got->beats, &expected->beats);
    check_same_tally(&got->initiator_ports, &expected->initiator_ports);
    check_same_tally(&got->responder_ports, &expected->responder_ports);
    check_same_tally(&got->peers, &expected->peers);
    check_same_tally(&got->active, &expected->active);
    check_same_tally(&got->coverage, &expected->coverage);
    check_same_indices(&got->services, &expected->services);
    check_same_tally(&got->state_labels, &expected->state_labels);
    assert_int_equal(got->label_count, expected->label_count);
    for (uint32_t label = 1; label <= got->label_count; label++)
        assert_string_equal(network_stats_label(got, label), network_stats_label(expected, label));
    check_same_activity(got, expected);
    check_same_samples(got, expected);
    assert_int_equal(got->outside_count, expected->outside_count);
    assert_int_equal(got->flows, expected->flows);
    assert_int_equal(got->packets, expected->packets);
    assert_int_equal(got->first.ns, expected->first.ns);
    assert_int_equal(got->last.ns, expected->last.ns);
}

/* What was learned comes back, and so does what came back. */
static void test_statistics_come_back(void **state)
{
    struct learned learned = learn(RECORDS);
    struct network_stats once;
    struct network_stats twice;

    (void)state;
    load_stats(&once, save("stats-once", RECORDS));
    check_same_stats(&once, learned.stats);
    fill(&once);
    save_stats(scratch_path("stats-full"), &once);
    load_stats(&twice, scratch_path("stats-full"));
    check_same_stats(&twice, &once);
    assert_true(twice.has_tags && twice.key_check == once.key_check);
    assert_memory_equal(twice.host_tags, once.host_tags, HOSTS * sizeof *once.host_tags);
    assert_memory_equal(twice.outside_tags, once.outside_tags,
                        once.outside_count * sizeof *once.outside_tags);
    assert_in_range(once.outside_count, 3, 3);
    network_stats_release(&once);
    network_stats_release(&twice);
    forget(&learned);
}

/* A file that was read and written again is the same file. */
static void check_comes_back(const char *path)
{
    struct network_stats stats;
    struct bytes first = read_file(path);
    struct bytes second;

    load_stats(&stats, path);
    save_stats(scratch_path("again"), &stats);
    second = read_file(scratch_path("again"));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.at, second.at, first.size);
    free(first.at);
    free(second.at);
    network_stats_release(&stats);
}

static void test_file_comes_back(void **state)
{
    (void)state;
    check_comes_back(save("back-empty", 0));
    check_comes_back(save("back-plain", RECORDS));
    check_comes_back(save_full("back-full", RECORDS));
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
    assert_null(model_service(model, IP_TCP, 443, LABEL_NONE, 0));
    model_free(model);
}

/* Statistics that came back are found again by their tags: a file added to itself counts twice. */
static void test_loaded_statistics_merge(void **state)
{
    const char *path = save_full("to-merge", RECORDS);
    struct network_stats once;
    struct network_stats sum;
    struct error err = { "" };

    (void)state;
    load_stats(&once, path);
    load_stats(&sum, path);
    if (network_stats_merge(&sum, &once, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(sum.host_count, HOSTS);
    assert_int_equal(sum.outside_count, once.outside_count);
    assert_int_equal(sum.flows, 2 * once.flows);
    assert_int_equal(sum.states.used, once.states.used);
    assert_int_equal(sum.gaps.used, once.gaps.used);
    for (size_t i = 0; i < once.states.used; i++)
        assert_int_equal(sum.states.entries[i].count, 2 * once.states.entries[i].count);
    save_stats(path, &sum);
    network_stats_release(&sum);
    network_stats_release(&once);
    check_comes_back(path);
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
    struct bytes file = read_file(save_full("private", RECORDS));

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

static const struct service_model *find_service(const void *self, uint8_t protocol, uint32_t port,
                                                uint32_t label, uint64_t choice)
{
    return model_service(self, protocol, port, label, choice);
}

/* What was accepted must be safe to use: every host plays a few slices, unless they are enormous. */
static void use(const struct model *model)
{
    struct population_group group = { .models = model->hosts, .model_count = model->host_count,
                                      .service = find_service, .service_self = model,
                                      .host_count = model->host_count };
    struct population_outside outside_network = { 0 };
    struct population population;
    struct plan_list plans = { 0 };
    struct error err;

    if (model->host_count == 0 || model->host_count > 1000)
        return;
    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], "198.18.0.0/16");
    ip_network_parse(&outside_network.networks[IP_FAMILY_4], "198.19.0.0/16");
    assert_int_equal(population_init(&population, &group, 1, &outside_network, &err), 0);
    for (uint32_t i = 0; i < model->host_count * 2; i++) {
        struct slice_request request = { .population = &population, .host = i / 2, .slice = i % 2 };
        const struct host_model *host = &model->hosts[i / 2];
        const struct slice_profile *profile;

        request.slice = host->days[DAY_WEEKDAY].size
                            ? host->days[DAY_WEEKDAY].slices[i % host->days[DAY_WEEKDAY].size].slice
                            : i % 2;
        profile = class_profile_slice(&host->days[DAY_WEEKDAY], request.slice);
        if (profile == NULL || slice_profile_log_flows(profile) + 4 * slice_profile_log_sd(profile) < 9)
            slice_synthesize(&request, &plans);
    }
    free(plans.plans);
    population_release(&population);
}

/* What was accepted as statistics can be fitted, saved and read again. */
static void use_stats(const struct network_stats *stats)
{
    struct network_stats again;
    const char *path = scratch_path("used");

    save_stats(path, stats);
    load_stats(&again, path);
    assert_int_equal(again.states.used, stats->states.used);
    network_stats_release(&again);
}

/* As statistics; says whether they were taken. */
static bool try_stats(const uint8_t *bytes, size_t size)
{
    static unsigned taken;
    struct error err = { "" };
    struct model_image image = { sqlite3_malloc64(size), size, strdup("some/model") };
    struct network_stats stats;
    int status;

    memcpy(image.bytes, bytes, size);
    network_stats_init(&stats);
    status = model_stats_from_image(&image, &stats, &err);
    if (status < 0)
        assert_non_null(strstr(err.text, "some/model"));
    else if (taken++ % 32 == 0)
        use_stats(&stats);
    network_stats_release(&stats);
    model_image_release(&image);
    return status == 0;
}

/* Loads bytes, both ways; says whether they were taken. */
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
    assert_int_equal(model != NULL, try_stats(bytes, size));
    model_free(model);
    model_image_release(&image);
    return model != NULL;
}

static void test_cut_files(void **state)
{
    struct bytes file = read_file(save_full("cut", 60));

    (void)state;
    assert_true(try_bytes(file.at, file.size));
    for (size_t size = 1; size < file.size; size += size < 200 ? 1 : 509)
        assert_false(try_bytes(file.at, size));
    for (size_t size = MODEL_PAGE; size < file.size; size += MODEL_PAGE)
        assert_false(try_bytes(file.at, size));
    assert_false(try_bytes(file.at, file.size - 1));
    free(file.at);
}

/* How many changes of one bit in a byte of the page are refused. */
static size_t refused_changes(struct bytes *file, size_t page)
{
    size_t refused = 0;

    for (size_t i = page; i < page + MODEL_PAGE; i++) {
        file->at[i] ^= (uint8_t)(1 << i % 8);
        refused += !try_bytes(file->at, file->size);
        file->at[i] ^= (uint8_t)(1 << i % 8);
    }
    return refused;
}

/* The first page has the header, another one most of the schema. */
static void test_header_and_schema_changed(void **state)
{
    static const char text[] = "CREATE TABLE summary";
    struct bytes file = read_file(save_full("schema", 60));
    const uint8_t *schema = memmem(file.at, file.size, text, sizeof text - 1);

    (void)state;
    assert_non_null(schema);
    assert_true(refused_changes(&file, 0) > 40);
    assert_true(refused_changes(&file, (size_t)(schema - file.at) / MODEL_PAGE * MODEL_PAGE) > MODEL_PAGE / 4);
    free(file.at);
}

static void test_any_byte_changed(void **state)
{
    struct bytes file = read_file(save_full("any-byte", 60));
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

/* The statistics are refused with the same words. */
static void check_stats_refused(const char *path, const char *text)
{
    struct network_stats stats;
    struct error err = { "" };

    network_stats_init(&stats);
    assert_int_equal(model_load_stats(path, &stats, &err), -1);
    assert_string_equal(err.text, text);
    network_stats_release(&stats);
}

static void check_refused(const char *path, const char *needle)
{
    struct error err = { "" };
    struct model *model = model_load(path, &err);

    if (model != NULL)
        fail_msg("taken, where \"%s\" was to be found", needle);
    if (strstr(err.text, path) == NULL || strstr(err.text, needle) == NULL)
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.text, path, needle);
    check_stats_refused(path, err.text);
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

/* Processes that share a descriptor share where it stands, so that it must not matter. */
static void test_image_of_a_descriptor(void **state)
{
    const char *path = save_full("descriptor", 60);
    struct bytes file = read_file(path);
    struct model_image image;
    struct error err;
    int fd = model_file_open(path, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    for (off_t at = 0; at < 300; at += 100) {
        assert_int_equal(lseek(fd, at, SEEK_SET), at);
        assert_int_equal(model_image_read_fd(&image, fd, path, &err), 0);
        assert_int_equal(image.size, file.size);
        assert_memory_equal(image.bytes, file.at, file.size);
        assert_string_equal(image.path, path);
        model_image_release(&image);
    }
    assert_int_equal(truncate(path, 0), 0); /* since it was opened */
    assert_int_equal(model_image_read_fd(&image, fd, path, &err), -1);
    assert_non_null(strstr(err.text, "it is empty"));
    assert_int_equal(model_file_open(scratch_path("."), &err), -1);
    assert_non_null(strstr(err.text, "not a regular file"));
    close(fd);
    free(file.at);
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

#define WITHOUT_TAGS                                        \
    "DELETE FROM outside; UPDATE summary SET key_check = NULL;" \
    "UPDATE host SET tag = NULL;"

/* One alteration each, and what reading must say of it. */
static const struct {
    const char *sql;
    const char *needle;
} alterations[] = {
    { "PRAGMA application_id = 0", "not a model file: application id 0" },
    { "PRAGMA application_id = -9", "application_id: -9" },
    { "PRAGMA user_version = 1", "model format 1 is of an older version, this one reads 5: learn" },
    { "PRAGMA user_version = 4", "model format 4 is of an older version, this one reads 5: learn" },
    { "PRAGMA user_version = 6", "model format 6 is of a later version, this one reads 5" },
    { "DROP TABLE gap", "table schema, row 9: not a table of a model" },
    { "DROP TABLE session_row", "a table is missing" },
    { "ALTER TABLE state RENAME COLUMN role TO part", "table schema, row 4: not a table of a model" },
    { "DROP TABLE host; CREATE VIEW host AS WITH RECURSIVE n(i) AS"
      " (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, NULL AS tag FROM n",
      "not a table of a model" },
    { "CREATE VIEW more AS SELECT 1", "table schema, row 22: not a table of a model" },
    { "CREATE TRIGGER more AFTER UPDATE ON host BEGIN DELETE FROM gap; END", "not a table of a model" },
    { "CREATE INDEX more ON gap(times)", "not a table of a model" },
    { "CREATE VIRTUAL TABLE more USING fts5(text)", "not a table of a model" },
    { "ALTER TABLE host ADD COLUMN more AS (hex(zeroblob(100000000)))", "not a table of a model" },
    { "CREATE TABLE more(number INTEGER CHECK (number > 0))", "not a table of a model" },
    { "ANALYZE", "not a table of a model" },
    { "DELETE FROM summary", "table summary, row 1: there is none" },
    { "INSERT INTO summary SELECT * FROM summary", "table summary, row 2: there is a second row" },
    { "UPDATE summary SET last_ns = first_ns - 1", "table summary, row 1, column last_ns: " },
    { "UPDATE summary SET outside_count = -1", "column outside_count: -1" },
    { "UPDATE summary SET outside_count = 2", "table outside: 3 rows, where the summary has 2" },
    { "UPDATE summary SET key_check = NULL", "table host, row 1, column tag: a model without" },
    { "UPDATE host SET tag = NULL WHERE id = 1", "table host, row 2, column tag: a model with" },
    { "UPDATE host SET tag = 'x' WHERE id = 1", "table host, row 2, column tag: a model with" },
    { "UPDATE host SET tag = 5 WHERE id < 2", "tables host and outside: two have the same tag" },
    { "UPDATE host SET id = 3 WHERE id = 2", "table host, row 3, column id: 3" },
    { "UPDATE host SET members = 0 WHERE id = 1", "table host, row 2, column members: 0 is not in 1..1" },
    { "UPDATE host SET members = 2", "table host, row 1, column members: 2 is not in 1..1" },
    { "UPDATE host SET crowd = -1", "table host, row 1, column crowd: -1" },
    { "UPDATE host SET crowd = 3 WHERE id = 1", "table host: host 1 is of crowd 3, where there are 3 hosts" },
    { WITHOUT_TAGS "UPDATE host SET members = 1048577", "column members: 1048577 is not in 1..1048576" },
    { WITHOUT_TAGS "UPDATE host SET members = 524288", "1572864 members are more than a model has" },
    { "UPDATE activity SET members = 2", "table activity, row 1, column members: 2 is not in 1..1" },
    { "UPDATE activity SET log_packets = 1", "column log_packets: 1 is not in 0..0" },
    { "UPDATE activity SET log_packets_squared = 1", "column log_packets_squared: 1 is not in 0..0" },
    { WITHOUT_TAGS "UPDATE host SET members = 3; UPDATE activity SET members = 4", "4 is not in 1..3" },
    { WITHOUT_TAGS "UPDATE host SET members = 3; UPDATE activity SET log_packets = 38 * 1048576 + 1",
      "column log_packets: 39845889 is not in 0..39845888" },
    { "UPDATE outside SET tag = 5", "tables host and outside: two have the same tag" },
    { "UPDATE outside SET tag = (SELECT tag FROM host WHERE id = 1) WHERE id = 1",
      "tables host and outside: two have the same tag" },
    { "DELETE FROM outside WHERE id = 0", "table outside, row 1, column id: 1" },
    { "DELETE FROM host", "table state, row 1, column host: 0" },
    { "UPDATE state SET role = 2 WHERE id = 0", "table state, row 1, column role: 2" },
    { "UPDATE state SET protocol = 256 WHERE id = 0", "table state, row 1, column protocol: 256" },
    { "UPDATE state SET port_feature = 1046 WHERE id = 0", "column port_feature: 1046" },
    { "UPDATE state SET flows = 0 WHERE id = 0", "table state, row 1, column flows: 0" },
    { "UPDATE state SET flows = 'many' WHERE id = 0",
      "column flows: something that is no integer" },
    { "UPDATE state SET host = 3 WHERE id = 0", "column host: 3" },
    { "UPDATE state SET id = 9999 WHERE id = 0", "table state, row 1, column id: 1" },
    { "UPDATE state SET role = 0, protocol = 6, port_feature = 443 WHERE host = 0",
      "table state: a host has the same state twice" },
    { "UPDATE state SET flows = 9007199254740992", "has too many states or flows" },
    { "UPDATE transition SET next = 9999 WHERE id = 0", "table transition" },
    { "UPDATE state SET protocol = 47 WHERE id = 0", "table state, row 1: a protocol" },
    { "UPDATE transition SET state = 0, next = 0 WHERE id < 2", "row 2: it is there twice" },
    { "UPDATE transition SET id = -1 WHERE id = 0", "table transition, row 1, column id: -1" },
    { "DELETE FROM transition WHERE id = 1", "table transition, row 2, column id: 2" },
    { "UPDATE transition SET next = next + 1 WHERE id = (SELECT t.id FROM transition t"
      " JOIN state a ON a.id = t.next JOIN state b ON b.id = t.next + 1 WHERE a.host != b.host"
      " LIMIT 1)", " follows one of host " },
    { "UPDATE initial SET state = state + 1 WHERE (host, state) = (SELECT i.host, i.state"
      " FROM initial i JOIN state b ON b.id = i.state + 1 WHERE i.host != b.host LIMIT 1)",
      " follows one of host " },
    { "UPDATE peer SET flows = 9007199254740992", "the counts add up to more" },
    { "UPDATE peer SET peer = 2 << 28 WHERE (state, peer) = (SELECT state, max(peer) FROM peer"
      " WHERE state = (SELECT min(id) FROM state WHERE role = 1))",
      "536870912 is nobody" },
    { "UPDATE transition SET times = -1 WHERE id = 0", "column times: -1" },
    { "UPDATE initial SET times = 0", "table initial, row 1, column times: 0" },
    { "UPDATE gap SET bin = 1024 + bin", "table gap, row 1, column bin: 1" },
    { "UPDATE gap SET times = 9007199254740993", "column times: 9007199254740993" },
    { "UPDATE gap SET times = 9007199254740992", "add up to more" },
    { "UPDATE gap SET times = 401", "table gap, row 1: the counts add up to more than all flows" },
    { "UPDATE gap SET times = 300 WHERE bin = (SELECT min(bin) FROM gap g"
      " WHERE g.transition_id = gap.transition_id)", "table gap: the counts of state " },
    { "UPDATE summary SET flows = 9007199254740993", "table summary, row 1, column flows: 90071" },
    { "UPDATE summary SET packets = 9007199254740993", "table summary, row 1, column packets: 90071" },
    { "UPDATE summary SET flows = 5", "has too many states or flows" },
    { "UPDATE service SET flows = 200", "row 3: the services have more flows than there are" },
    { "UPDATE volume SET bin = 1024 + bin", "table volume, row 1, column bin: 1" },
    { "UPDATE volume SET bin = 657 WHERE state = 0 AND bin = (SELECT max(bin) FROM volume"
      " WHERE state = 0)", "column bin: 657 is not in 0..656" },
    { "UPDATE byte_volume SET bins = 672768 WHERE state = 0 AND bins = (SELECT max(bins) FROM byte_volume"
      " WHERE state = 0)", "column bins: 672768 is not in 0..672767" },
    { "UPDATE byte_volume SET bins = 817 WHERE state = 0 AND bins = (SELECT min(bins) FROM byte_volume"
      " WHERE state = 0)", "table byte_volume: state 0: 817 is no size of a flow" },
    { "DELETE FROM volume WHERE state = 0", "has no volume" },
    { "UPDATE byte_volume SET bins = 672768 + bins", "table byte_volume, row 1, column bins: 7" },
    { "UPDATE beat SET bin = 10240 + bin", "table beat, row 1, column bin: " },
    { "UPDATE beat SET times = 0", "table beat, row 1, column times: 0" },
    { "UPDATE beat SET state = -1 WHERE state = 0", "table beat, row 1, column state: -1" },
    { "UPDATE byte_volume SET flows = 0", "table byte_volume, row 1, column flows: 0" },
    { "UPDATE byte_volume SET state = -1 WHERE state = 0", "table byte_volume, row 1, column state: -1" },
    { "UPDATE mixture SET component = 5 + component", "table mixture, row 1, column component: 5" },
    { "INSERT INTO mixture SELECT 0, 3 + id, 0, 1, 1 FROM state WHERE id < 5", "table mixture, row " },
    { "UPDATE mixture SET state = 9999 WHERE state = 1", "column state: 9999" },
    { "UPDATE mixture SET weight = 1.5", "table mixture, row 1, column weight: 1.5" },
    { "UPDATE mixture SET weight = 0.25", "weights" },
    { "UPDATE mixture SET mean = 1e300", "column mean: 1e+300" },
    { "UPDATE mixture SET mean = 100, sd = 100", "table mixture, row 1, column mean: 100 is not in 0..46" },
    { "UPDATE mixture SET mean = 10, sd = 40", "table mixture, row 1, column sd: 40 is not in 1e-06..16" },
    { "UPDATE mixture SET mean = -0.5", "column mean: -0.5" },
    { "UPDATE mixture SET sd = 0", "table mixture, row 1, column sd: 0" },
    { "UPDATE mixture SET sd = 'wide'", "table mixture, row 1, column sd" },
    { "UPDATE mixture SET mean = NULL", "table mixture, row 1, column mean" },
    { "DELETE FROM mixture WHERE state = 0", "has no mixture" },
    { "UPDATE peer_process SET discount = 1", "table peer_process, row 1, column discount: 1 is not in" },
    { "UPDATE peer_process SET discount = 0", "table peer_process, row 1, column discount: 0 is not in" },
    { "UPDATE peer_process SET concentration = 0", "table peer_process, row 1, column concentration: 0" },
    { "UPDATE peer_process SET concentration = 1e7", "column concentration: 1e+07 is not in" },
    { "UPDATE peer_process SET concentration = 'much'", "table peer_process, row 1, column concentration" },
    { "UPDATE peer_process SET state = 9999 WHERE state = (SELECT min(state) FROM peer_process)",
      "column state: 9999" },
    { "DELETE FROM peer_process", "has no peer_process" },
    { "DELETE FROM peer WHERE peer >> 28 = 1 AND state = (SELECT state FROM peer WHERE peer >> 28 != 1"
      " INTERSECT SELECT state FROM peer_process LIMIT 1)", "has no peer outside" },
    { "UPDATE initiator_port SET port_feature = 1046 + port_feature", "column port_feature: " },
    { "UPDATE responder_port SET port = 65537", "table responder_port, row 1, column port: 65537" },
    { "UPDATE peer SET peer = (2 << 28) + peer WHERE peer >> 28 = 1", "is nobody" },
    { "UPDATE peer SET peer = 3 WHERE peer < 3", "3 is nobody" },
    { "UPDATE peer SET peer = (SELECT host FROM state WHERE id = peer.state) WHERE peer < 3",
      "0 is nobody" },
    { "UPDATE peer SET flows = 0", "table peer, row 1, column flows: 0" },
    { "DELETE FROM peer WHERE state = 0", "has no peer" },
    { "DELETE FROM initiator_port", "has no initiator_port" },
    { "DELETE FROM gap", "has no gap" },
    { "UPDATE peer SET peer = (1 << 28) + 3 WHERE peer = (1 << 28)", "is nobody" },
    { "UPDATE peer SET peer = (2 << 28) + 1 WHERE peer = (2 << 28)", "is nobody" },
    { "UPDATE coverage SET slice = 288 + slice", "table coverage, row 1, column slice: 288" },
    { "UPDATE coverage SET date = 106752 + date", "table coverage, row 1, column date: 1267" },
    { "UPDATE coverage SET date = -1 WHERE date = 20000", "table coverage, row 1, column date: -1" },
    { "UPDATE coverage SET seconds = 0", "table coverage, row 1, column seconds: 0" },
    { "UPDATE coverage SET seconds = 301", "column seconds: 301 is not in 1..300" },
    { "UPDATE coverage SET observation = 1", "table coverage, row 1, column observation: 1 is not in 0..0" },
    { "UPDATE host SET observation = 1 WHERE id = 2", "row 3, column observation: 1 is not in 0..0" },
    { "UPDATE host SET tag = NULL, observation = 4096; DELETE FROM outside; UPDATE summary SET"
      " key_check = NULL", "column observation: 4096 is not in 0..4095" },
    { "WITH RECURSIVE d(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM d WHERE i < 65536)"
      " INSERT INTO coverage SELECT 0, i, 250, 300 FROM d", "column date: 53377 is not in 0..53376" },
    { "UPDATE activity SET host = 3 WHERE host = 2", "column host: 3" },
    { "UPDATE activity SET slice = 288 + slice", "table activity, row 1, column slice: 288" },
    { "UPDATE activity SET date = date - 30000", "table activity, row 1, column date: -10000" },
    { "UPDATE activity SET packets_sent = 0, packets_received = 0", "row 1: nothing happened" },
    { "UPDATE activity SET flows_initiated = 0, flows_answered = 0", "row 1: nothing happened" },
    { "UPDATE activity SET packets_sent = -1", "column packets_sent: -1" },
    { "UPDATE activity SET packets_received = 9007199254740993", "column packets_received: " },
    { "UPDATE activity SET bytes_sent = 1.5", "column bytes_sent: something that is no integer" },
    { "UPDATE activity SET bytes_received = -1", "column bytes_received: -1" },
    { "UPDATE activity SET flows_initiated = -1", "column flows_initiated: -1" },
    { "UPDATE activity SET flows_answered = -1", "column flows_answered: -1" },
    { "UPDATE service SET id = 9999 WHERE id = 0", "table service, row 1, column id: 1" },
    { "UPDATE service SET protocol = 6, port = 443, label = 1", "table service: a service is there twice" },
    { "UPDATE service SET measured_flows = -1", "column measured_flows: -1" },
    { "UPDATE service SET measured_packets = -1", "column measured_packets: -1" },
    { "UPDATE service SET retransmitted = -1", "column retransmitted: -1" },
    { "UPDATE service SET reordered = -1", "column reordered: -1" },
    { "UPDATE service SET duplicated = -1", "column duplicated: -1" },
    { "UPDATE service SET fragments = -1", "column fragments: -1" },
    { "UPDATE service SET resets = -1", "column resets: -1" },
    { "UPDATE service SET attempts = 9007199254740993", "column attempts: 9007199254740993" },
    { "UPDATE service SET unanswered = NULL", "column unanswered: something that is no integer" },
    { "UPDATE label SET name = x'41' WHERE name = 'DNS'", "column name: not a name" },
    { "UPDATE label SET name = '' WHERE name = 'DNS'", "column name: not a name" },
    { "UPDATE label SET name = 'a' || char(27) WHERE name = 'DNS'", "column name: not a name" },
    { "UPDATE label SET name = 'a' || char(0) || 'b' WHERE name = 'DNS'", "column name: not a name" },
    { "UPDATE label SET name = printf('%064d', 1) WHERE name = 'DNS'", "column name: not a name" },
    { "UPDATE label SET name = 'DNS'", "table label, row 2: the name is there twice" },
    { "UPDATE label SET id = 0 WHERE id = 1", "table label, row 1, column id: 0 is not in 1..1" },
    { "UPDATE label SET id = 9 WHERE id = 2", "column id: " },
    { "DELETE FROM label WHERE id = 3", "column label: 3 is not in 0..2" },
    { "WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE i < 4097)"
      " INSERT INTO label SELECT i, 'n' || i FROM n", "table label, row 4097: there are too many" },
    { "UPDATE service SET label = 4", "column label: 4 is not in 0..3" },
    { "UPDATE service SET label = NULL", "column label: something that is no integer" },
    { "UPDATE service SET port = 65536, label = 1 WHERE id = 0", "row 1: other ports have no label" },
    { "UPDATE state_label SET label = 0 WHERE label = 1", "0 is no label" },
    { "UPDATE state_label SET label = 4 WHERE label = 1", "column label: 4 is not in 0..3" },
    { "UPDATE state_label SET flows = 0", "table state_label, row 1, column flows: 0" },
    { "UPDATE state_label SET flows = (SELECT flows FROM state WHERE id = state_label.state)",
      "has more flows with a label than flows" },
    { "UPDATE state_label SET state = 9999 WHERE state = (SELECT min(state) FROM state_label)",
      "column state: 9999" },
    { "UPDATE service SET port = 65537", "table service, row 1, column port: 65537" },
    { "UPDATE service SET protocol = -1", "table service, row 1, column protocol: -1" },
    { "UPDATE service SET flows = 0", "table service, row 1, column flows: 0" },
    { "UPDATE session_row SET initiator_packets = -1", "column initiator_packets: -1" },
    { "UPDATE session_row SET responder_data_packets = 1 + responder_packets",
      "column responder_data_packets: " },
    { "UPDATE session_row SET responder_payload_bytes = -5", "column responder_payload_bytes: -5" },
    { "UPDATE session_row SET initiator_data_packets = 0, initiator_payload_bytes = 5",
      "column initiator_payload_bytes: 5 is not in 0..0" },
    { "UPDATE session_row SET initiator_packets = 0, responder_packets = 0, initiator_data_packets = 0,"
      " responder_data_packets = 0, initiator_payload_bytes = 0, responder_payload_bytes = 0",
      "table session_row, row 1: a flow without a packet" },
    { "UPDATE session_row SET packets = zeroblob(5120) WHERE number = 0",
      "table session_row, row 1: more packets one by one than the flow has" },
    { "UPDATE session_row SET duration_ns = -5",
      "table session_row, row 1, column duration_ns: -5" },
    { "UPDATE session_row SET turns = 4294967296", "column turns: 4294967296" },
    { "UPDATE session_row SET initiator_mss = 65536", "column initiator_mss: 65536" },
    { "UPDATE session_row SET responder_ttl = 256", "column responder_ttl: 256" },
    { "UPDATE session_row SET opening = 3", "column opening: 3" },
    { "UPDATE session_row SET ending = 3", "column ending: 3" },
    { "UPDATE session_row SET first_data_side = 2", "column first_data_side: 2" },
    { "UPDATE session_row SET closing_side = 2", "column closing_side: 2" },
    { "UPDATE session_row SET initiator_window = 65536", "column initiator_window: 65536" },
    { "UPDATE session_row SET responder_window = -1", "column responder_window: -1" },
    { "UPDATE session_row SET initiator_options = 256", "column initiator_options: 256" },
    { "UPDATE session_row SET responder_options = -1", "column responder_options: -1" },
    { "UPDATE session_row SET initiator_window_scale = 256", "column initiator_window_scale: 256" },
    { "UPDATE session_row SET responder_window_scale = -1", "column responder_window_scale: -1" },
    { "UPDATE session_row SET is_measured = 2", "column is_measured: 2" },
    { "UPDATE session_row SET initiator_open_window = 65536", "column initiator_open_window: 65536" },
    { "UPDATE session_row SET responder_timestamp_hz = 1001", "column responder_timestamp_hz: 1001" },
    { "UPDATE session_row SET initiator_ip_id = 4", "column initiator_ip_id: 4" },
    { "UPDATE session_row SET responder_retransmitted = 4294967296", "column responder_retransmitted: 4294967296" },
    { "UPDATE session_row SET initiator_reordered = NULL", "column initiator_reordered: " },
    { "UPDATE session_row SET responder_duplicated = -1", "column responder_duplicated: -1" },
    { "UPDATE session_row SET initiator_fragments = 0.5", "column initiator_fragments: " },
    { "UPDATE service SET unreachable = -1", "column unreachable: -1" },
    { "UPDATE session_row SET key = NULL", "column key: " },
    { "UPDATE session_row SET key = 0.5", "column key: " },
    { "UPDATE session_row SET packets = 5", "column packets: not a row of packets" },
    { "UPDATE session_row SET packets = 'abcde'", "column packets: not a row of packets" },
    { "UPDATE session_row SET packets = x''", "column packets: not a row of packets" },
    { "UPDATE session_row SET packets = x'01020304'", "column packets: not a row of packets" },
    { "UPDATE session_row SET packets = zeroblob(5125)", "column packets: not a row of packets" },
    { "UPDATE session_row SET service = 9999 WHERE service = 0", "column service: 9999" },
    { "DELETE FROM session_row WHERE number = 0", "row 1, column number: 1" },
    { "UPDATE session_row SET initiator_packets = 1000000 WHERE number = 0 AND service = 0",
      "row 2: out of order" },
    { "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1024)"
      " INSERT INTO session_row SELECT service, 1000 + i, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0,"
      " 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, NULL FROM session_row, n"
      " WHERE number = 0",
      "column number: 1001" },
};

static void test_altered_files(void **state)
{
    struct bytes model = read_file(save_full("to-alter", RECORDS));

    (void)state;
    assert_true(try_bytes(model.at, model.size));
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++)
        check_refused(alter(&model, alterations[i].sql), alterations[i].needle);
    free(model.at);
}

/* ---- networks that were observed on days of their own ---- */

enum { STRANGERS = 3 };

/* How often a host is active, and how much it does then, is what it was before it met strangers. */
static void test_strangers_merge(void **state)
{
    static const char *const later[STRANGERS] = {
        "SELECT 1",
        "UPDATE coverage SET date = date + 7; UPDATE activity SET date = date + 7",
        "UPDATE coverage SET date = date + 14; UPDATE activity SET date = date + 14",
    };
    const char *path = save("native", RECORDS);
    struct bytes file = read_file(path);
    struct network_stats sum;
    struct error err = { "" };
    struct model *native = model_load(path, &err);
    struct model *merged;

    (void)state;
    assert_non_null(native);
    network_stats_init(&sum);
    for (uint32_t i = 0; i < STRANGERS; i++) {
        struct network_stats stranger;

        load_stats(&stranger, alter(&file, later[i]));
        assert_int_equal(network_stats_merge(&sum, &stranger, &err), 0);
        assert_int_equal(sum.observation_count, i + 1);
        network_stats_release(&stranger);
    }
    save_stats(scratch_path("strangers"), &sum);
    network_stats_release(&sum);
    check_comes_back(scratch_path("strangers"));
    merged = model_load(scratch_path("strangers"), &err);
    if (merged == NULL)
        fail_msg("%s", err.text);
    assert_int_equal(merged->host_count, STRANGERS * HOSTS);
    for (uint32_t i = 0; i < merged->host_count; i++) {
        const struct host_model *got = &merged->hosts[i];
        const struct host_model *expected = &native->hosts[i % HOSTS];

        for (int class = 0; class < DAY_CLASSES; class++) {
            const struct class_profile *days = &expected->days[class];

            assert_memory_equal(got->days[class].observed, days->observed, DAY_SLICES * sizeof *days->observed);
            assert_int_equal(got->days[class].size, days->size);
            assert_memory_equal(got->days[class].slices, days->slices, days->size * sizeof *days->slices);
        }
    }
    assert_int_equal(merged->covered_slices, native->covered_slices);
    assert_memory_equal(merged->observed_days, native->observed_days, sizeof native->observed_days);
    for (int day = 0; day < DAYS_A_WEEK; day++)
        assert_int_equal(merged->weekdays[day], STRANGERS * native->weekdays[day]);
    free(file.at);
    model_free(native);
    model_free(merged);
}

/* ---- day profiles ---- */

/* Packets in slices of dates, in order of the dates; a tenth as many flows. */
struct seen {
    uint32_t date, slice;
    uint64_t packets, seconds;
};

/* One class of days, of a host that did so. */
static uint32_t profile_of(const struct seen *seen, size_t count, enum day_class class,
                           struct day_coverage *coverage, struct slice_profile slices[DAY_SLICES])
{
    struct tally seconds;
    struct day_profile day;
    uint32_t size;

    tally_init(&seconds);
    for (size_t i = 0; i < count; i++)
        tally_add(&seconds, 0, seen[i].date * DAY_SLICES + seen[i].slice, seen[i].seconds);
    day_coverage_init(coverage, &seconds);
    day_profile_init(&day);
    for (size_t i = 0; i < count; i++) {
        struct activity activity = { .packets_sent = seen[i].packets,
                                     .flows_answered = seen[i].packets / 10 };
        struct slice_volume volume = slice_volume_of(&activity, &one_host);

        if (seen[i].packets > 0)
            day_profile_add(&day, coverage, seen[i].date * DAY_SLICES + seen[i].slice, &volume);
    }
    day_profile_end(&day, coverage);
    size = day_profile_finish(&day, coverage, class, 1, slices);
    tally_release(&seconds);
    coverage->seconds = NULL;
    return size;
}

static void check_slice(const struct slice_profile *got, uint32_t slice, double share, double packets, double sd)
{
    assert_int_equal(got->slice, slice);
    assert_true(fabs(slice_profile_share(got) - share) <= 0.5 / 255 + 1e-9);
    assert_true(fabs(slice_profile_log_packets(got) - log(packets)) <= 0.5 / 1024 + 1e-9);
    assert_true(fabs(slice_profile_log_flows(got) - log(packets / 10)) <= 0.5 / 1024 + 1e-9);
    assert_true(fabs(slice_profile_log_sd(got) - sd) <= 0.5 / 32 + 1e-9);
}

/*
 * Slice 10: 100, 400, nothing and 1600 packets on four days, once in half the time (800 seen).
 * Slice 11: seen for 10 seconds only. Slice 12: on one day. Slice 13: silent. Three days of one slice say little of
 * its spread: 2 (ln 4)^2, as if four days more had been the mean.
 */
static void test_profile_by_hand(void **state)
{
    static const struct seen seen[] = {
        { 20003, 10, 100, 300 }, { 20003, 11, 500, 10 }, { 20003, 12, 50, 300 }, { 20003, 13, 0, 300 },
        { 20004, 10, 400, 300 }, { 20005, 10, 0, 300 },  { 20006, 10, 800, 150 },
    };
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;

    (void)state;
    assert_int_equal(profile_of(seen, sizeof seen / sizeof *seen, DAY_WEEKDAY, &coverage, slices), 2);
    check_slice(&slices[0], 10, 3.0 / 4, 2100.0 / 3, sqrt(2 * log(4) * log(4) / 6));
    check_slice(&slices[1], 12, 1, 50, 0);
    assert_false(coverage.has_classes);
    for (int class = 0; class < DAY_CLASSES; class++) { /* weekends are as all days are */
        assert_int_equal(coverage.observed[class][10], 4);
        assert_int_equal(coverage.observed[class][11], 0); /* unknown, not silent */
        assert_int_equal(coverage.observed[class][12], 1);
        assert_int_equal(coverage.observed[class][13], 1);
        assert_int_equal(coverage.observed[class][14], 0);
    }
    assert_int_equal(day_coverage_days(&coverage, 10), 4);
    assert_int_equal(coverage.covered_slices, 3);
    assert_int_equal(coverage.threshold, DAY_OBSERVED_SECONDS);
}

/* A slice has its own spread where it was seen often, and leans on that of the others where it was not. */
static void test_profile_pools_spreads(void **state)
{
    struct seen seen[24];
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;
    double squares = log(2) * log(2);

    (void)state;
    for (uint32_t i = 0; i < 20; i++) /* x and 4 x in turn: 20 squares of ln 2 */
        seen[i] = (struct seen){ 20000 + i * 7, 10, i % 2 ? 400 : 100, 300 };
    for (uint32_t i = 0; i < 4; i++)
        seen[20 + i] = (struct seen){ 20000 + i * 7, 11, 50, 300 };
    profile_of(seen, 24, DAY_WEEKDAY, &coverage, slices);
    check_slice(&slices[0], 10, 1, 250, sqrt((20 * squares + 4 * 20 * squares / 22) / 23));
    check_slice(&slices[1], 11, 1, 50, sqrt(4 * 20 * squares / 22 / 7));
}

/* 2024-10-04 was a Friday. With two dates of each, weekends are apart; with one they are not. */
static void test_profile_of_day_classes(void **state)
{
    static const struct seen seen[] = {
        { 20000, 10, 100, 300 }, { 20001, 10, 1000, 300 }, { 20002, 10, 0, 300 }, { 20003, 10, 100, 300 },
        { 20003, 11, 100, 300 },
    };
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;

    (void)state;
    assert_int_equal(profile_of(seen, 5, DAY_WEEKDAY, &coverage, slices), 2);
    assert_true(coverage.has_classes);
    check_slice(&slices[0], 10, 1, 100, 0);
    check_slice(&slices[1], 11, 1, 100, 0);
    assert_int_equal(profile_of(seen, 5, DAY_WEEKEND, &coverage, slices), 1);
    check_slice(&slices[0], 10, 0.5, 1000, 0);
    assert_int_equal(coverage.observed[DAY_WEEKEND][11], 0); /* unknown at weekends */
    assert_int_equal(coverage.observed[DAY_WEEKDAY][11], 1);
    assert_int_equal(coverage.covered_slices, 2);
    assert_int_equal(profile_of(seen + 1, 4, DAY_WEEKEND, &coverage, slices), 2); /* one weekday */
    assert_false(coverage.has_classes);
    check_slice(&slices[0], 10, 2.0 / 3, 550, sqrt(2 * pow(log(10) / 2, 2) / 5));
}

/* A capture shorter than what usually counts takes its longest slice. */
static void test_profile_of_short_capture(void **state)
{
    static const struct seen seen[] = { { 20000, 10, 40, 20 }, { 20000, 11, 10, 5 } };
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;

    (void)state;
    assert_int_equal(profile_of(seen, 2, DAY_WEEKDAY, &coverage, slices), 1);
    assert_int_equal(coverage.covered_slices, 1);
    check_slice(&slices[0], 10, 1, 40 * 300.0 / 20, 0);
}

/* Who did all in a slice that was hardly covered did it in the one beside it. */
static void test_profile_of_an_edge(void **state)
{
    static const struct seen seen[] = { { 20000, 10, 400, 20 }, { 20000, 11, 0, 300 }, { 20000, 12, 0, 300 } };
    struct slice_profile slices[DAY_SLICES];
    struct day_coverage coverage;

    (void)state;
    assert_int_equal(profile_of(seen, 3, DAY_WEEKDAY, &coverage, slices), 1);
    check_slice(&slices[0], 11, 1, 400, 0);
}

/* ---- clocks ---- */

/* Times between the flows of the only state of a host, in seconds, and how often; what is made of them. */
static const struct {
    uint64_t flows;
    struct {
        double seconds;
        uint64_t times;
    } beats[4];
    double beat_s, sd_s;
} clock_cases[] = {
    { 101, { { 8, 100 } }, 8, 0 },                             /* every time */
    { 101, { { 7.9, 50 }, { 8.1, 50 } }, 8, 0.1 },             /* with a jitter */
    { 101, { { 8, 65 }, { 16, 20 }, { 300, 15 } }, 8, 0 },     /* some ticks are missed */
    { 101, { { 8, 50 }, { 12, 30 }, { 300, 20 } }, 0, 0 },     /* half the time is not most */
    { 301, { { 8, 100 } }, 0, 0 },                             /* most flows came within a second */
    { 11, { { 8, 10 } }, 0, 0 },                               /* too few to tell */
    { 101, { { 5, 25 }, { 6, 25 }, { 7, 25 }, { 8, 25 } }, 0, 0 },
};

/* A host of one state and so many flows. */
static void add_clock(struct network_stats *stats, uint64_t flows)
{
    const struct state_key key = { ROLE_INITIATOR, IP_UDP, 53 };
    uint32_t transition;

    stats->host_count = 1;
    stats->host_observations = memory_grow(NULL, &stats->host_observations_capacity, 1,
                                           sizeof *stats->host_observations);
    stats->host_observations[0] = 0;
    stats->host_members = memory_grow(NULL, &stats->host_members_capacity, 1, sizeof *stats->host_members);
    stats->host_members[0] = 1;
    stats->observation_count = 1;
    stats->flows = flows;
    stats->outside_count = 1;
    tally_add(&stats->states, 0, state_key_pack(key), flows);
    tally_add(&stats->initial, 0, 0, 1);
    transition = tally_add(&stats->transitions, 0, 0, flows - 1);
    tally_add(&stats->gaps, transition, 130, flows - 1);
    tally_add(&stats->volumes, 0, 16, flows);
    tally_add(&stats->initiator_ports, 0, 1040, flows);
    tally_add(&stats->peers, 0, peer_pack((struct peer){ PEER_OUTSIDE, 0 }), flows);
}

static void test_clocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clock_cases / sizeof *clock_cases; i++) {
        struct network_stats stats;
        struct model *model;
        struct error err;

        network_stats_init(&stats);
        add_clock(&stats, clock_cases[i].flows);
        for (int k = 0; k < 4 && clock_cases[i].beats[k].times > 0; k++)
            tally_add(&stats.beats, 0, log_grid_bin(clock_cases[i].beats[k].seconds * 1e9, BEAT_GRID_PER_OCTAVE),
                      clock_cases[i].beats[k].times);
        save_stats(scratch_path("clock"), &stats);
        model = model_load(scratch_path("clock"), &err);
        if (model == NULL)
            fail_msg("%s", err.text);
        assert_true(fabs((double)model->hosts[0].states[0].beat_s - clock_cases[i].beat_s) <=
                    clock_cases[i].beat_s * 0.0015); /* half a bin */
        assert_true(fabs((double)model->hosts[0].states[0].beat_sd_s - clock_cases[i].sd_s) < 0.02);
        model_free(model);
        network_stats_release(&stats);
    }
}

/* ---- a week ---- */

/* From nine to five on weekdays, from eight to ten in the evening at weekends; flows a slice. */
static uint32_t flows_of_the_week(int32_t date, uint32_t slice)
{
    if (date_weekday(date) < 5)
        return slice >= 9 * 12 && slice < 17 * 12 ? 20 : 0;
    return slice >= 20 * 12 && slice < 22 * 12 ? 5 : 0;
}

static void add_weeks(struct network_stats *stats, int32_t from, int32_t dates)
{
    for (int32_t date = from; date < from + dates; date++) {
        for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
            uint32_t number = (uint32_t)date * DAY_SLICES + slice;
            uint32_t flows = flows_of_the_week(date, slice);
            uint32_t index;

            tally_add(&stats->coverage, 0, number, SLICE_SECONDS);
            if (flows == 0)
                continue;
            index = tally_add(&stats->active, 0, number, flows);
            stats->activity = memory_grow(stats->activity, &stats->activity_capacity, (size_t)index + 1,
                                          sizeof *stats->activity);
            stats->activity[index] = (struct activity){ .packets_sent = 2 * (uint64_t)flows,
                                                        .bytes_sent = 120 * (uint64_t)flows,
                                                        .flows_initiated = flows };
        }
    }
}

/* Learned from two weeks, through the file, and played in another month: each day is one of its class. */
static void test_weekly_pattern(void **state)
{
    enum { FROM = 20003 /* 2024-10-07, a Monday */, TO = 20500 };
    struct population population;
    struct population_group group = { .model_count = 1, .service = find_service, .host_count = 1 };
    struct population_outside world = { 0 };
    struct network_stats stats;
    struct model *model;
    struct error err;

    (void)state;
    network_stats_init(&stats);
    add_clock(&stats, 14 * 96 * 20);
    add_weeks(&stats, FROM, 14);
    save_stats(scratch_path("weeks"), &stats);
    model = model_load(scratch_path("weeks"), &err);
    if (model == NULL)
        fail_msg("%s", err.text);
    group.models = model->hosts;
    group.service_self = model;
    ip_network_parse(&group.addresses.networks[IP_FAMILY_4], "198.18.0.0/16");
    ip_network_parse(&world.networks[IP_FAMILY_4], "198.19.0.0/16");
    assert_int_equal(population_init(&population, &group, 1, &world, &err), 0);
    for (int32_t date = TO; date < TO + 14; date++) {
        for (uint32_t slice = 0; slice < DAY_SLICES; slice++) {
            struct slice_request request = { .population = &population, .date = date, .slice = slice };
            struct plan_list plans = { 0 };
            uint32_t wanted = flows_of_the_week(date, slice);

            slice_synthesize(&request, &plans);
            assert_in_range(plans.used, wanted, wanted + (wanted > 0)); /* the mean is rounded */
            free(plans.plans);
        }
    }
    population_release(&population);
    model_free(model);
    network_stats_release(&stats);
}

/* ---- memory ---- */

enum { MANY_HOSTS = 3000 };

static void add_activity(struct network_stats *stats, uint32_t host, uint32_t slice, uint64_t packets)
{
    uint32_t index = tally_add(&stats->active, host, 20000 * DAY_SLICES + slice, 3);

    stats->activity = memory_grow(stats->activity, &stats->activity_capacity, (size_t)index + 1,
                                  sizeof *stats->activity);
    stats->activity[index] = (struct activity){ .packets_sent = packets, .flows_initiated = 3 };
}

/* A host of a few states, each after each; some transitions are frequent. */
static void add_host(struct network_stats *stats, uint32_t host, struct random_stream *random)
{
    uint32_t states = 1 + (uint32_t)random_below(random, 12);
    uint32_t ids[12] = { 0 };

    for (uint32_t i = 0; i < states; i++) {
        struct state_key key = { ROLE_INITIATOR, i % 2 ? IP_TCP : IP_UDP, 50 + 7 * i };

        ids[i] = tally_add(&stats->states, host, state_key_pack(key), 20 + i);
        for (uint32_t k = 0; k < 4; k++) {
            tally_add(&stats->volumes, ids[i], 16 * k, 5);
            tally_add(&stats->initiator_ports, ids[i], 1030 + 4 * k, 5);
            tally_add(&stats->peers, ids[i], peer_pack((struct peer){ PEER_OUTSIDE, host % 100 + k }), 5);
        }
    }
    tally_add(&stats->initial, host, ids[0], 1);
    for (uint32_t i = 0; i < states * 3; i++) {
        uint32_t transition = tally_add(&stats->transitions, ids[i % states],
                                        ids[random_below(random, states)], 1 + i % 2 * 20);

        for (uint32_t k = 0; k < 6; k++)
            tally_add(&stats->gaps, transition, 90 + (uint32_t)random_below(random, 60), 1 + i % 2 * 3);
    }
    for (uint32_t i = 0; i < 20; i++)
        add_activity(stats, host, (uint32_t)random_below(random, DAY_SLICES), 1 + i);
}

static void draw_many_hosts(struct network_stats *stats, uint32_t hosts)
{
    struct random_stream random;

    random_init(&random, 6, RANDOM_FIT, 0, 0, 0);
    network_stats_init(stats);
    stats->host_count = hosts;
    stats->host_observations = memory_grow(NULL, &stats->host_observations_capacity, hosts,
                                           sizeof *stats->host_observations);
    memset(stats->host_observations, 0, hosts * sizeof *stats->host_observations);
    stats->host_members =
        memory_grow(NULL, &stats->host_members_capacity, hosts, sizeof *stats->host_members);
    for (uint32_t host = 0; host < hosts; host++)
        stats->host_members[host] = 1;
    stats->observation_count = 1;
    stats->flows = UINT64_C(1) << 20;
    stats->outside_count = 200;
    for (uint32_t slice = 0; slice < DAY_SLICES; slice++)
        tally_add(&stats->coverage, 0, 20000 * DAY_SLICES + slice, 300);
    for (uint32_t host = 0; host < hosts; host++)
        add_host(stats, host, &random);
}

#if defined __SANITIZE_ADDRESS__
#define HAS_MALLINFO 0
#elif defined __has_feature
#define HAS_MALLINFO !__has_feature(address_sanitizer)
#else
#define HAS_MALLINFO 1
#endif

static size_t allocated_bytes(void)
{
#if HAS_MALLINFO
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

/* What hosts are said to take is what loading them takes, the allocator's own included. */
static void test_memory_of_hosts(void **state)
{
    const char *path = scratch_path("many-hosts");
    struct network_stats stats;
    struct error err = { "" };
    struct model *model;
    size_t before;
    size_t grown;
    size_t said = 0;

    (void)state;
    draw_many_hosts(&stats, MANY_HOSTS);
    save_stats(path, &stats);
    network_stats_release(&stats);
    model_free(model_load(path, &err)); /* what libraries keep once and for all */
    before = allocated_bytes();
    model = model_load(path, &err);
    if (model == NULL)
        fail_msg("%s", err.text);
    grown = allocated_bytes() - before;
    for (uint32_t i = 0; i < model->host_count; i++)
        said += host_model_bytes(&model->hosts[i]);
    assert_in_range(said / model->host_count, 1000, 4000);
    if (HAS_MALLINFO)
        assert_in_range(grown * 100 / said, 95, 110);
    model_free(model);
}

/* The mean of what a file may say is a number that a slice can be divided by. */
static void test_means_are_numbers(void **state)
{
    static const struct {
        const char *sql;
        double least, most;
    } cases[] = {
        { "UPDATE mixture SET mean = 46, sd = 16", 1, 0x1p41 },
        { "UPDATE mixture SET mean = 46, sd = 1e-6", 1, 0x1p41 },
        { "UPDATE mixture SET mean = 0, sd = 16", 1, 0x1p41 },
        { "UPDATE mixture SET mean = 0, sd = 16; UPDATE volume SET bin = 656 WHERE bin = (SELECT max(bin)"
          " FROM volume v WHERE v.state = volume.state)", 1e3, 0x1p41 },
        { "UPDATE mixture SET mean = 0, sd = 16; DELETE FROM volume; INSERT INTO volume SELECT id, 0, 1"
          " FROM state", 1, 1.001 },
        { "UPDATE mixture SET mean = 0, sd = 1e-6", 1, 1.001 },
    };
    struct bytes file = read_file(save_full("means", RECORDS));

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { "" };
        struct model *model = model_load(alter(&file, cases[i].sql), &err);

        if (model == NULL)
            fail_msg("%s", err.text);
        for (uint32_t host = 0; host < HOSTS; host++) {
            double mean = model->hosts[host].mean_packets;

            if (!(mean >= cases[i].least && mean <= cases[i].most))
                fail_msg("%s: %g", cases[i].sql, mean);
        }
        model_free(model);
    }
    free(file.at);
}

/* Activity where nothing was observed, and the other way round: a model all the same. */
static void test_holes_in_days(void **state)
{
    static const struct {
        const char *sql;
        bool is_observed;
    } cases[] = {
        { "DELETE FROM coverage", false },
        { "UPDATE coverage SET date = date + 100", true },
        { "DELETE FROM activity", true },
    };
    struct bytes file = read_file(save_full("holes", RECORDS));

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = alter(&file, cases[i].sql);
        struct network_stats stats;
        struct error err = { "" };
        struct model *model = model_load(path, &err);

        if (model == NULL)
            fail_msg("%s", err.text);
        assert_int_equal(model->covered_slices > 0, cases[i].is_observed);
        for (uint32_t host = 0; host < HOSTS; host++)
            assert_int_equal(model->hosts[host].days[DAY_WEEKDAY].size, 0);
        use(model);
        model_free(model);
        load_stats(&stats, path);
        use_stats(&stats);
        network_stats_release(&stats);
    }
    free(file.at);
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
        if (model_service(&model, cases[i].protocol, cases[i].port, LABEL_NONE, 0) != cases[i].expected)
            fail_msg("protocol %u, port %u: another service", cases[i].protocol, cases[i].port);
    }
}

/* Of classes: the one that was asked for, whatever its flows; else one of those that there are, by their flows. */
static void test_class_lookup(void **state)
{
    const uint32_t pool_port = port_feature_first(port_feature_of(3306));
    const struct service_model services[] = {
        { .protocol = IP_TCP, .port = 443, .flows = 30, .row_count = 30 },
        { .protocol = IP_TCP, .port = 443, .label_number = 1, .flows = 60, .row_count = 60 },
        { .protocol = IP_TCP, .port = 443, .label_number = 2, .flows = 10, .row_count = 2 },
        { .protocol = IP_TCP, .port = 3306, .label_number = 1, .flows = 3, .row_count = 3 },
        { .protocol = IP_TCP, .port = 3307, .label_number = 2, .flows = 90, .row_count = 90 },
        { .protocol = IP_TCP, .port = SERVICE_OTHER_PORTS, .flows = 40, .row_count = 40 },
    };
    const struct service_model pools[] = {
        { .protocol = IP_TCP, .port = pool_port, .label_number = 1, .flows = 5, .row_count = 5 },
        { .protocol = IP_TCP, .port = pool_port, .label_number = 2, .flows = 95, .row_count = 95 },
    };
    const struct model model = { .services = (struct service_model *)(uintptr_t)services, .service_count = 6,
                                 .pools = (struct service_model *)(uintptr_t)pools, .pool_count = 2 };
    const struct {
        uint32_t port, label;
        const struct service_model *expected;
    } cases[] = {
        { 443, LABEL_NONE, &services[0] }, { 443, 1, &services[1] }, { 443, 2, &services[2] },
        { 3306, 1, &pools[0] },            { 3306, 2, &pools[1] },   { 3307, 2, &services[4] },
        { 3400, 1, &pools[0] },            { 440, 2, &services[2] },
    };
    uint32_t chosen[3] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (model_service(&model, IP_TCP, cases[i].port, cases[i].label, 77) != cases[i].expected)
            fail_msg("port %u, label %u: another service", cases[i].port, cases[i].label);
    }
    for (uint64_t i = 0; i < 10000; i++)
        chosen[model_service(&model, IP_TCP, 443, 3, random_mix64(i)) - services]++;
    assert_in_range(chosen[0], 2770, 3230); /* 5 sd */
    assert_in_range(chosen[1], 5755, 6245);
    assert_in_range(chosen[2], 850, 1150);
    chosen[0] = chosen[1] = 0;
    for (uint64_t i = 0; i < 10000; i++)
        chosen[model_service(&model, IP_TCP, 3400, 3, random_mix64(i)) - pools]++;
    assert_in_range(chosen[0], 390, 610);
    assert_int_equal(model_service(&model, IP_TCP, 3306, 3, 5) - pools, 0); /* as its only service */
}

/* Services of one port feature, with the rows of packets 1 .. their number dealt out among them. */
static void make_services(struct model *model, size_t services, size_t rows)
{
    model->services = memory_alloc_array(services, sizeof *model->services);
    model->service_count = services;
    for (size_t i = 0; i < services; i++) {
        struct service_model *service = &model->services[i];

        *service = (struct service_model){ .protocol = IP_TCP, .port = 3306 + (uint32_t)i, .flows = 5000,
                                           .longest_ns = (int64_t)i, .conditions.packets = 70000 };
        service->rows = memory_alloc_array(rows / services + 1, sizeof *service->rows);
        for (size_t k = i; k < rows; k += services)
            service->rows[service->row_count++] = (struct session_row){ .packets = { k + 1 } };
    }
}

static void release_services(struct model *model)
{
    for (size_t i = 0; i < model->service_count; i++)
        service_model_release(&model->services[i]);
    for (size_t i = 0; i < model->pool_count; i++)
        service_model_release(&model->pools[i]);
    free(model->services);
    free(model->pools);
}

/* A pool has no more rows than a service: from the smallest to the largest, at even steps. Its sums are of all. */
static void test_pools_are_bounded(void **state)
{
    static const struct {
        size_t services, rows;
    } cases[] = {
        { 1, SERVICE_MAX_ROWS }, { 2, SERVICE_MAX_ROWS }, { 2, SERVICE_MAX_ROWS + 1 }, { 3, 2043 }, { 9, 6882 },
    };

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const size_t rows = cases[c].rows;
        struct model model = { .service_count = 0 };
        const struct service_model *pool;

        make_services(&model, cases[c].services, rows);
        model_services_finish(&model);
        assert_int_equal(model.pool_count, 1);
        pool = &model.pools[0];
        assert_int_equal(pool->row_count, SERVICE_MAX_ROWS);
        assert_int_equal(session_row_packets(&pool->rows[0]), 1);
        assert_int_equal(session_row_packets(&pool->rows[SERVICE_MAX_ROWS - 1]), rows);
        for (size_t i = 1; i < pool->row_count; i++) {
            uint64_t step = session_row_packets(&pool->rows[i]) - session_row_packets(&pool->rows[i - 1]);

            assert_in_range(step, (rows - 1) / (SERVICE_MAX_ROWS - 1), (rows - 1) / (SERVICE_MAX_ROWS - 1) + 1);
        }
        assert_int_equal(pool->flows, 5000 * cases[c].services);
        assert_int_equal(pool->conditions.packets, 70000 * cases[c].services);
        assert_int_equal(pool->longest_ns, cases[c].services - 1);
        release_services(&model);
    }
}

/* A state imitates its own mix of classes, through the file; without classes nothing is kept. */
static void test_labels_of_states(void **state)
{
    enum { DRAWS = 20000 };
    struct learned learned = learn(RECORDS);
    struct error err = { "" };
    struct model *model = model_load(save("labels", RECORDS), &err);
    size_t mixed = 0;

    (void)state;
    assert_non_null(model);
    for (uint32_t i = 0; i < learned.stats->states.used; i++) {
        const struct tally_entry *entry = &learned.stats->states.entries[i];
        const struct host_model *host = &model->hosts[entry->owner];
        const struct state_model *at = host->states;
        uint32_t drawn[NAMES] = { 0 };
        uint64_t none = entry->count;

        while (state_key_pack(at->key) != entry->symbol)
            at++;
        for (uint64_t key = 0; key < DRAWS; key++)
            drawn[flow_draw_label(host, at, random_mix64(key))]++;
        for (uint32_t label = 1; label < NAMES; label++) {
            uint64_t flows = tally_count(&learned.stats->state_labels, i, label);
            double expected = (double)flows / (double)entry->count;

            assert_true(fabs((double)drawn[label] / DRAWS - expected) < 5 * sqrt(0.25 / DRAWS));
            none -= flows;
            mixed += flows > 0;
        }
        assert_true(fabs((double)drawn[LABEL_NONE] / DRAWS - (double)none / (double)entry->count) <
                    5 * sqrt(0.25 / DRAWS));
        assert_true((at->label == STATE_LABELS_MIXED) == (none < entry->count));
    }
    assert_true(mixed > 10);
    model_free(model);
    forget(&learned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_statistics_come_back),
        cmocka_unit_test(test_file_comes_back),
        cmocka_unit_test(test_loaded_statistics_merge),
        cmocka_unit_test(test_strangers_merge),
        cmocka_unit_test(test_same_statistics_same_bytes),
        cmocka_unit_test(test_save_needs_a_directory),
        cmocka_unit_test(test_empty_network),
        cmocka_unit_test(test_no_address_in_file),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_header_and_schema_changed),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_image_of_a_descriptor),
        cmocka_unit_test(test_altered_files),
        cmocka_unit_test(test_profile_by_hand),
        cmocka_unit_test(test_profile_pools_spreads),
        cmocka_unit_test(test_profile_of_day_classes),
        cmocka_unit_test(test_profile_of_short_capture),
        cmocka_unit_test(test_profile_of_an_edge),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_weekly_pattern),
        cmocka_unit_test(test_means_are_numbers),
        cmocka_unit_test(test_holes_in_days),
        cmocka_unit_test(test_memory_of_hosts),
        cmocka_unit_test(test_service_lookup),
        cmocka_unit_test(test_class_lookup),
        cmocka_unit_test(test_pools_are_bounded),
        cmocka_unit_test(test_labels_of_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
