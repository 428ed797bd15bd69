/*
 * say.h - a line of the daemon's on standard error.
 */
#ifndef DAEMON_SAY_H
#define DAEMON_SAY_H

/* "dayshiftd: ", the text and the end of the line; in the place of the progress that a terminal shows. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
