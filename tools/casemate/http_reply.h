/* An HTTP/1.1 response (RFC 9112), of the one kind that our server gives: a
 * body of Content-Length bytes, no transfer coding. Strict: CRLF, no folding,
 * one Content-Length. Pure; whoever answers may be hostile.
 */
#ifndef TOOL_HTTP_REPLY_H
#define TOOL_HTTP_REPLY_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum { HTTP_REPLY_HEAD_MAX = 8192 };

struct http_reply {
	unsigned status; /* 100 to 599 */
	size_t head_len; /* bytes of the head with its empty line */
	size_t body_len; /* Content-Length */
	bool close;      /* the server ends the connection after it */
};

/* The head of a response in what has come so far. RC_OK; RC_MORE; RC_BAD;
 * RC_LIMIT over HTTP_REPLY_HEAD_MAX or a body over body_max bytes; RC_DENIED
 * without a Content-Length or with a transfer coding. */
RC_CHECK enum rc http_reply_parse(struct slice in, size_t body_max, struct http_reply *r);

#endif
