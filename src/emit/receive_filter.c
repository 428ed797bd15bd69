/*
 * Offsets are those of Ethernet without a tag: VLAN frames reach a filter with their tag taken off. Jumps of BPF go
 * forward, conditional ones by 255 at most: each range is a few instructions that jump no further than its own end.
 */
#include "emit/receive_filter.h"

#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdint.h>

#include "emit/link_filter.h"
#include "net/ethernet_header.h"
#include "net/ip_header.h"

enum {
    ARP_OR_IP = ETHERNET_TYPE,
    SOURCE4 = ETHERNET_BYTES + IPV4_SOURCE,
    DESTINATION4 = ETHERNET_BYTES + IPV4_DESTINATION,
    NEXT_HEADER = ETHERNET_BYTES + IPV6_NEXT,
    SOURCE6 = ETHERNET_BYTES + IPV6_SOURCE,
    DESTINATION6 = ETHERNET_BYTES + IPV6_DESTINATION,
    ICMPV6_TYPE = ETHERNET_BYTES + IPV6_HEADER_BYTES
};

#define PASS UINT32_MAX
#define ANCILLARY(what) ((uint32_t)(SKF_AD_OFF + (what)))

static void add(struct receive_filter *filter, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    if (filter->length < RECEIVE_FILTER_MOST)
        filter->code[filter->length] = (struct sock_filter){ code, yes, no, k };
    filter->length++; /* also beyond the end, so that it is seen that it does not fit */
}

static void load(struct receive_filter *filter, uint16_t size, uint32_t offset)
{
    add(filter, BPF_LD | size | BPF_ABS, 0, 0, offset);
}

/* Goes on where the loaded value passes the test, and skips so many instructions where it does not. */
static void unless(struct receive_filter *filter, uint16_t test, uint32_t value, uint8_t skipped)
{
    add(filter, BPF_JMP | test | BPF_K, 0, skipped, value);
}

static void end(struct receive_filter *filter, uint32_t result)
{
    add(filter, BPF_RET | BPF_K, 0, 0, result);
}

/* The frame is none of ours that goes out, and whether it is ARP. */
static void begin(struct receive_filter *filter)
{
    filter->length = 0;
    load(filter, BPF_B, ANCILLARY(SKF_AD_PKTTYPE));
    unless(filter, BPF_JEQ, PACKET_OUTGOING, 1);
    end(filter, 0);
    load(filter, BPF_H, ARP_OR_IP);
    unless(filter, BPF_JEQ, ETHERNET_TYPE_ARP, 1);
    end(filter, PASS);
}

/* Of a frame of IPv6. */
static void pass_neighbour_discovery(struct receive_filter *filter)
{
    load(filter, BPF_B, NEXT_HEADER);
    unless(filter, BPF_JEQ, IP_ICMPV6, 4);
    load(filter, BPF_B, ICMPV6_TYPE);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ICMPV6_NEIGHBOUR_SOLICITATION);
    unless(filter, BPF_JEQ, ICMPV6_NEIGHBOUR_ADVERTISEMENT, 1);
    end(filter, PASS);
}

void receive_filter_neighbours(struct receive_filter *filter)
{
    begin(filter);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ETHERNET_TYPE_IPV6);
    end(filter, 0);
    pass_neighbour_discovery(filter);
    end(filter, 0);
}

/* ---- addresses ---- */

static uint32_t word_of(const struct ip_address *address, int word)
{
    return wire_get_u32(address->bytes + 4 * (ptrdiff_t)word);
}

/* The first word in which the ends of a range differ, or else the last one. */
static int differing_word(const struct host_range *range)
{
    int word = 0;

    while (word < 3 && word_of(&range->first, word) == word_of(&range->last, word))
        word++;
    return word;
}

/* What test_range() does not look at is all 0 in the first address and all 1 in the last one. */
static bool is_exact(const struct host_range *range)
{
    for (int word = differing_word(range) + 1; word < 4; word++) {
        if (word_of(&range->first, word) != 0 || word_of(&range->last, word) != UINT32_MAX)
            return false;
    }
    return true;
}

/*
 * Comes before an instruction that is skipped unless the address at `offset` is in the range: up to the first word in
 * which its ends differ.
 */
static void test_range(struct receive_filter *filter, const struct host_range *range, uint32_t offset, bool is_v6)
{
    int differing = differing_word(range);

    for (int word = 0; is_v6 && word < differing; word++) {
        load(filter, BPF_W, offset + 4 * (uint32_t)word);
        unless(filter, BPF_JEQ, word_of(&range->first, word), (uint8_t)(2 * (differing - 1 - word) + 4));
    }
    load(filter, BPF_W, is_v6 ? offset + 4 * (uint32_t)differing : offset);
    unless(filter, BPF_JGE, word_of(&range->first, differing), 2);
    add(filter, BPF_JMP | BPF_JGT | BPF_K, 1, 0, word_of(&range->last, differing));
}

/* Returns 0 for what comes from one of the ranges. */
static void drop_from(struct receive_filter *filter, const struct host_range *ranges, size_t count, uint32_t offset,
                      bool is_v6)
{
    for (size_t i = 0; i < count; i++) {
        if (ip_address_is_v4(&ranges[i].first) == is_v6 || !is_exact(&ranges[i]))
            continue;
        test_range(filter, &ranges[i], offset, is_v6);
        end(filter, 0);
    }
}

/* Passes what goes to one of the ranges. */
static void pass_to(struct receive_filter *filter, const struct host_range *ranges, size_t count, uint32_t offset,
                    bool is_v6)
{
    for (size_t i = 0; i < count; i++) {
        if (ip_address_is_v4(&ranges[i].first) == is_v6)
            continue;
        test_range(filter, &ranges[i], offset, is_v6);
        end(filter, PASS);
    }
}

struct ranges {
    const struct host_range *wanted, *unwanted;
    size_t wanted_count, unwanted_count;
};

static void test_addresses(struct receive_filter *filter, const struct ranges *ranges, bool is_v6)
{
    drop_from(filter, ranges->unwanted, ranges->unwanted_count, is_v6 ? SOURCE6 : SOURCE4, is_v6);
    pass_to(filter, ranges->wanted, ranges->wanted_count, is_v6 ? DESTINATION6 : DESTINATION4, is_v6);
    end(filter, 0);
}

/* Behind begin(): what is neither ARP nor IP stops here, and IPv6 goes on behind the block of IPv4. */
static void add_families(struct receive_filter *filter, const struct ranges *ranges)
{
    unsigned short jump;

    unless(filter, BPF_JEQ, ETHERNET_TYPE_IPV4, 1); /* over a jump to the block of IPv4 */
    add(filter, BPF_JMP | BPF_JA, 0, 0, 3);
    unless(filter, BPF_JEQ, ETHERNET_TYPE_IPV6, 1);
    jump = filter->length;
    add(filter, BPF_JMP | BPF_JA, 0, 0, 0); /* to the block of IPv6, when it is known where that is */
    end(filter, 0);
    test_addresses(filter, ranges, false);
    if (jump < RECEIVE_FILTER_MOST)
        filter->code[jump].k = (uint32_t)(filter->length - jump - 1);
    pass_neighbour_discovery(filter);
    test_addresses(filter, ranges, true);
}

void receive_filter_ranges(struct receive_filter *filter, const struct host_range *wanted, size_t wanted_count,
                           const struct host_range *unwanted, size_t unwanted_count)
{
    const struct ranges ranges = { wanted, unwanted, wanted_count, unwanted_count };

    begin(filter);
    add_families(filter, &ranges);
    if (filter->length <= RECEIVE_FILTER_MOST)
        return;
    begin(filter);
    end(filter, PASS);
}

int receive_filter_attach(struct receive_filter *filter, int fd)
{
    return link_filter_attach(fd, filter->code, filter->length);
}
