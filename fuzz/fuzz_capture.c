/*
 * fuzz_capture.c - whatever bytes captures have, reading them comes to an end: pcap, its dialects, pcapng,
 * alone or two of them merged.
 *
 * Input: options: bit 0 looks through tunnels, bit 1 drops duplicates; the size of the first capture in two
 * bytes, little-endian (all there is, or more: it is the only one); the first capture, the second.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "capture/capture_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint8_t seen; /* so that the compiler must look */

/* Not assert(): it must hold in every build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

/* All bytes that a view promises are there. */
static void look_at(const struct packet_view *view)
{
    for (uint32_t i = 0; i < view->ip_captured; i++)
        seen = (uint8_t)(seen ^ view->ip[i]);
}

/* Every frame is counted once. */
static void require_sound(const struct capture_counts *counts, uint64_t packets)
{
    uint64_t sum = counts->unknown_link + counts->duplicates;

    for (int i = 0; i < DECODE_RESULTS; i++)
        sum += counts->by_result[i];
    require(sum == counts->frames);
    require(counts->by_result[DECODE_OK] == packets);
}

static void read_alone(const uint8_t *bytes, size_t size, const struct capture_options *options)
{
    struct input_file *input = input_file_from_memory(bytes, size, "input");
    struct packet_view view;
    uint64_t packets = 0;
    struct error err;
    struct capture_file *file = capture_file_open(input, options, &err);

    if (file == NULL)
        return;
    for (; capture_file_next(file, &view, &err) == 1; packets++)
        look_at(&view);
    require_sound(capture_file_counts(file), packets);
    capture_file_close(file);
}

static void ignore_damage(void *self, const char *message)
{
    (void)self;
    (void)message;
}

/* `first` bytes are the one, the others the other. */
static void read_merged(const uint8_t *bytes, size_t size, size_t first,
                        const struct capture_options *options)
{
    struct capture_set *set = capture_set_new(options, ignore_damage, NULL);
    struct packet_view view;
    uint64_t packets = 0;
    struct error err;

    capture_set_add(set, input_file_from_memory(bytes, first, "first"), &err);
    capture_set_add(set, input_file_from_memory(bytes + first, size - first, "second"), &err);
    for (; capture_set_next(set, &view); packets++)
        look_at(&view);
    require_sound(capture_set_counts(set), packets);
    capture_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct capture_options options = { .jobs = 1 };
    size_t first;

    if (size < 3)
        return 0;
    options.tunnels = bytes[0] & 1;
    options.dedup_ns = bytes[0] & 2 ? 5 * NS_PER_MS : 0;
    first = (size_t)(bytes[1] | bytes[2] << 8);
    bytes += 3;
    size -= 3;
    if (first >= size)
        read_alone(bytes, size, &options);
    else
        read_merged(bytes, size, first, &options);
    return 0;
}
