/*
 * toy_model.h - a network that nobody learned: a few hosts that talk to one another and to the world, for tests of
 * what is behind the model.
 *
 * Weekdays are busy from 08:00 to 18:00 and quiet at night; at weekends few hosts are there. Every host looks up
 * names by a clock of 64 seconds, whatever the hour. Its services have connections of all kinds: closed by either
 * side, reset, refused, not answered, left open and gone on with; short ones, and some of several minutes.
 */
#ifndef TESTS_TOY_MODEL_H
#define TESTS_TOY_MODEL_H

#include "model/model.h"

enum { TOY_HOSTS = 4 };

struct toy_model; /* opaque */

struct toy_model *toy_model_new(void);
void toy_model_free(struct toy_model *toy);

/* Borrowed; not for model_free(). */
struct model *toy_model_of(struct toy_model *toy);

#endif
