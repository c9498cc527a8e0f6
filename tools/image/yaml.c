#include "tools/image/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>

/* Theory of operation. libfyaml's parser hands out events, one a scalar, one a
 * begin and one an end of a map or list; the tree is built from them without
 * recursion, with a stack of what is open. The text is checked before libfyaml sees
 * it, because it takes some bytes that are not UTF-8 for characters. */

/* What scalars of so many bytes can stand for: "\L" is a character of three. */
#define TEXT_MAX(len) (2 * (len) + 16)

struct open {
	struct yaml *node;
	struct yaml *last; /* of its members */
	struct yaml *key;  /* of a map: was read, its value was not */
};

struct building {
	struct yaml_tree *tree;
	struct notes *notes;
	struct open stack[YAML_DEPTH_MAX];
	size_t depth;
	size_t documents;
	size_t text_len, text_max; /* used and available at tree->texts */
	bool refused;              /* something is wrong, but others may be as well */
	bool failed;               /* there is no going on */
};

/* True, for what is set then. */
__attribute__((format(printf, 4, 5))) static bool note(struct building *b, unsigned line,
                                                       unsigned column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	notes_add(b->notes, line, column, fmt, ap);
	va_end(ap);
	return b->refused = true;
}

/* --- the bytes --- */

/* Bytes of the character at the front of s, which is not empty; 0: it is none that
 * YAML admits (5.1), or not the shortest form of one. */
static size_t character(struct slice s)
{
	uint32_t c = s.p[0], least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;

	if (n == 1)
		return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0x7f);
	if (n == 0 || n > s.len)
		return 0;
	c &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s.p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0xa0)
		return 0;
	return n;
}

static void check_bytes(struct building *b, struct slice s)
{
	unsigned line = 1, column = 1;

	while (s.len > 0) {
		size_t n = character(s);

		if (n == 0) {
			b->failed = note(
				b, line, column,
				"the byte 0x%02x: expected UTF-8 without control characters", *s.p);
			return;
		}
		column++;
		if (*s.p == '\n') {
			line++;
			column = 1;
		}
		s = slice_of(s.p + n, s.len - n);
	}
}

/* --- the tree --- */

static struct yaml *new_node(struct building *b, enum yaml_kind kind, const struct fy_mark *mark)
{
	const struct open *in = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
	struct yaml *y;

	if (b->tree->count == YAML_NODES_MAX) {
		b->failed = note(b, mark ? (unsigned)mark->line + 1 : 1, 1, "more than %d values",
		                 YAML_NODES_MAX);
		return NULL;
	}
	y = &b->tree->nodes[b->tree->count++];
	*y = (struct yaml){ .kind = kind, .line = 1, .column = 1 };
	if (mark != NULL) {
		y->line = (unsigned)mark->line + 1;
		y->column = (unsigned)mark->column + 1;
	} else if (in != NULL) {
		/* A value that was left out has no place: its key's. */
		y->line = in->key ? in->key->line : in->node->line;
		y->column = in->key ? in->key->column : in->node->column;
	}
	return y;
}

static bool is_twice(const struct open *in, const struct yaml *key)
{
	for (const struct yaml *y = in->node->first; y != NULL; y = y->next)
		if (slice_eq(y->key->text, key->text))
			return true;
	return false;
}

static void add_key(struct building *b, struct open *in, struct yaml *key)
{
	if (key->kind != YAML_SCALAR)
		b->failed = note(b, key->line, key->column, "a key that is a %s: expected a word",
		                 key->kind == YAML_MAP ? "map" : "list");
	else if (key->plain && slice_is(key->text, "<<"))
		note(b, key->line, key->column,
		     "a merge key, '<<': write the keys out, a manifest has no merging");
	else if (is_twice(in, key))
		note(b, key->line, key->column, "the key '%.*s' is there twice", SHOW(key->text));
	in->key = key;
}

static void add_node(struct building *b, struct yaml *y)
{
	struct open *in = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;

	if (in == NULL) {
		b->tree->root = y;
		return;
	}
	if (in->node->kind == YAML_MAP && in->key == NULL) {
		add_key(b, in, y);
		return;
	}
	if (in->node->n == YAML_MEMBERS_MAX) {
		b->failed = note(b, y->line, y->column, "more than %d members of one map or list",
		                 YAML_MEMBERS_MAX);
		return;
	}
	y->key = in->key;
	in->key = NULL;
	if (in->last == NULL)
		in->node->first = y;
	else
		in->last->next = y;
	in->last = y;
	in->node->n++;
}

static void begin(struct building *b, enum yaml_kind kind, const struct fy_mark *mark)
{
	struct yaml *y = new_node(b, kind, mark);

	if (y == NULL)
		return;
	add_node(b, y);
	if (b->depth == YAML_DEPTH_MAX)
		b->failed = note(b, y->line, y->column, "more than %d maps and lists in each other",
		                 YAML_DEPTH_MAX);
	else if (!b->failed)
		b->stack[b->depth++] = (struct open){ .node = y };
}

static void add_alias(struct building *b, const struct fy_mark *mark)
{
	struct yaml *y = new_node(b, YAML_SCALAR, mark);

	if (y == NULL)
		return;
	note(b, y->line, y->column, "an alias (*): write the value out, or quote it");
	add_node(b, y);
}

/* The text of a scalar at the end of tree->texts; false when it does not fit. Piece by
 * piece, as fy_token_get_text() of libfyaml 0.7.12 leaks what has many. */
static bool copy_text(struct building *b, struct fy_token *value)
{
	struct fy_token_iter *iter = fy_token_iter_create(value);
	const struct fy_iter_chunk *chunk = NULL;
	int error = iter == NULL;

	while (iter != NULL && (chunk = fy_token_iter_chunk_next(iter, chunk, &error)) != NULL) {
		error = chunk->len > b->text_max - b->text_len;
		if (error)
			break;
		memcpy(b->tree->texts + b->text_len, chunk->str, chunk->len);
		b->text_len += chunk->len;
	}
	if (iter != NULL)
		fy_token_iter_destroy(iter);
	return error == 0;
}

static void add_scalar(struct building *b, struct fy_token *value, const struct fy_mark *mark)
{
	struct yaml *y = new_node(b, YAML_SCALAR, mark);
	enum fy_scalar_style style = fy_token_scalar_style(value);
	size_t at = b->text_len;

	if (y == NULL)
		return;
	if (value != NULL && !copy_text(b, value)) {
		b->failed = note(b, y->line, y->column, "memory is out");
		return;
	}
	y->plain = style == FYSS_PLAIN;
	if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && y->column > 1)
		y->column--; /* the mark is behind the quote */
	y->text = slice_of(b->tree->texts + at, b->text_len - at);
	add_node(b, y);
}

/* --- libfyaml's events --- */

static void begin_document(struct building *b, struct fy_event *e, const struct fy_mark *mark)
{
	const struct fy_document_state *state = e->document_start.document_state;
	unsigned line = mark ? (unsigned)mark->line + 1 : 1;

	if (b->documents++ > 0)
		b->failed = note(b, line, 1, "a second document: a manifest is one");
	else if (fy_document_state_version_explicit((struct fy_document_state *)(uintptr_t)state) ||
	         fy_document_state_tags_explicit((struct fy_document_state *)(uintptr_t)state))
		note(b, line, 1, "%%YAML and %%TAG are not taken: leave them out");
}

static void refuse_token(struct building *b, struct fy_token *token, const char *what)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (token != NULL)
		note(b, mark ? (unsigned)mark->line + 1 : 1, mark ? (unsigned)mark->column + 1 : 1,
		     "%s: leave it out, or quote the value", what);
}

static void take_event(struct building *b, struct fy_event *e)
{
	const struct fy_mark *mark = fy_event_start_mark(e);

	refuse_token(b, fy_event_get_anchor_token(e), "an anchor (&)");
	refuse_token(b, fy_event_get_tag_token(e), "a tag (!)");
	switch (e->type) {
	case FYET_DOCUMENT_START: begin_document(b, e, mark); break;
	case FYET_MAPPING_START: begin(b, YAML_MAP, mark); break;
	case FYET_SEQUENCE_START: begin(b, YAML_LIST, mark); break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END: b->depth--; break;
	case FYET_SCALAR: add_scalar(b, e->scalar.value, mark); break;
	case FYET_ALIAS: add_alias(b, mark); break;
	default: break;
	}
}

static void take_errors(struct building *b, struct fy_diag *diag)
{
	struct fy_diag_error *e = fy_diag_errors_iterate(diag, &(void *){ NULL });

	if (e != NULL)
		b->failed = note(b, e->line > 0 ? (unsigned)e->line : 1,
		                 e->column > 0 ? (unsigned)e->column : 1, "not YAML: %.200s",
		                 e->msg);
	else
		b->failed = note(b, 1, 1, "not YAML, or memory is out");
}

static void parse(struct building *b, struct slice text)
{
	struct fy_diag_cfg silent;
	struct fy_parse_cfg config = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
		                                FYPCF_DEFAULT_VERSION_1_2 };
	struct fy_parser *parser = NULL;
	struct fy_event *e;

	fy_diag_cfg_default(&silent);
	silent.fp = NULL;
	config.diag = fy_diag_create(&silent);
	if (config.diag != NULL) {
		fy_diag_set_collect_errors(config.diag, true);
		parser = fy_parser_create(&config);
	}
	if (parser == NULL || fy_parser_set_string(parser, (const char *)text.p, text.len) != 0)
		b->failed = note(b, 1, 1, "memory is out");
	while (!b->failed && (e = fy_parser_parse(parser)) != NULL) {
		take_event(b, e);
		fy_parser_event_free(parser, e);
	}
	if (!b->failed && fy_parser_get_stream_error(parser))
		take_errors(b, config.diag);
	fy_parser_destroy(parser);
	fy_diag_destroy(config.diag);
}

enum rc yaml_parse(struct slice text, struct yaml_tree *t, struct notes *notes)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };
	struct building b = { .tree = t, .notes = notes, .text_max = TEXT_MAX(text.len) };

	*t = (struct yaml_tree){ 0 };
	if (text.len >= sizeof mark && memcmp(text.p, mark, sizeof mark) == 0)
		text = slice_of(text.p + sizeof mark, text.len - sizeof mark);
	if (text.len > YAML_MAX)
		b.failed = note(&b, 1, 1, "longer than %d bytes", YAML_MAX);
	else
		check_bytes(&b, text);
	t->nodes = malloc(YAML_NODES_MAX * sizeof *t->nodes);
	t->texts = malloc(b.text_max);
	if (t->nodes == NULL || t->texts == NULL)
		b.failed = note(&b, 1, 1, "memory is out");
	if (!b.failed && text.len > 0)
		parse(&b, text);
	return b.failed || b.refused ? RC_BAD : RC_OK;
}

void yaml_free(struct yaml_tree *t)
{
	free(t->nodes);
	free(t->texts);
	*t = (struct yaml_tree){ 0 };
}
