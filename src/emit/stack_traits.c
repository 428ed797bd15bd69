#include "emit/stack_traits.h"

#include "base/time_types.h"

enum {
    INTERNETWORK_CONTROL = 0xc0, /* RFC 1812, section 4.3.2.5 */
    LEAST_QUOTED = 8,            /* RFC 792 */
    MOST_QUOTED = UINT16_MAX     /* RFC 1812, section 4.3.2.3: until the error has 576 bytes */
};

#define UNLIMITED { 0, 1, false }

static const struct stack_traits traits[] = {
    [HOST_OS_LINUX] = {
        .echo_copies_code = true,
        .reset_has_df = true,
        .error_class = INTERNETWORK_CONTROL,
        .quoted_bytes = MOST_QUOTED,
        .errors = { NS_PER_SECOND, 6, true },
        .resets = UNLIMITED,
    },
    [HOST_OS_WINDOWS] = {
        .reset_has_df = true,
        .quoted_bytes = MOST_QUOTED,
        .errors = UNLIMITED,
        .resets = UNLIMITED,
    },
    [HOST_OS_MACOS] = {
        .echo_copies_df = true,
        .echo_copies_code = true,
        .quoted_bytes = LEAST_QUOTED,
        .errors = { NS_PER_SECOND / 250, 250, false },
        .resets = { NS_PER_SECOND / 250, 250, false },
    },
    [HOST_OS_ROUTER] = {
        .echo_copies_df = true,
        .echo_copies_code = true,
        .error_class = INTERNETWORK_CONTROL,
        .quoted_bytes = LEAST_QUOTED,
        .errors = { NS_PER_SECOND / 2, 1, false },
        .resets = UNLIMITED,
    },
};

const struct stack_traits *stack_traits_of(enum host_os os)
{
    return &traits[os == HOST_OS_LEARNED ? HOST_OS_LINUX : os];
}
