/*
 * read_inputs.h - captures, flow logs or an interface in, flow records out: what learn and check begin with.
 */
#ifndef CLI_READ_INPUTS_H
#define CLI_READ_INPUTS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "capture/capture_set.h"
#include "cli/inputs.h"
#include "flow/flow_table.h"
#include "records/host_names.h"
#include "records/record_file.h"
#include "records/record_pairer.h"

struct read_options { /* zeros are the defaults, but for max_bytes */
    bool captures_only; /* a flow log is an error */
    const char *outputs[2]; /* files that will be written, which must not be among the inputs; may be NULL */
    bool quiet;
    struct capture_options capture;
    struct record_options records;
    bool one_way; /* each record of a flow log is a flow: nothing is put together */
    struct host_names *names; /* of opaque hosts in flow logs; borrowed */
    struct application_labeller *labeller; /* borrowed; NULL: flows get no application. Outlives what the
                                            * sink keeps of a record. */
    const struct flow_observer *observer; /* of the packets of captures, which then keep their bytes; borrowed */
    bool keep_sequences;      /* the first packets of flows */
    bool captures_apart;      /* each capture by itself, one after the other, no flow across two */
    const atomic_bool *stop;  /* when set, captures end there; may be NULL */
    uint64_t max_bytes;       /* that flows may take while they are open, with their first packets */
};

#define READ_MAX_BYTES_DEFAULT (UINT64_C(512) << 20)

struct read_totals { /* over all inputs */
    enum input_kind kind;
    uint64_t inputs;
    uint64_t passed_over; /* files in directories that are neither capture nor flow log */
    uint64_t damaged;     /* inputs that could be read only in part, each said on standard error */
    struct capture_counts capture;
    struct flow_counts flow;
    struct record_counts records;
    struct pairer_counts pairing;
    const char *capture_name; /* that is being read, with captures_apart: for the sink */
};

/*
 * Reads all inputs as one, in order of time, with progress on a terminal unless `quiet`. What is
 * damaged is read as far as it goes, and said on standard error. 0 or -1.
 */
int read_inputs(char **paths, int count, const struct read_options *options, flow_sink *sink,
                void *sink_self, struct read_totals *totals, struct error *err);

/* Reads a live capture for so long (0: without end), or until a signal comes. 0 or -1. */
int read_live(struct capture_file *file, const char *interface, int64_t for_ns,
              const struct read_options *options, flow_sink *sink, void *sink_self,
              struct read_totals *totals, struct error *err);

#endif
