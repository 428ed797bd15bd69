/*
 * control.h - what dayshiftd and `dayshift ctl` agree on about the control socket.
 *
 * A connection carries one request and its answer. A request is a line of words, an answer is a line with a JSON object:
 * {"ok": true, "text": what to say to people, ...} or {"error": why not}.
 */
#ifndef DAYSHIFT_CONTROL_H
#define DAYSHIFT_CONTROL_H

#define CONTROL_SOCKET "/run/dayshift/control.sock" /* unless the configuration says otherwise */

enum {
    CONTROL_MOST_PATH = 107, /* bytes of the path of a Unix socket, unix(7) */
    CONTROL_MOST_REQUEST = 255, /* bytes, without the newline */
    CONTROL_MOST_ANSWER = 1 << 20
};

/* How long an answer may take that has to wait for something, and any other one. */
#define CONTROL_LONG_WAIT_S 60
#define CONTROL_WAIT_S 5

#endif
