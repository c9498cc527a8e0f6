#include "tools/casemate/http_reply.h"

#include <strings.h>

/* The next line without its CRLF off *in. */
static enum rc take_line(struct slice *in, struct slice *line)
{
	for (size_t i = 0; i < in->len; i++) {
		uint8_t c = in->p[i];

		if (c == '\r' && i + 1 < in->len && in->p[i + 1] == '\n') {
			*line = slice_of(in->p, i);
			*in = slice_of(in->p + i + 2, in->len - i - 2);
			return RC_OK;
		}
		if (c == '\r' && i + 1 == in->len)
			return RC_MORE;
		if (c == 0x7f || (c < 0x20 && c != '\t'))
			return RC_BAD;
	}
	return RC_MORE;
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* HTTP/1.1 SP 3DIGIT SP reason, which may be empty. */
static bool parse_status(struct slice line, unsigned *status)
{
	const uint8_t *d = line.p + 9;

	if (line.len < 13 || memcmp(line.p, "HTTP/1.1 ", 9) != 0 || !digit(d[0]) || !digit(d[1]) ||
	    !digit(d[2]) || d[3] != ' ')
		return false;
	*status = (unsigned)((d[0] - '0') * 100 + (d[1] - '0') * 10 + (d[2] - '0'));
	return *status >= 100 && *status <= 599;
}

static bool token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
			return false;
	return s.len > 0;
}

static struct slice trim(struct slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_of(s.p + 1, s.len - 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool same(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.p, word, s.len) == 0;
}

static enum rc parse_length(struct slice s, size_t max, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!digit(s.p[i]))
			return RC_BAD;
		*len = *len * 10 + (size_t)(s.p[i] - '0');
		if (*len > max)
			return RC_LIMIT;
	}
	return s.len > 0 ? RC_OK : RC_BAD;
}

static enum rc parse_field(struct slice line, size_t body_max, bool *has_length,
                           struct http_reply *r)
{
	const uint8_t *colon = memchr(line.p, ':', line.len);
	struct slice name, value;

	if (colon == NULL)
		return RC_BAD;
	name = slice_of(line.p, (size_t)(colon - line.p));
	value = trim(slice_of(colon + 1, line.len - name.len - 1));
	if (!token(name))
		return RC_BAD;
	if (same(name, "transfer-encoding"))
		return RC_DENIED;
	if (same(name, "connection") && same(value, "close"))
		r->close = true;
	if (!same(name, "content-length"))
		return RC_OK;
	if (*has_length)
		return RC_BAD;
	*has_length = true;
	return parse_length(value, body_max, &r->body_len);
}

enum rc http_reply_parse(struct slice in, size_t body_max, struct http_reply *r)
{
	struct slice rest = in, line;
	bool has_length = false, cut = in.len > HTTP_REPLY_HEAD_MAX;
	enum rc rc;

	if (cut)
		rest.len = HTTP_REPLY_HEAD_MAX;
	memset(r, 0, sizeof *r);
	rc = take_line(&rest, &line);
	if (rc == RC_OK && !parse_status(line, &r->status))
		return RC_BAD;
	while (rc == RC_OK && (rc = take_line(&rest, &line)) == RC_OK && line.len > 0)
		rc = parse_field(line, body_max, &has_length, r);
	if (rc != RC_OK)
		return rc == RC_MORE && cut ? RC_LIMIT : rc;
	r->head_len = (size_t)(rest.p - in.p);
	return has_length ? RC_OK : RC_DENIED;
}
