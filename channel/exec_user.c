#include "channel/exec_user.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

static const uint32_t ID_MAX = INT32_MAX;

/* --- lines of a file --- */

struct lines {
	int fd;
	size_t start, end; /* of buf, not yet taken */
	size_t total;      /* bytes read of the file */
	bool at_end;
	char buf[USER_LINE_MAX];
};

/* RC_ABSENT when there is no such regular file. */
static enum rc lines_open(struct lines *l, const char *path)
{
	struct stat st;

	*l = (struct lines){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	if (l->fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? RC_ABSENT : RC_IO;
	if (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		io_close(&l->fd);
		return RC_ABSENT;
	}
	return RC_OK;
}

static enum rc lines_fill(struct lines *l)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	if (l->end == sizeof l->buf || l->total >= USER_FILE_MAX)
		return RC_LIMIT;
	do
		n = read(l->fd, l->buf + l->end, sizeof l->buf - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return RC_IO;
	l->at_end = n == 0;
	l->end += (size_t)n;
	l->total += (size_t)n;
	return RC_OK;
}

/* The next line without its newline; RC_EOF after the last. It lives until
 * the next call. */
static enum rc lines_next(struct lines *l, struct slice *line)
{
	for (;;) {
		const char *at = l->buf + l->start;
		size_t have = l->end - l->start;
		const char *newline = have > 0 ? memchr(at, '\n', have) : NULL;
		enum rc rc;

		if (newline || (l->at_end && have > 0)) {
			size_t len = newline ? (size_t)(newline - at) : have;

			*line = slice_of(at, len);
			l->start += len + (newline != NULL);
			return RC_OK;
		}
		if (l->at_end)
			return RC_EOF;
		rc = lines_fill(l);
		if (rc != RC_OK)
			return rc;
	}
}

/* --- fields --- */

/* Takes the field up to sep, or to the end; false when nothing is left. */
static bool field(struct slice *line, char sep, struct slice *out)
{
	const uint8_t *at;

	if (!line->p)
		return false;
	at = line->len > 0 ? memchr(line->p, sep, line->len) : NULL;
	if (!at) {
		*out = *line;
		*line = slice_of(NULL, 0);
		return true;
	}
	*out = slice_of(line->p, (size_t)(at - line->p));
	*line = slice_of(at + 1, line->len - out->len - 1);
	return true;
}

static bool number(struct slice s, uint32_t *out)
{
	uint32_t v = 0;

	if (s.len == 0 || s.len > 10)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint32_t digit = (uint32_t)s.p[i] - '0';

		if (digit > 9 || v > (ID_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

struct line_passwd {
	struct slice name, home;
	uint32_t uid, gid;
};

/* name:password:uid:gid:comment:home:shell */
static bool passwd_line(struct slice line, struct line_passwd *p)
{
	struct slice f[6];

	for (size_t i = 0; i < 6; i++)
		if (!field(&line, ':', &f[i]))
			return false;
	p->name = f[0];
	p->home = f[5];
	return f[0].len > 0 && number(f[2], &p->uid) && number(f[3], &p->gid);
}

struct line_group {
	struct slice name, members;
	uint32_t gid;
};

/* name:password:gid:member,member */
static bool group_line(struct slice line, struct line_group *g)
{
	struct slice f[4];

	for (size_t i = 0; i < 4; i++)
		if (!field(&line, ':', &f[i]))
			return false;
	g->name = f[0];
	g->members = f[3];
	return f[0].len > 0 && number(f[2], &g->gid);
}

static bool is_member(struct slice members, struct slice name)
{
	struct slice m;

	while (field(&members, ',', &m))
		if (slice_eq(m, name))
			return true;
	return false;
}

static void set_home(char home[USER_HOME_MAX], struct slice from)
{
	bool fits = from.len > 0 && from.len < USER_HOME_MAX && !memchr(from.p, 0, from.len);

	if (!fits)
		from = slice_str("/");
	memcpy(home, from.p, from.len);
	home[from.len] = 0;
}

/* --- look-ups --- */

/* Sets u by the line whose name is `name` (copied to own, of USER_LINE_MAX),
 * else by the first one with the number. RC_ABSENT when there is neither. */
static enum rc find_passwd(const char *path, struct slice name, const uint32_t *uid, struct user *u,
                           struct wbuf *own)
{
	struct lines l;
	struct line_passwd p;
	struct slice line;
	bool found = false;
	enum rc rc = lines_open(&l, path);

	while (rc == RC_OK && (rc = lines_next(&l, &line)) == RC_OK) {
		bool exact;

		if (!passwd_line(line, &p))
			continue;
		exact = name.len > 0 && slice_eq(p.name, name);
		if (!exact && (found || !uid || p.uid != *uid))
			continue;
		found = true;
		u->uid = p.uid;
		u->gid = p.gid;
		set_home(u->home, p.home);
		own->len = 0;
		wbuf_put(own, p.name.p, p.name.len);
		if (exact)
			break;
	}
	io_close(&l.fd);
	if (found && (rc == RC_OK || rc == RC_EOF))
		return RC_OK;
	return rc == RC_EOF || rc == RC_OK ? RC_ABSENT : rc;
}

/* As find_passwd, for a group's number. */
static enum rc find_group(const char *path, struct slice name, gid_t *gid)
{
	struct lines l;
	struct line_group g;
	struct slice line;
	enum rc rc = lines_open(&l, path);

	while (rc == RC_OK && (rc = lines_next(&l, &line)) == RC_OK) {
		if (group_line(line, &g) && slice_eq(g.name, name)) {
			*gid = g.gid;
			break;
		}
	}
	io_close(&l.fd);
	if (rc == RC_EOF)
		rc = RC_ABSENT;
	if (rc == RC_ABSENT && number(name, gid))
		rc = RC_OK;
	return rc;
}

static enum rc find_groups(const char *path, struct slice name, struct user *u)
{
	struct lines l;
	struct line_group g;
	struct slice line;
	enum rc rc = lines_open(&l, path);

	while (rc == RC_OK && (rc = lines_next(&l, &line)) == RC_OK) {
		if (!group_line(line, &g) || !is_member(g.members, name))
			continue;
		if (u->groups_len == USER_GROUPS_MAX)
			rc = RC_LIMIT;
		else
			u->groups[u->groups_len++] = g.gid;
	}
	io_close(&l.fd);
	return rc == RC_EOF || rc == RC_ABSENT ? RC_OK : rc;
}

enum rc user_find(struct slice spec, const char *passwd, const char *group_file, struct user *u,
                  bool *group)
{
	static char name[USER_LINE_MAX];
	struct wbuf own = wbuf_of(name, sizeof name);
	struct slice who, rest = spec;
	uint32_t uid;
	bool numeric;
	enum rc rc;

	memset(u, 0, sizeof *u);
	set_home(u->home, slice_of(NULL, 0));
	*group = false;
	if (!field(&rest, ':', &who) || who.len == 0 || (rest.p && rest.len == 0))
		return RC_BAD;
	numeric = number(who, &uid);
	rc = find_passwd(passwd, who, numeric ? &uid : NULL, u, &own);
	if (rc == RC_ABSENT && numeric) {
		u->uid = uid;
		rc = RC_OK;
	}
	if (rc != RC_OK)
		return rc;
	if (rest.p) {
		*group = true;
		return find_group(group_file, rest, &u->gid);
	}
	return own.len > 0 ? find_groups(group_file, wbuf_slice(&own), u) : RC_OK;
}

void user_home(uid_t uid, const char *passwd, char home[USER_HOME_MAX])
{
	static char name[USER_LINE_MAX];
	struct wbuf own = wbuf_of(name, sizeof name);
	struct user u;
	uint32_t id = uid;

	set_home(u.home, slice_of(NULL, 0));
	if (find_passwd(passwd, slice_of(NULL, 0), &id, &u, &own) != RC_OK)
		set_home(u.home, slice_of(NULL, 0));
	memcpy(home, u.home, USER_HOME_MAX);
}
