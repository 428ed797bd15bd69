#include "emit/gateway_search.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/counter.h"
#include "base/mono_time.h"
#include "base/time_types.h"
#include "emit/arp.h"
#include "emit/link_receiver.h"
#include "emit/link_send.h"
#include "emit/neighbour_discovery.h"

enum { TRIES = 6, POLL_MS = 20 };

#define TRY_NS (NS_PER_SECOND / 2)

/* The part of the ceiling that is for address resolution holds back for a second at most. */
static void wait_for_room(const struct gateway_question *question, size_t size, address_probe_stop *stop, void *self)
{
    const struct timespec nap = { .tv_nsec = 2 * NS_PER_MS };
    uint32_t bytes = (uint32_t)link_send_bytes(question->vlan, size);

    while (question->ceiling && !rate_ceiling_take_resolution(question->ceiling, mono_time_now().ns, bytes) && !stop(self))
        nanosleep(&nap, NULL);
}

static void ask(const struct gateway_question *question, address_probe_stop *stop, void *self)
{
    uint8_t frame[NEIGHBOUR_FRAME_BYTES];
    size_t size = ARP_FRAME_BYTES;

    if (ip_address_is_v4(&question->gateway)) {
        arp_put_request(frame, question->sender_mac, ip_address_to_v4(&question->sender),
                        ip_address_to_v4(&question->gateway));
    } else {
        neighbour_put_solicitation(frame, question->sender_mac, &question->sender, &question->gateway);
        size = NEIGHBOUR_FRAME_BYTES;
    }
    wait_for_room(question, size, stop, self);
    if (link_send(question->link, question->vlan, frame, size) == 0)
        counter_add(&question->counts->unasked, 1);
}

/* Whether a frame says who has the gateway's address. */
static bool hear(const struct gateway_question *question, const struct received_frame *received, uint8_t mac[6])
{
    struct neighbour_message message;
    struct ip_packet packet;
    struct arp arp;

    if (received->vlan != question->vlan)
        return false;
    if (ip_address_is_v4(&question->gateway)) {
        if (!arp_parse(&arp, received->bytes, received->size) || arp.sender != ip_address_to_v4(&question->gateway))
            return false;
        memcpy(mac, arp.sender_mac, sizeof arp.sender_mac);
        return true;
    }
    if (!ip_packet_parse(&packet, received->bytes, received->size) || !neighbour_message_parse(&message, &packet) ||
        !message.is_advertisement || !ip_address_equal(&message.target, &question->gateway))
        return false;
    memcpy(mac, message.mac, MAC_BYTES);
    return true;
}

/* False when nothing came within the time of a try. */
static bool listen_once(const struct gateway_question *question, struct link_receiver *receiver, address_probe_stop *stop,
                        void *self, uint8_t mac[6])
{
    int64_t end_ns = mono_time_now().ns + TRY_NS;
    struct received_frame frames[LINK_RECEIVER_BATCH];

    while (mono_time_now().ns < end_ns && !stop(self)) {
        size_t count = link_receiver_take(receiver, POLL_MS, frames);

        for (size_t i = 0; i < count; i++) {
            if (hear(question, &frames[i], mac))
                return true;
        }
    }
    return false;
}

int gateway_search(const struct gateway_question *question, address_probe_stop *stop, void *self, uint8_t mac[6],
                   struct error *err)
{
    struct link_receiver *receiver = link_receiver_new(question->link);
    char address[IP_ADDRESS_TEXT];
    bool found = false;

    memset(mac, 0, MAC_BYTES);
    for (int i = 0; i < TRIES && !found && !stop(self); i++) {
        ask(question, stop, self);
        found = listen_once(question, receiver, stop, self, mac);
    }
    link_receiver_free(receiver);
    if (!found && !stop(self))
        return error_set(err, "no answer from gateway %s on %s", ip_address_format(&question->gateway, address),
                         question->link->name);
    return 0;
}
