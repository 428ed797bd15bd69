/*
 * Whatever bytes a capture has, reading it comes to an end: pcap, its dialects, pcapng.
 *
 * For libFuzzer: clang -fsanitize=fuzzer,address,undefined.
 */
#include <stddef.h>
#include <stdint.h>

#include "capture/capture_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static volatile uint8_t seen; /* so that the compiler must look */

/* All bytes that a view promises are there. */
static void look_at(const struct packet_view *view)
{
    for (uint32_t i = 0; i < view->ip_captured; i++)
        seen = (uint8_t)(seen ^ view->ip[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct capture_options options = { .tunnels = true };
    struct error err;
    struct packet_view view;
    struct capture_file *file =
        capture_file_open(input_file_from_memory(bytes, size, "input"), &options, &err);

    if (file == NULL)
        return 0;
    while (capture_file_next(file, &view, &err) == 1)
        look_at(&view);
    capture_file_close(file);
    return 0;
}
