/*
 * dayshift check: the domain checks of Falk's Table II on the TCP flows of captures.
 */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/read_inputs.h"
#include "eval/domain_checks.h"

static const char help[] =
    "Usage: dayshift check [OPTION]... CAPTURE...\n"
    "\n"
    "Judges the TCP flows of captures: was a handshake observed, did data come before it, was\n"
    "it repeated, was a termination observed, did data come after it. Shares of flows. Captures\n"
    "are what 'dayshift learn' reads, without flow logs.\n"
    "\n"
    "      --json  as JSON\n"
    "  -h, --help  this text\n"
    "\n"
    "Exit status: 0 done; 1 failed; 2 wrong usage; 3 done, but a part of the input could not be read.\n";

static void add_record(void *self, const struct flow_record *record)
{
    domain_checks_add(self, record);
}

static int print_json(const struct domain_checks *checks)
{
    json_t *root = json_object();

    json_object_set_new(root, "tcp_flows", json_integer((json_int_t)checks->flows));
    for (int i = 0; i < DOMAIN_CHECKS; i++)
        json_object_set_new(root, domain_check_name((enum domain_check)i),
                            json_real(domain_checks_share(checks, (enum domain_check)i)));
    return cli_print_json(root);
}

static void print_text(const struct domain_checks *checks)
{
    printf("%-30s %10" PRIu64 "\n", "TCP flows", checks->flows);
    for (int i = 0; i < DOMAIN_CHECKS; i++)
        printf("%-30s %10.4f\n", domain_check_name((enum domain_check)i),
               domain_checks_share(checks, (enum domain_check)i));
}

int verb_check(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    struct domain_checks checks = { 0 };
    const struct read_options read = { .captures_only = true, .max_bytes = READ_MAX_BYTES_DEFAULT };
    struct read_totals totals = { 0 };
    struct error err = { "" };
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_OK;
        }
        if (c != 'j')
            return EXIT_USAGE;
        json = true;
    }
    if (optind == argc) {
        fputs("dayshift check: at least one capture is needed; see dayshift check --help\n", stderr);
        return EXIT_USAGE;
    }
    if (read_inputs(argv + optind, argc - optind, &read, add_record, &checks, &totals, &err) < 0)
        return cli_fail(&err);
    if (!json)
        print_text(&checks);
    else if (print_json(&checks) != EXIT_OK)
        return EXIT_FAILED;
    return totals.damaged > 0 ? EXIT_DAMAGED : EXIT_OK;
}
