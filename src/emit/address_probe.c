#include "emit/address_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/counter.h"
#include "base/memory.h"
#include "base/mono_time.h"
#include "base/time_types.h"
#include "emit/address_walk.h"
#include "emit/arp.h"
#include "emit/link_receiver.h"
#include "emit/link_send.h"
#include "emit/neighbour_discovery.h"

enum { ROUNDS = 3, MOST_NAMED = 3 };

#define MOST_PER_SECOND 10000
#define NAP_NS (2 * NS_PER_MS)

/* Makes a frame about a virtual host. Returns its length. */
typedef size_t make_frame(const struct walked_host *walked, uint8_t *frame);

/* What is to be sent on one link, and what came of it. */
struct sender {
    const struct probed_link *on;
    make_frame *make;
    struct rate_ceiling pace;
    struct address_walk walk;
    struct walked_host waiting; /* the next one, when there is one */
    bool has_waiting;
    size_t asker; /* that comes next, behind the hosts */
    struct link_receiver *receiver; /* NULL: nobody listens */
};

/* ---- sending ---- */

static size_t make_probe(const struct walked_host *walked, uint8_t *frame)
{
    if (ip_address_is_v4(&walked->address)) {
        arp_put_request(frame, walked->host.mac, 0, ip_address_to_v4(&walked->address));
        return ARP_FRAME_BYTES;
    }
    neighbour_put_probe(frame, walked->host.mac, &walked->address);
    return NEIGHBOUR_PROBE_BYTES;
}

static size_t make_announcement(const struct walked_host *walked, uint8_t *frame)
{
    if (ip_address_is_v4(&walked->address)) {
        arp_put_request(frame, walked->host.mac, ip_address_to_v4(&walked->address), ip_address_to_v4(&walked->address));
        return ARP_FRAME_BYTES;
    }
    neighbour_put_announcement(frame, walked->host.mac, &walked->address, walked->host.stack.os == HOST_OS_ROUTER);
    return NEIGHBOUR_FRAME_BYTES;
}

static bool next(struct sender *sender)
{
    if (address_walk_next(&sender->walk, &sender->waiting))
        return true;
    if (sender->asker == sender->on->asker_count)
        return false;
    sender->waiting = sender->on->askers[sender->asker++];
    return true;
}

/* To the next address that nobody else has. */
static void step(struct sender *sender)
{
    do
        sender->has_waiting = next(sender);
    while (sender->has_waiting && address_claims_has(sender->on->claims, &sender->waiting.address));
}

static void begin_round(struct sender *sender)
{
    sender->walk = address_walk_begin(sender->on->hosts);
    sender->asker = 0;
    step(sender);
}

/* What there is room for now. True when there is more. A frame that the interface does not take is one probe less. */
static bool send_some(struct sender *sender)
{
    uint8_t frame[NEIGHBOUR_FRAME_BYTES];

    while (sender->has_waiting) {
        uint16_t vlan = sender->waiting.vlan;
        size_t size = sender->make(&sender->waiting, frame);

        if (!rate_ceiling_take_paced(sender->on->ceiling, &sender->pace, mono_time_now().ns,
                                     (uint32_t)link_send_bytes(vlan, size)))
            return true;
        if (link_send(sender->on->link, vlan, frame, size) == 0)
            counter_add(&sender->on->counts->unasked, 1);
        step(sender);
    }
    return false;
}

/* ---- listening ---- */

static bool is_asker(const struct probed_link *on, const struct ip_address *address, uint16_t vlan, struct link_host *host)
{
    for (size_t i = 0; i < on->asker_count; i++) {
        if (on->askers[i].vlan == vlan && ip_address_equal(&on->askers[i].address, address)) {
            *host = on->askers[i].host;
            return true;
        }
    }
    return false;
}

/* Somebody has an address, or wants to have it. */
static void note_claim(struct sender *sender, const struct ip_address *address, uint16_t vlan, const uint8_t *mac)
{
    struct address_claim claim = { .address = *address, .kind = CLAIM_VIRTUAL };
    struct link_host host;

    if (link_hosts_find(sender->on->hosts, address, vlan, &host) != HOST_VIRTUAL) {
        claim.kind = CLAIM_OUTSIDE;
        if (!is_asker(sender->on, address, vlan, &host))
            return;
    }
    if (mac_equal(host.mac, mac))
        return;
    memcpy(claim.mac, mac, sizeof claim.mac);
    if (address_claims_add(sender->on->claims, &claim) && claim.kind == CLAIM_VIRTUAL)
        counter_add(&sender->on->counts->conflicts, 1);
}

/* RFC 5227, section 2.1.1: who sends from the address, and who probes for it at the same time. */
static void hear_arp(struct sender *sender, const struct received_frame *received)
{
    struct ip_address address;
    struct arp arp;

    if (!arp_parse(&arp, received->bytes, received->size))
        return;
    address = ip_address_from_v4(arp.sender != 0 ? arp.sender : arp.target);
    note_claim(sender, &address, received->vlan, arp.sender_mac);
}

/* RFC 4862, sections 5.4.3 and 5.4.4. */
static void hear_neighbour(struct sender *sender, const struct received_frame *received)
{
    struct neighbour_message message;
    struct ip_packet packet;

    if (ip_packet_parse(&packet, received->bytes, received->size) && neighbour_message_parse(&message, &packet) &&
        (message.is_advertisement || message.is_probe))
        note_claim(sender, &message.target, received->vlan, message.mac);
}

static void listen_on(struct sender *sender)
{
    struct received_frame frames[LINK_RECEIVER_BATCH];
    size_t count;

    while ((count = link_receiver_take(sender->receiver, 0, frames)) > 0) {
        for (size_t i = 0; i < count; i++) {
            hear_arp(sender, &frames[i]);
            hear_neighbour(sender, &frames[i]);
        }
    }
}

/* ---- all links ---- */

/* A round, or the third part of the time, whichever takes longer. True when it was stopped. */
static bool play_round(struct sender *senders, size_t count, int64_t least_ns, address_probe_stop *stop, void *self)
{
    const struct timespec nap = { .tv_nsec = NAP_NS };
    int64_t end_ns = mono_time_now().ns + least_ns;
    bool has_more = true;

    for (size_t i = 0; i < count; i++)
        begin_round(&senders[i]);
    while (has_more || mono_time_now().ns < end_ns) {
        has_more = false;
        if (stop(self))
            return true;
        for (size_t i = 0; i < count; i++) {
            has_more |= send_some(&senders[i]);
            if (senders[i].receiver)
                listen_on(&senders[i]);
        }
        nanosleep(&nap, NULL);
    }
    return false;
}

static struct sender *senders_new(const struct probed_link *links, size_t count, make_frame *make)
{
    struct sender *senders = memory_alloc_array(count, sizeof *senders);

    for (size_t i = 0; i < count; i++) {
        senders[i].on = &links[i];
        senders[i].make = make;
        rate_ceiling_init_budget(&senders[i].pace, MOST_PER_SECOND);
    }
    return senders;
}

static void senders_free(struct sender *senders, size_t count)
{
    for (size_t i = 0; i < count; i++)
        link_receiver_free(senders[i].receiver);
    free(senders);
}

int address_probe_complain(const struct probed_link *links, size_t count, struct error *err)
{
    char named[MOST_NAMED * (ADDRESS_CLAIM_TEXT + 32)] = "";
    char claim[ADDRESS_CLAIM_TEXT];
    size_t length = 0;
    size_t claimed = 0;

    for (size_t i = 0; i < count; i++) {
        const struct claim_table *table = &links[i].claims->tables[CLAIM_VIRTUAL];

        for (size_t j = 0; j < table->count; j++, claimed++) {
            if (claimed < MOST_NAMED)
                length += (size_t)snprintf(named + length, sizeof named - length, "%s%s on %s", claimed ? ", " : "",
                                           address_claim_format(&table->claims[j], claim),
                                           links[i].link->name);
        }
    }
    if (claimed == 0)
        return 0;
    return error_set(err, "addresses of virtual hosts are in use: %s%s", named,
                     claimed > MOST_NAMED ? ", and more" : "");
}

void address_probe(const struct probed_link *links, size_t count, int64_t duration_ns, address_probe_stop *stop, void *self)
{
    struct sender *senders = senders_new(links, count, make_probe);
    bool is_stopped = false;

    for (size_t i = 0; i < count; i++)
        senders[i].receiver = link_receiver_new(links[i].link);
    for (int round = 0; round < ROUNDS && !is_stopped; round++)
        is_stopped = play_round(senders, count, duration_ns / ROUNDS, stop, self);
    senders_free(senders, count);
}

void address_announce(const struct probed_link *links, size_t count, address_probe_stop *stop, void *self)
{
    struct sender *senders = senders_new(links, count, make_announcement);

    (void)play_round(senders, count, 0, stop, self);
    senders_free(senders, count);
}
