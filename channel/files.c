/* The enclave's end of push and pull (session.h). */
#include <assert.h>
#include <string.h>

#include "channel/receive.h"
#include "channel/send.h"
#include "channel/session.h"

/* One session a process. */
static struct sender sender;
static struct receiver receiver;

static_assert(sizeof sender + sizeof receiver <= 4 << 20, "a session has at most 8 MiB resident");

/* The last word: what failed, if the other end did not say so itself. */
static void finish(int conn, enum rc rc, const struct failure *f)
{
	if (rc == RC_OK)
		session_end(conn, slice_of(NULL, 0), SESSION_CLOSE_MS);
	else if (!f->remote)
		session_fail(conn, f->code, f->text);
}

void push_serve(int conn, const struct request *r)
{
	static const uint8_t accept[FRAME_HEAD] = { FRAME_ACCEPT };
	struct failure f = { 0 };
	char dst[REQUEST_STRING_MAX + 1];
	enum rc rc;

	memcpy(dst, r->argv[0].p, r->argv[0].len);
	dst[r->argv[0].len] = '\0';
	receiver.mode_mask = 07777;
	rc = receive_open(&receiver, conn, dst, r->flags & FILES_INTO, r->flags & FILES_RESUME, &f);
	if (rc == RC_OK) {
		rc = stream_send(conn, slice_of(accept, sizeof accept));
		rc = rc == RC_OK ? receive_run(&receiver) : failure_stream(&f, rc);
		receive_close(&receiver);
	}
	finish(conn, rc, &f);
}

void pull_serve(int conn, const struct request *r)
{
	struct failure f = { 0 };
	char path[REQUEST_STRING_MAX + 1];
	enum rc rc = RC_OK;

	send_begin(&sender, conn, r->flags & FILES_RESUME, &f);
	frame_put(stream_out_control(&sender.out), FRAME_ACCEPT, slice_of(NULL, 0));
	for (size_t i = 0; rc == RC_OK && i < r->argc; i++) {
		memcpy(path, r->argv[i].p, r->argv[i].len);
		path[r->argv[i].len] = '\0';
		rc = send_path(&sender, path);
	}
	if (rc == RC_OK)
		rc = send_finish(&sender);
	send_end(&sender);
	finish(conn, rc, &f);
}
