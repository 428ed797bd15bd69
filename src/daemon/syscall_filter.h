/*
 * syscall_filter.h - what the engine may ask of the kernel once it looks at foreign data. The only user of libseccomp.
 *
 * It keeps the descriptors that it has, memory, threads, clocks and signals to itself. It cannot open a file or a
 * socket, bind one elsewhere, run a program, make a process, signal or trace another one, or map memory to execute.
 *
 * A call that is not on the list fails with EPERM and does not end the engine: the C library of another version may
 * try something first that it can do without, and a run of a day must not end for it; who has taken the engine over
 * gains nothing by a call that fails. Calls that neither the library nor the engine ever makes, and that such a one
 * would (execve, ptrace, fork and the like), end the process with SIGSYS: the supervisor says so.
 *
 * What is left to who has taken the engine over: to send any frame, also on another interface of the same network
 * namespace, since the address of sendmsg(2) lies where a filter cannot look; to read what arrives on its sockets;
 * and to signal or trace nothing.
 */
#ifndef DAEMON_SYSCALL_FILTER_H
#define DAEMON_SYSCALL_FILTER_H

#include <stdbool.h>

#include "base/error.h"

/* False in a build with sanitizers, which need calls of their own: then there is no filter. */
bool syscall_filter_is_built_in(void);

/*
 * For all threads to come, for good; to be called while there is one, after privileges_drop(). The time zone must
 * have been loaded. 0 or -1.
 */
int syscall_filter_enter(struct error *err);

#endif
