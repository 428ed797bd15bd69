#include "daemon/restart_delay.h"

enum { SHORTEST_S = 1, LONGEST_S = 60 };

unsigned restart_delay_next(struct restart_delay *delay, int64_t good_ns)
{
    if (delay->last_s == 0 || good_ns >= RESTART_GOOD_RUN_NS)
        delay->last_s = SHORTEST_S;
    else
        delay->last_s = delay->last_s * 2 < LONGEST_S ? delay->last_s * 2 : LONGEST_S;
    return delay->last_s;
}
