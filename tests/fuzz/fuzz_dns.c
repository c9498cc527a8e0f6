/* A program and a host, both hostile, around the resolver; the input is a list of
 * steps. The driver knows what the resolver has asked, so that a few bytes suffice
 * for an answer that fits. Whatever the resolver then says is checked by rules
 * written a second time: replies are well formed and no longer than may be, and
 * what is admitted was asked for, answered, and is nobody near. */
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "net/resolver.h"

enum { HELD_MAX = 4, ANSWER_MAX = 32768 };

static struct slice left;
static uint8_t out[DNS_REPLY_MAX];
static uint64_t answer_admits; /* the rules that may be admitted now */
static int64_t now_ms;
static struct {
	size_t len;
	uint16_t port;
	uint64_t rules;
	uint8_t message[DNS_REPLY_MAX];
} held[HELD_MAX]; /* questions at the host */

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Inputs do the same every time. */
ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	static uint8_t turn;

	(void)flags;
	memset(p, 0x42, n);
	memset(p, ++turn & 3, n < 4 ? n : 4);
	return (ssize_t)n;
}

uint64_t policy_named(const struct policy *p, struct slice name)
{
	(void)p;
	must(name.len > 0 && name.len <= DNS_TEXT_MAX && name.p[name.len - 1] != '.');
	for (size_t i = 0; i < name.len; i++)
		must(name.p[i] < 'A' || name.p[i] > 'Z');
	return name.p[0] == 'a' ? 1 : name.p[0] == 'b' ? 6 : 0;
}

void policy_admit(uint64_t rules, const uint8_t a[16], int64_t until_ms)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	must(answer_admits != 0 && (rules & ~answer_admits) == 0);
	must(until_ms >= now_ms + 5000 + RESOLVER_GRACE_MS &&
	     until_ms <= now_ms + 3600 * 1000 + RESOLVER_GRACE_MS);
	if (memcmp(a, mapped, sizeof mapped) == 0)
		must(a[12] != 0 && a[12] != 127 && a[12] < 224 && (a[12] != 169 || a[13] != 254));
	else
		must(a[0] != 0xff && (a[0] != 0xfe || a[1] >> 6 != 2) && memcmp(a, mapped, 8) != 0);
}

static uint8_t next(void)
{
	struct slice s;

	return slice_take(&left, 1, &s) ? s.p[0] : 0;
}

/* As many as the next byte says. */
static struct slice some(void)
{
	size_t n = next();
	struct slice s;

	return slice_take(&left, n < left.len ? n : left.len, &s) ? s : left;
}

static void check(size_t n, const struct resolver_to *to)
{
	if (n == 0)
		return;
	must(n >= DNS_HEAD && n <= DNS_REPLY_MAX && out[4] == 0 && out[5] <= 1);
	must((out[2] & 0x80) == (to->host ? 0 : 0x80) && out[8] == 0 && out[9] == 0);
	must(out[10] == 0 && out[11] <= 1 && out[6] == 0 && out[7] <= DNS_RECORDS_MAX);
	must(!to->host || to->port >= POLICY_OWN_FIRST);
}

static void hold(size_t n, uint16_t port)
{
	static size_t turn;
	size_t i = turn++ % HELD_MAX;

	held[i].len = n;
	held[i].port = port;
	held[i].rules = out[DNS_HEAD + 1] == 'a' || out[DNS_HEAD + 1] == 'A' ? 1 : 6;
	memcpy(held[i].message, out, n);
}

static void ask(struct slice m)
{
	struct resolver_to to = { 0 };
	size_t n = resolver_ask(m, next(), now_ms, out, &to);

	check(n, &to);
	if (n > 0 && to.host)
		hold(n, to.port);
}

static void ask_named(void)
{
	static uint8_t m[64];
	struct wbuf w = wbuf_of(m, sizeof m);
	uint8_t type = next();

	wbuf_put(&w, "\0\1\1\0\0\1\0\0\0\0\0\0", DNS_HEAD);
	wbuf_put(&w, type & 1 ? "\1a\1B\0\0" : "\1b\0\0", type & 1 ? 6 : 4);
	wbuf_u8(&w, type & 2 ? 28 : type >> 2);
	wbuf_put(&w, "\0\1", 2);
	ask(wbuf_slice(&w));
}

static void answer(struct slice m, uint16_t port, uint64_t rules)
{
	struct resolver_to to = { 0 };
	size_t n;

	answer_admits = rules;
	n = resolver_answer(m, port, now_ms, out, &to);
	answer_admits = 0;
	must(!to.host);
	check(n, &to);
}

/* A record: of the name asked, of where the last one's data begin, or of anything. */
static void put_record(struct wbuf *w, size_t *data)
{
	uint8_t shape = next();
	struct slice s;

	if ((shape & 3) < 2) {
		wbuf_u16_be(w, (uint16_t)(0xc000 | ((shape & 3) == 0 ? DNS_HEAD : *data)));
	} else {
		s = some();
		wbuf_put(w, s.p, s.len);
	}
	wbuf_u16_be(w, shape & 4 ? next() : shape & 8 ? 5 : shape & 16 ? 28 : 1);
	wbuf_u16_be(w, 1);
	wbuf_u32_be(w, shape & 32 ? (uint32_t)next() << 24 | next() : 60);
	s = some();
	wbuf_u16_be(w, shape & 64 ? next() : (uint16_t)s.len);
	*data = w->len;
	wbuf_put(w, s.p, s.len);
}

/* To one that is held: its question, then what the input says. */
static void answer_held(uint8_t op)
{
	static uint8_t m[ANSWER_MAX];
	struct wbuf w = wbuf_of(m, sizeof m);
	size_t i = op % HELD_MAX, data = DNS_HEAD;

	if (held[i].len == 0)
		return;
	wbuf_put(&w, held[i].message, held[i].len - 11);
	m[2] = (uint8_t)(0x80 | (op & 4 ? 2 : 0));
	m[3] = op & 8 ? next() : 0;
	m[7] = next();
	for (unsigned n = m[7]; n > 0 && left.len > 0; n--)
		put_record(&w, &data);
	answer(wbuf_slice(&w), held[i].port, held[i].rules);
}

static void step(void)
{
	struct resolver_to to = { 0 };
	uint8_t op = next();

	switch (op % 8) {
	case 0: ask(some()); break;
	case 1: ask_named(); break;
	case 2: answer(some(), POLICY_OWN_FIRST + next(), 7); break;
	case 3: now_ms += 100 * next(); break;
	case 4: check(resolver_tick(now_ms, out, &to), &to); break;
	case 5: op < 64 ? resolver_reset() : (void)0; break;
	default: answer_held(op / 8); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct resolver_counters *c = resolver_counters();
	struct resolver_to to = { 0 };
	size_t n;

	memset(held, 0, sizeof held);
	left = slice_of(data, size);
	now_ms = 1000;
	resolver_init(NULL);
	while (left.len > 0)
		step();
	resolver_reset();
	while ((n = resolver_tick(now_ms, out, &to)) > 0)
		check(n, &to);
	must(resolver_deadline() == INT64_MAX);
	must(c->asked == c->ignored + c->denied + c->answered + c->failed);
	return 0;
}
