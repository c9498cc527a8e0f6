#include "channel/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"

enum rc receive_open(struct receiver *r, int fd, const char *dst, bool into, bool resume,
                     struct failure *f)
{
	r->failure = f;
	if (stage_open(&r->stage, dst, into, resume, f) != RC_OK)
		return RC_DENIED;
	stream_timeouts(fd);
	digest_init(&r->digest);
	stream_in_init(&r->in, fd, &r->digest);
	sha384_init(&r->transfer);
	memset(&r->totals, 0, sizeof r->totals);
	r->level[0] = (struct receive_level){ .fd = r->stage.fresh, .old = r->stage.old };
	r->depth = 1;
	r->file = -1;
	r->tops = 0;
	r->await_from = false;
	r->umask = umask(0);
	umask(r->umask);
	return RC_OK;
}

static struct receive_level *top(struct receiver *r)
{
	return &r->level[r->depth - 1];
}

static void level_close(struct receiver *r)
{
	struct receive_level *l = top(r);

	if (r->depth > 1) { /* the lowest belongs to the stage */
		io_close(&l->fd);
		io_close(&l->old);
	}
	r->depth--;
}

void receive_close(struct receiver *r)
{
	digest_stop(&r->digest);
	io_close(&r->file);
	while (r->depth > 0)
		level_close(r);
	stage_discard(&r->stage);
}

static enum rc out_of_turn(struct receiver *r)
{
	return failure_set(r->failure, ERR_PROTOCOL, "the sender sent a frame out of turn");
}

static void note(struct receiver *r, enum frame_type type, struct slice payload)
{
	uint8_t t = (uint8_t)type;

	sha384_update(&r->transfer, &t, 1);
	sha384_update(&r->transfer, payload.p, payload.len);
}

static enum rc reply(struct receiver *r, const struct wbuf *w)
{
	enum rc rc = stream_send(r->in.fd, wbuf_slice(w));

	return rc == RC_OK ? RC_OK : failure_stream(r->failure, rc);
}

/* --- files --- */

/* A file that exists under that name in `new` was sent twice. */
static enum rc not_created(struct receiver *r, const char *what)
{
	if (errno == EEXIST)
		return failure_set(r->failure, ERR_DUPLICATE, "'%s' occurs twice", r->name);
	return failure_errno(r->failure, what, r->name);
}

/* Hashes what an earlier attempt left, as far as it can be of use. */
static enum rc hash_kept(struct receiver *r)
{
	uint8_t buf[65536];
	struct stat st;

	if (fstat(r->file, &st) < 0)
		return failure_errno(r->failure, "look at", r->name);
	for (r->at = 0; r->at < st.st_size && r->at < r->size;) {
		int64_t left = r->size - r->at;
		ssize_t n =
			read(r->file, buf, left < (int64_t)sizeof buf ? (size_t)left : sizeof buf);

		if (n < 0)
			return failure_errno(r->failure, "read", r->name);
		if (n == 0)
			break;
		if (stream_gone(r->in.fd))
			return failure_stream(r->failure, RC_EOF);
		digest_wait(&r->digest, digest_add(&r->digest, buf, (size_t)n));
		r->at += n;
	}
	return RC_OK;
}

static enum rc send_have(struct receiver *r)
{
	uint8_t payload[8 + SHA384_LEN], frame[FRAME_HEAD + sizeof payload];
	struct wbuf p = wbuf_of(payload, sizeof payload), w = wbuf_of(frame, sizeof frame);
	uint8_t digest[SHA384_LEN];

	digest_final(&r->digest, digest);
	wbuf_u64_be(&p, (uint64_t)r->at);
	wbuf_put(&p, digest, sizeof digest);
	frame_put(&w, FRAME_HAVE, wbuf_slice(&p));
	r->await_from = true;
	return reply(r, &w);
}

static enum rc on_from(struct receiver *r, struct slice payload)
{
	uint64_t from;

	if (!slice_u64_be(&payload, &from) || payload.len > 0)
		return failure_stream(r->failure, RC_BAD);
	if (from != 0 && from != (uint64_t)r->at)
		return out_of_turn(r);
	if (from == 0)
		digest_reset(&r->digest);
	r->at = (int64_t)from;
	r->totals.bytes += from;
	r->await_from = false;
	if (ftruncate(r->file, r->at) < 0 || lseek(r->file, r->at, SEEK_SET) < 0)
		return failure_errno(r->failure, "write", r->name);
	return RC_OK;
}

/* renameat2(2), for which not every libc has a function. */
static int rename_flags(int from, int to, const char *name, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from, name, to, name, flags);
}

/* Takes the file over from an earlier attempt, if it left one. */
static void take_old(struct receiver *r)
{
	const struct receive_level *l = top(r);
	struct stat st;

	if (l->old < 0 || rename_flags(l->old, l->fd, r->name, RENAME_NOREPLACE) < 0)
		return;
	r->file = openat(l->fd, r->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (r->file >= 0 && fstat(r->file, &st) == 0 && S_ISREG(st.st_mode)) {
		r->taken = true;
		return;
	}
	io_close(&r->file);
	(void)!rename_flags(l->fd, l->old, r->name, 0);
}

static enum rc begin_file(struct receiver *r, const struct entry *e)
{
	bool resumed = r->stage.resume && e->size >= RESUME_MIN;

	r->size = e->size;
	r->at = 0;
	r->mode = e->mode & r->mode_mask;
	r->mtime_s = e->mtime_s;
	r->mtime_ns = e->mtime_ns;
	r->taken = false;
	digest_reset(&r->digest);
	if (resumed)
		take_old(r);
	if (r->file < 0)
		r->file = openat(top(r)->fd, r->name,
		                 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		                 r->mode & 0777);
	if (r->file < 0)
		return not_created(r, "create");
	if (!resumed)
		return RC_OK;
	enum rc rc = hash_kept(r);
	return rc == RC_OK ? send_have(r) : rc;
}

static enum rc on_data(struct receiver *r, struct slice piece)
{
	if (piece.len > (uint64_t)(r->size - r->at))
		return failure_set(r->failure, ERR_PROTOCOL, "'%s' is longer than announced",
		                   r->name);
	stream_in_hold(&r->in, digest_add(&r->digest, piece.p, piece.len));
	if (io_write_full(r->file, piece.p, piece.len) != RC_OK)
		return failure_errno(r->failure, "write", r->name);
	r->at += (int64_t)piece.len;
	r->totals.bytes += piece.len;
	if (r->progress.fn)
		r->progress.fn(r->progress.ctx, r->totals.bytes, r->totals.files, r->name);
	return RC_OK;
}

static enum rc on_hole(struct receiver *r, struct slice payload)
{
	uint64_t len;

	if (!slice_u64_be(&payload, &len) || payload.len > 0 || len == 0)
		return failure_stream(r->failure, RC_BAD);
	if (len > (uint64_t)(r->size - r->at))
		return failure_set(r->failure, ERR_PROTOCOL, "'%s' is longer than announced",
		                   r->name);
	if (stream_zeros(r->in.fd, &r->digest, len) != RC_OK)
		return failure_stream(r->failure, RC_EOF);
	r->at += (int64_t)len;
	r->totals.bytes += len;
	if (ftruncate(r->file, r->at) < 0 || lseek(r->file, r->at, SEEK_SET) < 0)
		return failure_errno(r->failure, "write", r->name);
	return RC_OK;
}

static enum rc on_end(struct receiver *r, struct slice payload)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t)r->mtime_s, r->mtime_ns } };

	if (payload.len != SHA384_LEN)
		return failure_stream(r->failure, RC_BAD);
	if (r->at != r->size)
		return failure_set(r->failure, ERR_PROTOCOL, "'%s' is shorter than announced",
		                   r->name);
	digest_final(&r->digest, r->file_digest);
	if (!slice_eq(payload, slice_of(r->file_digest, SHA384_LEN)))
		return failure_set(r->failure, ERR_DIGEST, "'%s' arrived with another content",
		                   r->name);
	if ((r->taken || (r->mode & (07000 | r->umask)) != 0) && fchmod(r->file, r->mode) < 0)
		return failure_errno(r->failure, "set the mode of", r->name);
	if (futimens(r->file, times) < 0)
		return failure_errno(r->failure, "set the time of", r->name);
	if (close(r->file) < 0) {
		r->file = -1;
		return failure_errno(r->failure, "write", r->name);
	}
	r->file = -1;
	r->totals.files++;
	note(r, FRAME_END, payload);
	return RC_OK;
}

/* --- directories and symlinks --- */

static enum rc begin_dir(struct receiver *r, const struct entry *e)
{
	struct receive_level *up = top(r), *l = up + 1;

	if (r->depth > DEPTH_MAX)
		return failure_set(r->failure, ERR_OVER_LIMIT,
		                   "'%s' is more than %d directories deep", r->name, DEPTH_MAX);
	if (mkdirat(up->fd, r->name, 0700) < 0)
		return not_created(r, "create directory");
	l->fd = openat(up->fd, r->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->fd < 0)
		return failure_errno(r->failure, "open", r->name);
	l->old = up->old < 0 ? -1
	                     : openat(up->old, r->name,
	                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	l->mode = e->mode & r->mode_mask;
	l->mtime_s = e->mtime_s;
	l->mtime_ns = e->mtime_ns;
	memcpy(l->name, r->name, sizeof l->name);
	r->depth++;
	return RC_OK;
}

static enum rc on_leave(struct receiver *r, struct slice payload)
{
	struct receive_level *l = top(r);
	struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t)l->mtime_s, l->mtime_ns } };

	if (r->depth == 1 || payload.len > 0)
		return out_of_turn(r);
	if (fchmod(l->fd, l->mode) < 0)
		return failure_errno(r->failure, "set the mode of", l->name);
	if (futimens(l->fd, times) < 0)
		return failure_errno(r->failure, "set the time of", l->name);
	level_close(r);
	note(r, FRAME_LEAVE, payload);
	return RC_OK;
}

static enum rc make_symlink(struct receiver *r, const struct entry *e)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t)e->mtime_s, e->mtime_ns } };
	char target[TARGET_LEN_MAX + 1];

	memcpy(target, e->target.p, e->target.len);
	target[e->target.len] = '\0';
	if (symlinkat(target, top(r)->fd, r->name) < 0)
		return not_created(r, "create symlink");
	if (utimensat(top(r)->fd, r->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failure_errno(r->failure, "set the time of", r->name);
	r->totals.files++;
	return RC_OK;
}

/* At the top of a transfer to a new name, the one entry gets that name. */
static enum rc take_name(struct receiver *r, struct slice name)
{
	if (r->depth == 1 && r->stage.final[0] != '\0') {
		if (r->tops++ > 0)
			return failure_set(r->failure, ERR_CONFLICT,
			                   "'%s' is no directory and cannot hold several entries",
			                   r->stage.final);
		memcpy(r->name, r->stage.final, sizeof r->name);
		return RC_OK;
	}
	memcpy(r->name, name.p, name.len);
	r->name[name.len] = '\0';
	return RC_OK;
}

static enum rc on_entry(struct receiver *r, struct slice payload)
{
	struct entry e;
	enum rc rc = entry_parse(payload, &e);

	if (rc == RC_LIMIT)
		return failure_set(r->failure, ERR_OVER_LIMIT,
		                   "an entry's name, mode or size is over its limit");
	if (rc != RC_OK)
		return failure_stream(r->failure, RC_BAD);
	note(r, FRAME_ENTRY, payload);
	rc = take_name(r, e.name);
	if (rc != RC_OK)
		return rc;
	if (r->progress.fn)
		r->progress.fn(r->progress.ctx, r->totals.bytes, r->totals.files, r->name);
	switch (e.kind) {
	case ENTRY_FILE: return begin_file(r, &e);
	case ENTRY_DIR: return begin_dir(r, &e);
	case ENTRY_SYMLINK: return make_symlink(r, &e);
	}
	return failure_stream(r->failure, RC_BAD);
}

static enum rc on_done(struct receiver *r, struct slice payload)
{
	uint8_t frame[FRAME_HEAD + 128];
	struct wbuf w = wbuf_of(frame, sizeof frame);
	struct totals theirs;

	if (r->depth != 1)
		return out_of_turn(r);
	if (totals_parse(FRAME_DONE, payload, &theirs) != RC_OK)
		return failure_stream(r->failure, RC_BAD);
	if (r->stage.final[0] != '\0' && r->tops != 1)
		return failure_set(r->failure, ERR_PROTOCOL, "nothing came for '%s'",
		                   r->stage.final);
	sha384_final(&r->transfer, r->totals.digest);
	if (theirs.files != r->totals.files || theirs.bytes != r->totals.bytes ||
	    memcmp(theirs.digest, r->totals.digest, SHA384_LEN) != 0)
		return failure_set(r->failure, ERR_DIGEST, "the transfer's sums do not match");
	r->totals.skipped = theirs.skipped;
	if (stage_commit(&r->stage, r->failure) != RC_OK)
		return RC_DENIED;
	totals_put(&w, FRAME_RESULT, &r->totals);
	return reply(r, &w);
}

/* RC_MORE: go on. */
static enum rc on_frame(struct receiver *r, enum frame_type type, struct slice payload)
{
	bool between = r->file < 0, in_file = r->file >= 0 && !r->await_from;
	enum rc rc;

	if (type == FRAME_ERROR)
		return failure_remote(r->failure, payload);
	if (type == FRAME_DONE && between)
		return on_done(r, payload);
	if (type == FRAME_ENTRY && between)
		rc = on_entry(r, payload);
	else if (type == FRAME_LEAVE && between)
		rc = on_leave(r, payload);
	else if (type == FRAME_FROM && r->await_from)
		rc = on_from(r, payload);
	else if (type == FRAME_DATA && in_file)
		rc = on_data(r, payload);
	else if (type == FRAME_HOLE && in_file)
		rc = on_hole(r, payload);
	else if (type == FRAME_END && in_file)
		rc = on_end(r, payload);
	else
		rc = out_of_turn(r);
	return rc == RC_OK ? RC_MORE : rc;
}

enum rc receive_run(struct receiver *r)
{
	struct frame f;
	struct slice payload;
	enum rc rc;

	do {
		rc = stream_in_next(&r->in, &f, &payload);
		if (rc != RC_OK)
			return failure_stream(r->failure, rc);
		rc = on_frame(r, f.type, payload);
	} while (rc == RC_MORE);
	return rc;
}
