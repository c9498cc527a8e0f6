/* Requests, one behind the other as on a connection: the outcome does not
 * depend on the portions the bytes come in, nothing is taken twice, and what a
 * reader is told is within its bounds. */
#include <stdlib.h>

#include "attest/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Reads one request; the bytes it took. */
static size_t read_one(struct http *p, uint8_t *line, struct slice in, size_t step)
{
	size_t used = 0, n;

	http_begin(p, line);
	while (used < in.len && p->state < HTTP_DONE) {
		n = in.len - used < step ? in.len - used : step;
		n = http_feed(p, slice_of(in.p + used, n));
		must(n > 0 && n <= step && n <= in.len - used);
		used += n;
	}
	return used;
}

static void check_request(const struct http *p)
{
	char value[8];
	size_t len = 0;

	must(p->path_len <= HTTP_PATH_MAX && p->query_len <= HTTP_QUERY_MAX);
	must(p->path_len == 0 || p->path[0] == '/' || p->path[0] == '*' || p->path[0] == '%');
	must(!memchr(p->path, '\0', p->path_len) && !memchr(p->query, '#', p->query_len));
	must(http_query(p, "a", value, sizeof value, &len) != RC_OK || len <= sizeof value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http whole, bytewise;
	static uint8_t line[HTTP_HEAD_MAX];
	struct slice in = slice_of(data, size), taken;
	size_t n;

	do {
		n = read_one(&whole, line, in, SIZE_MAX);
		/* A line that is too long is noticed with the portion it comes in. */
		if (read_one(&bytewise, line, in, 1) != n)
			must(whole.state == HTTP_BAD && bytewise.state == HTTP_BAD);
		must(whole.state == bytewise.state && whole.status == bytewise.status);
		must(whole.path_len == bytewise.path_len && whole.query_len == bytewise.query_len);
		must(memcmp(whole.path, bytewise.path, whole.path_len) == 0);
		must(whole.close == bytewise.close && whole.method == bytewise.method);
		must((whole.state == HTTP_BAD) == (whole.status != 0));
		if (whole.state == HTTP_DONE)
			check_request(&whole);
		(void)slice_take(&in, n, &taken);
	} while (whole.state == HTTP_DONE && in.len > 0);
	return 0;
}
