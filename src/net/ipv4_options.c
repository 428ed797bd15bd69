#include "net/ipv4_options.h"

#include "net/ip_header.h"

enum { END_OF_LIST = 0, NO_OPERATION = 1, ROUTER_ALERT = 148, ROUTER_ALERT_BYTES = 4 };

bool ipv4_options_are_plain(const uint8_t *ip, size_t size)
{
    size_t end = size > 0 ? ipv4_header_bytes(ip) : 0;
    size_t at = IPV4_HEADER_BYTES;

    if (end < IPV4_HEADER_BYTES || end > size)
        return false;
    while (at < end && ip[at] != END_OF_LIST) {
        if (ip[at] == NO_OPERATION)
            at++;
        else if (ip[at] == ROUTER_ALERT && at + ROUTER_ALERT_BYTES <= end && ip[at + 1] == ROUTER_ALERT_BYTES)
            at += ROUTER_ALERT_BYTES;
        else
            return false;
    }
    return true;
}
