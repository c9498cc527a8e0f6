/* Bounded views of memory: `struct slice` to read, `struct wbuf` to write.
 *
 * Neither owns what it points to; both live no longer than that memory.
 * A slice is never written through. A wbuf latches `over` on the first write
 * that does not fit and ignores all that follow, so a builder checks once.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *p;
	size_t len; /* bytes */
};

struct wbuf {
	uint8_t *p;
	size_t len; /* bytes written */
	size_t max; /* bytes at p */
	bool over;  /* something did not fit; the content is useless */
};

static inline struct slice slice_of(const void *p, size_t len)
{
	return (struct slice){ p, len };
}

static inline struct slice slice_str(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strlen(s) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

/* Takes the first n bytes off s into *out; false (and s unchanged) when s has
 * fewer. */
bool slice_take(struct slice *s, size_t n, struct slice *out);

/* Cuts s at the first c: what is before it into *head, s keeps what follows. False
 * when there is none; *head is all then, s empty. */
bool slice_cut(struct slice *s, uint8_t c, struct slice *head);

/* Big-endian integers off the front of s; false (s unchanged) when too short. */
bool slice_u16_be(struct slice *s, uint16_t *v);
bool slice_u32_be(struct slice *s, uint32_t *v);
bool slice_u64_be(struct slice *s, uint64_t *v);

static inline struct wbuf wbuf_of(void *p, size_t max)
{
	return (struct wbuf){ p, 0, max, false };
}

static inline struct slice wbuf_slice(const struct wbuf *w)
{
	return (struct slice){ w->p, w->len };
}

void wbuf_put(struct wbuf *w, const void *p, size_t n);
void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u16_be(struct wbuf *w, uint16_t v);
void wbuf_u32_be(struct wbuf *w, uint32_t v);
void wbuf_u64_be(struct wbuf *w, uint64_t v);

/* Decimal digits alone, at least one: false when s is anything else. *v is max,
 * which is at most UINT64_MAX / 16, for all that is more. */
bool slice_decimal(struct slice s, uint64_t max, uint64_t *v);

/* What a hexadecimal digit stands for, -1 for other characters. */
int hex_value(uint8_t c);

/* Lower-case hex of s with a final NUL into out, which holds 2*s.len+1 bytes. */
void hex_put(char *out, struct slice s);

#endif
