#include "cli/truth.h"

#include "base/output_file.h"

static void add(void *self, const struct flow_record *record)
{
    struct truth *truth = self;

    if (!truth->failed && record_writer_add(truth->writer, record, &truth->err) < 0)
        truth->failed = true;
}

int truth_check_apart(const char *path, const char *output, const char *model, struct error *err)
{
    if (path == NULL)
        return 0;
    return output_file_check_apart(path, model, err) < 0 ? -1 : output_file_check_apart(path, output, err);
}

int truth_open(struct truth *truth, const char *path, struct session_options *how, struct error *err)
{
    *truth = (struct truth){ .writer = NULL };
    if (path == NULL)
        return 0;
    truth->writer = record_writer_new(path, record_encoding_truth(), err);
    if (truth->writer == NULL)
        return -1;
    how->ended = add;
    how->ended_self = truth;
    return 0;
}

int truth_finish(void *self, struct error *err)
{
    struct truth *truth = self;

    if (truth->writer == NULL)
        return 0;
    if (truth->failed)
        return error_set(err, "%s", truth->err.text);
    return record_writer_commit(truth->writer, err);
}

void truth_close(struct truth *truth)
{
    record_writer_free(truth->writer);
}
