#include "channel/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/walk.h"

enum rc receive_open(struct receiver *r, int fd, const char *dst, bool into, bool resume,
                     struct failure *f)
{
	r->failure = f;
	if (stage_open(&r->stage, dst, into, resume, f) != RC_OK)
		return RC_DENIED;
	digest_init(&r->digest);
	stream_in_init(&r->in, fd, 0, &r->digest);
	sha384_init(&r->transfer);
	memset(&r->totals, 0, sizeof r->totals);
	r->state = RECEIVE_ENTRIES;
	r->level[0] = (struct receive_level){ .fd = r->stage.fresh, .final = r->stage.base };
	r->depth = 1;
	r->tops = 0;
	return RC_OK;
}

static struct receive_level *top(struct receiver *r)
{
	return &r->level[r->depth - 1];
}

static void level_close(struct receiver *r)
{
	io_close(&top(r)->fd);
	io_close(&top(r)->final);
	r->depth--;
}

void receive_close(struct receiver *r)
{
	digest_stop(&r->digest);
	while (r->depth > 1) /* the lowest is the stage's */
		level_close(r);
	stage_discard(&r->stage);
}

static enum rc out_of_turn(struct receiver *r)
{
	return failure_set(r->failure, ERR_PROTOCOL, "the sender sent a frame out of turn");
}

static enum rc malformed(struct receiver *r)
{
	return failure_stream(r->failure, RC_BAD);
}

static enum rc failed(struct receiver *r, const char *what, const struct receive_level *l)
{
	return failure_errno(r->failure, what, l->name);
}

static enum rc reply(struct receiver *r, const struct wbuf *w)
{
	enum rc rc = stream_send(r->in.fd, wbuf_slice(w));

	return rc == RC_OK ? RC_OK : failure_stream(r->failure, rc);
}

/* --- entries --- */

/* What `new` has already was sent twice. */
static enum rc not_created(struct receiver *r, const struct receive_level *l)
{
	if (errno == EEXIST)
		return failure_set(r->failure, ERR_DUPLICATE, "'%s' occurs twice", l->name);
	return failed(r, "create", l);
}

/* Digests what the file in hand has already: of the max bytes from at on *n. */
static enum rc pass_over(struct receiver *r, int64_t at, int64_t max, int64_t *n)
{
	enum rc rc = stream_file(r->in.fd, &r->digest, top(r)->fd, at, max, n);

	if (rc == RC_IO)
		return failed(r, "read", top(r));
	return rc == RC_OK ? RC_OK : failure_stream(r->failure, rc);
}

/* HAVE: what an earlier attempt left of the file, as far as it can be of use. */
static enum rc send_have(struct receiver *r)
{
	uint8_t frame[FRAME_HEAD + 8 + SHA384_LEN], digest[SHA384_LEN];
	struct wbuf w = wbuf_of(frame, sizeof frame);
	enum rc rc = pass_over(r, 0, r->size, &r->at);

	if (rc != RC_OK)
		return rc;
	digest_final(&r->digest, digest);
	sum_put(&w, FRAME_HAVE, (uint64_t)r->at, digest);
	r->state = RECEIVE_START;
	return reply(r, &w);
}

static enum rc begin_file(struct receiver *r, struct receive_level *l, int64_t size)
{
	int up = top(r)->fd;
	bool resumed = r->stage.resume && size >= RESUME_MIN;

	l->fd = resumed ? stage_part(&r->stage, l->path, up, l->name)
	                : openat(up, l->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                         0600);
	if (l->fd < 0)
		return not_created(r, l);
	r->depth++;
	r->size = size;
	r->at = 0;
	r->state = RECEIVE_CONTENT;
	digest_reset(&r->digest);
	return resumed ? send_have(r) : RC_OK;
}

static enum rc begin_dir(struct receiver *r, struct receive_level *l)
{
	const struct receive_level *up = top(r);

	if (r->depth > DEPTH_MAX)
		return failure_set(r->failure, ERR_OVER_LIMIT,
		                   "'%s' is more than %d directories deep", l->name, DEPTH_MAX);
	if (walk_make(up->fd, l->name, false, &l->fd) != RC_OK)
		return not_created(r, l);
	/* Where nothing is at the destination, final is -1 from here on down. */
	l->final = openat(up->final, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r->depth++;
	return RC_OK;
}

static enum rc make_symlink(struct receiver *r, const struct receive_level *l, struct slice target)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, l->mtime };
	char text[TARGET_LEN_MAX + 1];

	memcpy(text, target.p, target.len);
	text[target.len] = '\0';
	if (symlinkat(text, top(r)->fd, l->name) < 0)
		return not_created(r, l);
	if (utimensat(top(r)->fd, l->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(r, "set the time of", l);
	r->totals.files++;
	return RC_OK;
}

/* The level of a new entry. At the top of a transfer to a new name, the one
 * entry gets that name. */
static enum rc name_level(struct receiver *r, struct receive_level *l, const struct entry *e)
{
	const char *final = r->stage.final;

	l->fd = l->final = -1;
	l->mode = e->mode & r->mode_mask;
	l->mtime = (struct timespec){ (time_t)e->mtime_s, e->mtime_ns };
	memcpy(l->name, e->name.p, e->name.len);
	l->name[e->name.len] = '\0';
	if (r->depth == 1 && final[0] != '\0') {
		if (r->tops++ > 0)
			return failure_set(r->failure, ERR_CONFLICT,
			                   "'%s' is no directory and cannot hold several entries",
			                   final);
		memcpy(l->name, final, sizeof l->name);
	}
	memcpy(l->path, top(r)->path, sizeof l->path);
	sha384_extend(l->path, l->name, strlen(l->name) + 1);
	return RC_OK;
}

/* A directory replaces nothing else, and nothing else a directory. */
static enum rc check_final(struct receiver *r, const struct receive_level *l, bool is_dir)
{
	struct stat st;

	if (fstatat(top(r)->final, l->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode) == is_dir)
		return RC_OK;
	return failure_set(r->failure, ERR_CONFLICT, "cannot %s '%s'",
	                   is_dir ? "make a directory of" : "replace the directory", l->name);
}

static enum rc on_entry(struct receiver *r, struct slice payload)
{
	struct receive_level *l = top(r) + 1;
	struct entry e;
	enum rc rc = entry_parse(payload, &e);

	if (rc == RC_LIMIT)
		return failure_set(r->failure, ERR_OVER_LIMIT,
		                   "an entry's name, mode or size is over its limit");
	if (rc != RC_OK)
		return malformed(r);
	rc = name_level(r, l, &e);
	if (rc == RC_OK)
		rc = check_final(r, l, e.kind == ENTRY_DIR);
	if (rc != RC_OK)
		return rc;
	progress_show(&r->progress, &r->totals, l->name);
	switch (e.kind) {
	case ENTRY_FILE: return begin_file(r, l, e.size);
	case ENTRY_DIR: return begin_dir(r, l);
	case ENTRY_SYMLINK: return make_symlink(r, l, e.target);
	}
	return malformed(r);
}

/* Mode and time of what is complete. */
static enum rc finish(struct receiver *r)
{
	const struct receive_level *l = top(r);
	struct timespec times[2] = { { 0, UTIME_OMIT }, l->mtime };

	if (fchmod(l->fd, l->mode) < 0)
		return failed(r, "set the mode of", l);
	return futimens(l->fd, times) < 0 ? failed(r, "set the time of", l) : RC_OK;
}

static enum rc on_leave(struct receiver *r, struct slice payload)
{
	enum rc rc;

	if (r->depth == 1 || payload.len > 0)
		return out_of_turn(r);
	rc = finish(r);
	level_close(r);
	return rc;
}

/* --- content --- */

/* The content goes on at r->at; before that is what there was, or a hole. */
static enum rc seek(struct receiver *r)
{
	int fd = top(r)->fd;

	if (ftruncate(fd, r->at) < 0 || lseek(fd, r->at, SEEK_SET) < 0)
		return failed(r, "write", top(r));
	return RC_OK;
}

static enum rc on_from(struct receiver *r, struct slice payload)
{
	uint64_t from;

	if (!number_parse(payload, INT64_MAX, &from))
		return malformed(r);
	if (from != 0 && from != (uint64_t)r->at)
		return out_of_turn(r);
	if (from == 0)
		digest_reset(&r->digest);
	r->at = (int64_t)from;
	r->totals.bytes += from;
	r->state = RECEIVE_CONTENT;
	return seek(r);
}

/* n bytes more of the file. */
static enum rc grow(struct receiver *r, uint64_t n)
{
	if (n > (uint64_t)(r->size - r->at))
		return failure_set(r->failure, ERR_PROTOCOL, "'%s' is longer than announced",
		                   top(r)->name);
	r->at += (int64_t)n;
	r->totals.bytes += n;
	return RC_OK;
}

static enum rc on_data(struct receiver *r, struct slice piece)
{
	enum rc rc = grow(r, piece.len);

	if (rc != RC_OK)
		return rc;
	digest_add(&r->digest, piece.p, piece.len);
	if (io_write_full(top(r)->fd, piece.p, piece.len) != RC_OK)
		return failed(r, "write", top(r));
	progress_show(&r->progress, &r->totals, top(r)->name);
	return RC_OK;
}

static enum rc on_hole(struct receiver *r, struct slice payload)
{
	int64_t from = r->at, n;
	uint64_t len;
	enum rc rc;

	if (!number_parse(payload, UINT64_MAX, &len) || len == 0)
		return malformed(r);
	rc = grow(r, len);
	if (rc == RC_OK)
		rc = seek(r);
	return rc == RC_OK ? pass_over(r, from, r->at - from, &n) : rc;
}

static enum rc on_end(struct receiver *r, struct slice payload)
{
	struct receive_level *l = top(r);
	int fd = l->fd;
	enum rc rc;

	if (payload.len != SHA384_LEN)
		return malformed(r);
	if (r->at != r->size)
		return failure_set(r->failure, ERR_PROTOCOL, "'%s' is shorter than announced",
		                   l->name);
	digest_final(&r->digest, r->file_digest);
	if (!slice_eq(payload, slice_of(r->file_digest, SHA384_LEN)))
		return failure_set(r->failure, ERR_DIGEST, "'%s' arrived with another content",
		                   l->name);
	rc = finish(r);
	l->fd = -1;
	if (close(fd) < 0 && rc == RC_OK)
		rc = failed(r, "write", l);
	level_close(r);
	r->totals.files++;
	r->state = RECEIVE_ENTRIES;
	return rc;
}

static enum rc on_done(struct receiver *r, struct slice payload)
{
	const struct slice ours = slice_of(r->totals.digest, SHA384_LEN);
	uint8_t frame[FRAME_HEAD + SHA384_LEN];
	struct wbuf w = wbuf_of(frame, sizeof frame);
	struct slice theirs;

	if (r->depth != 1)
		return out_of_turn(r);
	if (!sum_parse(payload, &r->totals.skipped, &theirs))
		return malformed(r);
	if (r->stage.final[0] != '\0' && r->tops != 1)
		return failure_set(r->failure, ERR_PROTOCOL, "nothing came for '%s'",
		                   r->stage.final);
	sha384_final(&r->transfer, r->totals.digest);
	if (!slice_eq(theirs, ours))
		return failure_set(r->failure, ERR_DIGEST, "the transfer's sums do not match");
	if (stage_commit(&r->stage, r->failure) != RC_OK)
		return RC_DENIED;
	r->state = RECEIVE_DONE;
	frame_put(&w, FRAME_RESULT, ours);
	return reply(r, &w);
}

static enum rc on_frame(struct receiver *r, enum frame_type type, struct slice payload)
{
	static const struct {
		enum frame_type type;
		enum receive_state state;
		enum rc (*take)(struct receiver *r, struct slice payload);
	} frames[] = {
		{ FRAME_ENTRY, RECEIVE_ENTRIES, on_entry },
		{ FRAME_LEAVE, RECEIVE_ENTRIES, on_leave },
		{ FRAME_DONE, RECEIVE_ENTRIES, on_done },
		{ FRAME_FROM, RECEIVE_START, on_from },
		{ FRAME_DATA, RECEIVE_CONTENT, on_data },
		{ FRAME_HOLE, RECEIVE_CONTENT, on_hole },
		{ FRAME_END, RECEIVE_CONTENT, on_end },
	};

	if (type == FRAME_ERROR)
		return failure_remote(r->failure, payload);
	if (type == FRAME_ENTRY || type == FRAME_END || type == FRAME_LEAVE)
		totals_note(&r->transfer, type, payload);
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
		if (frames[i].type == type && frames[i].state == r->state)
			return frames[i].take(r, payload);
	return out_of_turn(r);
}

enum rc receive_run(struct receiver *r)
{
	enum frame_type type;
	struct slice payload;
	enum rc rc = RC_OK;

	while (rc == RC_OK && r->state != RECEIVE_DONE) {
		rc = stream_in_next(&r->in, &type, &payload);
		rc = rc == RC_OK ? on_frame(r, type, payload) : failure_stream(r->failure, rc);
	}
	return rc;
}
