/*
 * blindtest_choice.h - flows drawn at random from a capture: one reading to choose, one to collect their packets.
 */
#ifndef CLI_BLINDTEST_CHOICE_H
#define CLI_BLINDTEST_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eval/blind_flow.h"

struct blindtest_choice {
    uint8_t protocol;       /* of flows that may be drawn */
    uint64_t least_packets; /* the same */
    uint64_t seed;
    bool keep_payload;
    bool quiet; /* no progress */
};

/*
 * Draws `count` flows, each as likely, in order of their first packets. `stream` numbers the capture: another draws
 * otherwise. Flows come zeroed, and are released by the caller in any case. 0, or -1 with *err, also when there are not
 * so many; *damaged: a part could not be read.
 */
int blindtest_choice_draw(const struct blindtest_choice *choice, char *path, uint32_t stream, struct blind_flow *flows,
                          size_t count, bool *damaged, struct error *err);

#endif
