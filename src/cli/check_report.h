/*
 * check_report.h - what check found, and how it is printed.
 */
#ifndef CLI_CHECK_REPORT_H
#define CLI_CHECK_REPORT_H

#include <stdbool.h>

#include "dayshift/port_feature.h"
#include "eval/domain_checks.h"
#include "eval/legality.h"

/* A flow that broke rules. */
struct illegal_flow {
    struct ip_address address[2];
    uint16_t port[2];
    uint32_t broken; /* bits by enum legality_rule */
    struct legality_place places[LEGALITY_RULES]; /* of what is broken; `file` is of the report's names */
};

/* TCP flows of one service, or of all. */
struct check_counts {
    struct domain_checks domain;
    struct legality_counts legality;
};

struct check_report {
    struct check_counts all;
    struct check_counts services[PORT_FEATURES]; /* by the feature of the responder's port */
    struct legality_counts udp;
    struct illegal_flow *list; /* the first TCP flows that broke a rule: `listed` of at most `list_most` */
    size_t listed, list_most;
    char **names; /* of files in the list, owned */
    size_t name_count, name_capacity;
};

/* How it is to be printed. */
struct check_style {
    bool per_service;
    bool several_files; /* a frame number alone does not tell where it is */
};

void check_report_text(const struct check_report *report, const struct check_style *style);

/* As one JSON object. An exit status. */
int check_report_json(const struct check_report *report, const struct check_style *style);

#endif
