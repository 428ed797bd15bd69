#include "cli/flow_labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/file_label.h"

/* Flows of one file often follow one another. */
static const char *label_of_file(struct flow_labels *labels, const char *file)
{
    char label[LABEL_MAX_BYTES + 1];
    size_t i = labels->last_file;

    if (i >= labels->file_count || strcmp(labels->files[i].file, file) != 0) {
        for (i = 0; i < labels->file_count && strcmp(labels->files[i].file, file) != 0; i++)
            ;
    }
    labels->last_file = i;
    if (i == labels->file_count) {
        labels->files = memory_grow(labels->files, &labels->file_capacity, i + 1, sizeof *labels->files);
        labels->files[labels->file_count++] =
            (struct file_class){ memory_copy_text(file), memory_copy_text(file_label(file, label)) };
    }
    return labels->files[i].label;
}

void flow_labels_pass(void *self, const struct flow_record *record)
{
    struct flow_labels *labels = self;
    struct flow_record labelled;

    if (labels->folds > 0 && flow_record_fold(record, labels->folds) == labels->fold)
        return;
    if (labels->table == NULL && !labels->by_file) {
        labels->sink(labels->sink_self, record);
        return;
    }
    labelled = *record;
    labelled.application = labels->table ? label_table_find(labels->table, record->file, record)
                                         : label_of_file(labels, record->file);
    labels->sink(labels->sink_self, &labelled);
}

void flow_labels_release(struct flow_labels *labels)
{
    for (size_t i = 0; i < labels->file_count; i++) {
        free(labels->files[i].file);
        free(labels->files[i].label);
    }
    free(labels->files);
}
