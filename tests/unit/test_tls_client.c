/* tools/casemate/tls_client.h against a peer that does not speak TLS, or not at
 * all; with one that does it is tests/e2e/attest_hostile.sh's. */
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"
#include "tools/casemate/tls_client.h"

/* What open makes of a peer that has said that and, if over, ends there. */
static enum rc open_to(const void *said, size_t n, bool over, int64_t ms, const char **why)
{
	int pair[2];
	enum rc rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
		perror("socketpair");
		exit(1);
	}
	CHECK(io_write_full(pair[1], said, n) == RC_OK);
	if (over)
		shutdown(pair[1], SHUT_WR);
	rc = tls_client_open(pair[0], "name.example", clock_mono_ms() + ms, why);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

int main(void)
{
	/* A fatal alert, handshake_failure; a record of a size that none has. */
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 }, huge[] = { 22, 3, 3, 0xff, 0xff };
	static const uint8_t part[] = { 22, 3, 3, 0, 100, 2, 0, 0 };
	const char *why = NULL;

	CHECK(open_to("", 0, false, 0, &why) == RC_TIMEOUT && why != NULL);
	CHECK(open_to(part, sizeof part, false, 0, &why) == RC_TIMEOUT);
	CHECK(open_to("", 0, true, 10000, &why) == RC_EOF && strstr(why, "closed") != NULL);
	CHECK(open_to(part, sizeof part, true, 10000, &why) == RC_EOF);
	CHECK(open_to(alert, sizeof alert, false, 10000, &why) == RC_DENIED);
	CHECK(strstr(why, "40") != NULL);
	CHECK(open_to(huge, sizeof huge, false, 10000, &why) == RC_BAD);
	CHECK(open_to("HTTP/1.1 400 Bad Request\r\n\r\n", 28, false, 10000, &why) == RC_BAD);
	CHECK(tls_client_spki().len == 0);
	return test_end();
}
