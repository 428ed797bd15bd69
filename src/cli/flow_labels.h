/*
 * flow_labels.h - gives flow records their classes on the way to the learner, and leaves out those of a fold.
 */
#ifndef CLI_FLOW_LABELS_H
#define CLI_FLOW_LABELS_H

#include <stdbool.h>

#include "dayshift/flow_record.h"
#include "records/label_table.h"

struct flow_labels {
    const struct label_table *table; /* the classes are in there; NULL: not. Borrowed */
    bool by_file;                    /* the class is file_label() of the flow's capture */
    uint32_t fold, folds;            /* the fold that is left out; 0 folds: none */
    void (*sink)(void *self, const struct flow_record *record);
    void *sink_self;
    struct file_class {
        char *file;
        char *label;
    } *files; /* met so far; what records point to */
    size_t file_count, file_capacity, last_file;
};

/* Has the type of a flow_sink; `labels` is a struct flow_labels. Labels live as long as it and its table. */
void flow_labels_pass(void *labels, const struct flow_record *record);

void flow_labels_release(struct flow_labels *labels);

#endif
