#include "tools/casemate/fetch.h"

#include <stdio.h>

#include "tools/casemate/http_reply.h"
#include "tools/casemate/text.h"
#include "tools/casemate/tls_client.h"

enum { REQUEST_MAX = 1024, STATUS_OK_200 = 200, EXCERPT_MAX = 200 };

static uint8_t buffer[HTTP_REPLY_HEAD_MAX + FETCH_BODY_MAX];

static bool send_request(const char *host, const char *path, const char **why)
{
	char request[REQUEST_MAX];
	int n = snprintf(request, sizeof request,
	                 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: casemate\r\n\r\n", path, host);

	*why = "the request is too long";
	if (n < 0 || (size_t)n >= sizeof request)
		return false;
	return tls_client_write(slice_of(request, (size_t)n), why) == RC_OK;
}

static const char *phrase(enum rc rc)
{
	return rc == RC_LIMIT    ? "its answer is too long"
	       : rc == RC_DENIED ? "its answer does not say how long it is"
	                         : "its answer is not HTTP/1.1";
}

/* Reads one response into buffer, and not a byte more. */
static bool receive(struct http_reply *r, const char **why)
{
	size_t have = 0, n;
	enum rc rc = RC_MORE;

	while (rc == RC_MORE || (rc == RC_OK && have < r->head_len + r->body_len)) {
		if (tls_client_read(buffer + have, sizeof buffer - have, &n, why) != RC_OK)
			return false;
		*why = "it ended the connection in the middle of its answer";
		if (n == 0)
			return false;
		have += n;
		if (rc == RC_MORE)
			rc = http_reply_parse(slice_of(buffer, have), FETCH_BODY_MAX, r);
	}
	*why = phrase(rc);
	if (rc != RC_OK)
		return false;
	*why = "it sent more than its answer";
	return have == r->head_len + r->body_len;
}

bool fetch_get(const char *host, const char *path, const char *what, struct slice *body)
{
	struct http_reply r;
	const char *why;

	if (!send_request(host, path, &why) || !receive(&r, &why)) {
		say("%s: cannot get %s: %s", what, path, why);
		return false;
	}
	*body = slice_of(buffer + r.head_len, r.body_len);
	if (r.status == STATUS_OK_200)
		return true;
	say("%s: cannot get %s: status %u: %.*s", what, path, r.status,
	    (int)(body->len < EXCERPT_MAX ? body->len : EXCERPT_MAX), (const char *)body->p);
	return false;
}
