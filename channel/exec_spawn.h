/* Starts the command of an exec request: arguments, variables, PATH search,
 * pipes or a terminal, user, working directory.
 *
 * The request is the peer's and already parsed (message.h), users and groups
 * are numbers, and no file of the app's is read: names are for the host. No
 * variable is added. The child is made by vfork, because exec of a small program
 * is to cost little more than the exec itself: it shares our memory until the
 * exec, so between the two it makes system calls and writes to one struct.
 * Everything else is prepared before.
 *
 * The caller has no signal handlers and blocks no signal: what the child
 * inherits is what the command is to have, but for SIGPIPE.
 */
#ifndef CHANNEL_EXEC_SPAWN_H
#define CHANNEL_EXEC_SPAWN_H

#include <sys/types.h>

#include "channel/failure.h"
#include "channel/message.h"

struct spawned {
	pid_t pid; /* leader of its own session and process group */
	int pidfd; /* readable when it has ended */
	/* Our non-blocking ends of its standard streams; -1: none. With a terminal,
	 * input and output are the master, and tty is set. */
	int fd[3];
	/* The terminal's other side, so that it does not hang up when the command
	 * closes it for a while. */
	int hold;
	bool tty;
};

/* Descriptors 0 to 2 are open and are not passed on; r stays until the command
 * has started. RC_DENIED: nothing runs, s holds no descriptors and f says why. */
RC_CHECK enum rc exec_spawn(const struct request *r, struct spawned *s, struct failure *f);

/* Closes what is open; the command is left alone. */
void exec_spawn_close(struct spawned *s);

#endif
