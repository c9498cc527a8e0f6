/* Why a transfer failed, ready to be shown or sent; and how far one is.
 *
 * The text has whatever the peer or a file's name said: who shows it to people
 * makes it one printable line (tools/casemate/text.h). The first failure is kept,
 * later ones are dropped.
 */
#ifndef CHANNEL_FAILURE_H
#define CHANNEL_FAILURE_H

#include "channel/message.h"

struct failure {
	enum error_code code; /* 0: none yet */
	bool remote;          /* the other end said it */
	char text[ERROR_TEXT_MAX + 1];
};

/* Called with the sums so far and the name in hand; fn NULL for none. */
struct progress {
	void (*fn)(void *ctx, uint64_t bytes, uint64_t files, const char *name);
	void *ctx;
};

static inline void progress_show(const struct progress *p, const struct totals *t, const char *name)
{
	if (p->fn)
		p->fn(p->ctx, t->bytes, t->files, name);
}

/* All return RC_DENIED, for `return failure_…(…)`. */
enum rc failure_set(struct failure *f, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "cannot WHAT NAME: strerror(errno)" */
enum rc failure_errno(struct failure *f, const char *what, const char *name);
/* The result of a stream. */
enum rc failure_stream(struct failure *f, enum rc rc);
/* Sends ERROR, as far as the socket takes it: a peer
 * that does not read does not get it. False: it has gone. */
bool failure_tell(int fd, enum error_code code, const char *text);
/* An ERROR frame's payload. */
enum rc failure_remote(struct failure *f, struct slice payload);

#endif
