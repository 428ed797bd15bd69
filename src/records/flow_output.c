#include "records/flow_output.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/output_file.h"

enum { WRITE_EVERY = 256 }; /* flows */

struct flow_output {
    struct flow_ledger *ledger;
    struct sent_flow_keeper inner; /* of the ledger */
    struct sent_flow_keeper keeper;
    struct output_file file;
    int64_t origin_ns;
    unsigned ended; /* since the last write */
    struct flow_log log;
};

static uint32_t begin(void *self, const struct sent_flow *flow)
{
    struct flow_output *output = self;

    return output->inner.begin(output->inner.self, flow);
}

static void end(void *self, uint32_t slot, uint64_t frames)
{
    struct flow_output *output = self;

    output->inner.end(output->inner.self, slot, frames);
    if (++output->ended < WRITE_EVERY)
        return;
    output->ended = 0;
    flow_log_write(&output->log, output->origin_ns);
}

struct flow_output *flow_output_new(struct error *err)
{
    struct flow_output *output = memory_alloc(sizeof *output);

    output->ledger = flow_ledger_new(err);
    if (output->ledger == NULL) {
        free(output);
        return NULL;
    }
    output->inner = flow_ledger_keeper(output->ledger);
    output->keeper = (struct sent_flow_keeper){ begin, end, output };
    output->log.ledger = output->ledger;
    output->log.fd = -1;
    return output;
}

int flow_output_open(struct flow_output *output, const char *path, enum flow_log_format format, int64_t origin_ns,
                     struct error *err)
{
    if (output_file_open(&output->file, path, err) < 0)
        return -1;
    output->origin_ns = origin_ns;
    output->log.format = format;
    output->log.stream = output->file.stream;
    fputs(flow_log_header(format), output->file.stream);
    return 0;
}

const struct sent_flow_keeper *flow_output_keeper(struct flow_output *output)
{
    return output ? &output->keeper : NULL;
}

struct sent_tally *flow_output_tallies(struct flow_output *output)
{
    return output ? flow_ledger_tallies(output->ledger) : NULL;
}

struct flow_ledger *flow_output_ledger(struct flow_output *output)
{
    return output->ledger;
}

int flow_output_commit(struct flow_output *output, struct error *err)
{
    uint64_t missing;

    if (output == NULL)
        return 0;
    flow_log_write(&output->log, output->origin_ns);
    flow_log_write_rest(&output->log, output->origin_ns);
    missing = flow_ledger_counts(output->ledger).no_room;
    if (missing > 0)
        return error_set(err, "the ground truth would lack %" PRIu64 " flows: more than %d were alive at once", missing,
                         FLOW_LEDGER_SLOTS);
    return output_file_commit(&output->file, err);
}

void flow_output_free(struct flow_output *output)
{
    if (output == NULL)
        return;
    output_file_abandon(&output->file);
    flow_ledger_free(output->ledger);
    free(output);
}
