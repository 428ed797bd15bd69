#include "session/symbol_alphabet.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/radix_sort.h"

enum { LEAST_FLOWS = 3, FLOWS_OF_ONE = 250 /* 0.4 % */, BYTES_SHIFT = 48 };

/* floor(4 log2 bytes), of at least 1 and at most 65535. */
static uint32_t bucket_of(uint32_t bytes)
{
    /* 2^(16 + i/4), rounded up */
    static const uint32_t borders[] = { 77936, 92682, 110218 };
    unsigned octave = 31 - (unsigned)__builtin_clz(bytes);
    uint32_t scaled = bytes << (16 - octave);
    uint32_t part = 0;

    while (part < 3 && scaled >= borders[part])
        part++;
    return octave * LENGTH_OCTAVE_PARTS + part;
}

/* By length; of one length as they were. */
static void sort_lengths(struct flow_length *lengths, size_t count)
{
    uint64_t *packed = memory_alloc_array(count + 1, sizeof *packed);

    for (size_t i = 0; i < count; i++)
        packed[i] = (uint64_t)lengths[i].bytes << BYTES_SHIFT | lengths[i].flow;
    radix_sort(packed, count, BYTES_SHIFT);
    for (size_t i = 0; i < count; i++)
        lengths[i] = (struct flow_length){ (uint16_t)(packed[i] >> BYTES_SHIFT), (uint32_t)packed[i] };
    free(packed);
}

struct frequency {
    uint16_t bytes;
    uint32_t flows;
};

static int compare_flows(const void *a, const void *b)
{
    const struct frequency *x = a;
    const struct frequency *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int compare_bytes(const void *a, const void *b)
{
    const uint16_t *x = a;
    const uint16_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void choose_exact(struct symbol_alphabet *alphabet, const struct flow_length *lengths, size_t count,
                         uint32_t flows)
{
    struct frequency *found = memory_alloc_array(count + 1, sizeof *found);
    uint32_t least = flows / FLOWS_OF_ONE > LEAST_FLOWS ? flows / FLOWS_OF_ONE : LEAST_FLOWS;
    size_t used = 0;

    for (size_t at = 0, end; at < count; at = end) {
        struct frequency frequency = { .bytes = lengths[at].bytes };

        for (end = at; end < count && lengths[end].bytes == lengths[at].bytes; end++)
            frequency.flows += end == at || lengths[end].flow != lengths[end - 1].flow;
        if (frequency.flows >= least)
            found[used++] = frequency;
    }
    qsort(found, used, sizeof *found, compare_flows);
    for (size_t i = 0; i < used && i < LENGTH_MAX_EXACT; i++)
        alphabet->exact[alphabet->exact_count++] = found[i].bytes;
    qsort(alphabet->exact, alphabet->exact_count, sizeof *alphabet->exact, compare_bytes);
    free(found);
}

/* Index of an exact length, or -1. */
static int exact_index(const struct symbol_alphabet *alphabet, uint32_t bytes)
{
    uint32_t low = 0;
    uint32_t high = alphabet->exact_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (alphabet->exact[middle] < bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low < alphabet->exact_count && alphabet->exact[low] == bytes ? (int)low : -1;
}

static uint8_t find_size(const struct symbol_alphabet *alphabet, uint32_t bytes)
{
    int index = exact_index(alphabet, bytes);

    if (bytes == 0)
        return LENGTH_NONE;
    if (index >= 0)
        return (uint8_t)(LENGTH_EXACT + index);
    return (uint8_t)(LENGTH_BUCKET + bucket_of(bytes > UINT16_MAX ? UINT16_MAX : bytes));
}

uint8_t symbol_alphabet_size(const struct symbol_alphabet *alphabet, uint32_t bytes)
{
    return bytes < LENGTH_TABLED ? alphabet->sizes[bytes] : find_size(alphabet, bytes);
}

/* Of the lengths of one bucket, which are sorted. */
static void set_quantiles(uint16_t *quantiles, const struct flow_length *lengths, size_t count)
{
    for (size_t i = 0; i < LENGTH_QUANTILES; i++)
        quantiles[i] = lengths[i * (count - 1) / (LENGTH_QUANTILES - 1)].bytes;
}

void symbol_alphabet_build(struct symbol_alphabet *alphabet, struct flow_length *lengths, size_t count,
                           uint32_t flows)
{
    size_t rare = 0;

    memset(alphabet, 0, sizeof *alphabet);
    sort_lengths(lengths, count);
    choose_exact(alphabet, lengths, count, flows);
    for (size_t i = 0; i < count; i++) {
        if (exact_index(alphabet, lengths[i].bytes) < 0)
            lengths[rare++] = lengths[i];
    }
    for (size_t at = 0, end; at < rare; at = end) {
        uint32_t bucket = bucket_of(lengths[at].bytes);

        for (end = at; end < rare && bucket_of(lengths[end].bytes) == bucket; end++)
            ;
        set_quantiles(alphabet->quantiles[bucket], lengths + at, end - at);
    }
    for (uint32_t bytes = 0; bytes < LENGTH_TABLED; bytes++)
        alphabet->sizes[bytes] = find_size(alphabet, bytes);
}

uint8_t symbol_alphabet_length(const struct symbol_alphabet *alphabet, uint32_t bytes,
                               struct length_past past)
{
    uint8_t size;

    if (bytes > 0 && past.full > 0 && bytes >= past.full)
        return LENGTH_FULL;
    size = symbol_alphabet_size(alphabet, bytes);
    if (size < LENGTH_BUCKET)
        return size;
    return bytes == past.own ? LENGTH_SAME : bytes == past.other ? LENGTH_ECHO : size;
}

uint32_t symbol_alphabet_least(const struct symbol_alphabet *alphabet, uint8_t length,
                               struct length_past past)
{
    uint16_t repeated;

    if (length >= LENGTH_BUCKET)
        return alphabet->quantiles[length - LENGTH_BUCKET][0];
    if (length >= LENGTH_EXACT)
        return alphabet->exact[length - LENGTH_EXACT];
    if (length == LENGTH_NONE)
        return 0;
    repeated = length == LENGTH_FULL ? past.full : length == LENGTH_SAME ? past.own : past.other;
    return repeated > 0 ? repeated : UINT32_MAX;
}

uint32_t symbol_alphabet_draw(const struct symbol_alphabet *alphabet, uint8_t length,
                              struct length_past past, struct random_stream *random)
{
    const uint16_t *quantiles;
    uint32_t drawn;
    uint32_t part;

    if (length < LENGTH_BUCKET)
        return symbol_alphabet_least(alphabet, length, past);
    quantiles = alphabet->quantiles[length - LENGTH_BUCKET];
    drawn = random_u32(random);
    part = drawn >> 28;
    return quantiles[part] +
           (uint32_t)((uint64_t)(quantiles[part + 1] - quantiles[part]) * (drawn << 4 >> 4) >> 28);
}
