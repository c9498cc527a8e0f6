/* The receiver of files and trees: any bytes as the sender's. What is not a
 * whole, consistent transfer must leave the destination as it was. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel/receive.h"
#include "channel/walk.h"

enum { INPUT_MAX = 65536 };

static char root[] = "/tmp/casemate-fuzz-XXXXXX";

static void remove_root(void)
{
	(void)!walk_remove(AT_FDCWD, root);
}

static int is_empty(const char *path)
{
	static struct walk w;
	const char *name;
	enum rc rc;

	if (walk_down(&w, AT_FDCWD, path) != RC_OK)
		abort();
	rc = walk_next(&w, &name);
	walk_close(&w);
	return rc == RC_EOF;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct receiver r;
	static char dst[64];
	struct failure f = { 0 };
	int pair[2];

	if (dst[0] == '\0') {
		if (!mkdtemp(root) || atexit(remove_root) != 0)
			abort();
		snprintf(dst, sizeof dst, "%s/dst", root);
	}
	if (size > INPUT_MAX || mkdir(dst, 0700) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	if (write(pair[0], data, size) != (ssize_t)size || shutdown(pair[0], SHUT_WR) != 0)
		abort();
	r.mode_mask = 01777;
	if (receive_open(&r, pair[1], dst, false, false, &f) != RC_OK)
		abort();
	if (receive_run(&r) != RC_OK) {
		if (f.code == 0)
			abort();
		receive_close(&r);
		if (!is_empty(dst))
			abort();
	} else {
		receive_close(&r);
	}
	close(pair[0]);
	close(pair[1]);
	if (walk_remove(AT_FDCWD, dst) != RC_OK || !is_empty(root))
		abort();
	return 0;
}
