#include "tools/casemate/jsonwrite.h"

#include "tools/casemate/text.h"

static bool is_utf8(struct slice s)
{
	while (s.len > 0) {
		size_t len;

		(void)text_code_point(s.p, s.len, &len);
		if (len == 0)
			return false;
		s = slice_of(s.p + len, s.len - len);
	}
	return true;
}

/* All that text_harmless() refuses is in the basic plane. */
static void put(FILE *f, const uint8_t *p, size_t len, uint32_t v)
{
	if (v == '\n')
		fputs("\\n", f);
	else if (v == '\t')
		fputs("\\t", f);
	else if (!text_harmless(v, false))
		fprintf(f, "\\u%04x", (unsigned)v);
	else if (v == '"' || v == '\\')
		fprintf(f, "\\%c", (int)v);
	else
		fwrite(p, 1, len, f);
}

bool jsonwrite_string(FILE *f, struct slice s)
{
	bool utf8 = is_utf8(s);

	fputc('"', f);
	while (s.len > 0) {
		size_t len = 1;
		uint32_t v = s.p[0];

		if (utf8)
			v = text_code_point(s.p, s.len, &len);
		if (!utf8 && v >= 0x80)
			fprintf(f, "\\u%04x", (unsigned)v);
		else
			put(f, s.p, len, v);
		s = slice_of(s.p + len, s.len - len);
	}
	fputc('"', f);
	return utf8;
}
