/*
 * privileges.h - under sudo, the user who called it is who goes on once nothing needs root any more.
 */
#ifndef CLI_PRIVILEGES_H
#define CLI_PRIVILEGES_H

#include "base/error.h"

/* Becomes the user that sudo names, for good; nobody else gives up anything. 0, or -1 with *err. */
int privileges_give_up_root(struct error *err);

#endif
