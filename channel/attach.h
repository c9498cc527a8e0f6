/* The host's end of exec: standard streams, terminal, signals, exit status.
 *
 * Input: the enclave's frames, which are not believed.
 */
#ifndef CHANNEL_ATTACH_H
#define CHANNEL_ATTACH_H

#include "channel/failure.h"

struct attach {
	char *const *argv;   /* NULL-terminated, at least one */
	char *const *env;    /* NULL-terminated "K=V", or NULL */
	const char *cwd;     /* or NULL */
	const uint32_t *ids; /* uid, gid, further groups; or NULL for root */
	size_t idc;          /* at most REQUEST_IDS_MAX */
	bool in, tty, detach;
};

enum {
	ATTACH_FAILED = 125, /* the tool or the channel failed */
	ATTACH_NOT_EXECUTABLE = 126,
	ATTACH_NOT_FOUND = 127,
};

/* Runs the command over conn (connected, owned by the caller) and returns the
 * status to exit with: the command's, 128+n when a signal ended it, or one of
 * the above, and then *f says why. A terminal is given back as it was on every way
 * out. */
int attach_exec(int conn, const struct attach *a, struct failure *f);

#endif
