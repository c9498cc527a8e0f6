#include "tools/casemate/jsonread.h"

void jsonread_fail(struct jsonread *j, enum rc rc)
{
	if (j->rc == RC_OK)
		j->rc = rc;
}

static void advance(struct jsonread *j, size_t n)
{
	j->in = slice_of(j->in.p + n, j->in.len - n);
}

static void space(struct jsonread *j)
{
	while (j->in.len > 0 && j->in.p[0] != '\0' && strchr(" \t\r\n", j->in.p[0]) != NULL)
		advance(j, 1);
}

/* The next byte that is not space; 0, latching RC_EOF, at the end. */
static uint8_t peek(struct jsonread *j)
{
	if (j->rc != RC_OK)
		return 0;
	space(j);
	if (j->in.len == 0)
		j->rc = RC_EOF;
	return j->in.len == 0 ? 0 : j->in.p[0];
}

static bool accept(struct jsonread *j, uint8_t c)
{
	if (peek(j) != c || j->rc != RC_OK)
		return false;
	advance(j, 1);
	return true;
}

static void expect(struct jsonread *j, uint8_t c)
{
	if (!accept(j, c))
		jsonread_fail(j, RC_BAD);
}

struct jsonread jsonread_of(struct slice in)
{
	return (struct jsonread){ in, RC_OK };
}

enum rc jsonread_end(struct jsonread *j)
{
	if (j->rc == RC_OK) {
		space(j);
		j->rc = j->in.len > 0 ? RC_BAD : RC_OK;
	}
	return j->rc;
}

void jsonread_object(struct jsonread *j, struct jsonread_seq *s)
{
	s->begun = false;
	expect(j, '{');
}

void jsonread_array(struct jsonread *j, struct jsonread_seq *s)
{
	s->begun = false;
	expect(j, '[');
}

/* At the first of a sequence, or behind its comma; false at its end. */
static bool another(struct jsonread *j, struct jsonread_seq *s, uint8_t end)
{
	if (accept(j, end))
		return false;
	if (s->begun)
		expect(j, ',');
	s->begun = true;
	return j->rc == RC_OK;
}

bool jsonread_member(struct jsonread *j, struct jsonread_seq *s, struct slice *key)
{
	if (!another(j, s, '}'))
		return false;
	*key = jsonread_string(j);
	expect(j, ':');
	return j->rc == RC_OK;
}

bool jsonread_item(struct jsonread *j, struct jsonread_seq *s)
{
	return another(j, s, ']');
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Length of the escape that s begins with; 0 when it is none. */
static size_t escape(struct slice s)
{
	if (s.len < 2 || s.p[1] == '\0' || strchr("\"\\/bfnrtu", s.p[1]) == NULL)
		return 0;
	if (s.p[1] != 'u')
		return 2;
	for (size_t i = 2; i < 6; i++)
		if (i >= s.len || !is_hex(s.p[i]))
			return 0;
	return 6;
}

struct slice jsonread_string(struct jsonread *j)
{
	struct slice s;
	size_t n = 0, step;

	expect(j, '"');
	while (j->rc == RC_OK && n < j->in.len && j->in.p[n] != '"') {
		struct slice rest = slice_of(j->in.p + n, j->in.len - n);

		step = rest.p[0] == '\\' ? escape(rest) : rest.p[0] < 0x20 ? 0 : 1;
		if (step == 0)
			jsonread_fail(j, RC_BAD);
		n += step;
	}
	if (n >= j->in.len)
		jsonread_fail(j, RC_EOF);
	if (j->rc != RC_OK)
		return slice_of(NULL, 0);
	s = slice_of(j->in.p, n);
	advance(j, n + 1);
	return s;
}

static bool digit_at(const struct jsonread *j, size_t i)
{
	return i < j->in.len && j->in.p[i] >= '0' && j->in.p[i] <= '9';
}

uint64_t jsonread_uint(struct jsonread *j, uint64_t max)
{
	uint64_t v = 0;
	size_t n = 0;

	peek(j);
	if (j->rc != RC_OK)
		return 0;
	for (; digit_at(j, n); n++) {
		uint64_t d = (uint64_t)(j->in.p[n] - '0');

		if (d > max || v > (max - d) / 10) {
			jsonread_fail(j, RC_LIMIT);
			return 0;
		}
		v = v * 10 + d;
	}
	if (n == 0 || (n > 1 && j->in.p[0] == '0') ||
	    (n < j->in.len && j->in.p[n] != '\0' && strchr(".eE", j->in.p[n]) != NULL)) {
		jsonread_fail(j, RC_BAD);
		return 0;
	}
	advance(j, n);
	return v;
}

static bool literal(struct jsonread *j, const char *word)
{
	size_t n = strlen(word);

	peek(j);
	if (j->rc != RC_OK || j->in.len < n || memcmp(j->in.p, word, n) != 0)
		return false;
	advance(j, n);
	return true;
}

bool jsonread_null(struct jsonread *j)
{
	return literal(j, "null");
}

static size_t digits(const struct jsonread *j, size_t i)
{
	while (digit_at(j, i))
		i++;
	return i;
}

/* -? (0 | 1-9 …) (. …)? (e [+-]? …)? */
static void skip_number(struct jsonread *j)
{
	size_t i = j->in.p[0] == '-', from = i;

	i = digits(j, i);
	if (i == from || (i > from + 1 && j->in.p[from] == '0'))
		jsonread_fail(j, RC_BAD);
	if (i < j->in.len && j->in.p[i] == '.') {
		from = i + 1;
		i = digits(j, from);
		if (i == from)
			jsonread_fail(j, RC_BAD);
	}
	if (i < j->in.len && (j->in.p[i] | 0x20) == 'e') {
		from = i + 1;
		if (from < j->in.len && (j->in.p[from] == '+' || j->in.p[from] == '-'))
			from++;
		i = digits(j, from);
		if (i == from)
			jsonread_fail(j, RC_BAD);
	}
	advance(j, i);
}

static void skip_scalar(struct jsonread *j, uint8_t first)
{
	if (first == '"')
		jsonread_string(j);
	else if (first == '-' || (first >= '0' && first <= '9'))
		skip_number(j);
	else if (!literal(j, "true") && !literal(j, "false") && !literal(j, "null"))
		jsonread_fail(j, RC_BAD);
}

void jsonread_skip(struct jsonread *j)
{
	struct jsonread_seq open[JSONREAD_DEPTH_MAX];
	bool object[JSONREAD_DEPTH_MAX];
	size_t depth = 0;
	struct slice key;

	do {
		uint8_t c;

		if (depth > 0 && !(object[depth - 1] ? jsonread_member(j, &open[depth - 1], &key)
		                                     : jsonread_item(j, &open[depth - 1]))) {
			depth--;
			continue;
		}
		c = peek(j);
		if (j->rc != RC_OK)
			return;
		if (c != '{' && c != '[') {
			skip_scalar(j, c);
		} else if (depth == JSONREAD_DEPTH_MAX) {
			jsonread_fail(j, RC_LIMIT);
		} else {
			object[depth] = c == '{';
			open[depth++].begun = false;
			advance(j, 1);
		}
	} while (depth > 0 && j->rc == RC_OK);
}
