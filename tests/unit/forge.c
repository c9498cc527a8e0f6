#include "tests/unit/forge.h"

#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>

#include "appliance/base/dcbor.h"

static const uint8_t p384_oid[] = { 0x06, 5, 0x2b, 0x81, 4, 0, 0x22 };
static const uint8_t p256_oid[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const uint8_t ec_oid[] = { 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
static const uint8_t ecdsa_sha384[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 };
static const uint8_t ecdsa_sha256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };

/* tag, length, content; at most 65535 bytes of it. */
static void put(struct wbuf *w, uint8_t tag, const void *p, size_t n)
{
	wbuf_u8(w, tag);
	if (n >= 0x100) {
		wbuf_u8(w, 0x82);
		wbuf_u8(w, (uint8_t)(n >> 8));
	} else if (n >= 0x80) {
		wbuf_u8(w, 0x81);
	}
	wbuf_u8(w, (uint8_t)n);
	wbuf_put(w, p, n);
}

static void put_buf(struct wbuf *w, uint8_t tag, const struct wbuf *content)
{
	put(w, tag, content->p, content->len);
}

static br_ec_private_key private_key(unsigned number)
{
	static uint8_t x[FORGE_KEYS][48];
	bool p256 = number == FORGE_P256;

	memset(x[number], (int)number + 1, sizeof x[number]);
	return (br_ec_private_key){ p256 ? BR_EC_secp256r1 : BR_EC_secp384r1, x[number],
		                    p256 ? 32 : 48 };
}

static void put_spki(struct wbuf *w, unsigned key)
{
	br_ec_private_key sk = private_key(key);
	uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE], a[128], b[256];
	struct wbuf id = wbuf_of(a, sizeof a), all = wbuf_of(b, sizeof b);
	size_t n = br_ec_compute_pub(&br_ec_all_m31, NULL, point + 1, &sk);

	point[0] = 0; /* unused bits */
	wbuf_put(&id, ec_oid, sizeof ec_oid);
	if (key == FORGE_P256)
		wbuf_put(&id, p256_oid, sizeof p256_oid);
	else
		wbuf_put(&id, p384_oid, sizeof p384_oid);
	put_buf(&all, 0x30, &id);
	put(&all, 0x03, point, n + 1);
	put_buf(w, 0x30, &all);
}

/* Name of one attribute, commonName. */
static void put_name(struct wbuf *w, const char *name)
{
	static const uint8_t cn[] = { 0x06, 3, 0x55, 4, 3 };
	uint8_t a[128], b[128], c[128];
	struct wbuf pair = wbuf_of(a, sizeof a), seq = wbuf_of(b, sizeof b),
		    set = wbuf_of(c, sizeof c);

	wbuf_put(&pair, cn, sizeof cn);
	put(&pair, 0x0c, name, strlen(name));
	put_buf(&seq, 0x30, &pair);
	put_buf(&set, 0x31, &seq);
	put_buf(w, 0x30, &set);
}

static void put_time(struct wbuf *w, const char *s)
{
	put(w, strlen(s) == 13 ? 0x17 : 0x18, s, strlen(s));
}

static void put_extension(struct wbuf *w, uint8_t last, const struct wbuf *value)
{
	const uint8_t oid[] = { 0x06, 3, 0x55, 0x1d, last }, critical[] = { 1, 1, 0xff };
	uint8_t a[128];
	struct wbuf all = wbuf_of(a, sizeof a);

	wbuf_put(&all, oid, sizeof oid);
	wbuf_put(&all, critical, sizeof critical);
	put_buf(&all, 0x04, value);
	put_buf(w, 0x30, &all);
}

static void put_basic(struct wbuf *w, const struct forge_cert *c)
{
	uint8_t a[32], b[32], length = (uint8_t)c->path_len;
	struct wbuf in = wbuf_of(a, sizeof a), out = wbuf_of(b, sizeof b);

	if (c->ca)
		put(&in, 0x01, "\xff", 1);
	if (c->path_len >= 0)
		put(&in, 0x02, &length, 1);
	put_buf(&out, 0x30, &in);
	put_extension(w, 19, &out);
}

static void put_usage(struct wbuf *w, unsigned usage)
{
	uint8_t a[8], bits[2] = { 0, (uint8_t)usage };
	struct wbuf value = wbuf_of(a, sizeof a);

	while (usage != 0 && !(usage >> bits[0] & 1))
		bits[0]++;
	put(&value, 0x03, bits, sizeof bits);
	put_extension(w, 15, &value);
}

static void put_extensions(struct wbuf *w, const struct forge_cert *c)
{
	uint8_t a[512], b[512];
	struct wbuf list = wbuf_of(a, sizeof a), seq = wbuf_of(b, sizeof b);

	if (c->basic)
		put_basic(&list, c);
	if (c->usage >= 0)
		put_usage(&list, (unsigned)c->usage);
	wbuf_put(&list, c->extra.p, c->extra.len);
	if (list.len == 0)
		return;
	put_buf(&seq, 0x30, &list);
	put_buf(w, 0xa3, &seq);
}

static void put_algorithm(struct wbuf *w, bool sha256)
{
	put(w, 0x30, sha256 ? ecdsa_sha256 : ecdsa_sha384, sizeof ecdsa_sha384);
}

static void put_tbs(struct wbuf *w, const struct forge_cert *c)
{
	static const uint8_t version[] = { 0xa0, 3, 2, 1, 2 }, serial[] = { 2, 2, 0x12, 0x34 };
	uint8_t a[FORGE_CERT_MAX], b[64];
	struct wbuf all = wbuf_of(a, sizeof a), times = wbuf_of(b, sizeof b);

	wbuf_put(&all, version, sizeof version);
	wbuf_put(&all, serial, sizeof serial);
	put_algorithm(&all, c->sha256 || c->other_inside);
	put_name(&all, c->issuer);
	put_time(&times, c->not_before);
	put_time(&times, c->not_after);
	put_buf(&all, 0x30, &times);
	put_name(&all, c->subject);
	put_spki(&all, c->key);
	put_extensions(&all, c);
	put_buf(w, 0x30, &all);
}

static size_t sign(unsigned key, bool sha256, struct slice tbs, uint8_t *sig, bool raw)
{
	br_ec_private_key sk = private_key(key);
	const br_hash_class *hash = sha256 ? &br_sha256_vtable : &br_sha384_vtable;
	br_hash_compat_context h;
	uint8_t digest[64];

	hash->init(&h.vtable);
	hash->update(&h.vtable, tbs.p, tbs.len);
	hash->out(&h.vtable, digest);
	return (raw ? br_ecdsa_i31_sign_raw : br_ecdsa_i31_sign_asn1)(&br_ec_all_m31, hash, digest,
	                                                              &sk, sig);
}

static size_t done(const struct wbuf *w, const char *what)
{
	if (w->over) {
		printf("forge: %s does not fit\n", what);
		exit(1);
	}
	return w->len;
}

size_t forge_cert(const struct forge_cert *c, uint8_t *out)
{
	uint8_t a[FORGE_CERT_MAX], sig[160] = { 0 };
	struct wbuf all = wbuf_of(a, sizeof a), w = wbuf_of(out, FORGE_CERT_MAX);
	size_t n;

	put_tbs(&all, c);
	n = sign(c->signer, c->sha256, wbuf_slice(&all), sig + 1, false);
	put_algorithm(&all, c->sha256);
	put(&all, 0x03, sig, n + 1);
	put_buf(&w, 0x30, &all);
	wbuf_put(&w, c->tail.p, c->tail.len);
	return done(&w, "a certificate");
}

void forge_init(struct forge *f)
{
	static const char *const names[FORGE_CHAIN] = { "root", "region", "zone", "enclave" };
	static const uint8_t es384[] = { 0xa1, 0x01, 0x38, 0x22 }, none[] = { 0xa0 };

	memset(f, 0, sizeof *f);
	f->certs = FORGE_CHAIN - 1;
	f->signer = FORGE_LEAF;
	for (unsigned i = 0; i < FORGE_CHAIN; i++)
		f->cert[i] = (struct forge_cert){
			.key = i,
			.signer = i == 0 ? 0 : i - 1,
			.subject = names[i],
			.issuer = names[i == 0 ? 0 : i - 1],
			.not_before = "231114000000Z", /* FORGE_NOW is that day, 22:13:20 */
			.not_after = i == 0 ? "20530101000000Z" : "231115000000Z",
			.basic = true,
			.ca = i < FORGE_LEAF,
			.path_len = i == 0 || i == FORGE_LEAF ? -1 : (int)(FORGE_LEAF - 1 - i),
			.usage = i < FORGE_LEAF ? 0x04 : 0x80,
		};
	f->module_id = "i-0123456789abcdef0-enc0123456789abcdef";
	f->digest = "SHA384";
	f->timestamp_ms = UINT64_C(1000) * FORGE_NOW;
	f->pcrs = 0x1001f;
	for (unsigned i = 0; i < DOCUMENT_PCRS; i++)
		memset(f->pcr[i], (int)i + 1, SHA384_LEN);
	f->protected = slice_of(es384, sizeof es384);
	f->unprotected = slice_of(none, sizeof none);
}

static void put_head(struct wbuf *w, bool map, size_t n, bool indefinite)
{
	if (indefinite)
		wbuf_u8(w, map ? 0xbf : 0x9f);
	else if (map)
		dcbor_put_map(w, n);
	else
		dcbor_put_array(w, n);
}

static void put_break(struct wbuf *w, bool indefinite)
{
	if (indefinite)
		wbuf_u8(w, 0xff);
}

static void put_pcrs(struct wbuf *w, const struct forge *f)
{
	put_head(w, true, (size_t)__builtin_popcount(f->pcrs), f->indefinite);
	for (unsigned i = 0; i < DOCUMENT_PCRS; i++) {
		if (!(f->pcrs >> i & 1))
			continue;
		dcbor_put_uint(w, i);
		dcbor_put_bytes(w, slice_of(f->pcr[i], SHA384_LEN));
	}
	put_break(w, f->indefinite);
}

static void put_bundle(struct wbuf *w, const struct forge *f)
{
	uint8_t der[FORGE_CERT_MAX];

	put_head(w, false, f->certs, f->indefinite);
	for (size_t i = 0; i < f->certs; i++)
		dcbor_put_bytes(w, slice_of(der, forge_cert(&f->cert[i], der)));
	put_break(w, f->indefinite);
}

static void put_optional(struct wbuf *w, struct slice s)
{
	if (s.p == NULL)
		wbuf_u8(w, 0xf6);
	else
		dcbor_put_bytes(w, s);
}

static void put_value(struct wbuf *w, const struct forge *f, unsigned field)
{
	uint8_t der[FORGE_CERT_MAX];

	switch (field) {
	case 0: dcbor_put_text(w, slice_str(f->module_id)); break;
	case 1: dcbor_put_text(w, slice_str(f->digest)); break;
	case 2: dcbor_put_uint(w, f->timestamp_ms); break;
	case 3: put_pcrs(w, f); break;
	case 4: dcbor_put_bytes(w, slice_of(der, forge_cert(&f->cert[FORGE_LEAF], der))); break;
	case 5: put_bundle(w, f); break;
	case 6: put_optional(w, f->public_key); break;
	case 7: put_optional(w, f->user_data); break;
	default: put_optional(w, f->nonce); break;
	}
}

static void put_payload(struct wbuf *w, const struct forge *f)
{
	static const char *const names[] = { "module_id",  "digest",      "timestamp",
		                             "pcrs",       "certificate", "cabundle",
		                             "public_key", "user_data",   "nonce" };
	size_t fields = sizeof names / sizeof names[0];

	put_head(w, true, fields - (size_t)__builtin_popcount(f->leave_out) + f->appended,
	         f->indefinite);
	for (unsigned i = 0; i < fields; i++) {
		if (f->leave_out >> i & 1)
			continue;
		dcbor_put_text(w, slice_str(names[i]));
		put_value(w, f, i);
	}
	wbuf_put(w, f->append.p, f->append.len);
	put_break(w, f->indefinite);
}

size_t forge_document(const struct forge *f, uint8_t *out)
{
	uint8_t a[DOCUMENT_MAX], b[DOCUMENT_MAX], sig[160];
	struct wbuf payload = wbuf_of(a, sizeof a), tbs = wbuf_of(b, sizeof b),
		    w = wbuf_of(out, DOCUMENT_MAX);
	size_t n;

	put_payload(&payload, f);
	dcbor_put_array(&tbs, 4);
	dcbor_put_text(&tbs, slice_str("Signature1"));
	dcbor_put_bytes(&tbs, f->protected);
	dcbor_put_bytes(&tbs, slice_of(NULL, 0));
	dcbor_put_bytes(&tbs, wbuf_slice(&payload));
	n = sign(f->signer, false, wbuf_slice(&tbs), sig, true);
	if (f->tag)
		wbuf_u8(&w, 0xd2);
	put_head(&w, false, 4, f->indefinite);
	dcbor_put_bytes(&w, f->protected);
	wbuf_put(&w, f->unprotected.p, f->unprotected.len);
	dcbor_put_bytes(&w, wbuf_slice(&payload));
	dcbor_put_bytes(&w, slice_of(sig, n));
	put_break(&w, f->indefinite);
	return done(&w, "a document");
}
