/*
 * cli.h - the verbs of dayshift(1). One verb, one file; main.c has the table.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/error.h"
#include "base/time_types.h"
#include "dayshift/host_model.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* nothing was written */
    EXIT_USAGE = 2,
    EXIT_DAMAGED = 3 /* done, but a part of the input could not be read */
};

/* Each gets its own name as argv[0] and returns an exit status. */
int verb_learn(int argc, char **argv);
int verb_merge(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_embed(int argc, char **argv);
int verb_synth(int argc, char **argv);
int verb_day(int argc, char **argv);
int verb_sessions(int argc, char **argv);
int verb_fill(int argc, char **argv);
int verb_features(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_blindtest(int argc, char **argv);
int verb_compare(int argc, char **argv);
int verb_identify(int argc, char **argv);
int verb_score(int argc, char **argv);
int verb_ctl(int argc, char **argv);

/* Prints "dayshift: " and the error's text; returns EXIT_FAILED. */
int cli_fail(const struct error *err);

/* From here on the stop signals only set the flag that is returned: called before a temporary file is made, so that
 * none is left. */
const atomic_bool *cli_catch_signals(void);

/* A text of foreign origin, as a path, for JSON: bytes that are no UTF-8 become question marks. New reference. */
json_t *cli_json_text(const char *text);

/* Prints the object, which is taken, to standard output. EXIT_OK, or EXIT_FAILED with a message. */
int cli_print_json(json_t *root);

/* "2026-01-31T09:00:00.123", UTC. Returns `text`. */
enum { CLI_TIME = 32 };
const char *cli_time(struct day_time at, char text[CLI_TIME]);

/* "tcp", "udp", "icmp", "icmp6". */
const char *cli_protocol_name(uint8_t protocol);

/* Of a port feature: "tcp/443", "udp/1025-3431". Returns `text`. */
enum { PORT_NAME = 32 };
const char *cli_port_name(uint8_t protocol, uint32_t feature, char text[PORT_NAME]);

/* "initiates tcp/443", "answers udp/1025-3431". */
enum { STATE_NAME = 48 };
const char *cli_state_name(struct state_key key, char text[STATE_NAME]);

#endif
