/*
 * session_choice.h - how sessions are made, and where their truth goes: options of every verb that writes packets.
 */
#ifndef CLI_SESSION_CHOICE_H
#define CLI_SESSION_CHOICE_H

#include "base/error.h"
#include "dayshift/session_options.h"

struct session_choice {
    const char *truth; /* the file of --truth; NULL: none */
    struct session_options how;
};

/* As without any of the options. */
#define SESSION_CHOICE_DEFAULT ((struct session_choice){ .how.impairments = IMPAIRMENTS_LEARNED })

/* What getopt_long(3) gives for each. */
enum { SESSION_CHOICE_TRUTH = 512, SESSION_CHOICE_PACKET_MODEL, SESSION_CHOICE_IMPAIRMENTS };

/* Entries of a struct option[]. */
#define SESSION_CHOICE_LONG_OPTIONS                                        \
    { "truth", required_argument, NULL, SESSION_CHOICE_TRUTH },            \
    { "packet-model", required_argument, NULL, SESSION_CHOICE_PACKET_MODEL }, \
    { "impairments", required_argument, NULL, SESSION_CHOICE_IMPAIRMENTS }

/* Their lines of a verb's help. Returns `text`. */
enum { SESSION_CHOICE_HELP = 1024 };
const char *session_choice_help(char text[SESSION_CHOICE_HELP]);

/* Takes one of them; `value` is borrowed for the choice's life. 0, or -1 with *err. */
int session_choice_take(struct session_choice *choice, int option, const char *value, struct error *err);

#endif
