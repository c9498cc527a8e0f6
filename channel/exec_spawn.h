/* Starts the command of an exec request: arguments, variables, PATH search,
 * pipes or a terminal, user, working directory.
 *
 * The request is the peer's and already parsed (message.h); the file system
 * is the app's. The child is made by vfork, because exec of a small program is
 * to cost little more than the exec itself: it shares our memory until the
 * exec, so between the two it only makes system calls and writes its outcome
 * into one struct. Everything else is prepared before.
 */
#ifndef CHANNEL_EXEC_SPAWN_H
#define CHANNEL_EXEC_SPAWN_H

#include <sys/types.h>

#include "channel/failure.h"
#include "channel/message.h"

struct spawned {
	pid_t pid; /* leader of its own session and process group */
	int pidfd; /* readable when it has ended */
	/* Our non-blocking ends; -1: none. With a terminal, in and out are the
	 * master, and tty is set. */
	int in, out, err;
	/* The terminal's other side, so that it does not hang up when the command
	 * closes it for a while. */
	int hold;
	bool tty;
};

/* Descriptors 0 to 2 are open and are not passed on. RC_DENIED: nothing runs,
 * s holds no descriptors and f says why. */
RC_CHECK enum rc exec_spawn(const struct request *r, struct spawned *s, struct failure *f);

/* Closes what is open; the command is left alone. */
void exec_spawn_close(struct spawned *s);

#endif
