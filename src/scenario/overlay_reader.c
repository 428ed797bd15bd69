#include "scenario/overlay_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "capture/capture_file.h"
#include "net/ethernet_header.h"
#include "net/ip_header.h"
#include "net/ipv4_options.h"
#include "net/readdress.h"
#include "net/wire.h"
#include "synth/flow_ends.h"

enum {
    MAX_IP_BYTES = FRAME_MAX_BYTES - ETHERNET_BYTES - ETHERNET_TAG_BYTES,
    WINDOW = OVERLAY_WINDOW + 1 /* with the one that is late */
};

struct overlay_reader {
    char *name;
    struct capture_file *file;
    struct overlay_rewriting rewriting;
    struct overlay_tally tally;
    bool ended; /* the file */
    struct overlay_frame *window[WINDOW]; /* a heap, in order of time and number */
    size_t held;
    struct overlay_frame frames[WINDOW + 1]; /* one is with the caller */
    struct overlay_frame *unused[WINDOW + 1];
    size_t unused_count;
    struct overlay_frame *given; /* NULL: none */
};

/* ---- one frame ---- */

/* Its packet's length is what the header says: the decoder takes 0 for the rest of the frame. */
static bool tells_length(const struct packet_view *view)
{
    if (view->ip[0] >> 4 == 4)
        return wire_get_u16(view->ip + IPV4_LENGTH) == view->ip_bytes;
    return wire_get_u16(view->ip + IPV6_LENGTH) + (uint32_t)IPV6_HEADER_BYTES == view->ip_bytes;
}

static bool is_neighbour_discovery(const struct packet_view *view, enum decode_result result)
{
    return result == DECODE_OTHER_IP && view->ip[0] >> 4 == 6 && view->protocol == IP_ICMPV6 &&
           view->icmp_type >= ICMPV6_ROUTER_SOLICITATION && view->icmp_type <= ICMPV6_REDIRECT;
}

static bool is_redirect(const struct packet_view *view)
{
    size_t icmp = ipv4_header_bytes(view->ip);

    return view->ip[0] >> 4 == 4 && view->ip[IPV4_PROTOCOL] == IP_ICMP &&
           (wire_get_u16(view->ip + IPV4_FRAGMENT) & IPV4_OFFSET_MASK) == 0 &&
           icmp < view->ip_bytes && view->ip[icmp] == ICMP_REDIRECTION;
}

/* Why it cannot be played, as far as the packet itself tells; OVERLAY_FAULTS: it can. */
static enum overlay_fault find_fault(const struct packet_view *view, enum decode_result result)
{
    if (view->ip == NULL)
        return result == DECODE_CUT ? OVERLAY_CUT : result == DECODE_MALFORMED ? OVERLAY_MALFORMED : OVERLAY_NOT_IP;
    if (!tells_length(view))
        return OVERLAY_MALFORMED;
    if (view->ip_captured < view->ip_bytes)
        return OVERLAY_CUT;
    if (view->ip[0] >> 4 == 4 && !ipv4_options_are_plain(view->ip, view->ip_bytes))
        return OVERLAY_OPTIONS;
    if (is_redirect(view))
        return OVERLAY_REDIRECT;
    if (view->ip_bytes > MAX_IP_BYTES)
        return OVERLAY_TOO_LONG;
    return is_neighbour_discovery(view, result) ? OVERLAY_NEIGHBOURS : OVERLAY_FAULTS;
}

static uint8_t *put_header(struct overlay_frame *frame, const struct flow_end ends[2], uint16_t type)
{
    ethernet_put(frame->bytes, flow_end_next_hop(&ends[0], &ends[1]), ends[0].mac,
                 ends[0].vlan ? ETHERNET_TYPE_VLAN : type);
    if (ends[0].vlan == 0)
        return frame->bytes + ETHERNET_BYTES;
    wire_put_u16(frame->bytes + ETHERNET_BYTES, ends[0].vlan);
    wire_put_u16(frame->bytes + ETHERNET_BYTES + 2, type);
    return frame->bytes + ETHERNET_BYTES + ETHERNET_TAG_BYTES;
}

static enum overlay_fault rewrite(const struct overlay_rewriting *how, const struct packet_view *view, struct overlay_frame *frame)
{
    const struct readdress_map map = { overlay_addresses_find, how->addresses };
    uint8_t packet[MAX_IP_BYTES];
    struct ip_address *addresses = frame->addresses;
    struct flow_end ends[2];
    uint16_t mtu;
    uint8_t *to;

    memcpy(packet, view->ip, view->ip_bytes);
    if (!readdress_packet(packet, view->ip_bytes, &map, addresses))
        return OVERLAY_NO_ADDRESS;
    mtu = flow_ends_between(how->population, addresses, ends);
    if (mtu == 0)
        return OVERLAY_OUTSIDE;
    if (view->ip_bytes > mtu)
        return OVERLAY_TOO_LONG;
    to = put_header(frame, ends, packet[0] >> 4 == 4 ? ETHERNET_TYPE_IPV4 : ETHERNET_TYPE_IPV6);
    memcpy(to, packet, view->ip_bytes);
    frame->length = (uint32_t)(to - frame->bytes) + view->ip_bytes;
    frame->link = ends[0].link;
    frame->to_link = ends[1].link;
    frame->vlan = ends[0].vlan;
    frame->to_vlan = ends[1].vlan;
    frame->time = view->time;
    frame->number = view->frame;
    return OVERLAY_FAULTS;
}

/* As who captures the frame decodes it: of an error with the ends of the packet that it quotes. */
static bool set_view(const struct overlay_rewriting *how, const struct packet_view *view, struct overlay_frame *frame)
{
    frame->view = *view;
    frame->view.ip = NULL;
    frame->view.ip_captured = 0;
    return overlay_addresses_find(how->addresses, &view->source, &frame->view.source) &&
           overlay_addresses_find(how->addresses, &view->destination, &frame->view.destination);
}

/* ---- order ---- */

static bool is_before(const struct overlay_frame *a, const struct overlay_frame *b)
{
    return a->time.ns != b->time.ns ? a->time.ns < b->time.ns : a->number < b->number;
}

static void hold(struct overlay_reader *r, struct overlay_frame *frame)
{
    size_t at = r->held++;

    for (; at > 0 && is_before(frame, r->window[(at - 1) / 2]); at = (at - 1) / 2)
        r->window[at] = r->window[(at - 1) / 2];
    r->window[at] = frame;
}

static struct overlay_frame *first_held(struct overlay_reader *r)
{
    struct overlay_frame *first = r->window[0];
    struct overlay_frame *last = r->window[--r->held];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child + 1 < r->held && is_before(r->window[child + 1], r->window[child]))
            child++;
        if (child >= r->held || is_before(last, r->window[child]))
            break;
        r->window[at] = r->window[child];
        at = child;
    }
    r->window[at] = last;
    return first;
}

/* ---- the file ---- */

/* One more into the window, if it can be played. 0, also at the end of the file; or -1. */
static int read_frame(struct overlay_reader *r, struct error *err)
{
    struct overlay_frame *frame = r->unused[r->unused_count - 1];
    struct packet_view view;
    enum decode_result result;
    enum overlay_fault fault;
    int got = capture_file_next_frame(r->file, &view, &result, err);

    if (got <= 0) {
        r->ended = true;
        return got;
    }
    r->tally.frames++;
    fault = find_fault(&view, result);
    if (fault == OVERLAY_FAULTS)
        fault = rewrite(&r->rewriting, &view, frame);
    frame->has_flow = fault == OVERLAY_FAULTS && result == DECODE_OK && set_view(&r->rewriting, &view, frame);
    if (fault != OVERLAY_FAULTS) {
        r->tally.faults[fault]++;
        return 0;
    }
    r->tally.played++;
    r->tally.bytes += frame->length;
    r->unused_count--;
    hold(r, frame);
    return 0;
}

static int complain_of_order(const struct overlay_reader *r, const struct overlay_frame *late, struct error *err)
{
    char text[TEXT_NUMBER];

    return error_set(err, "%s: frame %" PRIu64 " is %s older than frame %" PRIu64 ", more than %d frames before it: put"
                     " the capture in order of time first, as reordercap(1) does", r->name, late->number,
                     text_from_ns(r->given->time.ns - late->time.ns, text), r->given->number, OVERLAY_WINDOW);
}

int overlay_reader_next(struct overlay_reader *r, const struct overlay_frame **frame, struct error *err)
{
    struct overlay_frame *first;

    while (!r->ended && r->held < WINDOW) {
        if (read_frame(r, err) < 0)
            return -1;
    }
    if (r->held == 0)
        return 0;
    first = first_held(r);
    if (r->given && first->time.ns < r->given->time.ns)
        return complain_of_order(r, first, err);
    if (r->given)
        r->unused[r->unused_count++] = r->given;
    r->given = first;
    *frame = first;
    return 1;
}

struct overlay_reader *overlay_reader_new(int fd, const char *name, const struct overlay_rewriting *rewriting,
                                          struct error *err)
{
    const struct capture_options options = { 0 };
    struct input_file *input = input_file_from_shared_fd(fd, name, err);
    struct capture_file *file = input ? capture_file_open(input, &options, err) : NULL;
    struct overlay_reader *r;

    if (file == NULL)
        return NULL;
    r = memory_alloc(sizeof *r);
    r->name = memory_copy_text(name);
    r->file = file;
    r->rewriting = *rewriting;
    for (size_t i = 0; i < WINDOW + 1; i++)
        r->unused[r->unused_count++] = &r->frames[i];
    return r;
}

void overlay_reader_free(struct overlay_reader *r)
{
    if (r == NULL)
        return;
    capture_file_close(r->file);
    free(r->name);
    free(r);
}

const struct overlay_tally *overlay_reader_tally(const struct overlay_reader *r)
{
    return &r->tally;
}

const char *overlay_faults_text(const struct overlay_tally *tally, char text[OVERLAY_FAULTS_TEXT])
{
    static const char *const words[OVERLAY_FAULTS] = {
        [OVERLAY_NOT_IP] = "not IP",
        [OVERLAY_NEIGHBOURS] = "neighbour discovery",
        [OVERLAY_CUT] = "cut short",
        [OVERLAY_MALFORMED] = "malformed",
        [OVERLAY_OPTIONS] = "with source routes or other options of IP",
        [OVERLAY_REDIRECT] = "ICMP redirects",
        [OVERLAY_TOO_LONG] = "too long for the MTU",
        [OVERLAY_NO_ADDRESS] = "with an address that nobody can have here",
        [OVERLAY_OUTSIDE] = "between addresses outside (map one of them)",
    };
    char count[TEXT_NUMBER];
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < OVERLAY_FAULTS; i++) {
        if (tally->faults[i] > 0)
            used += (size_t)snprintf(text + used, OVERLAY_FAULTS_TEXT - used, "%s%s %s", used ? ", " : "",
                                     text_from_count(tally->faults[i], count), words[i]);
    }
    return text;
}
