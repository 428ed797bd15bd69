#include "cli/truth.h"

#include "base/output_file.h"
#include "emit/emit_clock.h"

int truth_check_apart(const char *path, const char *output, const char *model, struct error *err)
{
    if (path == NULL)
        return 0;
    return output_file_check_apart(path, model, err) < 0 ? -1 : output_file_check_apart(path, output, err);
}

int truth_open(struct flow_output **truth, const char *path, struct day_time begin, struct session_options *how,
               struct error *err)
{
    *truth = NULL;
    if (path == NULL)
        return 0;
    *truth = flow_output_new(err);
    if (*truth == NULL)
        return -1;
    how->keeper = flow_output_keeper(*truth);
    return flow_output_open(*truth, path, flow_log_format_of(path), begin.ns - EMIT_CLOCK_SIMULATED_NS, err);
}
