/* appliance/base/io.h: whole files, up to a limit and no further. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"

enum { MAX = 100 };

static char path[] = "/tmp/test_io.XXXXXX";

static void sizes(int fd)
{
	uint8_t out[MAX + 1];

	for (size_t n = 0; n <= MAX + 2; n++) {
		size_t len = 7;
		enum rc rc;

		CHECK(ftruncate(fd, (off_t)n) == 0);
		memset(out, 'x', sizeof out);
		rc = io_read_file(path, out, MAX, &len);
		CHECK(rc == (n <= MAX ? RC_OK : RC_LIMIT));
		CHECK(rc != RC_OK || len == n);
		for (size_t i = 0; i < sizeof out; i++)
			CHECK(out[i] == (i < n && i < MAX ? 0 : 'x'));
	}
}

/* errno is the call's that failed. */
static void failures(void)
{
	uint8_t out[1];
	size_t len = 7;

	CHECK(io_read_file("/nowhere", out, sizeof out, &len) == RC_IO && errno == ENOENT);
	CHECK(len == 0);
	CHECK(io_read_file("/", out, sizeof out, &len) == RC_IO && errno == EISDIR);
}

int main(void)
{
	int fd = mkstemp(path);

	if (!CHECK(fd >= 0))
		return test_end();
	sizes(fd);
	failures();
	unlink(path);
	io_close(&fd);
	CHECK(fd == -1);
	return test_end();
}
