/*
 * flow_file.h - the file that a live run appends its log of flows to: opened with the supervisor's rights.
 */
#ifndef DAEMON_FLOW_FILE_H
#define DAEMON_FLOW_FILE_H

#include "base/error.h"
#include "records/flow_log.h"

/* Both closed on exec(2); -1: not open. */
struct flow_file {
    int append; /* can be written at its end and not read; holds the lock, in whatever process it is still open */
    int whole;  /* can be read and shortened: the supervisor's alone */
};

/*
 * Makes it with mode 0640 when there is none, and writes the header of its format when it is empty. What an earlier run left
 * of a line is cut off, and said. 0; or -1 with *err and nothing open: when it is a symbolic link, or no regular
 * file, or has more than one name, when others may write it or put another one in its place (trust.h), when it does
 * not begin as such a log does, and when another process has it open so.
 */
int flow_file_open(struct flow_file *file, const char *path, enum flow_log_format format, struct error *err);
void flow_file_close(struct flow_file *file);

/*
 * Looks whether that would be refused, and changes nothing: a file that is not there can be made. Whether another
 * process has it open is asked when there is `own`, which may have it open; NULL: not asked. 0 or -1.
 */
int flow_file_look(const char *path, enum flow_log_format format, const struct flow_file *own, struct error *err);

#endif
