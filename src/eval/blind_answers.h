/*
 * blind_answers.h - what people said of flows in a blind test, and how often they were right (Falk, Table I).
 */
#ifndef EVAL_BLIND_ANSWERS_H
#define EVAL_BLIND_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum blind_answer {
    BLIND_REAL,
    BLIND_LIKELY_REAL,
    BLIND_LIKELY_GENERATED,
    BLIND_GENERATED,
    BLIND_ANSWERS
};

enum { BLIND_MAX_FLOWS = 1000, BLIND_FLOW_NAME = 24 };

/* "007": numbers of flows begin at 1 and are equally long. Returns `text`. */
const char *blind_flow_name(size_t number, size_t flows, char text[BLIND_FLOW_NAME]);

/* "likely real". */
const char *blind_answer_name(enum blind_answer answer);

/* The sheet to fill in: a header and a line for each flow. False when it could not be written. */
bool blind_answers_write_sheet(FILE *stream, size_t flows);

/*
 * Reads a sheet: lines "number,answer", the header and empty lines apart; of answers the case and the blanks
 * around do not count. Exactly one answer for each of the flows, in any order: answers[number - 1]. -1 with *err,
 * which names `name` and the line.
 */
int blind_answers_read(FILE *stream, const char *name, enum blind_answer *answers, size_t flows, struct error *err);

enum blind_truth { BLIND_TRUTH_REAL, BLIND_TRUTH_GENERATED, BLIND_TRUTHS };

/* One sheet, graded. */
struct blind_grade {
    uint32_t count[BLIND_TRUTHS][BLIND_ANSWERS];
};

struct blind_grade blind_answers_grade(const enum blind_answer *answers, const bool *is_generated, size_t flows);

/* Share of the flows of this kind that were taken for the other kind, likely or not. NAN without flows. */
double blind_grade_error(const struct blind_grade *grade, enum blind_truth truth);

/* Of all flows. */
double blind_grade_total_error(const struct blind_grade *grade);

/* Mean, and standard deviation over n - 1: NAN of a single value. */
struct blind_mean {
    double mean, sd;
};

struct blind_mean blind_mean_of(const double *values, size_t count);

#endif
