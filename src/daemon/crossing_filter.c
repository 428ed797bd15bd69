#include "daemon/crossing_filter.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A network, and the links that it sends on: a bit each. */
struct placed_network {
    struct ip_network network;
    unsigned links;
};

static unsigned links_of_outside(const struct configuration *c)
{
    unsigned links = 0;

    if (c->outside.has_link)
        return 1U << c->outside.link;
    for (size_t i = 0; i < c->population_count; i++)
        links |= 1U << c->populations[i].link;
    return links;
}

static size_t place_networks(const struct configuration *c, struct placed_network *placed)
{
    size_t count = 0;

    for (int family = 0; family < IP_FAMILIES; family++) {
        size_t before = count;

        for (size_t i = 0; i < c->population_count; i++) {
            const struct ip_network *network = &c->populations[i].addresses.networks[family];

            if (network->prefix > 0)
                placed[count++] = (struct placed_network){ *network, 1U << c->populations[i].link };
        }
        if (count > before) /* nobody outside talks in a family that no host has */
            placed[count++] = (struct placed_network){ c->outside.networks[family], links_of_outside(c) };
    }
    return count;
}

enum { MOST_OF_NETWORK = IP_NETWORK_TEXT + sizeof " or ip6 src net " };

/* "(ip src net 10.0.0.0/8 or ...)" of those on this link alone, or of those on others alone; "" when there are none. */
static char *direction_text(const char *direction, const struct placed_network *placed, size_t count, unsigned link_bit,
                            bool on_this)
{
    size_t room = count * MOST_OF_NETWORK + 2;
    char *text = memory_alloc(room);
    char network[IP_NETWORK_TEXT];
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        if (on_this ? placed[i].links != link_bit : (placed[i].links & link_bit) != 0)
            continue;
        length += (size_t)snprintf(text + length, room - length, "%s%s %s net %s", length == 0 ? "(" : " or ",
                                   ip_address_is_v4(&placed[i].network.base) ? "ip" : "ip6", direction,
                                   ip_network_format(&placed[i].network, network));
    }
    if (length > 0)
        text[length] = ')';
    return text;
}

char *crossing_filter(const struct configuration *c, size_t link)
{
    struct placed_network *placed = memory_alloc_array((c->population_count + 1) * IP_FAMILIES, sizeof *placed);
    size_t count = place_networks(c, placed);
    char *from = direction_text("src", placed, count, 1U << link, false);
    char *to = direction_text("dst", placed, count, 1U << link, true);
    size_t room = strlen(from) + strlen(to) + sizeof " and ";
    char *text = NULL;

    if (*from && *to) {
        text = memory_alloc(room);
        snprintf(text, room, "%s and %s", from, to);
    }
    free(from);
    free(to);
    free(placed);
    return text;
}
