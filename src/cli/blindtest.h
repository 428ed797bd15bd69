/*
 * blindtest.h - the two halves of dayshift blindtest, and the files that go from one to the other.
 */
#ifndef CLI_BLINDTEST_H
#define CLI_BLINDTEST_H

#define BLINDTEST_FLOWS "flows"         /* what is handed out: the flows and the sheet */
#define BLINDTEST_SHEET "answers.csv"
#define BLINDTEST_TRUTH "truth.sealed"
#define BLINDTEST_KEY "seal.key"        /* opens it; nobody but the owner may read it */

/* Each gets "dayshift blindtest make" or "... grade" as argv[0] and returns an exit status. */
int blindtest_make(int argc, char **argv);
int blindtest_grade(int argc, char **argv);

#endif
