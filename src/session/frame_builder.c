#include "session/frame_builder.h"

#include <libnet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* 0 behind the shorter ones. */
struct headers {
    uint8_t bytes[FRAME_HEADERS_MAX];
};

struct frame_builder {
    struct headers tcp[IP_FAMILIES], udp[IP_FAMILIES], icmp[IP_FAMILIES];
};

/* Addresses, ports, lengths, numbers and checksums are left 0. */
static int put_transport(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    if (protocol == IP_TCP)
        return libnet_build_tcp(0, 0, 0, 0, 0, 0, 0, 0, LIBNET_TCP_H, NULL, 0, l, 0);
    if (protocol == IP_UDP)
        return libnet_build_udp(0, 0, LIBNET_UDP_H, 0, NULL, 0, l, 0);
    return family == IP_FAMILY_4 ? libnet_build_icmpv4_echo(ICMP_ECHO_REQUEST, 0, 0, 0, 0, NULL, 0, l, 0)
                                 : libnet_build_icmpv6_echo(ICMPV6_ECHO_REQUEST, 0, 0, 0, 0, NULL, 0, l, 0);
}

static int put_ip(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    static const struct libnet_in6_addr nobody;

    if (family == IP_FAMILY_4)
        return libnet_build_ipv4(LIBNET_IPV4_H, 0, 0, IPV4_DONT_FRAGMENT, 0, protocol, 0, 0, 0, NULL, 0, l, 0);
    return libnet_build_ipv6(0, 0, 0, protocol == IP_ICMP ? IP_ICMPV6 : protocol, 0, nobody, nobody, NULL, 0, l, 0);
}

static int put_headers(libnet_t *l, uint8_t protocol, enum ip_family family)
{
    static const uint8_t nobody[6];

    if (put_transport(l, protocol, family) < 0 || put_ip(l, protocol, family) < 0 ||
        libnet_build_ethernet(nobody, nobody, family == IP_FAMILY_4 ? ETHERTYPE_IP : ETHERTYPE_IPV6, NULL, 0, l, 0) < 0)
        return -1;
    return 0;
}

static int build_headers(libnet_t *l, struct headers *headers, uint8_t protocol, enum ip_family family,
                         struct error *err)
{
    uint32_t transport_at = family == IP_FAMILY_4 ? FRAME_TRANSPORT4 : FRAME_TRANSPORT6;
    uint8_t *bytes;
    uint32_t size;

    libnet_clear_packet(l);
    if (put_headers(l, protocol, family) < 0 || libnet_pblock_coalesce(l, &bytes, &size) < 0)
        return error_set(err, "libnet: %s", libnet_geterror(l));
    if (size <= sizeof headers->bytes)
        memcpy(headers->bytes, bytes, size);
    libnet_adv_free_packet(l, bytes);
    if (size > sizeof headers->bytes)
        return error_set(err, "libnet: headers of %u bytes", size);
    if (family == IP_FAMILY_4)
        wire_put_u16(headers->bytes + FRAME_IP + 10, 0);
    wire_put_u16(headers->bytes + transport_at + frame_builder_checksum_at(protocol), 0);
    return 0;
}

static int build_family(libnet_t *l, struct frame_builder *builder, enum ip_family family, struct error *err)
{
    if (build_headers(l, &builder->tcp[family], IP_TCP, family, err) < 0 ||
        build_headers(l, &builder->udp[family], IP_UDP, family, err) < 0)
        return -1;
    return build_headers(l, &builder->icmp[family], IP_ICMP, family, err);
}

struct frame_builder *frame_builder_new(struct error *err)
{
    char reason[LIBNET_ERRBUF_SIZE];
    /* No injection: libnet only puts headers together, which needs no privilege. */
    libnet_t *l = libnet_init(LIBNET_NONE, NULL, reason);
    struct frame_builder *builder;

    if (l == NULL) {
        error_set(err, "libnet: %s", reason);
        return NULL;
    }
    builder = memory_alloc(sizeof *builder);
    if (build_family(l, builder, IP_FAMILY_4, err) < 0 || build_family(l, builder, IP_FAMILY_6, err) < 0) {
        free(builder);
        builder = NULL;
    }
    libnet_destroy(l);
    return builder;
}

void frame_builder_free(struct frame_builder *builder)
{
    free(builder);
}

const uint8_t *frame_builder_headers(const struct frame_builder *builder, uint8_t protocol, enum ip_family family)
{
    const struct headers *headers = protocol == IP_TCP   ? builder->tcp
                                    : protocol == IP_UDP ? builder->udp
                                                         : builder->icmp;

    return headers[family].bytes;
}
