/*
 * file_label.h - the class of flows by the name of their capture.
 */
#ifndef CLI_FILE_LABEL_H
#define CLI_FILE_LABEL_H

#include "records/label_table.h"

/*
 * The base name of a path without ".pcap" and what follows it ("x.pcapng.gz"), or without the last point and what
 * follows; at most LABEL_MAX_BYTES of it, with '_' for what a label may not have. Returns `label`.
 */
const char *file_label(const char *path, char label[LABEL_MAX_BYTES + 1]);

#endif
