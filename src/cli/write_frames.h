/*
 * write_frames.h - frames through the emitter, as on a link, but into a pcap file and with a clock that only jumps.
 */
#ifndef CLI_WRITE_FRAMES_H
#define CLI_WRITE_FRAMES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time_types.h"
#include "dayshift/frame.h"
#include "emit/emitter.h"
#include "net/ip_address.h"
#include "records/flow_output.h"

struct write_frames_config {
    struct frame_source frames;
    struct day_time begin; /* of the run: what the frames' due times count from */
    const struct ip_network *networks; /* frames come from these and go to these */
    size_t network_count;
    const char *path;      /* the pcap file; "-": standard output */
    const char *what;      /* of the progress line: "day" */
    int64_t end_s;         /* of the run; 0: the progress has no end */
    const atomic_bool *stop;
    bool quiet;
    struct flow_output *truth; /* what was sent of each flow; put in place before the frames are. NULL: nobody asks */
};

/* The file is there whole or not at all. 0, or -1 with *err; *counts is what became of the frames. */
int write_frames(const struct write_frames_config *config, struct emit_counts *counts, struct error *err);

#endif
