#include "attest/http.h"

#include <ctype.h>
#include <strings.h>

void http_begin(struct http *p, uint8_t *line)
{
	memset(p, 0, sizeof *p);
	p->line = wbuf_of(line, HTTP_HEAD_MAX);
	p->left = HTTP_HEAD_MAX;
}

static void bad(struct http *p, unsigned status, const char *why)
{
	if (p->state == HTTP_BAD)
		return;
	p->state = HTTP_BAD;
	p->status = status;
	p->why = why;
}

/* --- characters ------------------------------------------------------------- */

static bool is_one_of(uint8_t c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum(s.p[i]) && !is_one_of(s.p[i], "!#$%&'*+-.^_`|~"))
			return false;
	return s.len > 0;
}

/* One character of a URI off the front of s, an escape decoded: unreserved,
 * sub-delims (RFC 3986 §2), or one of also. -1 when it may not stand there. An
 * escaped NUL may nowhere. */
static int uri_take(struct slice *s, const char *also)
{
	struct slice c;
	int v;

	if (s->len >= 3 && s->p[0] == '%') {
		v = hex_value(s->p[1]) * 16 | hex_value(s->p[2]);
		return slice_take(s, 3, &c) && v > 0 ? v : -1;
	}
	if (!slice_take(s, 1, &c) ||
	    !(isalnum(*c.p) || is_one_of(*c.p, "-._~!$&'()*+,;=") || is_one_of(*c.p, also)))
		return -1;
	return *c.p;
}

static bool is_uri_text(struct slice s, const char *also)
{
	while (s.len > 0)
		if (uri_take(&s, also) < 0)
			return false;
	return true;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (iscntrl(s.p[i]) && s.p[i] != '\t')
			return true;
	return false;
}

static struct slice trim(struct slice s)
{
	for (; s.len > 0 && isblank(*s.p); s.p++)
		s.len--;
	while (s.len > 0 && isblank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static bool is_word(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.p, word, s.len) == 0;
}

/* Takes word off the front of s, if it is there. */
static bool take_word(struct slice *s, const char *word)
{
	struct slice head = slice_of(s->p, strlen(word));

	return s->len >= head.len && is_word(head, word) && slice_take(s, head.len, &head);
}

/* Does a comma-separated list name word? Parameters behind ';' do not count. */
static bool list_has(struct slice list, const char *word)
{
	struct slice item, name;

	while (list.len > 0) {
		(void)slice_cut(&list, ',', &item);
		(void)slice_cut(&item, ';', &name);
		if (is_word(trim(name), word))
			return true;
	}
	return false;
}

/* --- the request line ---------------------------------------------------------- */

static void parse_path(struct http *p, struct slice s)
{
	bool fits = s.len <= HTTP_PATH_MAX;
	int c;

	while (s.len > 0 && p->state != HTTP_BAD) {
		c = uri_take(&s, ":@/");
		if (c < 0)
			bad(p, 400, "a byte or escape that no path may have");
		else if (fits)
			p->path[p->path_len++] = (char)c;
	}
}

/* origin-form, absolute-form, and the * of OPTIONS (RFC 9112 §3.2) */
static void parse_target(struct http *p, struct slice s)
{
	bool absolute = take_word(&s, "http://") || take_word(&s, "https://");
	struct slice host, path;
	size_t n = 0;

	while (absolute && n < s.len && !is_one_of(s.p[n], "/?"))
		n++;
	(void)slice_take(&s, n, &host);
	if (absolute ? n == 0 || *host.p == ':' || !is_uri_text(host, ":[]")
	             : *s.p != '/' && !(slice_is(s, "*") && p->method == HTTP_OPTIONS))
		bad(p, 400, "malformed target");
	(void)slice_cut(&s, '?', &path);
	parse_path(p, path.len > 0 ? path : slice_str("/"));
	if (!is_uri_text(s, ":@/?"))
		bad(p, 400, "a byte or escape that no query may have");
	if (s.len > HTTP_QUERY_MAX)
		bad(p, 414, "the query is too long");
	p->query_len = s.len > HTTP_QUERY_MAX ? 0 : s.len;
	memcpy(p->query, s.p, p->query_len);
}

static void parse_version(struct http *p, struct slice s)
{
	if (s.len != 8 || memcmp(s.p, "HTTP/", 5) != 0 || !isdigit(s.p[5]) || s.p[6] != '.' ||
	    !isdigit(s.p[7]))
		bad(p, 400, "malformed version");
	else if (s.p[5] != '1')
		bad(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	else
		p->http10 = s.p[7] == '0';
}

static void parse_request(struct http *p, struct slice s)
{
	struct slice method, target;

	/* One empty line in front is forgiven (RFC 9112 §2.2). */
	if (s.len == 0 && !p->begun) {
		p->begun = true;
		return;
	}
	p->state = HTTP_FIELDS;
	if (!slice_cut(&s, ' ', &method) || !is_token(method) || !slice_cut(&s, ' ', &target) ||
	    target.len == 0) {
		bad(p, 400, "malformed request line");
		return;
	}
	p->method = slice_is(method, "GET")       ? HTTP_GET
	            : slice_is(method, "HEAD")    ? HTTP_HEAD
	            : slice_is(method, "OPTIONS") ? HTTP_OPTIONS
	                                          : HTTP_OTHER;
	parse_version(p, s);
	parse_target(p, target);
}

/* --- fields ---------------------------------------------------------------------- */

static void parse_length(struct http *p, struct slice s)
{
	if (p->has_length || !slice_decimal(s, HTTP_BODY_MAX + 1, &p->length))
		bad(p, 400, "malformed or repeated Content-Length");
	p->has_length = true;
}

static void parse_coding(struct http *p, struct slice s)
{
	if (p->chunked || s.len == 0)
		bad(p, 400, "malformed or repeated Transfer-Encoding");
	else if (!is_word(s, "chunked"))
		bad(p, 501, "only the chunked coding is understood");
	p->chunked = true;
}

static void parse_host(struct http *p, struct slice s)
{
	if (p->host || !is_uri_text(s, ":[]"))
		bad(p, 400, "malformed or repeated Host");
	p->host = true;
}

static void use_field(struct http *p, struct slice name, struct slice value)
{
	if (is_word(name, "content-length")) {
		parse_length(p, value);
	} else if (is_word(name, "transfer-encoding")) {
		parse_coding(p, value);
	} else if (is_word(name, "host")) {
		parse_host(p, value);
	} else if (is_word(name, "connection")) {
		p->close |= list_has(value, "close");
	} else if (is_word(name, "expect")) {
		p->expect = is_word(value, "100-continue");
		if (!p->expect)
			bad(p, 417, "unknown expectation");
	} else if (is_word(name, "accept")) {
		p->want_json |= list_has(value, "application/json");
	}
}

static void parse_field(struct http *p, struct slice s)
{
	struct slice name;

	if (++p->fields > HTTP_FIELDS_MAX)
		bad(p, 431, "too many fields");
	if (!slice_cut(&s, ':', &name) || !is_token(name))
		bad(p, 400, "malformed field name");
	if (has_control(s))
		bad(p, 400, "a control byte in a field");
	if (p->state == HTTP_FIELDS)
		use_field(p, name, trim(s));
}

static void end_head(struct http *p)
{
	if (!p->http10 && !p->host)
		bad(p, 400, "no Host");
	if (p->chunked && (p->http10 || p->has_length))
		bad(p, 400, "ambiguous framing");
	if (p->length > HTTP_BODY_MAX)
		bad(p, 413, "the body is too long");
	if (p->state == HTTP_BAD)
		return;
	p->left = HTTP_BODY_MAX;
	p->data_left = p->length;
	p->fields = 0;
	p->state = p->chunked ? HTTP_CHUNK : p->length > 0 ? HTTP_BODY : HTTP_DONE;
	p->expect &= !p->http10 && p->state != HTTP_DONE;
}

/* --- chunks (RFC 9112 §7.1) --------------------------------------------------------- */

/* *( BWS ";" BWS name [ BWS "=" BWS value ] ), as far as its characters go: none
 * of it is used, and none of it can end the line. */
static bool is_extensions(struct slice s)
{
	bool quoted = false;

	if (s.len > 0 && (trim(s).len == 0 || *trim(s).p != ';' || isblank(s.p[s.len - 1])))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += s.p[i] == '\\';
		else if (!is_token(slice_of(s.p + i, 1)) && !is_one_of(s.p[i], ";= \t"))
			return false;
	}
	return !quoted && !has_control(s);
}

static void parse_chunk(struct http *p, struct slice s)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < s.len && hex_value(s.p[n]) >= 0; n++) {
		if (v >> 60 != 0)
			bad(p, 400, "malformed chunk size");
		v = v << 4 | (uint64_t)hex_value(s.p[n]);
	}
	s = slice_of(s.p + n, s.len - n);
	if (n == 0 || !is_extensions(s))
		bad(p, 400, "malformed chunk size or extension");
	else if (v > p->left)
		bad(p, 413, "the body is too long");
	if (p->state == HTTP_BAD)
		return;
	p->data_left = (size_t)v;
	p->left -= (size_t)v;
	p->state = v > 0 ? HTTP_BODY : HTTP_TRAILERS;
}

/* --- the machine ----------------------------------------------------------------------- */

static void use_line(struct http *p, struct slice s)
{
	switch (p->state) {
	case HTTP_START: parse_request(p, s); break;
	case HTTP_FIELDS: s.len > 0 ? parse_field(p, s) : end_head(p); break;
	case HTTP_CHUNK: parse_chunk(p, s); break;
	case HTTP_CHUNK_END:
		p->state = HTTP_CHUNK;
		if (s.len > 0)
			bad(p, 400, "a chunk longer than its size");
		break;
	case HTTP_TRAILERS:
		if (s.len > 0)
			parse_field(p, s);
		else
			p->state = HTTP_DONE;
		break;
	default: break;
	}
}

static size_t take_line(struct http *p, struct slice in)
{
	const uint8_t *end = memchr(in.p, '\n', in.len);
	size_t n = end ? (size_t)(end - in.p) + 1 : in.len;
	struct slice s;

	if (n > p->left || n > p->line.max - p->line.len) {
		bad(p,
		    p->state > HTTP_FIELDS   ? 413
		    : p->state == HTTP_START ? 414
		                             : 431,
		    "the head or the body is too long");
		return n;
	}
	p->left -= n;
	wbuf_put(&p->line, in.p, n);
	if (!end)
		return n;
	s = slice_of(p->line.p, p->line.len - 1);
	p->line.len = 0;
	if (s.len == 0 || s.p[s.len - 1] != '\r')
		bad(p, 400, "a line that does not end in CRLF");
	else
		use_line(p, slice_of(s.p, s.len - 1));
	return n;
}

static size_t take_data(struct http *p, struct slice in)
{
	size_t n = in.len < p->data_left ? in.len : p->data_left;

	p->data_left -= n;
	if (p->data_left == 0)
		p->state = p->chunked ? HTTP_CHUNK_END : HTTP_DONE;
	return n;
}

size_t http_feed(struct http *p, struct slice in)
{
	size_t n = 0;

	while (n < in.len && p->state < HTTP_DONE) {
		struct slice rest = slice_of(in.p + n, in.len - n);
		bool head = p->state <= HTTP_FIELDS;

		if (p->state == HTTP_BODY)
			n += take_data(p, rest);
		else
			n += take_line(p, rest);
		if (head && p->state > HTTP_FIELDS)
			break;
	}
	return n;
}

enum rc http_query(const struct http *p, const char *key, char *out, size_t max, size_t *len)
{
	struct slice query = slice_of(p->query, p->query_len), pair, name;
	enum rc rc = RC_ABSENT;

	while (query.len > 0) {
		(void)slice_cut(&query, '&', &pair);
		(void)slice_cut(&pair, '=', &name);
		if (!slice_is(name, key))
			continue;
		if (rc != RC_ABSENT)
			return RC_BAD;
		rc = RC_OK;
		*len = 0;
		while (pair.len > 0) {
			if (*len == max)
				return RC_LIMIT;
			out[(*len)++] = (char)uri_take(&pair, ":@/?");
		}
	}
	return rc;
}
