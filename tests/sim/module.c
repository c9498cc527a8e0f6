#include "tests/sim/module.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "attest/lcbor.h"
#include "attest/nsm.h"
#include "tests/sim/chain.h"

enum { LOCKED = 16, DOC_MAX = 8192, NAME_LEN = 32 };

static struct {
	bool made;
	struct nsm_pcr pcr[NSM_PCRS_MAX];
	unsigned requests, refuse_at;
	char said[4096];
} m;

static void digest(struct slice a, struct slice b, uint8_t out[SHA384_LEN])
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, a.p, a.len);
	sha384_update(&h, b.p, b.len);
	sha384_final(&h, out);
}

void module_reset(void)
{
	memset(&m, 0, sizeof m);
	m.made = true;
	chain_make();
	for (uint8_t i = 0; i < LOCKED; i++) {
		m.pcr[i].locked = true;
		/* An image, a role, an instance; the others are zero. */
		if (i <= 4)
			digest(slice_str("simulated PCR"), slice_of(&i, 1), m.pcr[i].value);
	}
}

void module_refuse_at(unsigned request)
{
	m.refuse_at = request;
}

unsigned module_requests(void)
{
	return m.requests;
}

const char *module_said(void)
{
	return m.said;
}

enum rc nsm_open(const char *path, int *fd)
{
	(void)path;
	if (!m.made)
		module_reset();
	*fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return *fd < 0 ? RC_IO : RC_OK;
}

static void text(struct wbuf *w, const char *s)
{
	dcbor_put_text(w, slice_str(s));
}

static void refuse(struct wbuf *w, const char *why)
{
	w->len = 0;
	dcbor_put_map(w, 1);
	text(w, "Error");
	text(w, why);
}

/* {name: {…pairs */
static void open_map(struct wbuf *w, const char *name, size_t pairs)
{
	dcbor_put_map(w, 1);
	text(w, name);
	dcbor_put_map(w, pairs);
}

struct asked {
	struct slice name;
	uint64_t index;
	struct slice data, user_data, nonce, public_key;
	bool has_index;
};

static struct slice optional_bytes(struct dcbor *c)
{
	if (c->in.len > 0 && c->in.p[0] == 0xf6) {
		lcbor_skip(c);
		return slice_of(NULL, 0);
	}
	return dcbor_bytes(c, NSM_REQUEST_MAX);
}

static void take_fields(struct dcbor *c, struct asked *a)
{
	struct lcbor_seq fields;

	lcbor_open(c, DCBOR_MAP, 8, &fields);
	while (lcbor_more(c, &fields)) {
		struct slice key = dcbor_text(c, NAME_LEN);

		if (slice_is(key, "index") || slice_is(key, "range")) {
			a->index = dcbor_uint(c, UINT16_MAX);
			a->has_index = true;
		} else if (slice_is(key, "data")) {
			a->data = dcbor_bytes(c, NSM_REQUEST_MAX);
		} else if (slice_is(key, "user_data")) {
			a->user_data = optional_bytes(c);
		} else if (slice_is(key, "nonce")) {
			a->nonce = optional_bytes(c);
		} else if (slice_is(key, "public_key")) {
			a->public_key = optional_bytes(c);
		} else {
			dcbor_fail(c, RC_BAD);
		}
	}
}

static bool take_request(struct slice in, struct asked *a)
{
	struct dcbor c = lcbor_of(in);
	struct lcbor_seq outer;

	*a = (struct asked){ 0 };
	if (in.len > 0 && in.p[0] >> 5 == 3) { /* a text */
		a->name = dcbor_text(&c, NAME_LEN);
	} else {
		lcbor_open(&c, DCBOR_MAP, 1, &outer);
		if (!lcbor_more(&c, &outer))
			return false;
		a->name = dcbor_text(&c, NAME_LEN);
		take_fields(&c, a);
	}
	return dcbor_end(&c) == RC_OK;
}

static void describe(struct wbuf *w)
{
	size_t locked = 0;

	for (size_t i = 0; i < NSM_PCRS_MAX; i++)
		locked += m.pcr[i].locked;
	open_map(w, "DescribeNSM", 7);
	text(w, "version_major"), dcbor_put_uint(w, 1);
	text(w, "version_minor"), dcbor_put_uint(w, 0);
	text(w, "version_patch"), dcbor_put_uint(w, 0);
	text(w, "module_id"), text(w, MODULE_ID);
	text(w, "max_pcrs"), dcbor_put_uint(w, NSM_PCRS_MAX);
	text(w, "locked_pcrs"), dcbor_put_array(w, locked);
	for (size_t i = 0; i < NSM_PCRS_MAX; i++)
		if (m.pcr[i].locked)
			dcbor_put_uint(w, i);
	text(w, "digest"), text(w, "SHA384");
}

static void describe_pcr(struct wbuf *w, const struct nsm_pcr *p)
{
	open_map(w, "DescribePCR", 2);
	text(w, "lock"), dcbor_put_bool(w, p->locked);
	text(w, "data"), dcbor_put_bytes(w, slice_of(p->value, SHA384_LEN));
}

static void extend(struct wbuf *w, struct nsm_pcr *p, struct slice data)
{
	if (p->locked) {
		refuse(w, "ReadOnlyIndex");
		return;
	}
	if (data.len == 0 || data.len > NSM_EXTEND_MAX) {
		refuse(w, "InputTooLarge");
		return;
	}
	digest(slice_of(p->value, SHA384_LEN), data, p->value);
	open_map(w, "ExtendPCR", 1);
	text(w, "data"), dcbor_put_bytes(w, slice_of(p->value, SHA384_LEN));
}

static void lock(struct wbuf *w, struct nsm_pcr *p)
{
	if (p->locked) {
		refuse(w, "ReadOnlyIndex");
		return;
	}
	p->locked = true;
	text(w, "LockPCR");
}

static void lock_range(struct wbuf *w, uint64_t range)
{
	for (size_t i = 0; i < range; i++)
		m.pcr[i].locked = true;
	text(w, "LockPCRs");
}

static void random_bytes(struct wbuf *w)
{
	uint8_t mem[NSM_RANDOM_MAX];

	if (getrandom(mem, sizeof mem, 0) != sizeof mem) {
		refuse(w, "InternalError");
		return;
	}
	open_map(w, "GetRandom", 1);
	text(w, "random"), dcbor_put_bytes(w, slice_of(mem, sizeof mem));
}

static void put_optional(struct wbuf *w, const char *name, struct slice s)
{
	text(w, name);
	if (s.len > 0)
		dcbor_put_bytes(w, s);
	else
		wbuf_u8(w, 0xf6); /* null */
}

static void put_payload(struct wbuf *w, const struct asked *a)
{
	struct timespec now;
	size_t locked = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	wbuf_u8(w, 0xbf);
	text(w, "module_id"), text(w, MODULE_ID);
	text(w, "digest"), text(w, "SHA384");
	text(w, "timestamp"),
		dcbor_put_uint(w, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	for (size_t i = 0; i < NSM_PCRS_MAX; i++)
		locked += m.pcr[i].locked;
	text(w, "pcrs"), dcbor_put_map(w, locked);
	for (size_t i = 0; i < NSM_PCRS_MAX; i++)
		if (m.pcr[i].locked)
			dcbor_put_uint(w, i),
				dcbor_put_bytes(w, slice_of(m.pcr[i].value, SHA384_LEN));
	text(w, "certificate"), dcbor_put_bytes(w, chain_cert(CHAIN_CERTS - 1));
	text(w, "cabundle"), dcbor_put_array(w, CHAIN_CERTS - 1);
	for (size_t i = 0; i + 1 < CHAIN_CERTS; i++)
		dcbor_put_bytes(w, chain_cert(i));
	put_optional(w, "public_key", a->public_key);
	put_optional(w, "user_data", a->user_data);
	put_optional(w, "nonce", a->nonce);
	wbuf_u8(w, 0xff);
}

/* COSE_Sign1 (RFC 9052 §4.2, §4.4), protected {1: -35}. */
static void attest(struct wbuf *w, const struct asked *a)
{
	static const uint8_t head[] = { 0xa1, 0x01, 0x38, 0x22 };
	static uint8_t a_mem[DOC_MAX], b_mem[DOC_MAX];
	struct wbuf payload = wbuf_of(a_mem, sizeof a_mem), out = wbuf_of(b_mem, sizeof b_mem);
	uint8_t signature[CHAIN_SIGNATURE_LEN];

	put_payload(&payload, a);
	dcbor_put_array(&out, 4);
	text(&out, "Signature1");
	dcbor_put_bytes(&out, slice_of(head, sizeof head));
	dcbor_put_bytes(&out, slice_of(NULL, 0));
	dcbor_put_bytes(&out, wbuf_slice(&payload));
	chain_sign(wbuf_slice(&out), signature);
	out.len = 0;
	dcbor_put_array(&out, 4);
	dcbor_put_bytes(&out, slice_of(head, sizeof head));
	dcbor_put_map(&out, 0);
	dcbor_put_bytes(&out, wbuf_slice(&payload));
	dcbor_put_bytes(&out, slice_of(signature, sizeof signature));
	open_map(w, "Attestation", 1);
	text(w, "document"), dcbor_put_bytes(w, wbuf_slice(&out));
	if (payload.over || out.over)
		w->over = true;
}

static void answer(const struct asked *a, struct wbuf *w)
{
	bool range = slice_is(a->name, "LockPCRs");

	if (a->has_index && a->index >= NSM_PCRS_MAX + (range ? 1u : 0u))
		refuse(w, "InvalidIndex");
	else if (slice_is(a->name, "DescribeNSM"))
		describe(w);
	else if (slice_is(a->name, "GetRandom"))
		random_bytes(w);
	else if (slice_is(a->name, "DescribePCR") && a->has_index)
		describe_pcr(w, &m.pcr[a->index]);
	else if (slice_is(a->name, "ExtendPCR") && a->has_index)
		extend(w, &m.pcr[a->index], a->data);
	else if (slice_is(a->name, "LockPCR") && a->has_index)
		lock(w, &m.pcr[a->index]);
	else if (range && a->has_index)
		lock_range(w, a->index);
	else if (slice_is(a->name, "Attestation"))
		attest(w, a);
	else
		refuse(w, "InvalidOperation");
}

static void note(struct slice name)
{
	size_t at = strlen(m.said);

	if (at + name.len + 2 <= sizeof m.said)
		snprintf(m.said + at, sizeof m.said - at, "%.*s ", (int)name.len,
		         (const char *)name.p);
}

enum rc nsm_exchange(int fd, struct slice request, struct wbuf *w)
{
	struct asked a;

	(void)fd;
	m.requests++;
	if (!take_request(request, &a)) {
		refuse(w, "InvalidOperation");
	} else {
		note(a.name);
		if (m.refuse_at > 0 && m.requests >= m.refuse_at)
			refuse(w, "InternalError");
		else
			answer(&a, w);
	}
	return w->over ? RC_LIMIT : RC_OK;
}
