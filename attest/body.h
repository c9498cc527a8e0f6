/* Text of an answer, JSON (RFC 8259) for the most part, written through a
 * window: everything is produced in order, only bytes [from, from + max) are
 * kept. So an answer of any length goes out of a small buffer, by producing it
 * again for every piece; whoever does that sees to it that it comes out the
 * same each time, and checks `at` at the end. */
#ifndef ATTEST_BODY_H
#define ATTEST_BODY_H

#include "appliance/base/slice.h"

struct body {
	uint64_t at;   /* bytes produced so far, kept or not */
	uint64_t from; /* the first to keep */
	struct wbuf w; /* never over: full is the window's end */
};

void body_bytes(struct body *b, const void *p, size_t n); /* as they are */
/* printf's text, at most 255 bytes of it. For what we wrote ourselves. */
__attribute__((format(printf, 2, 3))) void body_text(struct body *b, const char *fmt, ...);
/* All three with quotes: hex; base64 (RFC 4648 §4); a string, whose bytes
 * beyond ASCII come as the escapes of U+0080 to U+00FF. */
void body_hex(struct body *b, struct slice s);
void body_base64(struct body *b, struct slice s);
void body_quote(struct body *b, struct slice s);

#endif
