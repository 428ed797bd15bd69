#include "flow/application.h"

#include <stdlib.h>
#include <string.h>

#include <ndpi_api.h>

#include "base/memory.h"

enum {
    TCP_PACKETS = 8, /* with payload, until nothing more is expected */
    UDP_PACKETS = 8,
    NAME_BYTES = 64,
    EXTRA_BYTES = 2048 /* what libndpi allocates for a flow beside its structure: names, messages */
};

struct application_name {
    ndpi_protocol protocol;
    char *text;
};

struct application_labeller {
    struct ndpi_detection_module_struct *module;
    struct application_name *names; /* a few hundred at most: two known numbers each */
    size_t name_count, name_capacity;
    size_t running, max_running;
    uint64_t refused;
};

bool application_labeller_is_available(void)
{
    return true;
}

struct application_labeller *application_labeller_new(size_t max_bytes, struct error *err)
{
    struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
    struct application_labeller *labeller;
    NDPI_PROTOCOL_BITMASK all;

    if (module == NULL) {
        error_set(err, "applications cannot be told: libndpi does not start");
        return NULL;
    }
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(module, &all);
    ndpi_finalize_initialization(module);
    labeller = memory_alloc(sizeof *labeller);
    labeller->module = module;
    labeller->max_running = max_bytes / (SIZEOF_FLOW_STRUCT + EXTRA_BYTES);
    return labeller;
}

void application_labeller_free(struct application_labeller *labeller)
{
    if (labeller == NULL)
        return;
    for (size_t i = 0; i < labeller->name_count; i++)
        free(labeller->names[i].text);
    free(labeller->names);
    ndpi_exit_detection_module(labeller->module);
    free(labeller);
}

/* The one copy of a protocol's name. */
static const char *intern_name(struct application_labeller *labeller, ndpi_protocol protocol)
{
    char text[NAME_BYTES];
    struct application_name *name;

    for (size_t i = 0; i < labeller->name_count; i++) {
        name = &labeller->names[i];
        if (name->protocol.master_protocol == protocol.master_protocol &&
            name->protocol.app_protocol == protocol.app_protocol)
            return name->text;
    }
    labeller->names = memory_grow(labeller->names, &labeller->name_capacity,
                                  labeller->name_count + 1, sizeof *labeller->names);
    name = &labeller->names[labeller->name_count++];
    name->protocol = protocol;
    name->text = memory_copy_text(ndpi_protocol2name(labeller->module, protocol, text, sizeof text));
    return name->text;
}

static bool begin(struct application_labeller *labeller, struct application_inspection *inspection)
{
    if (labeller->running >= labeller->max_running) {
        labeller->refused++;
        inspection->is_over = true;
        return false;
    }
    inspection->detection = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
    memset(inspection->detection, 0, SIZEOF_FLOW_STRUCT);
    labeller->running++;
    return true;
}

const char *application_conclude(struct application_labeller *labeller,
                                 struct application_inspection *inspection)
{
    struct ndpi_flow_struct *flow = inspection->detection;
    const char *name = NULL;
    ndpi_protocol protocol;
    uint8_t guessed;

    inspection->is_over = true;
    if (flow == NULL)
        return NULL;
    protocol = ndpi_detection_giveup(labeller->module, flow, false, &guessed);
    if (protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN &&
        flow->confidence >= NDPI_CONFIDENCE_DPI_CACHE)
        name = intern_name(labeller, protocol);
    ndpi_free_flow(flow);
    inspection->detection = NULL;
    labeller->running--;
    return name;
}

static bool is_or_carries(ndpi_protocol protocol, uint16_t id)
{
    return protocol.app_protocol == id || protocol.master_protocol == id;
}

/*
 * Only in these protocols a later packet tells whose service it is: the rest of a name, a certificate,
 * an attribute. To wait in all others for what libndpi could still dissect changes no name.
 */
static bool may_tell_more(struct application_labeller *labeller, struct ndpi_flow_struct *flow,
                          ndpi_protocol protocol)
{
    return (is_or_carries(protocol, NDPI_PROTOCOL_TLS) ||
            is_or_carries(protocol, NDPI_PROTOCOL_STUN)) &&
           ndpi_extra_dissection_possible(labeller->module, flow);
}

static bool is_certain(struct application_labeller *labeller,
                       const struct application_inspection *inspection, ndpi_protocol protocol,
                       uint8_t ip_protocol)
{
    if (inspection->packets >= (ip_protocol == IP_TCP ? TCP_PACKETS : UDP_PACKETS))
        return true;
    return protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN &&
           !may_tell_more(labeller, inspection->detection, protocol);
}

const char *application_inspect(struct application_labeller *labeller,
                                struct application_inspection *inspection,
                                const struct packet_view *packet)
{
    uint32_t size = packet->ip_captured < UINT16_MAX ? packet->ip_captured : UINT16_MAX;
    ndpi_protocol protocol;

    if (inspection->is_over || packet->payload_bytes == 0 || size == 0 ||
        (packet->protocol != IP_TCP && packet->protocol != IP_UDP))
        return NULL;
    if (inspection->detection == NULL && !begin(labeller, inspection))
        return NULL;
    protocol = ndpi_detection_process_packet(labeller->module, inspection->detection, packet->ip,
                                             (uint16_t)size,
                                             (uint64_t)(packet->time.ns / NS_PER_MS));
    inspection->packets++;
    if (!is_certain(labeller, inspection, protocol, packet->protocol))
        return NULL;
    return application_conclude(labeller, inspection);
}

uint64_t application_labeller_refused(const struct application_labeller *labeller)
{
    return labeller->refused;
}
