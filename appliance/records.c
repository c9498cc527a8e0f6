#include "appliance/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "appliance/base/ring.h"

/* A record as it lies in a ring: this, then the text. Positions count all bytes
 * ever written. */
struct stored {
	struct record_head head;
	uint32_t len;
};

static struct track {
	struct ring kept;
	uint64_t first; /* of what is kept */
	uint64_t text, lost;
} rings[RECORDS_RINGS];

static uint64_t sequence;

enum rc records_open(size_t ring, size_t bytes)
{
	struct ring *r = &rings[ring].kept;

	r->max = bytes > RECORDS_LEAST ? bytes : RECORDS_LEAST;
	r->p = mmap(NULL, r->max, PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return r->p == MAP_FAILED ? RC_IO : RC_OK;
}

static void copy_out(const struct track *r, uint64_t from, void *p, size_t n)
{
	struct slice part = ring_part(&r->kept, from - r->first);
	size_t whole = n < part.len ? n : part.len;

	memcpy(p, part.p, whole);
	memcpy((uint8_t *)p + whole, r->kept.p, n - whole);
}

static void drop_oldest(struct track *r)
{
	struct stored s;

	copy_out(r, r->first, &s, sizeof s);
	ring_drop(&r->kept, sizeof s + s.len);
	r->first += sizeof s + s.len;
	r->lost += s.len;
}

void records_put(size_t ring, unsigned service, unsigned kind, struct slice text)
{
	struct track *r = &rings[ring];
	struct timespec now;
	struct stored s = { .len = (uint32_t)(text.len < RECORD_TEXT_MAX ? text.len
		                                                         : RECORD_TEXT_MAX) };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	s.head = (struct record_head){ .seq = ++sequence,
		                       .time_ns = (uint64_t)now.tv_sec * 1000000000u +
		                                  (uint64_t)now.tv_nsec,
		                       .position = r->text,
		                       .service = (uint8_t)service,
		                       .kind = (uint8_t)kind };
	while (r->kept.len + sizeof s + s.len > r->kept.max)
		drop_oldest(r);
	ring_put(&r->kept, (const uint8_t *)&s, sizeof s);
	ring_put(&r->kept, text.p, s.len);
	r->text += s.len;
}

void records_event(unsigned service, unsigned kind, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	records_put(0, service, kind,
	            slice_of(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1));
}

int records_next(struct records_cursor *c, uint32_t mask, struct record_head *h, uint8_t *text)
{
	struct stored best = { .len = 0 }, s;
	size_t from = RECORDS_RINGS;

	for (size_t i = 0; i < RECORDS_RINGS; i++) {
		if (c->at[i] < rings[i].first)
			c->at[i] = rings[i].first;
		if (!(mask >> i & 1) || c->at[i] == rings[i].first + rings[i].kept.len)
			continue;
		copy_out(&rings[i], c->at[i], &s, sizeof s);
		if (from == RECORDS_RINGS || s.head.seq < best.head.seq) {
			best = s;
			from = i;
		}
	}
	if (from == RECORDS_RINGS)
		return -1;
	copy_out(&rings[from], c->at[from] + sizeof s, text, best.len);
	c->at[from] += sizeof s + best.len;
	*h = best.head;
	return (int)best.len;
}

uint64_t records_sequence(void)
{
	return sequence;
}

void records_count(size_t ring, uint64_t *all, uint64_t *lost)
{
	*all = rings[ring].text;
	*lost = rings[ring].lost;
}
