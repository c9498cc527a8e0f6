#include "channel/send.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

void send_begin(struct sender *s, int fd, bool resume, struct failure *f)
{
	stream_timeouts(fd);
	digest_init(&s->digest);
	sha384_init(&s->transfer);
	stream_out_init(&s->out, fd, &s->digest);
	stream_in_init(&s->in, fd, &s->digest);
	memset(&s->totals, 0, sizeof s->totals);
	s->looked = 0;
	s->resume = resume;
	s->failure = f;
}

void send_end(struct sender *s)
{
	digest_stop(&s->digest);
}

/* A control frame was appended from byte `from` of w on: it counts for the
 * transfer digest. */
static void note(struct sender *s, const struct wbuf *w, size_t from)
{
	if (w->over || w->len - from < FRAME_HEAD)
		return; /* the latched error of the stream */
	sha384_update(&s->transfer, w->p + from, 1);
	sha384_update(&s->transfer, w->p + from + FRAME_HEAD, w->len - from - FRAME_HEAD);
}

/* The connection failed, or the receiver speaks when it should not: it may
 * have said why. */
static enum rc peer_failed(struct sender *s, enum rc rc)
{
	struct frame f;
	struct slice payload;

	if (stream_in_ready(&s->in) && stream_in_next(&s->in, &f, &payload) == RC_OK)
		return f.type == FRAME_ERROR ? failure_remote(s->failure, payload)
		                             : failure_stream(s->failure, RC_BAD);
	return failure_stream(s->failure, rc == RC_OK ? s->in.rc : rc);
}

static enum rc look(struct sender *s)
{
	if (s->out.rc != RC_OK)
		return peer_failed(s, s->out.rc);
	if (s->out.ring.cur == s->looked)
		return RC_OK;
	s->looked = s->out.ring.cur;
	return stream_in_ready(&s->in) ? peer_failed(s, RC_OK) : RC_OK;
}

static enum rc flush(struct sender *s)
{
	enum rc rc = stream_out_flush(&s->out);

	return rc == RC_OK ? RC_OK : peer_failed(s, rc);
}

static enum rc next_reply(struct sender *s, enum frame_type want, struct slice *payload)
{
	struct frame f;
	enum rc rc = stream_in_next(&s->in, &f, payload);

	if (rc != RC_OK)
		return failure_stream(s->failure, rc);
	if (f.type == FRAME_ERROR)
		return failure_remote(s->failure, *payload);
	return f.type == want ? RC_OK : failure_stream(s->failure, RC_BAD);
}

static void put_entry(struct sender *s, enum entry_kind kind, const char *name,
                      const struct stat *st, struct slice target)
{
	struct wbuf *w = stream_out_control(&s->out);
	size_t from = w->len;
	struct entry e = {
		.kind = kind,
		.name = slice_str(name),
		.mode = st->st_mode & 07777,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.size = st->st_size,
		.target = target,
	};

	entry_put(w, &e);
	note(s, w, from);
	if (s->progress.fn)
		s->progress.fn(s->progress.ctx, s->totals.bytes, s->totals.files, name);
}

/* --- one file --- */

static enum rc changed(struct sender *s, const char *name)
{
	return failure_set(s->failure, ERR_CHANGED, "'%s' changed while it was read", name);
}

/* Hashes the first len bytes of the file. */
static enum rc hash_prefix(struct sender *s, int fd, int64_t len, const char *name)
{
	uint8_t buf[65536];

	while (len > 0) {
		ssize_t n = read(fd, buf, len < (int64_t)sizeof buf ? (size_t)len : sizeof buf);

		if (n < 0)
			return failure_errno(s->failure, "read", name);
		if (n == 0)
			return changed(s, name);
		if (stream_gone(s->out.fd))
			return peer_failed(s, RC_EOF);
		digest_wait(&s->digest, digest_add(&s->digest, buf, (size_t)n));
		len -= n;
	}
	return RC_OK;
}

/* HAVE and FROM: where to go on. */
static enum rc agree_on_start(struct sender *s, int fd, int64_t size, const char *name,
                              int64_t *start)
{
	uint8_t ours[SHA384_LEN], from[8];
	struct wbuf w = wbuf_of(from, sizeof from);
	struct slice have, digest;
	uint64_t len;
	enum rc rc = flush(s);

	if (rc == RC_OK)
		rc = next_reply(s, FRAME_HAVE, &have);
	if (rc != RC_OK)
		return rc;
	if (!slice_u64_be(&have, &len) || !slice_take(&have, SHA384_LEN, &digest) || have.len > 0)
		return failure_stream(s->failure, RC_BAD);
	*start = 0;
	if (len > 0 && len <= (uint64_t)size) {
		rc = hash_prefix(s, fd, (int64_t)len, name);
		if (rc != RC_OK)
			return rc;
		digest_final(&s->digest, ours);
		if (slice_eq(digest, slice_of(ours, sizeof ours)))
			*start = (int64_t)len;
		else
			digest_reset(&s->digest);
	}
	wbuf_u64_be(&w, (uint64_t)*start);
	frame_put(stream_out_control(&s->out), FRAME_FROM, wbuf_slice(&w));
	s->totals.bytes += (uint64_t)*start;
	return lseek(fd, *start, SEEK_SET) < 0 ? failure_errno(s->failure, "seek in", name) : RC_OK;
}

static enum rc put_hole(struct sender *s, int64_t len)
{
	uint8_t b[8];
	struct wbuf w = wbuf_of(b, sizeof b);

	wbuf_u64_be(&w, (uint64_t)len);
	frame_put(stream_out_control(&s->out), FRAME_HOLE, wbuf_slice(&w));
	s->totals.bytes += (uint64_t)len;
	return stream_zeros(s->out.fd, &s->digest, (uint64_t)len) == RC_OK ? RC_OK
	                                                                   : peer_failed(s, RC_EOF);
}

/* Sends n bytes from the file's position on. */
static enum rc put_data(struct sender *s, int fd, int64_t n, const char *name)
{
	while (n > 0) {
		size_t room;
		enum rc rc = look(s);
		uint8_t *p = rc == RC_OK ? stream_out_data(&s->out, &room) : NULL;

		if (!p)
			return rc != RC_OK ? rc : peer_failed(s, s->out.rc);
		if ((int64_t)room > n)
			room = (size_t)n;
		ssize_t got = read(fd, p, room);
		if (got < 0)
			return failure_errno(s->failure, "read", name);
		if (got == 0)
			return changed(s, name);
		stream_out_data_end(&s->out, FRAME_DATA, (size_t)got);
		stream_out_hold(&s->out, digest_add(&s->digest, p, (size_t)got));
		n -= got;
		s->totals.bytes += (uint64_t)got;
		if (s->progress.fn)
			s->progress.fn(s->progress.ctx, s->totals.bytes, s->totals.files, name);
	}
	return RC_OK;
}

static bool may_have_holes(const struct stat *st)
{
	return st->st_size > 4096 && st->st_blocks * 512 < st->st_size;
}

/* The next stretch of data from *data on; a file system that cannot tell has
 * data everywhere. */
static void find_data(int fd, int64_t size, int64_t *data, int64_t *end)
{
	int64_t at = lseek(fd, *data, SEEK_DATA);

	if (at >= 0)
		*data = at < size ? at : size;
	else if (errno == ENXIO)
		*data = size;
	at = *data < size ? lseek(fd, *data, SEEK_HOLE) : size;
	*end = at >= 0 && at < size ? at : size;
}

static enum rc put_content(struct sender *s, int fd, const struct stat *st, int64_t at,
                           const char *name)
{
	bool holes = may_have_holes(st);

	while (at < st->st_size) {
		int64_t data = at, end = st->st_size;
		enum rc rc = RC_OK;

		if (holes) {
			find_data(fd, st->st_size, &data, &end);
			if (lseek(fd, data, SEEK_SET) < 0)
				return failure_errno(s->failure, "seek in", name);
		}
		if (data > at)
			rc = put_hole(s, data - at);
		if (rc == RC_OK)
			rc = put_data(s, fd, end - data, name);
		if (rc != RC_OK)
			return rc;
		at = end;
	}
	return RC_OK;
}

static enum rc put_file(struct sender *s, int fd, const struct stat *st, const char *name)
{
	struct stat now;
	struct wbuf *w;
	int64_t at = 0;
	enum rc rc;

	if (st->st_size > FILE_SIZE_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT, "'%s' is too large", name);
	put_entry(s, ENTRY_FILE, name, st, slice_of(NULL, 0));
	digest_reset(&s->digest);
	if (s->resume && st->st_size >= RESUME_MIN) {
		rc = agree_on_start(s, fd, st->st_size, name, &at);
		if (rc != RC_OK)
			return rc;
	}
	rc = put_content(s, fd, st, at, name);
	if (rc != RC_OK)
		return rc;
	if (fstat(fd, &now) < 0)
		return failure_errno(s->failure, "look at", name);
	if (now.st_size != st->st_size || now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != st->st_mtim.tv_nsec)
		return changed(s, name);
	digest_final(&s->digest, s->file_digest);
	w = stream_out_control(&s->out);
	size_t from = w->len;
	frame_put(w, FRAME_END, slice_of(s->file_digest, SHA384_LEN));
	note(s, w, from);
	s->totals.files++;
	return RC_OK;
}

static enum rc open_and_put_file(struct sender *s, int at, const char *path, const char *name)
{
	struct stat st;
	int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	enum rc rc;

	if (fd < 0)
		return failure_errno(s->failure, "open", name);
	if (fstat(fd, &st) < 0)
		rc = failure_errno(s->failure, "look at", name);
	else if (!S_ISREG(st.st_mode))
		rc = changed(s, name);
	else
		rc = put_file(s, fd, &st, name);
	io_close(&fd);
	return rc;
}

/* --- trees --- */

static enum rc put_symlink(struct sender *s, int at, const char *path, const char *name,
                           const struct stat *st)
{
	char target[TARGET_LEN_MAX + 1];
	ssize_t n = readlinkat(at, path, target, sizeof target);

	if (n < 0)
		return failure_errno(s->failure, "read link", name);
	if (n == 0 || n > TARGET_LEN_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT, "the target of '%s' is too long",
		                   name);
	put_entry(s, ENTRY_SYMLINK, name, st, slice_of(target, (size_t)n));
	s->totals.files++;
	return RC_OK;
}

/* RC_MORE: a directory, whose ENTRY has been sent. */
static enum rc put_one(struct sender *s, int at, const char *path, const char *name)
{
	struct stat st;
	enum rc rc = look(s);

	if (rc != RC_OK)
		return rc;
	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failure_errno(s->failure, "look at", path);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return open_and_put_file(s, at, path, name);
	case S_IFLNK: return put_symlink(s, at, path, name, &st);
	case S_IFDIR: put_entry(s, ENTRY_DIR, name, &st, slice_of(NULL, 0)); return RC_MORE;
	default: break;
	}
	if (at == AT_FDCWD)
		return failure_set(s->failure, ERR_DENIED,
		                   "'%s' is neither file, directory nor symlink", path);
	s->totals.skipped++;
	return RC_OK;
}

static void put_leave(struct sender *s)
{
	struct wbuf *w = stream_out_control(&s->out);
	size_t from = w->len;

	frame_put(w, FRAME_LEAVE, slice_of(NULL, 0));
	note(s, w, from);
}

static enum rc descend(struct sender *s, size_t depth, const char *name)
{
	if (depth == DEPTH_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT,
		                   "'%s' is more than %d directories deep", name, DEPTH_MAX);
	if (dir_open(&s->level[depth], s->level[depth - 1].fd, name) != RC_OK)
		return failure_errno(s->failure, "open", name);
	return RC_OK;
}

/* What the directory at level[0] holds; LEAVE for every level but, when it
 * has no ENTRY of its own, the first. */
static enum rc put_levels(struct sender *s, bool top_has_entry)
{
	size_t depth = 1;
	enum rc rc = RC_OK;

	while (rc == RC_OK && depth > 0) {
		struct dir *d = &s->level[depth - 1];
		const char *name;

		if (dir_next(d, &name) != RC_OK) {
			rc = failure_errno(s->failure, "read", "directory");
		} else if (!name) {
			dir_close(d);
			depth--;
			if (depth > 0 || top_has_entry)
				put_leave(s);
		} else {
			rc = put_one(s, d->fd, name, name);
			if (rc != RC_MORE)
				continue;
			rc = descend(s, depth, name);
			if (rc == RC_OK)
				depth++;
		}
	}
	while (depth > 0)
		dir_close(&s->level[--depth]);
	return rc;
}

/* The last component of path into name; empty when path stands for what a
 * directory holds. */
static enum rc base_name(struct sender *s, const char *path, char name[NAME_LEN_MAX + 1])
{
	size_t len = strlen(path), from;

	while (len > 0 && path[len - 1] == '/')
		len--;
	for (from = len; from > 0 && path[from - 1] != '/'; from--)
		;
	len -= from;
	if (len > NAME_LEN_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT, "the name of '%s' is too long",
		                   path);
	memcpy(name, path + from, len);
	name[len] = '\0';
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		name[0] = '\0';
	return RC_OK;
}

enum rc send_path(struct sender *s, const char *path)
{
	char name[NAME_LEN_MAX + 1] = "";
	enum rc rc = base_name(s, path, name);

	if (rc != RC_OK)
		return rc;
	if (name[0] != '\0') {
		rc = put_one(s, AT_FDCWD, path, name);
		if (rc != RC_MORE)
			return rc;
	}
	if (dir_open(&s->level[0], AT_FDCWD, path) != RC_OK)
		return failure_errno(s->failure, "open", path);
	return put_levels(s, name[0] != '\0');
}

enum rc send_finish(struct sender *s)
{
	struct slice payload;
	struct totals theirs;
	enum rc rc;

	sha384_final(&s->transfer, s->totals.digest);
	totals_put(stream_out_control(&s->out), FRAME_DONE, &s->totals);
	rc = flush(s);
	if (rc == RC_OK)
		rc = next_reply(s, FRAME_RESULT, &payload);
	if (rc != RC_OK)
		return rc;
	if (totals_parse(FRAME_RESULT, payload, &theirs) != RC_OK)
		return failure_stream(s->failure, RC_BAD);
	if (theirs.files != s->totals.files || theirs.bytes != s->totals.bytes ||
	    memcmp(theirs.digest, s->totals.digest, SHA384_LEN) != 0)
		return failure_set(s->failure, ERR_DIGEST,
		                   "the receiver counted another content than was sent");
	return RC_OK;
}
