/*
 * fuzz_decode.c - libFuzzer target of the packet decoder.
 *
 * Input: the link (modulo their number); options: bit 0 looks through tunnels, the rest counts 16
 * bytes each that a snaplen took off the end; then the frame.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in every build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_sound(const struct packet_view *view, const uint8_t *frame, size_t captured)
{
    require(view->ip >= frame && view->ip_captured >= 20);
    require((size_t)(view->ip - frame) + view->ip_captured <= captured);
    require(view->ip_captured <= view->ip_bytes);
    require(view->payload_bytes < view->ip_bytes);
    require(view->ip_bytes <= 40 + 512 * 1024); /* the largest packet that offloading hands over */
    require(view->ip[0] >> 4 == (ip_address_is_v4(&view->source) ? 4 : 6) ||
            view->ip[0] >> 4 == 6); /* a mapped address in IPv6 */
    require(view->tcp_window_scale <= 14);
    require(view->tcp_mss == 0 || view->tcp_options & TCP_OPTION_MSS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet_view view = { .time = { 7 } };
    enum decode_result result;
    enum decode_link link;
    size_t original;
    bool tunnels;

    if (size < 2)
        return 0;
    size -= 2;
    link = data[0] % DECODE_LINKS;
    tunnels = data[1] & 1;
    original = size + 16 * (size_t)(data[1] >> 1);
    result = decode_frame(link, data + 2, size, original, tunnels, &view);
    require(result < DECODE_RESULTS && decode_result_name(result) != NULL);
    require(view.time.ns == 7);
    if (!tunnels && link < DECODE_IEEE80211) /* else fragments cut headers, too */
        require(result != DECODE_CUT || original > size);
    if (result == DECODE_OK || result == DECODE_FRAGMENT)
        require_sound(&view, data + 2, size);
    if (result == DECODE_FRAGMENT)
        require(view.fragment && view.source_port == 0 && view.destination_port == 0);
    if (result == DECODE_OK)
        require(view.protocol == IP_TCP || view.protocol == IP_UDP || view.protocol == IP_ICMP ||
                view.protocol == IP_ICMPV6);
    return 0;
}
