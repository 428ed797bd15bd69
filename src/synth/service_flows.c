#include "synth/service_flows.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/wire.h"
#include "synth/population.h"

enum { FIRST_EPHEMERAL = 32768, EPHEMERAL_PORTS = 28232 /* Linux: up to 60999 */ };

struct service_flows {
    struct service_flows_config config;
    const struct service_model **services; /* those of the protocol */
    uint64_t *cumulative;                  /* flows of services[0..i] */
    size_t count;
    uint64_t made;
    int64_t next_ns;
};

static bool is_wanted(const struct service_model *service, uint8_t protocol)
{
    bool is_played = service->protocol == IP_TCP || service->protocol == IP_UDP || service->protocol == IP_ICMP;

    return service->row_count > 0 && (protocol == 0 ? is_played : service->protocol == protocol);
}

static void take_services(struct service_flows *f)
{
    uint64_t flows = 0;

    f->services = memory_alloc_array(f->config.service_count, sizeof *f->services);
    f->cumulative = memory_alloc_array(f->config.service_count, sizeof *f->cumulative);
    for (size_t i = 0; i < f->config.service_count; i++) {
        const struct service_model *service = &f->config.services[i];

        if (!is_wanted(service, f->config.protocol))
            continue;
        sum_add(&flows, service->flows);
        f->services[f->count] = service;
        f->cumulative[f->count++] = flows;
    }
}

struct service_flows *service_flows_new(const struct service_flows_config *config, struct error *err)
{
    struct service_flows *f;

    if (ip_address_is_v4(&config->initiators.base) != ip_address_is_v4(&config->responders.base)) {
        error_set(err, "the networks of sessions must be both IPv4, or both IPv6");
        return NULL;
    }
    f = memory_alloc(sizeof *f);
    f->config = *config;
    f->next_ns = config->begin.ns;
    take_services(f);
    if (f->count > 0 && f->cumulative[f->count - 1] > 0)
        return f;
    service_flows_free(f);
    error_set(err, "the model has no service of that protocol with sampled flows");
    return NULL;
}

void service_flows_free(struct service_flows *f)
{
    if (f == NULL)
        return;
    free(f->services);
    free(f->cumulative);
    free(f);
}

static const struct service_model *draw_service(const struct service_flows *f, struct random_stream *random)
{
    uint64_t drawn = random_below(random, f->cumulative[f->count - 1]);
    size_t low = 0;

    for (size_t high = f->count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (f->cumulative[middle] <= drawn)
            low = middle + 1;
        else
            high = middle;
    }
    return f->services[low];
}

/* Address number `index` of the network, without its first and last. */
static struct ip_address address_of(const struct ip_network *network, uint64_t index)
{
    unsigned bits = 128u - network->prefix;
    uint64_t size = bits < 64 ? UINT64_C(1) << bits : UINT64_MAX;
    uint64_t usable = size > 2 ? size - 2 : size;

    return ip_address_add(&network->base, index % usable + (size > 2));
}

static struct flow_end end_of(const struct ip_network *network, uint64_t index, uint16_t port)
{
    struct flow_end end = { .address = address_of(network, index), .port = port, .mac = { 0x02, 0xd5 } };

    end.name = population_name(&end.address);
    wire_put_u32(end.mac + 2, end.name);
    return end;
}

int service_flows_next(void *self, struct flow_plan *plan, struct error *err)
{
    struct service_flows *f = self;
    const struct service_model *service;
    struct random_stream random;
    uint16_t port;

    (void)err;
    if (f->made == f->config.flows)
        return 0;
    random_init(&random, f->config.seed, RANDOM_SERVICE, (uint32_t)(f->made >> 32), (uint32_t)f->made, 0);
    service = draw_service(f, &random);
    port = (uint16_t)(service->port <= UINT16_MAX ? service->port
                                                  : FIRST_EPHEMERAL + random_below_u32(&random, EPHEMERAL_PORTS));
    *plan = (struct flow_plan){
        .start = { f->next_ns },
        .key = random_u64(&random),
        .ends = { end_of(&f->config.initiators, f->made,
                         (uint16_t)(FIRST_EPHEMERAL + random_below_u32(&random, EPHEMERAL_PORTS))),
                  end_of(&f->config.responders, random_u32(&random), port) },
        .protocol = service->protocol,
        .answer = ANSWER_LIKELY,
        .packets = session_row_packets(&service->rows[random_below(&random, service->row_count)]),
        .service = service,
    };
    f->next_ns += (int64_t)random_exponential(&random, (double)f->config.spacing_ns);
    f->made++;
    return 1;
}
