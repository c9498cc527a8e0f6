/* The attestation server, one connection at a time and without I/O: TLS 1.2
 * (attest/tls.h), HTTP/1.1 (attest/http.h) and the routes of the API
 * (attest/routes.h), as an engine that bytes are pushed into and pulled out of.
 *
 * The owner moves bytes between this and a stream, keeps the deadlines, and gets
 * documents made (https_wants); the clock is read here for Date alone. All input
 * is hostile. A context is the caller's, https_size() bytes: 4 KiB of engine, a
 * TLS record of the largest size in and one of 4 KiB out, and 12 KiB for a
 * request's head and after it the document that answers it. What a connection
 * does not use it does not touch: with ordinary clients that is about 24 KiB.
 *
 * States: handshake → idle → request → waiting for a document → answering → idle,
 * or over. One request at a time; the next one's bytes wait in the
 * TLS record or with the owner. Limits are below; every state has a deadline.
 */
#ifndef ATTEST_HTTPS_H
#define ATTEST_HTTPS_H

#include <stdbool.h>

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"
#include "attest/body.h"
#include "attest/nsm.h"
#include "attest/touch.h"

enum {
	HTTPS_PORT = 8443,
	HTTPS_NONCE_MIN = 16, /* bytes */
	HTTPS_NONCE_MAX = 64,
	HTTPS_SPKI_MAX = 128,
	HTTPS_TOUCHES = 64, /* records in one answer of /touch */
	/* Deadlines. Handshake and request are counted from their first byte, so
	 * that a client that sends a byte now and then gains nothing. */
	HTTPS_HANDSHAKE_MS = 10000,
	HTTPS_IDLE_MS = 30000,
	HTTPS_REQUEST_MS = 10000,  /* a whole one: nothing here takes a body */
	HTTPS_DOCUMENT_MS = 10000, /* until the owner brings a document */
	HTTPS_STALL_MS = 10000,    /* an answer of which nothing was taken */
	HTTPS_ANSWER_MS = 60000,   /* a whole answer */
};

/* What the routes tell; filled in by the owner, read at every request. Text
 * and bytes live as long as the server. */
struct https_facts {
	struct slice manifest; /* the measured bytes */
	struct nsm_description module;
	struct nsm_pcr pcr[NSM_PCRS_MAX];
	bool ready;
	const char *why; /* when not ready */
	/* The touch log: number of records ever, the first still kept (from 1;
	 * touches+1 when none), the head now. */
	uint64_t touches, touch_first;
	uint8_t touch_head[SHA384_LEN];
	/* The head after record n (touch_first-1..touches); false when it is not
	 * kept any more. */
	bool (*touch_after)(uint64_t n, uint8_t head[SHA384_LEN]);
	/* Copies record number n (touch_first..touches) into out; its length, 0
	 * when it is not kept any more. */
	size_t (*touch_record)(uint64_t n, uint8_t out[TOUCH_RECORD_MAX]);
	/* Writes the services of /health; NULL, or why they are not ready (as why
	 * above). */
	const char *(*services)(struct body *b);
	/* Writes the owner's own lines of /metrics. */
	void (*metrics)(struct body *b);
};

/* Makes the TLS key from seed (32 bytes of the kernel's generator, wiped
 * here), whose public half is tls_spki (attest/tls.h). Once; then a certificate is made
 * (attest/cert.h), before the first connection. */
void https_init(uint8_t seed[32], struct https_facts *facts);

struct https;
size_t https_size(void); /* of one context, to be aligned for any type */
void https_open(struct https *h, int64_t now_ms);
void https_close(struct https *h); /* wipes; when the connection is over */

/* Bytes of the peer: how many were taken; the rest is offered again when
 * something has changed (https_out was taken, a document came). */
size_t https_in(struct https *h, struct slice s, int64_t now_ms);
/* The peer sends no more, and all it sent was taken. */
void https_in_end(struct https *h);
/* Bytes for the peer, empty when there are none now. */
struct slice https_out(struct https *h);
void https_sent(struct https *h, size_t n, int64_t now_ms);
/* All has been said (or the peer misbehaved): close once https_out is empty.
 * What the peer still sends is dropped. */
bool https_done(const struct https *h);
/* clock_mono_ms() after which the connection is to be aborted: handshake,
 * request, idle and unread answers each have a limit. */
int64_t https_deadline(const struct https *h);

/* True, with the client's nonce, while a request waits for a document with
 * purpose tls for that nonce. Nothing else happens on h until it comes. */
bool https_wants(const struct https *h, struct slice *nonce);
/* The document, which is copied, or why there is none: RC_LIMIT is answered 503
 * with Retry-After, others 500. Ignored when none is waited for. */
void https_document(struct https *h, enum rc rc, struct slice document, int64_t now_ms);

/* How early it may be closed to make room for others: higher is sooner. 0
 * while it answers a request, 1 reading one, HTTPS_IN_HANDSHAKE, 3 idle. Among
 * equals the one whose deadline is first. */
enum { HTTPS_IN_HANDSHAKE = 2 };
unsigned https_idleness(const struct https *h);

/* Counters since start, for /metrics (https adds these itself) and tests. */
struct https_counters {
	uint64_t handshakes, resumed, tls_errors, requests, bad_requests, documents;
};
const struct https_counters *https_counters(void);

#endif
