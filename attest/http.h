/* HTTP/1.1 requests (RFC 9110, 9112), read strictly: where two readings of the
 * same bytes are possible the request is refused, since whoever stands between
 * us and the client may have taken the other one.
 *
 * A machine fed with bytes in any portions: the outcome depends on the bytes
 * alone. It keeps one line at a time; what is not needed is checked and
 * dropped, bodies too: nothing in the API takes one. Input is hostile. No I/O,
 * allocation or clock.
 *
 * Refused beyond what the RFC demands: line ends other than CRLF, folded
 * fields, control bytes anywhere, lists or repetitions of Content-Length, any
 * transfer coding but one "chunked", Content-Length beside Transfer-Encoding,
 * user names in a target. Forgiven: one empty line in front of a request.
 * Trailers are checked and dropped. Of a host nothing is used and only its
 * characters are checked.
 */
#ifndef ATTEST_HTTP_H
#define ATTEST_HTTP_H

#include <stdbool.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	HTTP_HEAD_MAX = 8192,  /* request line and fields together */
	HTTP_FIELDS_MAX = 64,  /* and as many in trailers */
	HTTP_BODY_MAX = 65536, /* with the lines of its chunks */
	HTTP_PATH_MAX = 64,    /* longer ones name nothing here */
	HTTP_QUERY_MAX = 512,
};

enum http_state {
	HTTP_START, /* the request line */
	HTTP_FIELDS,
	HTTP_BODY,      /* its data, or a chunk's */
	HTTP_CHUNK,     /* a chunk's size */
	HTTP_CHUNK_END, /* the CRLF behind its data */
	HTTP_TRAILERS,
	HTTP_DONE, /* all of the request was read */
	HTTP_BAD,  /* answer status and close */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS, HTTP_OTHER };

struct http {
	enum http_state state;
	unsigned status; /* with HTTP_BAD: 400, 413, 414, 417, 431, 501, 505 */
	const char *why;
	/* From HTTP_BODY on: */
	enum http_method method;
	bool http10, close; /* close: the client wants it */
	bool expect;        /* waits for 100 Continue */
	bool want_json;     /* Accept names application/json */
	size_t path_len, query_len;
	char path[HTTP_PATH_MAX];   /* decoded; empty when too long, "*" of OPTIONS * */
	char query[HTTP_QUERY_MAX]; /* as it came, its escapes checked */
	/* The machine's own: */
	struct wbuf line;
	size_t left;      /* bytes that this part may still have */
	size_t data_left; /* of the body or chunk */
	uint64_t length;  /* Content-Length, cut to HTTP_BODY_MAX + 1 */
	unsigned fields;
	bool begun, host, has_length, chunked;
};

/* line: HTTP_HEAD_MAX bytes, not shared with anything until HTTP_DONE or
 * HTTP_BAD. */
void http_begin(struct http *p, uint8_t *line);

/* Takes bytes; how many. Fewer than all when the head is complete (state is
 * beyond HTTP_FIELDS for the first time), the request is, or it is bad. */
size_t http_feed(struct http *p, struct slice in);

/* The value of key in the query, decoded, into out. RC_OK; RC_ABSENT;
 * RC_BAD when it is there twice; RC_LIMIT longer than max. */
RC_CHECK enum rc http_query(const struct http *p, const char *key, char *out, size_t max,
                            size_t *len);

#endif
