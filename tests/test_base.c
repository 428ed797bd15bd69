#include "support.h"

#include <archive.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compression.h"
#include "base/cursor.h"
#include "base/discrete.h"
#include "base/error.h"
#include "base/hash_key.h"
#include "base/input_file.h"
#include "base/log_grid.h"
#include "base/log_normal.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/radix_sort.h"
#include "base/random.h"
#include "base/tally.h"
#include "base/text.h"
#include "base/time_types.h"
#include "base/time_zone.h"

enum { DRAWS = 1000000 };

static void assert_near(double actual, double expected, double tolerance)
{
    if (!(fabs(actual - expected) <= tolerance))
        fail_msg("%.9g is not %.9g to within %g", actual, expected, tolerance);
}

/* ---- random ---- */

/* Known answers of Random123 (kat_vectors, philox4x32 10). */
static void test_philox(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
          { 0xffffffff, 0xffffffff },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];

        random_philox4x32(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

/* Moments of a million draws, each within five standard errors. */
static void test_distributions(void **state)
{
    struct random_stream random;
    double sums[3] = { 0 };
    double squares[3] = { 0 };
    const double root = sqrt(DRAWS);

    (void)state;
    random_init(&random, 1, RANDOM_FIT, 0, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        const double x[3] = { random_unit(&random), random_normal(&random, 3, 2),
                              random_exponential(&random, 4) };

        assert_true(x[0] >= 0 && x[0] < 1 && x[2] >= 0);
        for (int k = 0; k < 3; k++) {
            sums[k] += x[k] / DRAWS;
            squares[k] += x[k] * x[k] / DRAWS;
        }
    }
    assert_near(sums[0], 0.5, 5 * sqrt(1.0 / 12) / root);
    assert_near(squares[0], 1.0 / 3, 5 * sqrt(4.0 / 45) / root);
    assert_near(sums[1], 3, 5 * 2 / root);
    assert_near(squares[1], 13, 5 * sqrt(4 * 9 * 4 + 2 * 16) / root); /* var x^2 = 4 m^2 s^2 + 2 s^4 */
    assert_near(sums[2], 4, 5 * 4 / root);
    assert_near(squares[2], 32, 5 * sqrt(20 * 256) / root); /* var x^2 = 20 mean^4 */
}

/* A stream is its blocks in order, however many are made at once. */
static void test_stream_is_its_blocks(void **state)
{
    struct random_stream random;
    uint32_t counter[4];

    (void)state;
    random_init(&random, 2, RANDOM_FIT, 3, 4, 5);
    memcpy(counter, random.counter, sizeof counter);
    for (uint32_t block = 0; block < 9; block++) {
        uint32_t words[4];

        counter[0] = block;
        random_philox4x32(counter, random.key, words);
        for (int i = 0; i < 4; i++)
            assert_int_equal(random_u32(&random), words[i]);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov against erfc(3); and the tails, which it hardly looks at. */
static void test_normal(void **state)
{
    enum { NORMALS = 1000000 };
    double *x = calloc(NORMALS, sizeof *x);
    struct random_stream random;
    double most = 0;
    int beyond_4 = 0;

    (void)state;
    random_init(&random, 6, RANDOM_FIT, 0, 0, 0);
    for (int i = 0; i < NORMALS; i++) {
        x[i] = random_normal(&random, 0, 1);
        beyond_4 += fabs(x[i]) > 4;
    }
    qsort(x, NORMALS, sizeof *x, compare_doubles);
    for (int i = 0; i < NORMALS; i++) {
        double p = 0.5 * erfc(-x[i] / sqrt(2));

        most = fmax(most, fmax(p - (double)i / NORMALS, (double)(i + 1) / NORMALS - p));
    }
    assert_true(most < 1.95 / sqrt(NORMALS)); /* one in a thousand */
    assert_in_range(beyond_4, 63 - 40, 63 + 40);
    free(x);
}

/* Each value as often as the others, also for bounds that 2^64 is no multiple of. */
static void test_below(void **state)
{
    static const uint64_t bounds[] = { 1, 2, 3, 7, 10, UINT64_C(3) << 62 };
    struct random_stream random;

    (void)state;
    random_init(&random, 2, RANDOM_FIT, 0, 0, 0);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        uint64_t parts = bounds[i] < 10 ? bounds[i] : 10;
        double counts[10] = { 0 };
        double expected = 100000.0 / (double)parts;

        for (int n = 0; n < 100000; n++) {
            uint64_t x = random_below(&random, bounds[i]);

            assert_true(x < bounds[i]);
            counts[bounds[i] <= 10 ? x : x / (bounds[i] / 10 + 1)]++;
        }
        for (uint64_t k = 0; k < parts; k++)
            assert_near(counts[k], expected, 5 * sqrt(expected));
    }
}

static void test_streams_by_name(void **state)
{
    static const struct {
        uint64_t seed;
        enum random_purpose purpose;
        uint32_t a, b, c;
    } names[] = {
        { 1, RANDOM_SLICE, 0, 0, 0 },         { 2, RANDOM_SLICE, 0, 0, 0 },
        { 1, RANDOM_SESSION, 0, 0, 0 },       { 1, RANDOM_SLICE, 1, 0, 0 },
        { 1, RANDOM_SLICE, 0, 1, 0 },         { 1, RANDOM_SLICE, 0, 0, 1 },
        { UINT64_MAX, RANDOM_SLICE, 0, 0, 0 }, { UINT64_C(1) << 32, RANDOM_SLICE, 0, 0, 0 },
    };
    enum { NAMES = sizeof names / sizeof *names };
    uint64_t first[NAMES];

    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        struct random_stream stream;
        struct random_stream again;

        random_init(&stream, names[i].seed, names[i].purpose, names[i].a, names[i].b, names[i].c);
        random_init(&again, names[i].seed, names[i].purpose, names[i].a, names[i].b, names[i].c);
        first[i] = random_u64(&stream);
        assert_true(first[i] == random_u64(&again));
        assert_true(random_u64(&stream) != first[i]);
        for (size_t j = 0; j < i; j++)
            assert_true(first[j] != first[i]);
    }
}

/* ---- tally ---- */

/* A hundred thousand pairs, each counted as often as it was added, in order of first appearance. */
static void test_tally(void **state)
{
    enum { PAIRS = 100000 };
    struct tally tally;
    struct tally_entry *sorted;

    (void)state;
    tally_init(&tally);
    assert_int_equal(tally_find(&tally, 0, 0), TALLY_NONE);
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint32_t i = 0; i < PAIRS; i++)
            assert_int_equal(tally_add(&tally, (PAIRS - i) / 100, i * 7, round * i), i);
    }
    assert_int_equal(tally.used, PAIRS);
    for (uint32_t i = 0; i < PAIRS; i++) {
        assert_int_equal(tally_find(&tally, (PAIRS - i) / 100, i * 7), i);
        assert_int_equal(tally_count(&tally, (PAIRS - i) / 100, i * 7), 3 * (uint64_t)i);
    }
    assert_int_equal(tally_find(&tally, 0, 1), TALLY_NONE);
    assert_int_equal(tally_count(&tally, UINT32_MAX, UINT32_MAX), 0);
    sorted = tally_sorted(&tally);
    for (uint32_t i = 1; i < PAIRS; i++)
        assert_true(sorted[i - 1].owner < sorted[i].owner ||
                    (sorted[i - 1].owner == sorted[i].owner &&
                     sorted[i - 1].symbol < sorted[i].symbol));
    free(sorted);
    tally_release(&tally);
}

/* The sorted form depends on what was counted alone. */
static void test_tally_order(void **state)
{
    struct tally there;
    struct tally back;
    struct tally_entry *a;
    struct tally_entry *b;

    (void)state;
    tally_init(&there);
    tally_init(&back);
    for (uint32_t i = 0; i < 1000; i++) {
        tally_add(&there, i % 13, i % 101, i);
        tally_add(&back, (999 - i) % 13, (999 - i) % 101, 999 - i);
    }
    assert_int_equal(there.used, back.used);
    a = tally_sorted(&there);
    b = tally_sorted(&back);
    assert_memory_equal(a, b, there.used * sizeof *a);
    free(a);
    free(b);
    tally_release(&there);
    tally_release(&back);
}

/* ---- arena ---- */

/* Pieces are zeroed, keep what is written to them, and arrays are aligned; small or larger than a block. */
static void test_arena(void **state)
{
    enum { PIECES = 3000 };
    static uint8_t *pieces[PIECES];
    static size_t sizes[PIECES];
    struct random_stream random;
    struct arena arena;
    size_t wrong = 0;

    (void)state;
    random_init(&random, 5, RANDOM_FIT, 0, 0, 0);
    arena_init(&arena);
    arena_release(&arena); /* empty */
    for (int i = 0; i < PIECES; i++) {
        bool is_array = i % 3 == 0;

        sizes[i] = random_below(&random, i % 50 == 0 ? 200000 : 300);
        pieces[i] = is_array ? arena_alloc_array(&arena, sizes[i], 1) : arena_alloc(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_true(!is_array || (uintptr_t)pieces[i] % ARENA_ALIGNMENT == 0);
        for (size_t k = 0; k < sizes[i]; k++)
            wrong += pieces[i][k] != 0;
        memset(pieces[i], i % 255 + 1, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            wrong += pieces[i][k] != i % 255 + 1;
    }
    assert_int_equal(wrong, 0);
    arena_release(&arena);
}

/* ---- discrete ---- */

static void test_discrete_draws(void **state)
{
    const struct tally_entry entries[] = { { 0, 70, 1 }, { 0, 80, 9 }, { 0, 90, 0 }, { 0, 95, 30 } };
    struct discrete d;
    struct arena arena;
    struct random_stream random;
    double counts[4] = { 0 };

    (void)state;
    random_init(&random, 3, RANDOM_FIT, 0, 0, 0);
    arena_init(&arena);
    discrete_init(&d, &arena, entries, 4);
    assert_int_equal(discrete_total(&d), 40);
    for (int i = 0; i < 400000; i++)
        counts[discrete_draw(&d, &random)]++;
    for (uint32_t i = 0; i < 4; i++) {
        double expected = (double)entries[i].count * 10000;

        assert_int_equal(discrete_symbol(&d, i), entries[i].symbol);
        assert_int_equal(discrete_count(&d, i), entries[i].count);
        assert_near(discrete_share(&d, i), (double)entries[i].count / 40, 1e-12);
        assert_near(counts[i], expected, 5 * sqrt(expected));
    }
    discrete_init(&d, &arena, entries, 0);
    assert_int_equal(discrete_total(&d), 0);
    assert_int_equal(discrete_bytes(&d), 0);
    arena_release(&arena);
}

/* Symbols and counts take what the largest needs, and so does the smallest symbol; one byte says so. */
static void test_discrete_is_packed(void **state)
{
    static const struct {
        uint32_t symbols[3];
        uint64_t counts[3];
        size_t bytes_once, bytes_each;
    } cases[] = {
        { { 0, 1, 2 }, { 1, 2, 3 }, 1 + 1, 0 + 1 },
        { { UINT32_MAX - 2, UINT32_MAX - 1, UINT32_MAX }, { 85, 85, 85 }, 1 + 4, 0 + 1 },
        { { 7, 8, 10 }, { 85, 85, 86 }, 1 + 1, 1 + 2 },
        { { 10, 9, 8 }, { 1, 1, UINT16_MAX - 2 }, 1 + 1, 1 + 2 }, /* falling: no row */
        { { 1000, 1255, 1001 }, { 1, 1, UINT16_MAX - 1 }, 1 + 2, 1 + 4 },
        { { 1000, 1256, 1001 }, { 0, 0, 1 }, 1 + 2, 2 + 1 },
        { { 5, 5 + UINT16_MAX, 6 }, { 1, 1, UINT32_MAX - 2 }, 1 + 1, 2 + 4 },
        { { 5, 6 + UINT16_MAX, 6 }, { 1, 1, 1 }, 1 + 1, 4 + 1 },
        { { 0, UINT32_MAX, 1 }, { 0, UINT32_MAX, 0 }, 1 + 1, 4 + 4 },
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tally_entry entries[3];
        struct discrete d;

        for (uint32_t k = 0; k < 3; k++)
            entries[k] = (struct tally_entry){ 0, cases[i].symbols[k], cases[i].counts[k] };
        arena_alloc(&arena, i % 5); /* no alignment is relied on */
        discrete_init(&d, &arena, entries, 3);
        assert_int_equal(discrete_bytes(&d), cases[i].bytes_once + 3 * cases[i].bytes_each);
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(discrete_symbol(&d, k), cases[i].symbols[k]);
            assert_int_equal(discrete_count(&d, k), cases[i].counts[k]);
        }
        discrete_init(&d, &arena, entries, 1); /* one alone needs nothing but its place */
        assert_int_equal(discrete_bytes(&d), 0);
        assert_int_equal(discrete_symbol(&d, 0), cases[i].symbols[0]);
        assert_int_equal(discrete_total(&d), cases[i].counts[0]);
    }
    arena_release(&arena);
}

/* Counts whose sum is beyond 32 bits keep their shares, and none is lost. */
static void test_discrete_scales(void **state)
{
    static const struct {
        uint64_t counts[3];
    } cases[] = {
        { { UINT32_MAX, 0, 0 } },
        { { UINT64_C(1) << 32, 1, UINT64_C(1) << 32 } },
        { { UINT64_C(1) << 53, UINT64_C(1) << 52, 1 } },
        { { UINT64_C(1) << 61, UINT64_C(1) << 61, UINT64_C(1) << 61 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tally_entry entries[3];
        struct arena arena;
        struct discrete d;
        double sum = 0;

        for (uint32_t k = 0; k < 3; k++) {
            entries[k] = (struct tally_entry){ 0, k, cases[i].counts[k] };
            sum += (double)cases[i].counts[k];
        }
        arena_init(&arena);
        discrete_init(&d, &arena, entries, 3);
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(discrete_count(&d, k) > 0, cases[i].counts[k] > 0);
            assert_near(discrete_share(&d, k), (double)cases[i].counts[k] / sum, 1e-9);
        }
        arena_release(&arena);
    }
}

/* ---- hashes ---- */

static void test_hash_bytes(void **state)
{
    static const char *const texts[] = { "", "a", "b", "abcdefgh", "abcdefghi", "abcdefghj", "bbcdefghi" };
    static const char zeros[16] = "";
    struct hash_key key = hash_key_new();
    struct hash_key other = hash_key_new();
    uint64_t hashes[sizeof texts / sizeof *texts + sizeof zeros];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hashes[count] = hash_bytes(&key, texts[i], strlen(texts[i]));
        assert_int_equal(hashes[count], hash_bytes(&key, texts[i], strlen(texts[i])));
        assert_int_not_equal(hashes[count++], hash_bytes(&other, texts[i], strlen(texts[i])));
    }
    for (size_t size = 1; size <= sizeof zeros; size++) /* the size counts, too */
        hashes[count++] = hash_bytes(&key, zeros, size);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(hashes[i], hashes[j]);
    }
    assert_memory_not_equal(&key, &other, sizeof key);
}

/* ---- grids ---- */

static void test_log_grid(void **state)
{
    (void)state;
    for (int packets = 2; packets <= 12; packets++)
        assert_true(log_grid_bin(packets, VOLUME_GRID_PER_OCTAVE) >
                    log_grid_bin(packets - 1, VOLUME_GRID_PER_OCTAVE));
    for (uint32_t bin = 0; bin < 300; bin++) {
        assert_int_equal(log_grid_bin(log_grid_value(bin, 8), 8), bin);
        assert_int_equal(log_grid_bin(log_grid_value(bin, 4), 4), bin);
    }
    assert_int_equal(log_grid_bin(0, GAP_GRID_PER_OCTAVE), 0);
    assert_int_equal(log_grid_bin(-5, GAP_GRID_PER_OCTAVE), 0);
    assert_near(log_grid_width(8), log(2) / 8, 1e-15);
}

/* On both sides of every border between two bins, as far as the logarithm is exact (an hour); then each octave. */
static void test_log_grid_gap_bin(void **state)
{
    (void)state;
    for (uint64_t gap = 0; gap < 1000; gap++)
        assert_int_equal(log_grid_gap_bin(gap), log_grid_bin((double)gap, GAP_GRID_PER_OCTAVE));
    for (int bin = 4; bin < 4 * 42; bin++) {
        uint64_t border = (uint64_t)log_grid_value(bin + 0.5, GAP_GRID_PER_OCTAVE);

        for (uint64_t gap = border - 2; gap <= border + 2; gap++)
            assert_int_equal(log_grid_gap_bin(gap), log_grid_bin((double)gap, GAP_GRID_PER_OCTAVE));
    }
    for (uint32_t octave = 0; octave < 64; octave++)
        assert_int_equal(log_grid_gap_bin(UINT64_C(1) << octave), octave * GAP_GRID_PER_OCTAVE);
    assert_int_equal(log_grid_gap_bin(UINT64_MAX), 64 * GAP_GRID_PER_OCTAVE);
}

/* ---- text ---- */

static void test_text_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
        int status;
    } cases[] = {
        { "0", 0, 0 },        { "42", 42, 0 },    { "18446744073709551615", UINT64_MAX, 0 },
        { "007", 7, 0 },      { "", 0, -1 },      { "18446744073709551616", 0, -1 },
        { "-1", 0, -1 },      { "+1", 0, -1 },    { " 1", 0, -1 },
        { "1 ", 0, -1 },      { "1e3", 0, -1 },   { "0x10", 0, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 0;

        assert_int_equal(text_to_u64(cases[i].text, &value), cases[i].status);
        assert_true(value == cases[i].value);
    }
}

static void test_text_doubles(void **state)
{
    static const struct {
        const char *text;
        double value;
        int status;
    } cases[] = {
        { "1.5", 1.5, 0 }, { "-2", -2, 0 }, { "1e3", 1000, 0 }, { "", 0, -1 },   { "x", 0, -1 },
        { "1.5x", 0, -1 }, { "nan", 0, -1 }, { "inf", 0, -1 },  { "1e999", 0, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value;

        assert_int_equal(text_to_double(cases[i].text, &value), cases[i].status);
        if (cases[i].status == 0)
            assert_near(value, cases[i].value, 0);
    }
}

static void test_text_sizes(void **state)
{
    static const struct {
        const char *text;
        int status;
        uint64_t bytes;
        const char *back;
    } cases[] = {
        { "0", 0, 0, "0 bytes" },          { "4096", 0, 4096, "4.0 KiB" },
        { "64k", 0, 65536, "64.0 KiB" },   { "512M", 0, UINT64_C(512) << 20, "512 MiB" },
        { "1.5G", 0, UINT64_C(3) << 29, "1.5 GiB" }, { "1048575", 0, 1048575, "1.0 MiB" },
        { "", -1, 0, NULL },               { "k", -1, 0, NULL },
        { "-1", -1, 0, NULL },             { "1kB", -1, 0, NULL },
        { "1T", -1, 0, NULL },             { "nan", -1, 0, NULL },
        { "1e30", -1, 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 0;
        char text[TEXT_NUMBER];

        assert_int_equal(text_to_size(cases[i].text, &bytes), cases[i].status);
        assert_true(bytes == cases[i].bytes);
        if (cases[i].back)
            assert_string_equal(text_from_size(bytes, text), cases[i].back);
    }
}

static void test_text_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int status;
    } cases[] = {
        { "90", 90, 0 },    { "90s", 90, 0 },  { "1.5m", 90, 0 }, { "2h", 7200, 0 }, { "1d", 86400, 0 },
        { "2 h", 7200, 0 }, { "", 0, -1 },     { "s", 0, -1 },    { "0", 0, -1 },    { "-5", 0, -1 },
        { "5x", 0, -1 },    { "5 hours", 0, -1 }, { "nan", 0, -1 }, { "inf", 0, -1 },
        { "1e30d", 0, -1 },
    };

    int64_t ns = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ns = 0;
        assert_int_equal(text_to_duration_ns(cases[i].text, &ns), cases[i].status);
        assert_int_equal(ns, cases[i].seconds * NS_PER_SECOND);
    }
    assert_int_equal(text_to_duration_ns("20ms", &ns), 0);
    assert_int_equal(ns, 20 * NS_PER_MS);
    assert_int_equal(text_to_duration_ns("1.5us", &ns), 0);
    assert_int_equal(ns, 1500);
    assert_int_equal(text_to_duration_ns("0.1us", &ns), 0);
    assert_int_equal(ns, 100);
    assert_int_equal(text_to_duration_ns("1ns", &ns), -1);
}

static void test_text_times_of_day(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int status;
    } cases[] = {
        { "00:00", 0, 0 },        { "09:00", 32400, 0 }, { "09:00:30", 32430, 0 },
        { "23:59:59", 86399, 0 },
        { "24:00", 0, -1 },       { "09:60", 0, -1 },    { "09:00:60", 0, -1 },    { "9", 0, -1 },
        { "09:00.5", 0, -1 },     { "09:00:30.", 0, -1 },   { "09:00:30.5x", 0, -1 }, { "", 0, -1 },        { "09:00 ", 0, -1 },      { "noon", 0, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = 0;

        assert_int_equal(text_to_time_of_day_ns(cases[i].text, &ns), cases[i].status);
        assert_int_equal(ns, cases[i].seconds * NS_PER_SECOND);
    }
}

static void test_text_dates(void **state)
{
    static const struct {
        const char *text;
        int32_t date;
    } good[] = { { "1970-01-01", 0 }, { "1970-01-02", 1 }, { "2000-02-29", 11016 },
                 { "2026-11-21", 20778 } };
    static const char *const bad[] = { "", "2026", "2026-11", "2026-11-21x", "2026-02-30", "2026-02-31",
                                       "2100-02-29", "2026-13-01", "2026-00-01", "2026-11-00",
                                       "1969-12-31", "21.11.2026" };
    char text[TEXT_DATE];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int32_t date = -1;

        assert_int_equal(text_to_date(good[i].text, &date), 0);
        assert_int_equal(date, good[i].date);
        assert_string_equal(text_from_date(date, text), good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int32_t date;

        if (text_to_date(bad[i], &date) == 0)
            fail_msg("%s was taken for a date", bad[i]);
    }
    assert_string_equal(text_from_date(-1, text), "1969-12-31");
}

static void test_text_for_people(void **state)
{
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = { { 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 1234567, "1,234,567" },
                   { UINT64_MAX, "18,446,744,073,709,551,615" } };
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = { { 0, "0 ns" }, { 999, "999 ns" }, { 1500, "1.50 us" }, { 250000, "250 us" },
                  { 999499, "999 us" }, { 999999, "1.00 ms" }, { 1500000, "1.50 ms" },
                  { 90000000000, "90.0 s" }, { 3600000000000, "3600 s" }, { -5, "-5 ns" } };
    char text[TEXT_NUMBER];

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        assert_string_equal(text_from_count(counts[i].count, text), counts[i].text);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_string_equal(text_from_ns(times[i].ns, text), times[i].text);
}

/* ---- files ---- */

static void put(const char *path, const char *text)
{
    struct output_file file;
    struct error err = { "" };

    assert_int_equal(output_file_open(&file, path, &err), 0);
    fputs(text, file.stream);
    assert_int_equal(output_file_commit(&file, &err), 0);
    output_file_abandon(&file); /* harmless */
}

static void check_contents(const char *path, const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    (void)fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_string_equal(text, expected);
}

static size_t count_files(const char *directory)
{
    DIR *dir = opendir(directory);
    size_t count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void test_output_file(void **state)
{
    const char *path = scratch_path("out/file");
    struct output_file file;
    struct error err = { "" };
    struct stat info;
    mode_t mask = umask(027);

    (void)state;
    assert_int_equal(mkdir(scratch_path("out"), 0700), 0);
    assert_int_equal(output_file_open(&file, path, &err), 0);
    fputs("half", file.stream);
    assert_int_equal(access(path, F_OK), -1); /* not there before it is whole */
    output_file_abandon(&file);
    assert_int_equal(count_files(scratch_path("out")), 0);
    put(path, "first");
    put(path, "second");
    check_contents(path, "second");
    assert_int_equal(count_files(scratch_path("out")), 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    umask(mask);
}

static void test_output_file_errors(void **state)
{
    struct output_file file;
    struct error err = { "" };
    const char *nowhere = scratch_path("missing/file");
    const char *directory = scratch_path("directory");

    (void)state;
    assert_int_equal(output_file_open(&file, nowhere, &err), -1);
    assert_non_null(strstr(err.text, nowhere));
    assert_int_equal(mkdir(directory, 0700), 0);
    put(scratch_path("directory/inside"), "");
    assert_int_equal(output_file_open(&file, directory, &err), -1);
    assert_non_null(strstr(err.text, directory));
    assert_int_equal(count_files(directory), 1);
}

/* Something came into its place while it was written. */
static void test_output_file_obstructed(void **state)
{
    const char *directory = scratch_path("obstructed");
    const char *path = scratch_path("obstructed/file");
    struct output_file file;
    struct error err = { "" };

    (void)state;
    assert_int_equal(mkdir(directory, 0700), 0);
    assert_int_equal(output_file_open(&file, path, &err), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(output_file_commit(&file, &err), -1);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(count_files(directory), 1); /* the temporary file is gone */
}

/* A pipe is written to and stays a pipe. */
static void test_output_pipe(void **state)
{
    const char *path = scratch_path("pipe");
    struct stat info;
    char text[16] = "";
    int reader;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    put(path, "through");
    assert_int_equal(read(reader, text, sizeof text), 7);
    assert_string_equal(text, "through");
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    close(reader);
}

/* What another library writes under a name. */
static void write_named(struct output_file *file, const char *text)
{
    FILE *other = fopen(file->temporary, "r+");

    assert_non_null(other);
    output_file_hide(file);
    fputs(text, other);
    assert_int_equal(fclose(other), 0);
}

static void test_output_named(void **state)
{
    const char *path = scratch_path("named/file");
    const char *others = scratch_path("named-tmp");
    struct output_file file;
    struct error err = { "" };

    (void)state;
    assert_int_equal(mkdir(scratch_path("named"), 0700), 0);
    assert_int_equal(mkdir(others, 0700), 0);
    setenv("TMPDIR", others, 1);
    assert_int_equal(output_file_open_named(&file, path, &err), 0);
    write_named(&file, "whole");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(count_files(scratch_path("named")), 1);
    assert_int_equal(output_file_commit(&file, &err), 0);
    check_contents(path, "whole");
    assert_int_equal(output_file_open_named(&file, path, &err), 0);
    write_named(&file, "half");
    output_file_abandon(&file);
    check_contents(path, "whole");
    assert_int_equal(count_files(scratch_path("named")), 1);
    assert_int_equal(count_files(others), 0);
    unsetenv("TMPDIR");
}

/* A pipe gets a copy, of which no file is left, not even while it is written. */
static void test_output_named_pipe(void **state)
{
    const char *path = scratch_path("named-pipe");
    const char *others = scratch_path("named-pipe-tmp");
    struct output_file file;
    struct error err = { "" };
    char text[16] = "";
    int reader;

    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mkdir(others, 0700), 0);
    setenv("TMPDIR", others, 1);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(output_file_open_named(&file, path, &err), 0);
    assert_int_equal(count_files(others), 1);
    write_named(&file, "through");
    assert_int_equal(count_files(others), 0);
    assert_int_equal(output_file_commit(&file, &err), 0);
    assert_int_equal(read(reader, text, sizeof text), 7);
    assert_string_equal(text, "through");
    assert_int_equal(output_file_open_named(&file, path, &err), 0);
    output_file_abandon(&file);
    assert_int_equal(count_files(others), 0);
    setenv("TMPDIR", scratch_path("not-there"), 1);
    assert_int_equal(output_file_open_named(&file, path, &err), -1);
    assert_non_null(strstr(err.text, "not-there: cannot create a temporary file"));
    unsetenv("TMPDIR");
    close(reader);
}

static void test_full_device(void **state)
{
    struct output_file file;
    struct error err = { "" };
    const char *path = scratch_path("full/file");

    (void)state;
    if (access("/dev/full", W_OK) < 0)
        skip_because("no /dev/full");
    assert_int_equal(mkdir(scratch_path("full"), 0700), 0);
    assert_int_equal(output_file_open(&file, path, &err), 0);
    assert_non_null(freopen("/dev/full", "wb", file.stream));
    fputs("lost", file.stream);
    assert_int_equal(output_file_commit(&file, &err), -1);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(count_files(scratch_path("full")), 0);
}

/* ---- memory, time, errors, cursor ---- */

static void test_memory_grow(void **state)
{
    size_t capacity = 0;
    uint32_t *array = NULL;
    size_t moves = 0;

    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        size_t before = capacity;

        array = memory_grow(array, &capacity, i + 1, sizeof *array);
        moves += capacity != before;
        array[i] = i;
    }
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(array[i], i);
    assert_in_range(moves, 10, 20); /* doubles */
    assert_ptr_equal(memory_grow(array, &capacity, 5, sizeof *array), array);
    free(array);
}

static void test_time_types(void **state)
{
    static const struct {
        int64_t ns;
        int32_t date;
        uint32_t slice;
    } cases[] = {
        { 0, 0, 0 },
        { NS_PER_SLICE - 1, 0, 0 },
        { NS_PER_SLICE, 0, 1 },
        { NS_PER_DAY - 1, 0, 287 },
        { NS_PER_DAY, 1, 0 },
        { -1, -1, 287 },
        { -NS_PER_DAY, -1, 0 },
        { -NS_PER_DAY - 1, -2, 287 },
        { 20000 * NS_PER_DAY + 100 * NS_PER_SLICE + 5, 20000, 100 },
    };
    const struct schedule schedule = { .origin = { 100 * NS_PER_DAY }, .speed = 60.0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct day_time t = { cases[i].ns };
        struct day_time begin = day_time_of_slice(cases[i].date, cases[i].slice);

        assert_int_equal(day_time_date(t), cases[i].date);
        assert_int_equal(day_time_slice(t), cases[i].slice);
        assert_true(begin.ns <= t.ns && t.ns - begin.ns < NS_PER_SLICE);
    }
    assert_int_equal(schedule_run_time(&schedule, (struct day_time){ 101 * NS_PER_DAY }).ns,
                     1440 * NS_PER_SECOND);
    assert_int_equal(schedule_run_time(&schedule, (struct day_time){ 100 * NS_PER_DAY - 60 }).ns, -1);
}

static void test_error_text(void **state)
{
    struct error err;
    char long_text[2000];

    (void)state;
    assert_int_equal(error_set(&err, "row %d", 7), -1);
    assert_int_equal(error_prefix(&err, "%s", "file"), -1);
    assert_string_equal(err.text, "file: row 7");
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    error_set(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "file");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "file: xxx", 9);
    error_prefix(&err, "%s", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    /* The reason stands at the end, the file at the beginning: the middle goes. */
    long_text[sizeof long_text - 1] = '\0';
    error_set(&err, "/a/%s: cannot open", long_text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "/a/", 3);
    assert_non_null(strstr(err.text, "..."));
    assert_string_equal(err.text + strlen(err.text) - 13, ": cannot open");
    error_prefix(&err, "%s", long_text);
    assert_string_equal(err.text + strlen(err.text) - 13, ": cannot open");
    error_set(&err, "%s: cannot open", "evil\nname\033[31m.pcap\x7f");
    assert_string_equal(err.text, "evil?name?[31m.pcap?: cannot open");
    error_set(&err, "%s", "gr\xc3\xbc\xc3\x9f"); /* a name in UTF-8 stays */
    assert_string_equal(err.text, "gr\xc3\xbc\xc3\x9f");
}

static void test_cursor(void **state)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    struct cursor c = cursor_of(bytes, sizeof bytes);
    struct cursor sub;
    uint8_t copy[4] = { 9, 9, 9, 9 };

    (void)state;
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16_be(&c), 0x0203);
    sub = cursor_sub(&c, 5);
    assert_int_equal(cursor_u32_be(&sub), 0x04050607);
    assert_int_equal(cursor_u16_be(&sub), 0); /* one byte is left of it */
    assert_true(sub.failed);
    assert_int_equal(cursor_u8(&sub), 0); /* and it stays failed */
    assert_false(c.failed);
    assert_int_equal(c.left, 1);
    cursor_copy(&c, copy, 2);
    assert_true(c.failed && copy[0] == 0 && copy[1] == 0 && copy[2] == 9);
    sub = cursor_sub(&c, 0);
    assert_true(sub.failed);
    c = cursor_of(bytes, 2);
    cursor_skip(&c, 2);
    assert_false(c.failed);
    assert_null(cursor_take(&c, SIZE_MAX));
}

/* ---- input files ---- */

enum { INPUT_BYTES = 3 * 1000 * 1000 };

/* Bytes that do not repeat soon, so that one from the wrong place shows. */
static const uint8_t *input_bytes(void)
{
    static uint8_t bytes[INPUT_BYTES];

    for (size_t i = 0; i + 8 <= sizeof bytes && bytes[sizeof bytes - 1] == 0; i += 8)
        memcpy(bytes + i, &(uint64_t){ random_mix64(i + 1) }, 8);
    return bytes;
}

static const char *write_input(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct input_file *open_input(const char *path)
{
    struct error err = { "" };
    struct input_file *file = input_file_open(path, &err);

    if (file == NULL)
        fail_msg("%s", err.text);
    return file;
}

/* Peeks and skips in steps of many sizes; returns how many bytes were right. */
static size_t read_input(struct input_file *file, const uint8_t *expected, size_t size)
{
    static const size_t steps[] = { 1, 16, 1500, 70000, 7, 131072, 500000, 3, 262145 };
    size_t done = 0;

    for (size_t i = 0;; i++) {
        size_t wanted = steps[i % (sizeof steps / sizeof steps[0])];
        size_t got;
        const uint8_t *bytes = input_file_peek(file, wanted, &got);
        size_t taken = got > 2 ? got - 2 : got; /* what is not taken comes again */

        assert_true(got <= wanted && done + got <= size);
        assert_memory_equal(bytes, expected + done, got);
        input_file_skip(file, taken);
        done += taken;
        if (got == 0)
            return done;
    }
}

static void test_input_file(void **state)
{
    static int (*const filters[])(struct archive *) = {
        archive_write_add_filter_none, archive_write_add_filter_gzip, archive_write_add_filter_xz,
        archive_write_add_filter_zstd, archive_write_add_filter_bzip2, archive_write_add_filter_lz4,
    };

    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *path = scratch_compressed("input", filters[i], input_bytes(), INPUT_BYTES);
        struct input_file *file = open_input(path);
        struct stat status;
        uint64_t taken;
        uint64_t size;

        assert_string_equal(input_file_name(file), path);
        assert_string_equal(input_file_path(file), path);
        assert_int_equal(read_input(file, input_bytes(), INPUT_BYTES), INPUT_BYTES);
        assert_null(input_file_damage(file));
        assert_int_equal(stat(path, &status), 0);
        input_file_position(file, &taken, &size);
        assert_int_equal(taken, status.st_size);
        assert_int_equal(size, status.st_size);
        input_file_close(file);
    }
    input_file_close(NULL);
}

/* What was whole before the damage is given; then the decompressor has its say. */
static void test_input_file_damaged(void **state)
{
    static int (*const filters[])(struct archive *) = {
        archive_write_add_filter_gzip, archive_write_add_filter_xz,
        archive_write_add_filter_zstd, archive_write_add_filter_bzip2,
    };

    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *path = scratch_compressed("whole", filters[i], input_bytes(), INPUT_BYTES);
        struct stat status;
        struct input_file *file;

        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(truncate(path, status.st_size * 2 / 3), 0);
        file = open_input(path);
        assert_in_range(read_input(file, input_bytes(), INPUT_BYTES), 1, INPUT_BYTES - 1);
        assert_non_null(input_file_damage(file));
        input_file_close(file);
    }
}

/* No size, no second opening, and bytes that come in small pieces. */
static void test_input_file_pipe(void **state)
{
    static const char text[] = "abcdefgh";
    struct error err;
    struct input_file *file;
    int ends[2];
    size_t got;
    uint64_t taken;
    uint64_t size;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, 6), 6);
    file = input_file_from_fd(ends[0], "a pipe", &err);
    assert_non_null(file);
    assert_null(input_file_path(file));
    assert_memory_equal(input_file_peek(file, 6, &got), text, 6); /* without waiting for more */
    assert_int_equal(write(ends[1], text + 6, 2), 2);
    close(ends[1]);
    assert_memory_equal(input_file_peek(file, 100, &got), text, 8);
    assert_int_equal(got, 8);
    input_file_position(file, &taken, &size);
    assert_int_equal(taken, 8);
    assert_int_equal(size, 0);
    input_file_close(file);
}

static void test_input_file_memory(void **state)
{
    struct input_file *file = input_file_from_memory(input_bytes(), 1000, "bytes");
    size_t got;

    (void)state;
    assert_null(input_file_path(file));
    assert_int_equal(read_input(file, input_bytes(), 1000), 1000);
    input_file_close(file);
    file = input_file_from_memory(NULL, 0, "nothing");
    input_file_peek(file, 10, &got);
    assert_int_equal(got, 0);
    input_file_close(file);
}

static void test_input_file_errors(void **state)
{
    const struct {
        const char *path, *words;
    } cases[] = {
        { scratch_path("missing"), "cannot open: No such file" },
        { scratch_path("."), "is a directory" },
        { write_input("empty", "", 0), "is empty" },
        { write_input("empty.gz", "\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 20), "is empty" },
        { write_input("cut.xz", "\xfd\x37zXZ\0\0\4", 8), "cannot read: " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { "" };

        assert_null(input_file_open(cases[i].path, &err));
        assert_memory_equal(err.text, cases[i].path, strlen(cases[i].path));
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].words);
    }
}

/* What is long passes, and leaves the window as small as it was. */
static void test_input_file_memory_of_window(void **state)
{
    enum { LONG_BYTES = 16 << 20, SMALL = 512 * 1024 };
    static uint8_t bytes[LONG_BYTES + 5000];
    const char *const paths[] = {
        write_input("long", bytes, sizeof bytes),
        scratch_compressed("long.gz", archive_write_add_filter_gzip, bytes, sizeof bytes),
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct input_file *file = open_input(paths[i]);
        size_t got;

        input_file_peek(file, 8, &got);
        assert_in_range(input_file_memory(file), 1, SMALL);
        input_file_peek(file, LONG_BYTES * 2 / 3, &got);
        assert_int_equal(got, LONG_BYTES * 2 / 3);
        assert_true(input_file_memory(file) >= got);
        input_file_skip(file, got);
        input_file_peek(file, 8, &got);
        assert_int_equal(got, 8);
        assert_in_range(input_file_memory(file), 1, SMALL);
        input_file_close(file);
    }
}

static void test_compression_memory(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t mebibytes; /* 0: less than one */
    } cases[] = {
        { "\x1f\x8b\x08", 3, 0 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x16", 17, 8 }, /* xz -6 */
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x1c", 17, 64 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x1e", 17, 128 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x1f", 17, 192 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1\x28", 17, 4096 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\5\xc1\x80\x81\1\7\3\1\5\x21\1\x1f", 24, 192 },
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\2\0\x21\1", 16, 0 }, /* cut */
        { "\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46\0\0\x21\1\x1f", 17, 0 }, /* an index, no block */
        { "\x28\xb5\x2f\xfd\0\x70", 6, 16 },
        { "\x28\xb5\x2f\xfd\4\x88", 6, 128 },
        { "\x28\xb5\x2f\xfd\4\x8c", 6, 192 },
        { "\x28\xb5\x2f\xfd\xa2\0\0\0\0\0\x0c", 11, 192 }, /* of one segment, with a dictionary's number */
        { "\x28\xb5\x2f\xfd\xa2\0\0\0\0\0", 10, 0 },
        { "\x1e\x8b\x08", 3, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
        char name[32];
        struct error err;
        struct input_file *file;

        if (compression_memory(bytes, cases[i].size) >> 20 != cases[i].mebibytes)
            fail_msg("case %zu: %zu bytes", i, (size_t)compression_memory(bytes, cases[i].size));
        snprintf(name, sizeof name, "head-%zu", i);
        file = input_file_open(write_input(name, bytes, cases[i].size), &err);
        if (cases[i].mebibytes > 128)
            assert_non_null(strstr(err.text, "MiB of memory, more than"));
        input_file_close(file);
    }
}

/* Nearly the magic of a compression, and shorter than one. */
static void test_input_file_not_compressed(void **state)
{
    static const char *const texts[] = { "\x1f", "BZ", "\xfd\x37zX", "\x28\xb5\x2f", "a" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i]);
        struct input_file *file = open_input(write_input("short", texts[i], size));

        assert_int_equal(read_input(file, (const uint8_t *)texts[i], size), size);
        input_file_close(file);
    }
}

static void assert_line(struct input_file *file, size_t limit, const char *expected)
{
    size_t size = 0;
    const char *line = input_file_line(file, limit, &size);

    assert_non_null(line);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(line, expected, size);
}

static void test_input_file_lines(void **state)
{
    static const char text[] = "one\n\ntwo\r\n\r\n1234567890\r\nthree\rfour\nlast";
    struct input_file *file = open_input(write_input("lines", text, sizeof text - 1));
    size_t size;

    (void)state;
    assert_line(file, 10, "one");
    assert_line(file, 10, "");
    assert_line(file, 10, "two");
    assert_line(file, 10, "");
    assert_line(file, 10, "1234567890");
    assert_line(file, 10, "three\rfour");
    assert_line(file, 10, "last");
    assert_null(input_file_line(file, 10, &size));
    assert_null(input_file_line(file, 10, &size));
    input_file_close(file);
}

static void test_input_file_long_lines(void **state)
{
    static char text[2 * 1000 * 1000];
    static const size_t lengths[] = { 700000, 3, 200000, 262143, 262144, 0, 500000 };
    size_t end = 0;
    struct input_file *file;
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(text + end, 'a' + (int)i, lengths[i]);
        text[end + lengths[i]] = '\n';
        end += lengths[i] + 1;
    }
    file = open_input(write_input("lines", text, end));
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const char *line = input_file_line(file, 700000, &size);

        assert_int_equal(size, lengths[i]);
        for (size_t at = 0; at < size; at += 1000)
            assert_int_equal(line[at], 'a' + (int)i);
    }
    assert_null(input_file_line(file, 700000, &size));
    input_file_close(file);
    file = open_input(scratch_path("lines"));
    assert_non_null(input_file_line(file, 699999, &size));
    assert_int_equal(size, SIZE_MAX);
    input_file_close(file);
}

/* Longer than any window: it ends, in a failure, also when the caller would take any length. */
static void test_input_file_endless_line(void **state)
{
    const char *path = write_input("endless", "x", 1);
    struct input_file *file;
    size_t size;

    (void)state;
    assert_int_equal(truncate(path, 2 * (off_t)INPUT_MAX_WINDOW), 0);
    file = open_input(path);
    assert_non_null(input_file_line(file, SIZE_MAX, &size));
    assert_int_equal(size, SIZE_MAX);
    input_file_close(file);
}

/* ---- log-normal means ---- */

/* Against the mean of many draws, and back. */
static void test_log_normal(void **state)
{
    static const struct {
        double mean, sd, most;
    } cases[] = { { 3, 0.5, 20 }, { 3, 0.5, 3.2 }, { 2, 2, 6 }, { -4, 5, 8 }, { 1, 0.01, 1 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double cut = log_normal_cut_mean(cases[i].mean, cases[i].sd, cases[i].most);
        struct random_stream random;
        double sum = 0;

        random_init(&random, 7, RANDOM_FIT, 1, 0, 0);
        for (int n = 0; n < 200000; n++)
            sum += exp(fmin(random_normal(&random, cases[i].mean, cases[i].sd), cases[i].most));
        assert_true(fabs(sum / 200000 / cut - 1) < 0.02);
        assert_true(fabs(log_normal_mean_of_x(log(cut), cases[i].sd, cases[i].most) - cases[i].mean) < 1e-4);
    }
    assert_true(log_normal_mean_of_x(2, 0, 3) == 2); /* nothing is spread */
}

/* ---- time zones ---- */

static void test_time_zone_names(void **state)
{
    static const char *const wrong[] = { "", "Europe/Nowhere", "../UTC", "/etc/passwd", "Europe", "zone.tab", "UTC0",
                                         ":UTC", "Europe/Madrid " };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(time_zone_set(wrong[i], &err), -1);
        assert_non_null(strstr(err.text, "is not a time zone that this system knows"));
    }
    assert_int_equal(time_zone_set("UTC", &err), 0);
    assert_int_equal(time_zone_wall((struct day_time){ 12345 }).ns, 12345);
}

/* Hours of UTC, from 1970 on, and what the clock shows; which hours of it come twice. */
static void test_time_zone_madrid(void **state)
{
    static const struct {
        int64_t utc_h, wall_h;
        bool is_repeat;
    } cases[] = {
        { 492960, 492961, false },                          /* 2026-03-28, winter */
        { 492984, 492985, false }, { 492985, 492987, false }, /* 2026-03-29: 01:00, and 03:00 after it */
        { 498024, 498026, false }, { 498025, 498026, true }, { 498026, 498027, false }, /* 2026-10-25 */
        { 497000, 497002, false },
    };
    struct error err;

    (void)state;
    if (time_zone_set("Europe/Madrid", &err) < 0)
        skip(); /* no time zone database here */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int part = 0; part < 3; part++) { /* of the hour */
            int64_t ns = part * (1800 * NS_PER_SECOND - 1);
            struct day_time utc = { cases[i].utc_h * 3600 * NS_PER_SECOND + ns };
            struct day_time wall = time_zone_wall(utc);

            assert_int_equal(wall.ns, cases[i].wall_h * 3600 * NS_PER_SECOND + ns);
            assert_int_equal(time_zone_is_repeat(utc), cases[i].is_repeat);
            if (!cases[i].is_repeat)
                assert_int_equal(time_zone_instant(wall).ns, utc.ns);
        }
    }
    /* 02:30 on 2026-03-29 is missing: 03:30 it is. */
    assert_int_equal(time_zone_wall(time_zone_instant((struct day_time){ 492986 * 3600 * NS_PER_SECOND })).ns,
                     492987 * 3600 * NS_PER_SECOND);
    assert_int_equal(time_zone_set("UTC", &err), 0);
}

/* ---- sorting ---- */

static void test_radix_sort(void **state)
{
    static const size_t counts[] = { 0, 1, 2, 300, 4999, 5000, 20000 };
    static const unsigned first_bits[] = { 0, 20, 48, 63 };

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts * 4; i++) {
        size_t count = counts[i / 4];
        unsigned first_bit = first_bits[i % 4];
        uint64_t *numbers = memory_alloc_array(count + 1, sizeof *numbers);
        uint64_t sum = 0;

        /* Few values above, so that many are equal there; below, what was their order. */
        for (size_t k = 0; k < count; k++) {
            numbers[k] = first_bit > 0 ? random_mix64(k) % 100 << 57 | k : random_mix64(k);
            sum += numbers[k];
        }
        radix_sort(numbers, count, first_bit);
        for (size_t k = 0; k < count; k++) {
            sum -= numbers[k];
            if (k == 0 || numbers[k - 1] >> first_bit < numbers[k] >> first_bit)
                continue;
            assert_int_equal(numbers[k - 1] >> first_bit, numbers[k] >> first_bit);
            assert_true(first_bit == 0 || (numbers[k - 1] & UINT32_MAX) < (numbers[k] & UINT32_MAX));
        }
        assert_int_equal(sum, 0);
        free(numbers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_radix_sort),
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_stream_is_its_blocks),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_streams_by_name),
        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_tally_order),
        cmocka_unit_test(test_discrete_draws),
        cmocka_unit_test(test_discrete_is_packed),
        cmocka_unit_test(test_discrete_scales),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_log_grid),
        cmocka_unit_test(test_log_grid_gap_bin),
        cmocka_unit_test(test_text_numbers),
        cmocka_unit_test(test_text_doubles),
        cmocka_unit_test(test_hash_bytes),
        cmocka_unit_test(test_text_sizes),
        cmocka_unit_test(test_text_durations),
        cmocka_unit_test(test_text_times_of_day),
        cmocka_unit_test(test_text_dates),
        cmocka_unit_test(test_text_for_people),
        cmocka_unit_test(test_output_file),
        cmocka_unit_test(test_output_file_errors),
        cmocka_unit_test(test_output_file_obstructed),
        cmocka_unit_test(test_output_named),
        cmocka_unit_test(test_output_named_pipe),
        cmocka_unit_test(test_output_pipe),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_memory_grow),
        cmocka_unit_test(test_time_types),
        cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_input_file),
        cmocka_unit_test(test_input_file_damaged),
        cmocka_unit_test(test_input_file_pipe),
        cmocka_unit_test(test_input_file_memory),
        cmocka_unit_test(test_input_file_errors),
        cmocka_unit_test(test_input_file_memory_of_window),
        cmocka_unit_test(test_compression_memory),
        cmocka_unit_test(test_input_file_not_compressed),
        cmocka_unit_test(test_input_file_lines),
        cmocka_unit_test(test_input_file_long_lines),
        cmocka_unit_test(test_log_normal),
        cmocka_unit_test(test_time_zone_names),
        cmocka_unit_test(test_time_zone_madrid),
        cmocka_unit_test(test_input_file_endless_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
