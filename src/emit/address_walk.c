#include "emit/address_walk.h"

bool address_walk_next(struct address_walk *walk, struct walked_host *walked)
{
    while (walk->range < walk->hosts->virtual_count) {
        const struct host_range *range = &walk->hosts->virtual_hosts[walk->range];

        if (!walk->is_within)
            walk->next = range->first;
        walked->address = walk->next;
        walked->vlan = range->vlan;
        walk->is_within = !ip_address_equal(&walk->next, &range->last);
        if (!walk->is_within)
            walk->range++;
        walk->next = ip_address_add(&walk->next, 1);
        if (link_hosts_find(walk->hosts, &walked->address, walked->vlan, &walked->host) == HOST_VIRTUAL)
            return true;
    }
    return false;
}
