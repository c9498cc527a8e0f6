#include "channel/transfer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "channel/host_message.h"
#include "channel/receive.h"
#include "channel/send.h"
#include "channel/session.h"

/* One transfer a process. */
static struct sender sender;
static struct receiver receiver;
static uint8_t request_mem[FRAME_HEAD + FRAME_REQUEST_MAX];

/* Sends the request and waits for ACCEPT. */
static enum rc ask(struct stream_in *in, const struct request *r, struct failure *f)
{
	struct wbuf w = wbuf_of(request_mem, sizeof request_mem);
	enum frame_type type;
	struct slice payload;
	enum rc rc;

	request_put(&w, r);
	if (w.over)
		return failure_set(f, ERR_OVER_LIMIT, "the paths do not fit into a request");
	rc = stream_send(in->fd, wbuf_slice(&w));
	if (rc == RC_OK)
		rc = stream_in_next(in, &type, &payload);
	if (rc != RC_OK)
		return failure_stream(f, rc);
	if (type == FRAME_ERROR)
		return failure_remote(f, payload);
	if (type != FRAME_ACCEPT || payload.len > 0)
		return failure_stream(f, RC_BAD);
	return RC_OK;
}

/* A receiver that fails reads on until the sender has heard of it. */
static void give_up(int conn, const struct failure *f)
{
	if (!f->remote)
		session_fail(conn, f->code, f->text);
}

/* Tells the enclave why we stop; it may be past caring. */
static void tell(int conn, const struct failure *f)
{
	if (!f->remote)
		(void)!failure_tell(conn, f->code, f->text);
}

enum rc transfer_push(int conn, struct transfer *t, char *const *src, size_t count, const char *dst,
                      bool into)
{
	struct request r = { .op = OP_PUSH, .argc = 1, .argv = { slice_str(dst) } };
	enum rc rc;

	memset(&t->failure, 0, sizeof t->failure);
	r.flags = (into ? FILES_INTO : 0u) | (t->resume ? FILES_RESUME : 0u);
	if (r.argv[0].len == 0 || r.argv[0].len > REQUEST_STRING_MAX)
		return failure_set(&t->failure, ERR_OVER_LIMIT,
		                   "the destination's path has %zu bytes", r.argv[0].len);
	send_begin(&sender, conn, t->resume, &t->failure);
	sender.progress = t->progress;
	rc = ask(&sender.in, &r, &t->failure);
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = send_path(&sender, src[i]);
	if (rc == RC_OK)
		rc = send_finish(&sender);
	if (rc != RC_OK)
		tell(conn, &t->failure);
	t->totals = sender.totals;
	memcpy(t->file_digest, sender.file_digest, sizeof t->file_digest);
	send_end(&sender);
	return rc;
}

/* A link at the destination may have come from the enclave, in an earlier pull
 * to the same name: it is followed only when the user says so, by a slash. */
static enum rc check_link(const char *dst, struct failure *f)
{
	struct stat st;

	if (lstat(dst, &st) == 0 && S_ISLNK(st.st_mode))
		return failure_set(f, ERR_CONFLICT,
		                   "'%s' is a symlink; remove it, or say '%s/' to follow it", dst,
		                   dst);
	return RC_OK;
}

enum rc transfer_pull(int conn, struct transfer *t, char *const *src, size_t count, const char *dst,
                      bool into)
{
	struct request r = { .op = OP_PULL, .argc = count };
	enum rc rc;

	memset(&t->failure, 0, sizeof t->failure);
	r.flags = t->resume ? FILES_RESUME : 0;
	if (count > REQUEST_ARGS_MAX)
		return failure_set(&t->failure, ERR_OVER_LIMIT, "more than %d paths",
		                   REQUEST_ARGS_MAX);
	for (size_t i = 0; i < count; i++)
		r.argv[i] = slice_str(src[i]);
	/* Whatever the enclave says, no set-user-ID file comes out of it. */
	receiver.mode_mask = 01777;
	rc = check_link(dst, &t->failure);
	if (rc != RC_OK)
		return rc;
	rc = receive_open(&receiver, conn, dst, into, t->resume, &t->failure);
	if (rc != RC_OK)
		return rc;
	receiver.progress = t->progress;
	rc = ask(&receiver.in, &r, &t->failure);
	if (rc == RC_OK)
		rc = receive_run(&receiver);
	if (rc != RC_OK)
		give_up(conn, &t->failure);
	t->totals = receiver.totals;
	memcpy(t->file_digest, receiver.file_digest, sizeof t->file_digest);
	receive_close(&receiver);
	return rc;
}

/* --- files into memory --- */

static struct {
	struct stream_in in;
	struct sha384 transfer;
	struct totals totals;
	struct failure *failure;
} reading;

/* The next frame; all but those of content count into the transfer's digest. */
static enum rc next(enum frame_type *type, struct slice *payload)
{
	enum rc rc = stream_in_next(&reading.in, type, payload);

	if (rc != RC_OK)
		return failure_stream(reading.failure, rc);
	if (*type == FRAME_ERROR)
		return failure_remote(reading.failure, *payload);
	if (*type == FRAME_ENTRY || *type == FRAME_END)
		totals_note(&reading.transfer, *type, *payload);
	return RC_OK;
}

static bool check_end(const struct transfer_file *file, struct slice end)
{
	uint8_t digest[SHA384_LEN];

	sha384_of(file->mem, file->len, digest);
	return slice_eq(end, slice_of(digest, sizeof digest));
}

/* DATA and HOLE up to END; size is at most file->max. */
static enum rc read_content(struct transfer_file *file, size_t size)
{
	for (;;) {
		enum frame_type type;
		struct slice payload;
		uint64_t n = 0;
		enum rc rc = next(&type, &payload);

		if (rc != RC_OK)
			return rc;
		if (type == FRAME_END && file->len == size) {
			file->there = check_end(file, payload);
			return file->there ? RC_OK
			                   : failure_set(reading.failure, ERR_DIGEST, "'%s'",
			                                 file->path);
		}
		if (type == FRAME_DATA)
			n = payload.len;
		else if (type != FRAME_HOLE || !number_parse(payload, size, &n))
			return failure_stream(reading.failure, RC_BAD);
		if (n == 0 || n > size - file->len)
			return failure_stream(reading.failure, RC_BAD);
		if (type == FRAME_DATA)
			memcpy(file->mem + file->len, payload.p, n);
		else
			memset(file->mem + file->len, 0, n);
		file->len += n;
	}
}

static enum rc read_file(struct transfer_file *file)
{
	enum frame_type type;
	struct slice payload;
	struct entry e;
	enum rc rc = next(&type, &payload);

	if (rc != RC_OK)
		return rc;
	if (type != FRAME_ENTRY || entry_parse(payload, &e) != RC_OK)
		return failure_stream(reading.failure, RC_BAD);
	if (e.kind != ENTRY_FILE)
		return failure_set(reading.failure, ERR_CONFLICT, "'%s' is no regular file",
		                   file->path);
	if (e.size > (int64_t)file->max)
		return failure_set(reading.failure, ERR_OVER_LIMIT, "'%s' has more than %zu bytes",
		                   file->path, file->max);
	rc = read_content(file, (size_t)e.size);
	reading.totals.files++;
	reading.totals.bytes += (uint64_t)e.size;
	return rc;
}

static enum rc read_done(void)
{
	const struct slice ours = slice_of(reading.totals.digest, SHA384_LEN);
	uint8_t mem[FRAME_HEAD + SHA384_LEN];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	enum frame_type type;
	struct slice payload, theirs;
	enum rc rc = next(&type, &payload);

	if (rc != RC_OK)
		return rc;
	if (type != FRAME_DONE || !sum_parse(payload, &reading.totals.skipped, &theirs))
		return failure_stream(reading.failure, RC_BAD);
	sha384_final(&reading.transfer, reading.totals.digest);
	if (!slice_eq(theirs, ours))
		return failure_set(reading.failure, ERR_DIGEST, "the transfer's sums do not match");
	frame_put(&w, FRAME_RESULT, ours);
	rc = stream_send(reading.in.fd, wbuf_slice(&w));
	return rc == RC_OK ? RC_OK : failure_stream(reading.failure, rc);
}

enum rc transfer_read(int conn, struct transfer_file *files, size_t count, struct failure *f)
{
	struct request r = { .op = OP_PULL, .argc = count };
	enum rc rc;

	memset(f, 0, sizeof *f);
	memset(&reading.totals, 0, sizeof reading.totals);
	reading.failure = f;
	for (size_t i = 0; i < count; i++) {
		r.argv[i] = slice_str(files[i].path);
		files[i].len = 0;
		files[i].there = false;
	}
	stream_in_init(&reading.in, conn, 0, NULL);
	sha384_init(&reading.transfer);
	rc = ask(&reading.in, &r, f);
	for (size_t i = 0; rc == RC_OK && i < count; i++)
		rc = read_file(&files[i]);
	if (rc == RC_OK)
		rc = read_done();
	if (rc != RC_OK)
		give_up(conn, f);
	return rc != RC_OK && f->remote && f->code == ERR_NOT_FOUND ? RC_ABSENT : rc;
}
