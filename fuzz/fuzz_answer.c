/*
 * fuzz_answer.c - libFuzzer target of what answers on a link.
 *
 * Input: the operating system of the host in bits 0 and 1, bit 2 leaves checksums of the payload unseen, bit 3 makes that
 * of an IPv4 header right; then a frame. Whoever it is for is a virtual host. An answer is one frame of bounded
 * length, from that host to who asked, which would be taken as sound itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_types.h"
#include "emit/arp.h"
#include "emit/ip_packet.h"
#include "emit/responder.h"

enum { MOST_FRAME = 9014 };

static struct link_host the_host;

/* Even addresses are hosts here, odd ones real machines. */
static enum host_kind find(const void *self, const struct ip_address *address, uint16_t vlan, struct link_host *host)
{
    (void)self;
    (void)vlan;
    if (address->bytes[15] % 2 != 0)
        return HOST_NONE;
    *host = the_host;
    return HOST_VIRTUAL;
}

/* Not assert(): it must hold in every build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_sound(const uint8_t *frame, size_t size, const uint8_t *reply, size_t length, enum response response)
{
    struct ip_packet packet;
    struct arp arp;

    require(length >= ETHERNET_BYTES && memcmp(reply + ETHERNET_SOURCE, the_host.mac, MAC_BYTES) == 0);
    require(length <= size || response == RESPONSE_RESET || response == RESPONSE_UNREACHABLE || response == RESPONSE_ND);
    if (response == RESPONSE_ARP) {
        require(arp_parse(&arp, reply, length) && arp.operation == ARP_REPLY);
        return;
    }
    require(ip_packet_parse(&packet, reply, length));
    require(packet.ip_bytes + ETHERNET_BYTES == length);
    require(response == RESPONSE_ND || mac_equal(reply, frame + ETHERNET_SOURCE));
    require(ip_packet_is_intact(&packet));
}

static void mend(uint8_t *frame, size_t size)
{
    if (size < ETHERNET_BYTES + IPV4_HEADER_BYTES)
        return;
    wire_put_u16(frame + 24, 0);
    wire_put_u16(frame + 24, checksum_finish(checksum_add(0, frame + ETHERNET_BYTES, IPV4_HEADER_BYTES)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum host_os systems[] = { HOST_OS_LINUX, HOST_OS_WINDOWS, HOST_OS_MACOS, HOST_OS_ROUTER };
    static struct answer_counts counts;
    static struct address_claims claims;
    static struct responder *responder; /* kept: it is large */
    static int64_t now_ns;
    const struct responder_config config = { .hosts.find = find, .claims = &claims, .counts = &counts };
    enum response response;
    uint8_t *frame, *reply;
    size_t length, room;

    if (size < 1 || size - 1 > MOST_FRAME)
        return 0;
    size--;
    frame = malloc(size ? size : 1); /* exactly as long, so that a sanitizer sees a read behind the end */
    room = size > REFUSAL_MOST_BYTES ? size : REFUSAL_MOST_BYTES;
    reply = malloc(room);
    require(frame != NULL && reply != NULL);
    memcpy(frame, data + 1, size);
    the_host = (struct link_host){ { 0x02, 0, 0, 0, 0, 1 }, { systems[data[0] % 4], 64, IP_ID_COUNTER } };
    if (data[0] & 8)
        mend(frame, size);
    if (responder == NULL)
        responder = responder_new(&config);
    now_ns += NS_PER_DAY; /* what was answered before is forgotten, and so is what was claimed */
    address_claims_init(&claims);
    length = responder_answer(responder, &(struct responder_request){ frame, size, 0, now_ns, (data[0] & 4) != 0 }, reply,
                              &response);
    require(length <= room);
    if (length > 0)
        require_sound(frame, size, reply, length, response);
    address_claims_release(&claims);
    free(frame);
    free(reply);
    return 0;
}
