/*
 * flow_file.h - the file that a live run appends its log of flows to: opened with the supervisor's rights.
 */
#ifndef DAEMON_FLOW_FILE_H
#define DAEMON_FLOW_FILE_H

#include "base/error.h"

/*
 * Makes it with mode 0640 when there is none, and writes the header ("": none) when it is empty. What an earlier run left
 * of a line is cut off, and said. A descriptor that appends, closed on exec(2); -1 with *err: also when it is a symbolic
 * link, or no regular file, or has more than one name, when others may write it or put another one in its place (trust.h),
 * and when it begins with another header.
 */
int flow_file_open(const char *path, const char *header, struct error *err);

#endif
