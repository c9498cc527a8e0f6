#include "net/dns.h"

#include <ctype.h>

enum {
	REPLY = 0x8000, /* flags */
	OPCODE = 0x7800,
	TRUNCATED = 0x0200,
	RECURSE = 0x0100, /* desired */
	RECURSES = 0x0080,
	RCODE = 0x000f,

	IN = 1,
	A = 1,
	CNAME = 5,
	AAAA = 28,
	OPT = 41,
	NO_DATA_FIRST = 128,
	NO_DATA_LAST = 255,

	OPT_LEN = 11,      /* without options */
	RECORD_FIXED = 10, /* behind the name: type, class, TTL, length */
};

static unsigned u16_at(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static bool add_label(struct dns_name *n, const uint8_t *label, size_t len)
{
	if (len + (n->len > 0) > DNS_TEXT_MAX - n->len || memchr(label, '.', len) != NULL)
		return false;
	if (n->len > 0)
		n->p[n->len++] = '.';
	for (size_t i = 0; i < len; i++)
		n->p[n->len++] = (uint8_t)tolower(label[i]);
	return true;
}

/* The name at *at, which is behind it then. A pointer leads to before limit and to
 * before where the one before it led, so there is an end. With limit 0 there are
 * none. */
static bool name_read(struct slice m, size_t *at, size_t limit, struct dns_name *n)
{
	size_t p = *at, jumps = 0;

	for (n->len = 0; p < m.len;) {
		size_t c = m.p[p];

		if (c >= 0xc0 && m.len - p >= 2) {
			*at = jumps++ == 0 ? p + 2 : *at;
			p = u16_at(m.p + p) & 0x3fff;
			if (p >= limit || p < DNS_HEAD || jumps > DNS_JUMPS_MAX)
				return false;
			limit = p;
			continue;
		}
		if (c == 0) {
			*at = jumps == 0 ? p + 1 : *at;
			return true;
		}
		if (c > 63 || c >= m.len - p || !add_label(n, m.p + p + 1, c))
			return false;
		p += c + 1;
	}
	return false;
}

/* --- the program's question ----------------------------------------------------- */

static bool opt_read(struct slice s, struct dns_query *q)
{
	size_t size;

	if (s.len < OPT_LEN || s.p[0] != 0 || u16_at(s.p + 1) != OPT ||
	    u16_at(s.p + 9) != s.len - OPT_LEN)
		return false;
	size = u16_at(s.p + 3);
	q->opt = DNS_REPLY_MAX;
	q->reply_max = size < DNS_REPLY_MIN   ? DNS_REPLY_MIN
	               : size > DNS_REPLY_MAX ? DNS_REPLY_MAX
	                                      : size;
	return true;
}

static enum dns_rcode question_read(struct slice m, struct dns_query *q, struct dns_name *name)
{
	unsigned additional = u16_at(m.p + 10), type;
	struct slice rest = m, question, head;
	size_t at = DNS_HEAD;

	if ((u16_at(m.p + 2) & OPCODE) != 0)
		return DNS_NOTIMP;
	if (u16_at(m.p + 4) != 1 || u16_at(m.p + 6) != 0 || u16_at(m.p + 8) != 0 ||
	    additional > 1 || !name_read(m, &at, 0, name) || !slice_take(&rest, DNS_HEAD, &head) ||
	    !slice_take(&rest, at + 4 - DNS_HEAD, &question) ||
	    (additional == 1 ? !opt_read(rest, q) : rest.len > 0))
		return DNS_FORMERR;
	memcpy(q->question, question.p, question.len);
	q->question_len = question.len;
	type = u16_at(m.p + at);
	return u16_at(m.p + at + 2) != IN || type == 0 || type == OPT ||
	                       (type >= NO_DATA_FIRST && type <= NO_DATA_LAST)
	               ? DNS_REFUSED
	               : DNS_OK;
}

enum rc dns_parse(struct slice m, struct dns_query *q, struct dns_name *name, enum dns_rcode *rcode)
{
	*q = (struct dns_query){ .reply_max = DNS_REPLY_MIN };
	if (m.len < DNS_HEAD || (u16_at(m.p + 2) & REPLY) != 0)
		return RC_BAD;
	q->id = (uint16_t)u16_at(m.p);
	q->recurse = (u16_at(m.p + 2) & RECURSE) != 0;
	*rcode = question_read(m, q, name);
	return RC_OK;
}

/* --- what goes out ----------------------------------------------------------------- */

void dns_disguise(struct dns_query *q, uint16_t id, const uint8_t random[DNS_NAME_MAX / 8 + 1])
{
	q->id = id;
	q->recurse = true;
	q->opt = DNS_ASK_UDP;
	/* Type and class are not letters even where they look so; lengths never do. */
	for (size_t i = 0; i + 4 < q->question_len; i++) {
		if (isalpha(q->question[i]) && (random[i / 8] >> i % 8 & 1) != 0)
			q->question[i] ^= 0x20;
	}
}

/* A message with room for its head, to which what is between question and OPT can
 * be added. */
static struct wbuf begin(const struct dns_query *q, uint8_t *out)
{
	struct wbuf w = wbuf_of(out, q->reply_max - (q->opt > 0 ? OPT_LEN : 0));

	w.len = DNS_HEAD;
	wbuf_put(&w, q->question, q->question_len);
	return w;
}

static size_t finish(struct wbuf *w, const struct dns_query *q, unsigned flags, uint32_t records)
{
	const uint8_t opt[OPT_LEN] = { 0, 0, OPT, (uint8_t)(q->opt >> 8), (uint8_t)q->opt };
	struct wbuf head = wbuf_of(w->p, DNS_HEAD);

	flags |= q->recurse ? RECURSE : 0;
	wbuf_u32_be(&head, (uint32_t)q->id << 16 | flags);
	wbuf_u32_be(&head, (q->question_len > 0 ? 1U << 16 : 0) | records);
	wbuf_u32_be(&head, q->opt > 0);
	if (q->opt > 0)
		memcpy(w->p + w->len, opt, sizeof opt); /* begin() kept its place */
	return w->len + (q->opt > 0 ? OPT_LEN : 0);
}

size_t dns_ask(const struct dns_query *q, uint8_t out[DNS_REPLY_MAX])
{
	struct wbuf w = begin(q, out);

	return finish(&w, q, 0, 0);
}

size_t dns_reply(const struct dns_query *q, enum dns_rcode rcode, uint8_t out[DNS_REPLY_MAX])
{
	struct wbuf w = begin(q, out);

	return finish(&w, q, REPLY | RECURSES | rcode, 0);
}

/* --- the host's answer --------------------------------------------------------------- */

struct record {
	struct dns_name owner;
	unsigned type, class;
	uint32_t ttl_s;
	size_t data, end; /* in the message; end: behind data */
};

static bool record_read(struct slice m, size_t *at, struct record *r)
{
	const uint8_t *p;
	uint32_t ttl_s;

	if (!name_read(m, at, *at, &r->owner) || m.len - *at < RECORD_FIXED)
		return false;
	p = m.p + *at;
	r->type = u16_at(p);
	r->class = u16_at(p + 2);
	ttl_s = (uint32_t)u16_at(p + 4) << 16 | u16_at(p + 6);
	/* RFC 2181 §8: with the highest bit it is none. */
	r->ttl_s = ttl_s > INT32_MAX || ttl_s < DNS_TTL_MIN_S ? DNS_TTL_MIN_S
	           : ttl_s > DNS_TTL_MAX_S                    ? DNS_TTL_MAX_S
	                                                      : ttl_s;
	r->data = *at + RECORD_FIXED;
	if (u16_at(p + 8) > m.len - r->data)
		return false;
	*at = r->end = r->data + u16_at(p + 8);
	return true;
}

/* Loopback, the link, link-local, EC2's services, or of no single host (dns.h). The
 * first 64 bits of IPv6 hold ::, ::1 and the ways to write an IPv4 address. */
static bool is_near(const uint8_t *a, size_t len)
{
	static const uint8_t none[8], link[] = { 0xfd, 0x07, 0xca, 0x5e, 0x3a, 0x7e, 0, 0 };
	static const uint8_t ec2[] = { 0xfd, 0x00, 0x0e, 0xc2 };

	if (len == 4)
		return a[0] == 0 || a[0] == 127 || a[0] >= 224 || (a[0] == 169 && a[1] == 254) ||
		       (a[0] == 10 && a[1] == 7 && a[2] == 0);
	return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	       memcmp(a, none, sizeof none) == 0 || memcmp(a, link, sizeof link) == 0 ||
	       memcmp(a, ec2, sizeof ec2) == 0;
}

static bool take_address(struct slice m, const struct record *r, struct dns_answer *a)
{
	struct dns_address *to = &a->address[a->addresses];
	size_t len = r->type == A ? 4 : 16;

	if (r->type != A && r->type != AAAA)
		return true;
	if (r->end - r->data != len || is_near(m.p + r->data, len))
		return false;
	*to = (struct dns_address){ .address = { [10] = 0xff, 0xff }, .ttl_s = r->ttl_s };
	memcpy(to->address + 16 - len, m.p + r->data, len);
	a->addresses++;
	return true;
}

struct chain {
	struct dns_name name; /* that the next record must belong to */
	unsigned asked, links;
	bool exists, ended; /* ended: by a record of the type asked */
};

static bool follow(struct slice m, struct chain *c, const struct record *r, struct dns_answer *a)
{
	size_t at = r->data;

	if (r->class != IN ||
	    !slice_eq(slice_of(r->owner.p, r->owner.len), slice_of(c->name.p, c->name.len)))
		return false;
	if (r->type == c->asked && c->exists) {
		c->ended = true;
		return take_address(m, r, a);
	}
	return r->type == CNAME && !c->ended && ++c->links <= DNS_CHAIN_MAX &&
	       name_read(m, &at, at, &c->name) && at == r->end;
}

/* A record as it came but for its TTL, at the same place as there: pointers to what
 * is before stay right. */
static void put(struct wbuf *w, struct slice m, const struct record *r)
{
	struct wbuf ttl;

	wbuf_put(w, m.p + w->len, r->end - w->len);
	if (w->over)
		return;
	ttl = wbuf_of(w->p + r->data - 6, sizeof r->ttl_s);
	wbuf_u32_be(&ttl, r->ttl_s);
}

/* Puts the records that answer behind the question; how many, -1 when they are not
 * believed. */
static int section(struct slice m, struct wbuf *w, struct dns_answer *a)
{
	size_t at = DNS_HEAD, count = u16_at(m.p + 6);
	struct chain c = { .exists = (u16_at(m.p + 2) & RCODE) == DNS_OK };
	struct record r;
	int kept = 0;

	a->addresses = 0;
	if (count > DNS_RECORDS_MAX || !name_read(m, &at, 0, &c.name))
		return -1;
	c.asked = u16_at(m.p + at);
	at = w->len;
	while (count-- > 0) {
		if (!record_read(m, &at, &r) || !follow(m, &c, &r, a))
			return -1;
		put(w, m, &r);
		kept += !w->over;
	}
	return kept;
}

static bool is_answer(struct slice m, const struct dns_query *asked)
{
	return m.len >= DNS_HEAD + asked->question_len && u16_at(m.p) == asked->id &&
	       (u16_at(m.p + 2) & (REPLY | OPCODE)) == REPLY && u16_at(m.p + 4) == 1 &&
	       memcmp(m.p + DNS_HEAD, asked->question, asked->question_len) == 0;
}

enum rc dns_answer(struct slice m, const struct dns_query *asked, const struct dns_query *q,
                   uint8_t out[DNS_REPLY_MAX], size_t *len, struct dns_answer *a)
{
	struct wbuf w = begin(q, out);
	unsigned flags;
	int kept;

	if (!is_answer(m, asked))
		return RC_MISMATCH;
	flags = u16_at(m.p + 2) & (TRUNCATED | RCODE);
	if ((flags & RCODE) != DNS_OK && (flags & RCODE) != DNS_NXDOMAIN)
		return RC_DENIED;
	kept = section(m, &w, a);
	if (kept < 0)
		return RC_BAD;
	flags |= REPLY | RECURSES | (w.over ? TRUNCATED : 0);
	*len = finish(&w, q, flags, (uint32_t)kept);
	return RC_OK;
}
