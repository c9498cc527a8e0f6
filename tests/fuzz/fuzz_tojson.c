/* attest/tojson.h: whatever the CBOR is, the JSON is bounded, the same in pieces as
 * in one, and its brackets and strings fit. */
#include <stdlib.h>

#include "attest/lcbor.h"
#include "attest/tojson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 2048, OUTPUT_MAX = 6 * INPUT_MAX + 16, PIECE = 61 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Strings end, brackets match, nothing but printable ASCII. */
static void check(struct slice s)
{
	char open[LCBOR_DEPTH_MAX];
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = (char)s.p[i];

		must(c >= ' ' && c <= '~');
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '[' || c == '{')) {
			must(depth < LCBOR_DEPTH_MAX);
			open[depth++] = c;
		} else if (!quoted && (c == ']' || c == '}')) {
			must(depth-- > 0 && open[depth] == (c == ']' ? '[' : '{'));
		}
	}
	must(depth == 0 && !quoted && s.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[TOJSON_KEYS] = { "zero", NULL, "two" };
	static uint8_t whole[OUTPUT_MAX], piece[PIECE];
	struct slice in = slice_of(data, size);
	struct body b = { .w = wbuf_of(whole, sizeof whole) };

	if (size > INPUT_MAX)
		return 0;
	tojson_put(&b, in, keys, false);
	must(b.at == b.w.len && !b.w.over);
	check(wbuf_slice(&b.w));
	for (size_t from = 0; from < b.w.len; from += PIECE) {
		struct body part = { .from = from, .w = wbuf_of(piece, sizeof piece) };

		tojson_put(&part, in, keys, false);
		must(part.at == b.at && memcmp(piece, whole + from, part.w.len) == 0);
	}
	return 0;
}
