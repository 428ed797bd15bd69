/*
 * pick.h - which hosts of a model are played, and how often: "3,7*5".
 */
#ifndef SYNTH_PICK_H
#define SYNTH_PICK_H

#include <stdint.h>

#include "base/error.h"
#include "dayshift/host_model.h"

enum { PICK_MAX_PLACES = 1000000 /* of a copy of the network */ };

/*
 * A list with commas. "all" is every host, as often as it has members; "7" is host 7, once; "crowd:2" is every host of
 * crowd 2, as "all" has it. "*5" behind one of these is five times. What is named twice counts twice. counts[i] becomes
 * the places of host i in a copy of the network; *places is their sum. -1 with *err, which quotes what is wrong.
 */
int pick_parse(const char *text, const struct host_model *models, uint32_t count, uint32_t *counts,
               uint32_t *places, struct error *err);

#endif
