/*
 * file_run.h - plays a configuration into a pcap file, in one thread and as fast as it goes; with the log of its flows,
 * when the configuration wants one.
 */
#ifndef DAEMON_FILE_RUN_H
#define DAEMON_FILE_RUN_H

#include "base/error.h"
#include "daemon/configuration.h"
#include "daemon/play.h"
#include "daemon/play_files.h"
#include "model/model.h"

/*
 * Takes the images. SIGINT, SIGTERM and SIGHUP end the run; while the models are parsed they do what they did before
 * the call. A table is printed at the end, also when the run was interrupted: to standard output, or to standard error
 * when the frames go there. 0 or -1.
 */
int file_run_write(const struct configuration *configuration, const struct play_files *files,
                   struct model_image *images, const char *path, const struct play_options *options,
                   struct error *err);

#endif
