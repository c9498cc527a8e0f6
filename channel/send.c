#include "channel/send.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

void send_begin(struct sender *s, int fd, bool resume, struct failure *f)
{
	digest_init(&s->digest);
	sha384_init(&s->transfer);
	stream_out_init(&s->out, fd, &s->digest);
	stream_in_init(&s->in, fd, 0, NULL);
	memset(&s->totals, 0, sizeof s->totals);
	s->resume = resume;
	s->failure = f;
}

void send_end(struct sender *s)
{
	digest_stop(&s->digest);
}

/* --- the receiver's frames --- */

/* The next one. RC_OK: it is `want`; an ERROR is none, even then. */
static enum rc next_reply(struct sender *s, enum frame_type want, struct slice *payload)
{
	enum frame_type type;
	enum rc rc = stream_in_next(&s->in, &type, payload);

	if (rc == RC_OK && type == FRAME_ERROR)
		return failure_remote(s->failure, *payload);
	if (rc == RC_OK && type != want)
		rc = RC_BAD;
	return rc == RC_OK ? RC_OK : failure_stream(s->failure, rc);
}

/* The connection failed, or the receiver has spoken: it may have said why. */
static enum rc peer_failed(struct sender *s, enum rc rc)
{
	struct slice payload;

	if (stream_in_ready(&s->in))
		return next_reply(s, FRAME_ERROR, &payload);
	return failure_stream(s->failure, rc);
}

static enum rc flush(struct sender *s)
{
	enum rc rc = stream_out_flush(&s->out);

	return rc == RC_OK ? RC_OK : peer_failed(s, rc);
}

/* --- frames that count for the transfer digest --- */

static void put_noted(struct sender *s, enum frame_type type, struct slice payload)
{
	frame_put(stream_out_control(&s->out), type, payload);
	totals_note(&s->transfer, type, payload);
}

static void put_entry(struct sender *s, enum entry_kind kind, const char *name,
                      const struct stat *st, struct slice target)
{
	struct wbuf *w = stream_out_control(&s->out);
	size_t from = w->len + FRAME_HEAD;
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
	totals_note(&s->transfer, FRAME_ENTRY, slice_of(w->p + from, w->len - from));
	progress_show(&s->progress, &s->totals, name);
}

/* --- one file --- */

static enum rc changed(struct sender *s, const char *name)
{
	return failure_set(s->failure, ERR_CHANGED, "'%s' changed while it was read", name);
}

/* Digests what is not sent: of the n bytes from at on *had are there. */
static enum rc pass_over(struct sender *s, int fd, int64_t at, int64_t n, const char *name,
                         int64_t *had)
{
	enum rc rc = stream_file(s->out.fd, &s->digest, fd, at, n, had);

	if (rc == RC_IO)
		return failure_errno(s->failure, "read", name);
	return rc == RC_OK ? RC_OK : peer_failed(s, rc);
}

/* HAVE and FROM: where to go on. */
static enum rc agree_on_start(struct sender *s, int fd, int64_t size, const char *name,
                              int64_t *start)
{
	uint8_t ours[SHA384_LEN];
	struct slice have, digest;
	uint64_t len;
	enum rc rc = flush(s);

	if (rc == RC_OK)
		rc = next_reply(s, FRAME_HAVE, &have);
	if (rc != RC_OK)
		return rc;
	if (!sum_parse(have, &len, &digest))
		return failure_stream(s->failure, RC_BAD);
	if (len <= (uint64_t)size) {
		rc = pass_over(s, fd, 0, (int64_t)len, name, start);
		if (rc != RC_OK)
			return rc;
		digest_final(&s->digest, ours);
	}
	if (*start != (int64_t)len || !slice_eq(digest, slice_of(ours, sizeof ours))) {
		digest_reset(&s->digest);
		*start = 0;
	}
	number_put(stream_out_control(&s->out), FRAME_FROM, (uint64_t)*start);
	s->totals.bytes += (uint64_t)*start;
	return RC_OK;
}

static enum rc put_hole(struct sender *s, int fd, int64_t at, int64_t len, const char *name)
{
	int64_t had;

	number_put(stream_out_control(&s->out), FRAME_HOLE, (uint64_t)len);
	s->totals.bytes += (uint64_t)len;
	return pass_over(s, fd, at, len, name, &had);
}

/* Sends the n bytes from at on. */
static enum rc put_data(struct sender *s, int fd, int64_t at, int64_t n, const char *name)
{
	while (n > 0) {
		size_t room;
		uint8_t *p = stream_out_data(&s->out, &room);
		ssize_t got;

		if (!p)
			return peer_failed(s, s->out.rc);
		got = pread(fd, p, (int64_t)room < n ? room : (size_t)n, at);
		if (got < 0)
			return failure_errno(s->failure, "read", name);
		if (got == 0)
			return changed(s, name);
		stream_out_data_end(&s->out, (size_t)got);
		digest_add(&s->digest, p, (size_t)got);
		at += got;
		n -= got;
		s->totals.bytes += (uint64_t)got;
		progress_show(&s->progress, &s->totals, name);
	}
	return RC_OK;
}

/* The next stretch of data from *data on; a file system that cannot tell has
 * data everywhere. */
static void find_data(int fd, int64_t size, int64_t *data, int64_t *end)
{
	int64_t at = lseek(fd, *data, SEEK_DATA);

	if (at < 0)
		at = errno == ENXIO ? size : *data;
	*data = at < size ? at : size;
	at = lseek(fd, *data, SEEK_HOLE);
	*end = at >= 0 && at < size ? at : size;
}

static enum rc put_content(struct sender *s, int fd, const struct stat *st, int64_t at,
                           const char *name)
{
	bool holes = st->st_blocks * 512 < st->st_size;
	enum rc rc = RC_OK;

	while (rc == RC_OK && at < st->st_size) {
		int64_t data = at, end = st->st_size;

		if (holes)
			find_data(fd, st->st_size, &data, &end);
		if (data > at)
			rc = put_hole(s, fd, at, data - at, name);
		if (rc == RC_OK)
			rc = put_data(s, fd, data, end - data, name);
		at = end;
	}
	return rc;
}

static enum rc put_file(struct sender *s, int fd, const struct stat *st, const char *name)
{
	struct stat now;
	int64_t at = 0;
	enum rc rc = RC_OK;

	if (st->st_size > FILE_SIZE_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT, "'%s' is too large", name);
	put_entry(s, ENTRY_FILE, name, st, slice_of(NULL, 0));
	digest_reset(&s->digest);
	if (s->resume && st->st_size >= RESUME_MIN)
		rc = agree_on_start(s, fd, st->st_size, name, &at);
	if (rc == RC_OK)
		rc = put_content(s, fd, st, at, name);
	if (rc != RC_OK)
		return rc;
	if (fstat(fd, &now) < 0)
		return failure_errno(s->failure, "look at", name);
	if (now.st_size != st->st_size || now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != st->st_mtim.tv_nsec)
		return changed(s, name);
	digest_final(&s->digest, s->file_digest);
	put_noted(s, FRAME_END, slice_of(s->file_digest, SHA384_LEN));
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
	char target[TARGET_LEN_MAX + 1]; /* one that long is the receiver's to refuse */
	ssize_t n = readlinkat(at, path, target, sizeof target);

	if (n < 0)
		return failure_errno(s->failure, "read link", name);
	put_entry(s, ENTRY_SYMLINK, name, st, slice_of(target, (size_t)n));
	s->totals.files++;
	return RC_OK;
}

static enum rc descend(struct sender *s, int at, const char *path)
{
	if (s->walk.depth == DEPTH_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT,
		                   "'%s' is more than %d directories deep", path, DEPTH_MAX);
	return walk_down(&s->walk, at, path) == RC_OK ? RC_OK
	                                              : failure_errno(s->failure, "open", path);
}

/* The entry at path, of a directory what comes before its content. */
static enum rc put_one(struct sender *s, int at, const char *path, const char *name)
{
	struct stat st;

	if (s->out.rc != RC_OK)
		return peer_failed(s, s->out.rc);
	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failure_errno(s->failure, "look at", path);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return open_and_put_file(s, at, path, name);
	case S_IFLNK: return put_symlink(s, at, path, name, &st);
	case S_IFDIR:
		put_entry(s, ENTRY_DIR, name, &st, slice_of(NULL, 0));
		return descend(s, at, path);
	default: break;
	}
	if (at == AT_FDCWD)
		return failure_set(s->failure, ERR_DENIED,
		                   "'%s' is neither file, directory nor symlink", path);
	s->totals.skipped++;
	return RC_OK;
}

/* The last component of path into name; empty when path stands for what a
 * directory holds. */
static enum rc base_name(struct sender *s, const char *path, char name[NAME_LEN_MAX + 1])
{
	struct slice rest = slice_str(path), part, last = { rest.p, 0 };
	bool more = true;

	while (more) {
		more = slice_cut(&rest, '/', &part);
		if (part.len > 0)
			last = part;
	}
	if (last.len > NAME_LEN_MAX)
		return failure_set(s->failure, ERR_OVER_LIMIT, "the name of '%s' is too long",
		                   path);
	if (name_check(last) != RC_OK)
		last.len = 0;
	memcpy(name, last.p, last.len);
	name[last.len] = '\0';
	return RC_OK;
}

enum rc send_path(struct sender *s, const char *path)
{
	char first[NAME_LEN_MAX + 1] = "";
	enum rc rc = base_name(s, path, first);

	if (rc == RC_OK)
		rc = first[0] != '\0' ? put_one(s, AT_FDCWD, path, first)
		                      : descend(s, AT_FDCWD, path);
	while (rc == RC_OK && s->walk.depth > 0) {
		const char *name;

		rc = walk_next(&s->walk, &name);
		if (rc == RC_OK) {
			rc = put_one(s, walk_top(&s->walk)->fd, name, name);
		} else if (rc == RC_EOF) {
			/* A directory that had no ENTRY has no LEAVE. */
			if (s->walk.depth > 0 || first[0] != '\0')
				put_noted(s, FRAME_LEAVE, slice_of(NULL, 0));
			rc = RC_OK;
		} else {
			rc = failure_errno(s->failure, "read", "directory");
		}
	}
	walk_close(&s->walk);
	return rc;
}

enum rc send_finish(struct sender *s)
{
	struct slice theirs;
	enum rc rc;

	sha384_final(&s->transfer, s->totals.digest);
	sum_put(stream_out_control(&s->out), FRAME_DONE, s->totals.skipped, s->totals.digest);
	rc = flush(s);
	if (rc == RC_OK)
		rc = next_reply(s, FRAME_RESULT, &theirs);
	if (rc == RC_OK && theirs.len != SHA384_LEN)
		return failure_stream(s->failure, RC_BAD);
	if (rc == RC_OK && !slice_eq(theirs, slice_of(s->totals.digest, SHA384_LEN)))
		rc = failure_set(s->failure, ERR_DIGEST,
		                 "the receiver counted another content than was sent");
	return rc;
}
