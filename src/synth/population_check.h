/*
 * population_check.h - what no population can be made from: what is asked for is refused before anything is made of it.
 */
#ifndef SYNTH_POPULATION_CHECK_H
#define SYNTH_POPULATION_CHECK_H

#include <stddef.h>

#include "base/error.h"
#include "synth/population.h"

/* As population_init() says; the outside has its MAC. 0, or -1 and an error that names the address or network. */
int population_check(const struct population_group *groups, size_t count, const struct population_outside *outside,
                     struct error *err);

#endif
