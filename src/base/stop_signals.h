/*
 * stop_signals.h - the signals that end a run: SIGINT, SIGTERM, and SIGHUP where nohup(1) has not set it aside.
 *
 * A run of one thread catches them, so that they set a flag it looks at. A run of several blocks them before it starts
 * the others, which inherit that, and waits for them in one. What a handler needs is global, so of the process.
 */
#ifndef BASE_STOP_SIGNALS_H
#define BASE_STOP_SIGNALS_H

#include <stdatomic.h>
#include <stdint.h>

/* From here on they only set *stop, and end a write to a pipe that nobody reads. */
void stop_signals_catch(atomic_bool *stop);

/* The latest that was caught, by name: "SIGINT". NULL: none was. */
const char *stop_signals_caught(void);

/* They end the process again. */
void stop_signals_release(void);

void stop_signals_block(void);

/* Waits `ns` at most for one that is blocked. Its name; NULL: none came. */
const char *stop_signals_wait(int64_t ns);

#endif
