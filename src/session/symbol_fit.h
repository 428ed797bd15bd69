/*
 * symbol_fit.h - what the packet model of symbols learned from the sampled flows of one service.
 *
 * Does not change once made, and may be shared by threads.
 */
#ifndef SESSION_SYMBOL_FIT_H
#define SESSION_SYMBOL_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dayshift/service_model.h"
#include "session/symbol_alphabet.h"
#include "session/symbol_ending.h"
#include "session/symbol_gap_parts.h"
#include "session/symbol_table.h"

struct symbol_fit {
    const struct service_model *service; /* borrowed */
    struct symbol_alphabet alphabet;
    struct symbol_table tokens;
    struct symbol_table gaps; /* symbols are bins */
    struct symbol_gap_parts parts;
    uint32_t row_count;
    struct symbol_row { /* of a sampled flow */
        uint16_t full[2]; /* bytes of a full segment, by side; 0: nothing tells */
        uint8_t cluster;  /* of timing */
        struct symbol_ending ending;
    } *rows;
};

/* Of a sampled flow; of a session that was made from none, the first. */
static inline const struct symbol_row *symbol_fit_row(const struct symbol_fit *fit, uint32_t row)
{
    return &fit->rows[row < fit->row_count ? row : 0];
}

/* False: no flow of the service shows its packets, and there is nothing to be released. `service` must live as long. */
bool symbol_fit_init(struct symbol_fit *fit, const struct service_model *service);
void symbol_fit_release(struct symbol_fit *fit);
size_t symbol_fit_bytes(const struct symbol_fit *fit); /* all memory it takes */

#endif
