#include "net/ipv4_options.h"

enum { LEAST_HEADER = 20, END_OF_LIST = 0, NO_OPERATION = 1, ROUTER_ALERT = 148, ROUTER_ALERT_BYTES = 4 };

bool ipv4_options_are_plain(const uint8_t *ip, size_t size)
{
    size_t end = size > 0 ? (ip[0] & 0x0fu) * 4 : 0;
    size_t at = LEAST_HEADER;

    if (end < LEAST_HEADER || end > size)
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
