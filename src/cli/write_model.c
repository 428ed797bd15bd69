#include "cli/write_model.h"

#include "cli/cli.h"
#include "learn/fit.h"
#include "model/model.h"

int write_model(const char *path, const struct network_stats *stats, struct output_file *companion,
                struct error *err)
{
    const atomic_bool *stop = cli_catch_signals();
    bool was_stopped = atomic_load(stop); /* the usual end of a live capture */
    struct network_fit fit;
    int status = companion ? output_file_flush(companion, err) : 0;

    if (status == 0) {
        network_fit_init(&fit, stats);
        status = model_save(path, stats, &fit, err);
        network_fit_release(&fit);
    }
    /* The signal is why a pipe that nobody reads could not be written. */
    if (status < 0 && !was_stopped && atomic_load(stop))
        output_file_interrupted(path, "interrupted", err);
    if (companion != NULL && status == 0)
        status = output_file_commit(companion, err);
    else if (companion != NULL)
        output_file_abandon(companion);
    return status;
}
