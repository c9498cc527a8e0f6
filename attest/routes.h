/* The API's routes: from a request that was read to the answer's bytes. Which
 * path answers what is in the table of routes.c.
 *
 * The answer is produced as often as needed (attest/body.h), so what it tells
 * is fixed when it begins: routes_start copies what may change, into the reply
 * or as text into the caller's buffer. The client controls all of the request.
 *
 * Status lines have no reason phrase (RFC 9112 §4): the body of an error says
 * more. */
#ifndef ATTEST_ROUTES_H
#define ATTEST_ROUTES_H

#include "attest/body.h"
#include "attest/http.h"
#include "attest/https.h"

enum { ROUTES_WORK = 12288 }; /* bytes: a document of NSM_RESPONSE_MAX, or a text */

struct reply {
	const struct https_facts *facts;
	/* Produces the body. */
	void (*put)(const struct reply *r, struct body *b);
	const char *type; /* its media type */
	uint64_t len;
	unsigned status;
	const char *error, *detail;   /* of an error's body */
	bool head;                    /* the body is not sent */
	bool close;                   /* the connection's last answer */
	int64_t now_s;                /* for Date */
	size_t nonce_len;             /* not zero: a document is waited for */
	struct slice text;            /* of the body, or the document; in the caller's buffer */
	uint64_t touches, first, end; /* records of the page: first to end-1 */
	uint8_t nonce[HTTPS_NONCE_MAX];
};

/* Decides on the answer to q (HTTP_DONE or HTTP_BAD). work: ROUTES_WORK bytes
 * that live until the answer was sent. With nonce_len set the answer has to
 * wait for routes_document, which gets a slice in work, or a failure. */
void routes_start(struct reply *r, const struct http *q, const struct https_facts *f, uint8_t *work,
                  int64_t now_s);
void routes_document(struct reply *r, enum rc rc, struct slice document);

/* Produces the answer, head and body. */
void routes_put(const struct reply *r, struct body *b);

#endif
