/* The API's routes: from a request that was read to the answer's bytes. Which
 * path answers what is in the table of routes.c.
 *
 * The answer is produced as often as needed (attest/body.h), so what it tells
 * is fixed when it begins: routes_start copies what may change, into the reply
 * or as text into the caller's buffer. The client controls all of the request.
 */
#ifndef ATTEST_ROUTES_H
#define ATTEST_ROUTES_H

#include "attest/body.h"
#include "attest/http.h"
#include "attest/https.h"

enum { ROUTES_WORK = 12288 }; /* bytes: a document of DOCUMENT_MAX, or a text */

enum route {
	ROUTE_ERROR, /* status, error and detail are the answer */
	ROUTE_EMPTY, /* of OPTIONS */
	ROUTE_TEXT,  /* the body is `body` */
	ROUTE_DOCUMENT,
	ROUTE_TOUCH,
	ROUTE_MANIFEST,
};

struct reply {
	enum route route;
	unsigned status;
	const char *type; /* media type of the body */
	const char *error, *detail;
	bool head;  /* the body is not sent */
	bool retry; /* say when to try again */
	bool json;  /* the document decoded */
	bool close; /* the last answer of the connection */
	bool http10;
	int64_t now_s; /* for Date */
	uint8_t nonce[HTTPS_NONCE_MAX];
	size_t nonce_len;              /* not zero: a document is waited for */
	struct slice body;             /* the text or document, in the caller's buffer */
	uint64_t touches, first, next; /* of the page; next 0: it is the last */
	uint8_t base[SHA384_LEN], touch_head[SHA384_LEN];
	uint64_t body_len;
};

/* Decides on the answer to q (HTTP_DONE or HTTP_BAD). work: ROUTES_WORK bytes
 * that live until the answer was sent. With nonce_len set the answer has to
 * wait for routes_document, which gets a slice in work, or a failure. */
void routes_start(struct reply *r, const struct http *q, const struct https_facts *f, uint8_t *work,
                  int64_t now_s);
void routes_document(struct reply *r, enum rc rc, struct slice document,
                     const struct https_facts *f);

/* Produces the answer, head and body. */
void routes_put(const struct reply *r, const struct https_facts *f, struct body *b);

#endif
