#include "tools/image/packages.h"

#include <strings.h>

/* Takes a line without its end; false when nothing is left. */
static bool take_line(struct slice *in, struct slice *line)
{
	bool any = in->len > 0;

	(void)slice_cut(in, '\n', line);
	return any;
}

static struct slice trimmed(struct slice s)
{
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t'))
		s = slice_of(s.p + 1, s.len - 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool visible(struct slice s, size_t max)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.len <= max;
}

static bool sound(const struct package *p)
{
	return p->name.len > 0 && p->version.len > 0 && visible(p->name, PACKAGE_NAME_MAX) &&
	       visible(p->version, PACKAGE_NAME_MAX) && visible(p->arch, PACKAGE_ARCH_MAX) &&
	       visible(p->epoch, PACKAGE_ARCH_MAX) && p->license.len <= PACKAGE_LICENSE_MAX;
}

/* --- paragraphs --- */

struct paragraph {
	struct package *p;
	struct slice status;
	bool lines, bad;
};

/* A field may come once. */
static void set(struct paragraph *g, struct slice *field, struct slice value)
{
	g->bad = g->bad || field->p != NULL;
	*field = value;
}

static bool named(struct slice key, const char *name)
{
	return key.len == strlen(name) && strncasecmp((const char *)key.p, name, key.len) == 0;
}

static void dpkg_field(struct paragraph *g, struct slice key, struct slice value)
{
	if (named(key, "package"))
		set(g, &g->p->name, value);
	else if (named(key, "version"))
		set(g, &g->p->version, value);
	else if (named(key, "architecture"))
		set(g, &g->p->arch, value);
	else if (named(key, "status"))
		set(g, &g->status, value);
}

static void apk_field(struct paragraph *g, struct slice key, struct slice value)
{
	if (slice_is(key, "P"))
		set(g, &g->p->name, value);
	else if (slice_is(key, "V"))
		set(g, &g->p->version, value);
	else if (slice_is(key, "A"))
		set(g, &g->p->arch, value);
	else if (slice_is(key, "L"))
		set(g, &g->p->license, value);
}

static void take_field(struct paragraph *g, struct slice line)
{
	const uint8_t *colon = memchr(line.p, ':', line.len);
	struct slice key, value;

	if (g->p->kind == PACKAGE_DEB && (*line.p == ' ' || *line.p == '\t'))
		return; /* goes on with a field; of those that count none does */
	if (colon == NULL) {
		g->bad = true;
		return;
	}
	key = slice_of(line.p, (size_t)(colon - line.p));
	value = trimmed(slice_of(colon + 1, line.len - key.len - 1));
	if (g->p->kind == PACKAGE_DEB)
		dpkg_field(g, key, value);
	else
		apk_field(g, key, value);
}

/* The third word of dpkg's status; the other two are what is wanted, and "ok". */
static bool is_removed(struct slice status)
{
	static const char *const gone[] = { " not-installed", " config-files" };

	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
		size_t n = strlen(gone[i]);

		if (status.len >= n && memcmp(status.p + status.len - n, gone[i], n) == 0)
			return true;
	}
	return false;
}

/* RC_MORE: nothing to be said of it. */
static enum rc take_paragraph(struct slice *in, struct package *p)
{
	struct paragraph g = { .p = p };
	struct slice line;

	while (take_line(in, &line) && line.len > 0) {
		g.lines = true;
		take_field(&g, line);
	}
	if (!g.lines || (!g.bad && is_removed(g.status)))
		return RC_MORE;
	return g.bad || !sound(p) ? RC_BAD : RC_OK;
}

/* --- rpm --- */

static struct slice take_cell(struct slice *line)
{
	struct slice cell;

	(void)slice_cut(line, '\t', &cell);
	return cell;
}

static enum rc take_row(struct slice *in, struct package *p)
{
	struct slice line = { 0 }, mark;

	if (!take_line(in, &line) || line.len == 0)
		return RC_MORE;
	p->name = take_cell(&line);
	p->epoch = take_cell(&line);
	p->version = take_cell(&line);
	p->arch = take_cell(&line);
	p->license = take_cell(&line);
	mark = take_cell(&line);
	return slice_is(mark, ".") && line.len == 0 && sound(p) ? RC_OK : RC_BAD;
}

enum rc packages_next(struct slice *in, enum package_kind kind, struct package *p)
{
	enum rc rc = RC_MORE;

	while (rc == RC_MORE && in->len > 0) {
		*p = (struct package){ .kind = kind };
		rc = kind == PACKAGE_RPM ? take_row(in, p) : take_paragraph(in, p);
	}
	return rc == RC_MORE ? RC_EOF : rc;
}

/* --- the distribution --- */

static void take_value(struct slice value, char out[PACKAGE_DISTRO_MAX + 1])
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (value.len >= 2 && (*value.p == '"' || *value.p == '\'') &&
	    value.p[value.len - 1] == *value.p)
		value = slice_of(value.p + 1, value.len - 2);
	*out = '\0';
	if (value.len > PACKAGE_DISTRO_MAX)
		return;
	for (size_t i = 0; i < value.len; i++)
		if (memchr(plain, value.p[i], sizeof plain - 1) == NULL)
			return;
	if (value.len > 0)
		memcpy(out, value.p, value.len);
	out[value.len] = '\0';
}

/* Whether line begins with that, which is then taken off. */
static bool begins(struct slice *line, const char *with)
{
	size_t n = strlen(with);

	if (line->len < n || memcmp(line->p, with, n) != 0)
		return false;
	*line = slice_of(line->p + n, line->len - n);
	return true;
}

void packages_distro(struct slice os_release, struct distro *d)
{
	struct slice line;

	memset(d, 0, sizeof *d);
	while (take_line(&os_release, &line)) {
		line = trimmed(line);
		if (begins(&line, "ID="))
			take_value(line, d->id);
		else if (begins(&line, "VERSION_ID="))
			take_value(line, d->version);
	}
}

/* --- package URLs --- */

static void put_text(struct wbuf *w, const char *s)
{
	wbuf_put(w, s, strlen(s));
}

/* All but letters, digits and ".-_~:" as %XX. */
static void put_encoded(struct wbuf *w, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '-' || c == '_' || c == '~' || c == ':') {
			wbuf_u8(w, c);
		} else {
			wbuf_u8(w, '%');
			wbuf_u8(w, (uint8_t)hex[c >> 4]);
			wbuf_u8(w, (uint8_t)hex[c & 15]);
		}
	}
}

/* mark: '?' before the first qualifier, '&' afterwards. */
static void put_qualifier(struct wbuf *w, char *mark, const char *key, struct slice value)
{
	if (value.len == 0)
		return;
	wbuf_u8(w, (uint8_t)*mark);
	put_text(w, key);
	put_encoded(w, value);
	*mark = '&';
}

void packages_purl(const struct package *p, const struct distro *d, char out[PACKAGE_PURL_MAX])
{
	static const char *const types[] = { "pkg:deb/", "pkg:apk/", "pkg:rpm/" };
	struct wbuf w = wbuf_of(out, PACKAGE_PURL_MAX - 1);
	char distro[2 * PACKAGE_DISTRO_MAX + 2], mark = '?';
	struct wbuf dw = wbuf_of(distro, sizeof distro);

	put_text(&w, types[p->kind]);
	if (*d->id != '\0') {
		put_encoded(&w, slice_str(d->id));
		put_text(&w, "/");
		put_text(&dw, d->id);
	}
	if (*d->id != '\0' && *d->version != '\0') {
		put_text(&dw, "-");
		put_text(&dw, d->version);
	}
	put_encoded(&w, p->name);
	put_text(&w, "@");
	put_encoded(&w, p->version);
	put_qualifier(&w, &mark, "arch=", p->arch);
	put_qualifier(&w, &mark, "distro=", wbuf_slice(&dw));
	put_qualifier(&w, &mark, "epoch=", p->epoch);
	out[w.len] = '\0';
}
