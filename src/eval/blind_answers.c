#include "eval/blind_answers.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

enum { LINE_BYTES = 256 };

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* of UTF-8, as spreadsheets write it */

const char *blind_flow_name(size_t number, size_t flows, char text[BLIND_FLOW_NAME])
{
    int digits = flows < 1000 ? 3 : 4;

    snprintf(text, BLIND_FLOW_NAME, "%0*zu", digits, number);
    return text;
}

const char *blind_answer_name(enum blind_answer answer)
{
    static const char *const names[BLIND_ANSWERS] = { "real", "likely real", "likely generated", "generated" };

    return names[answer];
}

bool blind_answers_write_sheet(FILE *stream, size_t flows)
{
    char name[BLIND_FLOW_NAME];

    fputs("flow,answer\n", stream);
    for (size_t number = 1; number <= flows; number++)
        fprintf(stream, "%s,\n", blind_flow_name(number, flows, name));
    return !ferror(stream);
}

/* ---- reading ---- */

/* Without the blanks around it; changed in place. */
static char *trim(char *text)
{
    char *end;

    while (isspace((unsigned char)*text))
        text++;
    end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static int parse_answer(const char *text, enum blind_answer *answer)
{
    for (enum blind_answer a = 0; a < BLIND_ANSWERS; a++) {
        if (strcasecmp(text, blind_answer_name(a)) == 0) {
            *answer = a;
            return 0;
        }
    }
    return -1;
}

/* One that is not empty. */
static int read_answer(char *line, enum blind_answer *answers, bool *given, size_t flows, struct error *err)
{
    char *comma = strpbrk(line, ",;"); /* spreadsheets of some countries write the latter */
    char *answer;
    uint64_t number;

    if (comma == NULL)
        return error_set(err, "'%s' is not a number, a comma and an answer", line);
    *comma = '\0';
    line = trim(line);
    answer = trim(comma + 1);
    if (text_to_u64(line, &number) < 0 || number < 1 || number > flows)
        return error_set(err, "'%s' is not the number of a flow, 1 to %zu", line, flows);
    if (given[number - 1])
        return error_set(err, "a second answer for flow %s", line);
    if (*answer == '\0')
        return error_set(err, "no answer for flow %s", line);
    if (parse_answer(answer, &answers[number - 1]) < 0)
        return error_set(err, "'%s' is none of: real, likely real, likely generated, generated", answer);
    given[number - 1] = true;
    return 0;
}

static int read_lines(FILE *stream, enum blind_answer *answers, bool *given, size_t flows, size_t *at,
                      struct error *err)
{
    char line[LINE_BYTES];

    for (*at = 1; fgets(line, sizeof line, stream) != NULL; ++*at) {
        size_t mark = *at == 1 && strncmp(line, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
        bool is_long = strlen(line) == sizeof line - 1 && line[sizeof line - 2] != '\n';
        char *text = trim(line + mark);

        if (is_long)
            return error_set(err, "longer than %d bytes", LINE_BYTES - 2);
        if (*text == '\0' || (*at == 1 && strncasecmp(text, "flow", 4) == 0))
            continue;
        if (read_answer(text, answers, given, flows, err) < 0)
            return -1;
    }
    return 0;
}

/* 0, or -1 with *err naming the first flow that was left out. */
static int check_complete(const bool *given, size_t flows, struct error *err)
{
    char name[BLIND_FLOW_NAME];

    for (size_t i = 0; i < flows; i++) {
        if (!given[i])
            return error_set(err, "no answer for flow %s", blind_flow_name(i + 1, flows, name));
    }
    return 0;
}

int blind_answers_read(FILE *stream, const char *name, enum blind_answer *answers, size_t flows, struct error *err)
{
    bool *given = memory_alloc_array(flows, sizeof *given);
    size_t line;
    int status = read_lines(stream, answers, given, flows, &line, err);

    if (status < 0)
        error_prefix(err, "%s: line %zu", name, line);
    else if ((status = check_complete(given, flows, err)) < 0)
        error_prefix(err, "%s", name);
    free(given);
    return status;
}

/* ---- grading ---- */

struct blind_grade blind_answers_grade(const enum blind_answer *answers, const bool *is_generated, size_t flows)
{
    struct blind_grade grade = { { { 0 } } };

    for (size_t i = 0; i < flows; i++)
        grade.count[is_generated[i] ? BLIND_TRUTH_GENERATED : BLIND_TRUTH_REAL][answers[i]]++;
    return grade;
}

static uint32_t count_flows(const struct blind_grade *grade, enum blind_truth truth)
{
    uint32_t flows = 0;

    for (int answer = 0; answer < BLIND_ANSWERS; answer++)
        flows += grade->count[truth][answer];
    return flows;
}

static uint32_t count_errors(const struct blind_grade *grade, enum blind_truth truth)
{
    const uint32_t *count = grade->count[truth];

    return truth == BLIND_TRUTH_REAL ? count[BLIND_LIKELY_GENERATED] + count[BLIND_GENERATED]
                                     : count[BLIND_REAL] + count[BLIND_LIKELY_REAL];
}

double blind_grade_error(const struct blind_grade *grade, enum blind_truth truth)
{
    uint32_t flows = count_flows(grade, truth);

    return flows > 0 ? (double)count_errors(grade, truth) / flows : NAN;
}

double blind_grade_total_error(const struct blind_grade *grade)
{
    uint32_t flows = count_flows(grade, BLIND_TRUTH_REAL) + count_flows(grade, BLIND_TRUTH_GENERATED);
    uint32_t errors = count_errors(grade, BLIND_TRUTH_REAL) + count_errors(grade, BLIND_TRUTH_GENERATED);

    return flows > 0 ? (double)errors / flows : NAN;
}

struct blind_mean blind_mean_of(const double *values, size_t count)
{
    struct blind_mean result = { 0, NAN };
    double squares = 0;

    for (size_t i = 0; i < count; i++)
        result.mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - result.mean) * (values[i] - result.mean);
    if (count > 1)
        result.sd = sqrt(squares / (double)(count - 1));
    return result;
}
