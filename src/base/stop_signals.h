/*
 * stop_signals.h - the signals that end a run: SIGINT, SIGTERM, and SIGHUP where nohup(1) has not set it aside.
 *
 * A run catches them, so that they set a flag it looks at. What a handler needs is global, so of the process.
 */
#ifndef BASE_STOP_SIGNALS_H
#define BASE_STOP_SIGNALS_H

#include <stdatomic.h>

/* From here on they only set *stop, and end a write to a pipe that nobody reads. */
void stop_signals_catch(atomic_bool *stop);

/* The latest that was caught, by name: "SIGINT". NULL: none was. */
const char *stop_signals_caught(void);

/* They end the process again. */
void stop_signals_release(void);

#endif
