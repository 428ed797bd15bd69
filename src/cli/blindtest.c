/*
 * dayshift blindtest: can people tell synthetic flows from real ones? (Falk, Table I)
 */
#include "cli/blindtest.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static const char help[] =
    "Usage: dayshift blindtest make -o DIR [OPTION]... REAL SYNTHETIC\n"
    "       dayshift blindtest grade [OPTION]... DIR ANSWERS...\n"
    "\n"
    "Makes a test for people who know networks: flows of two captures, one pcap file each, in random\n"
    "order, from which only behaviour can be told; and grades the answers.\n"
    "'dayshift blindtest make --help' and 'dayshift blindtest grade --help' explain the two.\n";

int verb_blindtest(int argc, char **argv)
{
    static char name[] = "dayshift blindtest make";
    static char other_name[] = "dayshift blindtest grade";

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return EXIT_OK;
    }
    if (argc > 1 && strcmp(argv[1], "make") == 0) {
        argv[1] = name;
        return blindtest_make(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "grade") == 0) {
        argv[1] = other_name;
        return blindtest_grade(argc - 1, argv + 1);
    }
    return options_misused("blindtest", "'make' or 'grade' comes first");
}
