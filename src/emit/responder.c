#include "emit/responder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "base/memory.h"
#include "base/mono_time.h"
#include "emit/answer_limits.h"
#include "emit/arp.h"
#include "emit/echo.h"
#include "emit/ip_ids.h"
#include "emit/link_receiver.h"
#include "emit/link_send.h"
#include "emit/neighbour_discovery.h"

enum { POLL_MS = 50 }; /* a stop is noticed after this */

#define MOST_ANSWERS 10000 /* a second: more than any scan of a site, too few to flood its wire */

struct responder {
    struct responder_config config;
    struct rate_ceiling answers;
    struct ip_ids ids;
    struct answer_limits limits;
    atomic_bool stop;
    pthread_t thread;
};

struct responder *responder_new(const struct responder_config *config)
{
    struct responder *responder = memory_alloc(sizeof *responder);

    responder->config = *config;
    rate_ceiling_init_budget(&responder->answers, MOST_ANSWERS);
    answer_limits_init(&responder->limits);
    return responder;
}

void responder_free(struct responder *responder)
{
    free(responder);
}

/* ---- whose an address is ---- */

/* Whether somebody here answers for it: what a real host of the outside has is that host's. */
static bool answers_for(const struct responder *responder, const struct ip_address *address, uint16_t vlan,
                        struct link_host *host)
{
    enum host_kind kind = link_hosts_find(&responder->config.hosts, address, vlan, host);

    return kind == HOST_VIRTUAL || (kind == HOST_OUTSIDE && !address_claims_has(responder->config.claims, address));
}

/*
 * It came from the run itself. What comes from outside is known by its MAC address: it may have any address of that world,
 * which is also that of real hosts. An address that somebody else has is still sent from by the run.
 */
static bool is_own(const struct responder *responder, const struct ip_packet *packet, uint16_t vlan)
{
    const uint8_t *mac = packet->frame + ETHERNET_SOURCE;
    struct link_host host = { .mac = { 0 } };
    enum host_kind kind = link_hosts_find(&responder->config.hosts, &packet->source, vlan, &host);

    if (mac_equal(mac, responder->config.hosts.outside_mac))
        return true;
    if (address_claims_has(responder->config.claims, &packet->source))
        return mac_equal(mac, host.mac);
    return kind != HOST_NONE;
}

/* Somebody says that an address is his. */
static void note_claim(struct responder *responder, const struct ip_address *address, uint16_t vlan, const uint8_t *mac)
{
    struct link_host host;
    enum host_kind kind = link_hosts_find(&responder->config.hosts, address, vlan, &host);
    struct address_claim claim = { .address = *address, .kind = kind == HOST_VIRTUAL ? CLAIM_VIRTUAL : CLAIM_OUTSIDE };

    if ((kind != HOST_VIRTUAL && kind != HOST_OUTSIDE) || mac_equal(mac, host.mac))
        return;
    memcpy(claim.mac, mac, sizeof claim.mac);
    if (address_claims_add(responder->config.claims, &claim) && claim.kind == CLAIM_VIRTUAL)
        counter_add(&responder->config.counts->conflicts, 1);
}

/* ---- who is where ---- */

static size_t answer_arp(struct responder *responder, const struct responder_request *request, uint8_t *reply)
{
    struct ip_address sender, target;
    struct link_host host;
    struct arp arp;

    if (!arp_parse(&arp, request->frame, request->size))
        return 0;
    sender = ip_address_from_v4(arp.sender);
    target = ip_address_from_v4(arp.target);
    note_claim(responder, &sender, request->vlan, arp.sender_mac);
    if (arp.operation != ARP_REQUEST || arp.sender == arp.target || /* an announcement asks nothing */
        !answers_for(responder, &target, request->vlan, &host) || mac_equal(arp.sender_mac, host.mac))
        return 0;
    if (!mac_equal(arp.to, host.mac) && !mac_is_broadcast(arp.to))
        return 0;
    arp_put_reply(reply, &arp, host.mac);
    return ARP_FRAME_BYTES;
}

static size_t answer_neighbour(struct responder *responder, const struct responder_request *request,
                               const struct ip_packet *packet, uint8_t *reply)
{
    struct neighbour_message message;
    struct link_host host;

    if (!neighbour_message_parse(&message, packet))
        return 0;
    if (message.is_advertisement)
        note_claim(responder, &message.target, request->vlan, message.mac);
    if (message.is_advertisement || !answers_for(responder, &message.target, request->vlan, &host))
        return 0;
    if (mac_equal(packet->frame + ETHERNET_SOURCE, host.mac) ||
        (mac_is_unicast(packet->frame) && !mac_equal(packet->frame, host.mac)))
        return 0;
    neighbour_put_answer(reply, packet, &message, host.mac, host.stack.os == HOST_OS_ROUTER);
    return NEIGHBOUR_FRAME_BYTES;
}

/* ---- pings and refusals ---- */

/* The host sends no more of them for now. */
static bool is_over_limit(struct responder *responder, const struct host_answer *answer, enum response response,
                          int64_t now_ns)
{
    bool is_reset = response == RESPONSE_RESET;
    const struct answer_rate *rate = is_reset ? &answer->traits->resets : &answer->traits->errors;

    if (answer_limits_take(&responder->limits, rate, response, &answer->packet->destination, &answer->packet->source,
                           now_ns))
        return false;
    counter_add(&responder->config.counts->withheld, 1);
    return true;
}

static size_t refuse(struct responder *responder, struct host_answer *answer, int64_t now_ns, uint8_t *reply,
                     enum response *response)
{
    enum refusal_kind kind = refusal_of(answer->packet);

    if (kind == REFUSAL_NONE)
        return 0;
    *response = kind == REFUSAL_RESET ? RESPONSE_RESET : RESPONSE_UNREACHABLE;
    if (is_over_limit(responder, answer, *response, now_ns))
        return 0;
    return refusal_put(reply, kind, answer);
}

static size_t answer_packet(struct responder *responder, const struct responder_request *request,
                            const struct ip_packet *packet, uint8_t *reply, enum response *response)
{
    struct link_host host;
    struct host_answer answer = { .packet = packet, .host = &host };

    if (!ip_packet_is_from_one(packet) || !answers_for(responder, &packet->destination, request->vlan, &host) ||
        !mac_equal(packet->frame, host.mac) || is_own(responder, packet, request->vlan))
        return 0;
    answer.traits = stack_traits_of(host.stack.os);
    if (!packet->is_v6)
        answer.id = ip_ids_next(&responder->ids, &packet->destination, host.stack.ip_id, request->now_ns);
    if (!echo_is_request(packet))
        return refuse(responder, &answer, request->now_ns, reply, response);
    *response = RESPONSE_ECHO;
    return ip_packet_is_intact(packet) ? echo_put_reply(reply, &answer) : 0;
}

size_t responder_answer(struct responder *responder, const struct responder_request *request, uint8_t *reply,
                        enum response *response)
{
    struct ip_packet packet;

    *response = RESPONSE_ARP;
    if (request->size >= ETHERNET_BYTES && wire_get_u16(request->frame + ETHERNET_TYPE) == ETHERNET_TYPE_ARP)
        return answer_arp(responder, request, reply);
    if (!ip_packet_parse(&packet, request->frame, request->size))
        return 0;
    packet.is_unsummed = request->is_unsummed;
    *response = RESPONSE_ND;
    if (neighbour_message_is(&packet))
        return answer_neighbour(responder, request, &packet, reply);
    return answer_packet(responder, request, &packet, reply, response);
}

/* ---- the thread ---- */

static bool has_room(struct rate_ceiling *ceiling, enum response response, int64_t now_ns, uint32_t size)
{
    if (ceiling == NULL)
        return true;
    return response == RESPONSE_ARP || response == RESPONSE_ND ? rate_ceiling_take_resolution(ceiling, now_ns, size)
                                                               : rate_ceiling_take_spare(ceiling, now_ns, size);
}

/* There is room for it, in what may be answered and on the link; of both something is taken, or of none. */
static bool may_send(struct responder *responder, enum response response, int64_t now_ns, uint32_t size)
{
    if (rate_ceiling_take(&responder->answers, now_ns, size) > 0)
        return false;
    if (has_room(responder->config.ceiling, response, now_ns, size))
        return true;
    rate_ceiling_give_back(&responder->answers, size);
    return false;
}

static void answer_frame(struct responder *responder, const struct received_frame *received, uint8_t *reply)
{
    struct responder_request request = { received->bytes, received->size, received->vlan, mono_time_now().ns,
                                         received->is_unsummed };
    enum response response;
    size_t size = responder_answer(responder, &request, reply, &response);

    if (size == 0)
        return;
    if (may_send(responder, response, request.now_ns, (uint32_t)link_send_bytes(request.vlan, size)) &&
        link_send(responder->config.link, request.vlan, reply, size) == 0)
        counter_add(&responder->config.counts->sent[response], 1);
    else
        counter_add(&responder->config.counts->dropped, 1);
}

static void *answer_until_stopped(void *self)
{
    struct responder *responder = self;
    struct link_receiver *receiver = link_receiver_new(responder->config.link);
    struct received_frame frames[LINK_RECEIVER_BATCH];
    uint8_t reply[LINK_RECEIVER_LONGEST];

    while (!atomic_load_explicit(&responder->stop, memory_order_relaxed)) {
        size_t count = link_receiver_take(receiver, POLL_MS, frames);

        for (size_t i = 0; i < count; i++)
            answer_frame(responder, &frames[i], reply);
    }
    link_receiver_free(receiver);
    return NULL;
}

int responder_start(struct responder *responder, struct error *err)
{
    int status = pthread_create(&responder->thread, NULL, answer_until_stopped, responder);

    if (status != 0)
        return error_set(err, "%s: cannot start the thread that answers for virtual hosts: %s",
                         responder->config.link->name, strerror(status));
    return 0;
}

void responder_stop(struct responder *responder)
{
    atomic_store_explicit(&responder->stop, true, memory_order_relaxed);
    pthread_join(responder->thread, NULL);
}
