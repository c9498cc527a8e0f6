#include <bearssl.h>

#include "appliance/base/dcbor.h"
#include "tests/unit/test.h"
#include "tools/image/ecsign.h"
#include "tools/image/signature.h"

static const struct {
	int id;
	int64_t algorithm;
	size_t priv_len, sig_len;
} curves[] = {
	{ BR_EC_secp256r1, COSE_ES256, 32, 64 },
	{ BR_EC_secp384r1, COSE_ES384, 48, 96 },
	{ BR_EC_secp521r1, COSE_ES512, 66, 132 },
};

enum { CURVES = sizeof curves / sizeof *curves };

static const char pem_text[] = "-----BEGIN CERTIFICATE-----\n";

/* A key of small numbers and its certificate, of which only the key matters. */
static void make_pair(size_t i, struct ecsign_key *k, struct ecsign_cert *c)
{
	br_ec_private_key sk = { curves[i].id, k->priv, curves[i].priv_len };

	memset(k, 0, sizeof *k);
	memset(c, 0, sizeof *c);
	k->curve = c->curve = curves[i].id;
	k->priv_len = curves[i].priv_len;
	for (size_t b = 1; b < k->priv_len; b++)
		k->priv[b] = (uint8_t)b;
	c->pub_len = br_ec_compute_pub(&br_ec_all_m31, NULL, c->pub, &sk);
	CHECK(c->pub_len > 0);
}

struct sample {
	uint8_t pcr0[SHA384_LEN];
	uint8_t head[16], payload[SIGNATURE_PAYLOAD_MAX], tbs[SIGNATURE_TBS_MAX];
	uint8_t cose[SIGNATURE_COSE_MAX], section[4096];
	struct slice section_s, tbs_s;
};

static void make_sample(struct sample *s, const struct ecsign_key *k, const struct ecsign_cert *c)
{
	struct wbuf h = wbuf_of(s->head, sizeof s->head),
		    p = wbuf_of(s->payload, sizeof s->payload);
	struct wbuf t = wbuf_of(s->tbs, sizeof s->tbs), o = wbuf_of(s->cose, sizeof s->cose);
	struct wbuf w = wbuf_of(s->section, sizeof s->section);
	uint8_t sig[ECSIGN_SIG_MAX];
	size_t n;

	for (size_t i = 0; i < sizeof s->pcr0; i++)
		s->pcr0[i] = (uint8_t)(i * 7);
	signature_put_protected(&h, ecsign_algorithm(c));
	signature_put_payload(&p, s->pcr0);
	signature_put_tbs(&t, wbuf_slice(&h), wbuf_slice(&p));
	n = ecsign_sign(k, wbuf_slice(&t), sig);
	signature_put_cose(&o, wbuf_slice(&h), wbuf_slice(&p), slice_of(sig, n));
	signature_put_section(&w, slice_str(pem_text), wbuf_slice(&o));
	CHECK(n > 0 && !h.over && !p.over && !t.over && !o.over && !w.over);
	s->section_s = wbuf_slice(&w);
	s->tbs_s = wbuf_slice(&t);
}

static bool verifies(const struct signature *s, const struct ecsign_cert *c)
{
	uint8_t buf[SIGNATURE_TBS_MAX];
	struct wbuf t = wbuf_of(buf, sizeof buf);

	signature_put_tbs(&t, s->protected_header, s->payload);
	return !t.over && s->algorithm == ecsign_algorithm(c) &&
	       ecsign_verify(c, wbuf_slice(&t), s->sig);
}

static void test_round_trip(size_t i)
{
	struct ecsign_key k, other;
	struct ecsign_cert c, other_cert;
	struct sample s, again;
	static struct signature p;
	uint8_t padded[ECSIGN_SIG_MAX + 2];
	const char *why = NULL;
	struct slice g;

	make_pair(i, &k, &c);
	make_pair((i + 1) % CURVES, &other, &other_cert);
	CHECK(ecsign_matches(&k, &c) && !ecsign_matches(&k, &other_cert));
	other = k;
	other.priv[3] ^= 1;
	CHECK(!ecsign_matches(&other, &c));
	make_sample(&s, &k, &c);
	make_sample(&again, &k, &c);
	CHECK(slice_eq(s.section_s, again.section_s)); /* deterministic */

	g = test_guard(s.section_s);
	CHECK(signature_parse(g, &p, &why) == RC_OK);
	CHECK(slice_is(p.pem, pem_text) && p.algorithm == curves[i].algorithm);
	CHECK(memcmp(p.pcr0, s.pcr0, sizeof s.pcr0) == 0 && p.sig.len == curves[i].sig_len);
	CHECK(verifies(&p, &c) && !verifies(&p, &other_cert));
	test_unguard(g);

	/* The same numbers with zeros in front are another signature. */
	memset(padded, 0, sizeof padded);
	memcpy(padded + 1, p.sig.p, p.sig.len / 2);
	memcpy(padded + p.sig.len / 2 + 2, p.sig.p + p.sig.len / 2, p.sig.len / 2);
	CHECK(!ecsign_verify(&c, s.tbs_s, slice_of(padded, p.sig.len + 2)));
	CHECK(!ecsign_verify(&c, s.tbs_s, slice_of(p.sig.p, p.sig.len - 2)));
	CHECK(!ecsign_verify(&c, s.tbs_s, slice_of(NULL, 0)));
	CHECK(!ecsign_verify(&c, slice_of(s.tbs_s.p, s.tbs_s.len - 1), p.sig));
}

/* Every bit of what is signed and of the signature counts. */
static void test_bits(void)
{
	struct ecsign_key k;
	struct ecsign_cert c;
	struct sample s;
	static struct signature p;
	const char *why;
	uint8_t sig[ECSIGN_SIG_MAX];

	make_pair(0, &k, &c);
	make_sample(&s, &k, &c);
	CHECK(signature_parse(s.section_s, &p, &why) == RC_OK);
	memcpy(sig, p.sig.p, p.sig.len);
	for (size_t i = 0; i < p.sig.len; i += 5) {
		sig[i] ^= 1;
		CHECK(!ecsign_verify(&c, s.tbs_s, slice_of(sig, p.sig.len)));
		sig[i] ^= 1;
	}
	CHECK(ecsign_verify(&c, s.tbs_s, slice_of(sig, p.sig.len)));
	for (size_t i = 0; i < s.tbs_s.len; i += 9) {
		s.tbs[i] ^= 1;
		CHECK(!ecsign_verify(&c, s.tbs_s, slice_of(sig, p.sig.len)));
		s.tbs[i] ^= 1;
	}
}

static void test_corrupted(void)
{
	struct ecsign_key k;
	struct ecsign_cert c;
	struct sample s;
	static struct signature p;
	const char *why = NULL;
	unsigned good = 0, verified = 0;

	make_pair(0, &k, &c);
	make_sample(&s, &k, &c);
	for (size_t n = 0; n < s.section_s.len; n++) { /* every prefix */
		struct slice g = test_guard(slice_of(s.section, n));

		CHECK(signature_parse(g, &p, &why) == RC_BAD && *why != '\0');
		test_unguard(g);
	}
	for (size_t i = 0; i < s.section_s.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			s.section[i] ^= (uint8_t)(1 << bit);
			if (signature_parse(s.section_s, &p, &why) == RC_OK) {
				good++;
				/* r || s and the certificate may be others; with
				 * this key they do not verify. */
				if (i > 60 + sizeof pem_text * 2)
					verified += verifies(&p, &c);
			}
			s.section[i] ^= (uint8_t)(1 << bit);
		}
	CHECK(good > 0 && verified == 0);
}

static enum rc parse(const void *p, size_t n)
{
	static struct signature s;
	struct slice g = test_guard(slice_of(p, n));
	const char *why = "";
	enum rc rc = signature_parse(g, &s, &why);

	CHECK((rc == RC_OK) == (*why == '\0'));
	test_unguard(g);
	return rc;
}

static enum rc parse_with(struct slice pem, struct slice cose, int64_t alg, uint64_t maps)
{
	static uint8_t buf[EIF_SIGNATURE_MAX + 16];
	uint8_t head[16], payload[SIGNATURE_PAYLOAD_MAX], one[SIGNATURE_COSE_MAX], pcr0[48] = { 0 };
	struct wbuf w = wbuf_of(buf, sizeof buf), h = wbuf_of(head, sizeof head);
	struct wbuf p = wbuf_of(payload, sizeof payload), o = wbuf_of(one, sizeof one);

	signature_put_protected(&h, alg);
	signature_put_payload(&p, pcr0);
	signature_put_cose(&o, wbuf_slice(&h), wbuf_slice(&p), slice_of(pcr0, 48));
	signature_put_section(&w, pem, cose.p ? cose : wbuf_slice(&o));
	buf[0] = (uint8_t)(0x80 + maps);
	return parse(buf, w.len);
}

static void test_refused(void)
{
	static uint8_t zero[EIF_SIGNATURE_MAX + 1];
	struct slice none = { NULL, 0 }, pem = slice_str("x");
	uint8_t untagged[] = { 0x84, 0x41, 0xa0, 0xa0, 0x40, 0x40 };
	uint8_t tagged[] = { 0xd2, 0x84, 0x41, 0xa0, 0xa0, 0x40, 0x40 };

	CHECK(parse_with(pem, none, COSE_ES384, 1) == RC_OK);
	CHECK(parse_with(pem, none, COSE_ES384, 0) == RC_BAD);
	CHECK(parse_with(pem, none, COSE_ES384, 2) == RC_BAD);
	CHECK(parse_with(slice_of(NULL, 0), none, COSE_ES384, 1) == RC_OK);
	CHECK(parse_with(slice_of(zero, 30000), none, COSE_ES384, 1) == RC_OK);
	CHECK(parse_with(pem, slice_of(untagged, sizeof untagged), 0, 1) == RC_BAD);
	CHECK(parse_with(pem, slice_of(tagged, sizeof tagged), 0, 1) == RC_BAD);
	CHECK(parse(zero, EIF_SIGNATURE_MAX + 1) == RC_LIMIT);
	CHECK(parse("\x81\xa2\x69signature\x80\x69signature\x80", 23) == RC_BAD); /* twice */
	CHECK(parse("\x81\xa1\x69signature\x80", 12) == RC_BAD);
	CHECK(parse("\x81\xa1\x61x\x80", 5) == RC_BAD);
	CHECK(parse("\x80", 1) == RC_BAD);
	/* "signature" with an integer above 255 */
	CHECK(parse("\x81\xa1\x69signature\x81\x19\x01\x00", 16) == RC_BAD);
}

/* A COSE_Sign1 over a payload of n values for the register. */
static enum rc parse_register(uint64_t index, size_t n)
{
	uint8_t payload[SIGNATURE_PAYLOAD_MAX], cose[SIGNATURE_COSE_MAX];
	struct wbuf p = wbuf_of(payload, sizeof payload), o = wbuf_of(cose, sizeof cose);

	dcbor_put_map(&p, 2);
	dcbor_put_text(&p, slice_str("register_index"));
	dcbor_put_uint(&p, index);
	dcbor_put_text(&p, slice_str("register_value"));
	dcbor_put_array(&p, n);
	for (size_t i = 0; i < n; i++)
		dcbor_put_uint(&p, i);
	signature_put_cose(&o, slice_of("\xa1\x01\x26", 3), wbuf_slice(&p), slice_of("sig", 3));
	CHECK(!p.over && !o.over);
	return parse_with(slice_str("x"), wbuf_slice(&o), COSE_ES256, 1);
}

static void test_register(void)
{
	CHECK(parse_register(0, 48) == RC_OK);
	CHECK(parse_register(0, 47) == RC_BAD);
	CHECK(parse_register(0, 49) == RC_BAD);
	CHECK(parse_register(0, 0) == RC_BAD);
	CHECK(parse_register(1, 48) == RC_BAD);
}

int main(void)
{
	for (size_t i = 0; i < CURVES; i++)
		test_round_trip(i);
	test_bits();
	test_corrupted();
	test_refused();
	test_register();
	return test_end();
}
