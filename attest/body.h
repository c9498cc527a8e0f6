/* Text of an answer, JSON (RFC 8259) for the most part, written through a
 * window: everything is produced in order, only bytes [from, from + w.max) are
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

void body_bytes(struct body *b, const void *p, size_t n);

/* fmt with every ' written as ", and
 *   %s  const char *: as it is
 *   %u  uint64_t: decimal (an argument of another size must be cast)
 *   %q  struct slice: a string in quotes; bytes beyond ASCII come as the
 *       escapes of U+0080 to U+00FF
 *   %x  struct slice: hex in quotes; null when it is empty
 *   %b  struct slice: base64 (RFC 4648 §4) in quotes */
void body_put(struct body *b, const char *fmt, ...);

/* A number in Prometheus' text format, and what stands before one or several of a
 * name: a counter if that ends in _total, else a gauge. */
void body_metric(struct body *b, const char *name, const char *help, uint64_t value);
void body_help(struct body *b, const char *name, const char *help);

#endif
