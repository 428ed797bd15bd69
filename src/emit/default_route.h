/*
 * default_route.h - does an interface lead to the rest of the world?
 *
 * Asks the kernel (rtnetlink) for the routes of IPv4 and IPv6 in all tables.
 */
#ifndef EMIT_DEFAULT_ROUTE_H
#define EMIT_DEFAULT_ROUTE_H

#include <net/if.h>

#include "base/error.h"

/*
 * 1 when the interface, or anything joined to it from above or below (a bridge, bond or VLAN over
 * it, the wire under a macvlan, what else lies on that wire), carries a default route: in any
 * table, over any of several next hops, in one piece or in halves. Fills the carrier's name.
 * 0 when none does; -1 when the kernel cannot be asked. Other network namespaces are not seen.
 */
int default_route_find(int interface_index, char carrier[IF_NAMESIZE], struct error *err);

#endif
