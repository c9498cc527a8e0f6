#include "tests/sim/chain.h"

#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "appliance/base/sha384.h"

enum { SEQUENCE = 0x30, SET = 0x31, POINT_LEN = 97 };

struct party {
	const char *name;
	int path_len; /* -1: none; -2: no authority */
	int64_t before_s, after_s;
	br_ec_private_key key;
	uint8_t key_mem[BR_EC_KBUF_PRIV_MAX_SIZE];
	uint8_t point[POINT_LEN];
	uint8_t cert[CHAIN_CERT_MAX];
	size_t cert_len;
};

static struct party parties[CHAIN_CERTS];
static br_hmac_drbg_context random_ctx;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "simulated module: %s failed\n", what);
	abort();
}

/* Tag, length and value (X.690); lengths below 64 KiB. */
static void put(struct wbuf *w, uint8_t tag, struct slice value)
{
	wbuf_u8(w, tag);
	if (value.len >= 0x100) {
		wbuf_u8(w, 0x82);
		wbuf_u16_be(w, (uint16_t)value.len);
	} else {
		if (value.len >= 0x80)
			wbuf_u8(w, 0x81);
		wbuf_u8(w, (uint8_t)value.len);
	}
	wbuf_put(w, value.p, value.len);
}

static void put_hex(struct wbuf *w, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };

		wbuf_u8(w, (uint8_t)strtoul(two, NULL, 16));
	}
}

static void put_name(struct wbuf *w, const char *cn)
{
	uint8_t a[128], b[128];
	struct wbuf attribute = wbuf_of(a, sizeof a), set = wbuf_of(b, sizeof b);

	put_hex(&attribute, "0603550403"); /* commonName */
	put(&attribute, 0x0c, slice_str(cn));
	put(&set, SEQUENCE, wbuf_slice(&attribute));
	attribute.len = 0;
	put(&attribute, SET, wbuf_slice(&set));
	put(w, SEQUENCE, wbuf_slice(&attribute));
}

static void put_time(struct wbuf *w, int64_t s)
{
	char text[32];
	time_t t = (time_t)s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%y%m%d%H%M%SZ", &tm);
	put(w, 0x17, slice_str(text));
}

static void put_validity(struct wbuf *w, const struct party *p)
{
	uint8_t mem[64];
	struct wbuf both = wbuf_of(mem, sizeof mem);

	put_time(&both, p->before_s);
	put_time(&both, p->after_s);
	put(w, SEQUENCE, wbuf_slice(&both));
}

static void put_key(struct wbuf *w, const struct party *p)
{
	uint8_t mem[160];
	struct wbuf spki = wbuf_of(mem, sizeof mem);

	/* ecPublicKey, secp384r1; a bit string with no unused bits. */
	put_hex(&spki, "301006072a8648ce3d020106052b81040022036200");
	wbuf_put(&spki, p->point, POINT_LEN);
	put(w, SEQUENCE, wbuf_slice(&spki));
}

static void put_extensions(struct wbuf *w, int path_len)
{
	uint8_t a[128], b[128];
	struct wbuf list = wbuf_of(a, sizeof a), outer = wbuf_of(b, sizeof b);

	/* basicConstraints and keyUsage, both critical. */
	if (path_len == -2) {
		put_hex(&list, "300c0603551d130101ff04023000");
		put_hex(&list, "300e0603551d0f0101ff0404030206c0"); /* signature, non-repudiation */
	} else {
		if (path_len == -1) {
			put_hex(&list, "300f0603551d130101ff040530030101ff");
		} else {
			put_hex(&list, "30120603551d130101ff040830060101ff0201");
			wbuf_u8(&list, (uint8_t)path_len);
		}
		put_hex(&list,
		        "300e0603551d0f0101ff040403020186"); /* signature, certificates, CRLs */
	}
	put(&outer, SEQUENCE, wbuf_slice(&list));
	put(w, 0xa3, wbuf_slice(&outer));
}

/* ecdsa-with-SHA384 */
static const char algorithm[] = "300a06082a8648ce3d040303";

static size_t sign(const struct party *by, struct slice data, uint8_t *out, bool raw)
{
	uint8_t digest[SHA384_LEN];
	struct sha384 h;
	size_t n;

	sha384_init(&h);
	sha384_update(&h, data.p, data.len);
	sha384_final(&h, digest);
	n = (raw ? br_ecdsa_i31_sign_raw : br_ecdsa_i31_sign_asn1)(
		&br_ec_prime_i31, &br_sha384_vtable, digest, &by->key, out);
	must(n > 0, "signing");
	return n;
}

static void certify(struct party *p, const struct party *by)
{
	uint8_t a[CHAIN_CERT_MAX], b[CHAIN_CERT_MAX], serial[12], signature[128];
	struct wbuf tbs = wbuf_of(a, sizeof a), all = wbuf_of(b, sizeof b);
	struct wbuf out = wbuf_of(p->cert, sizeof p->cert);

	br_hmac_drbg_generate(&random_ctx, serial, sizeof serial);
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, no leading zero */
	put_hex(&tbs, "a003020102");           /* version 3 */
	put(&tbs, 0x02, slice_of(serial, sizeof serial));
	put_hex(&tbs, algorithm);
	put_name(&tbs, by->name);
	put_validity(&tbs, p);
	put_name(&tbs, p->name);
	put_key(&tbs, p);
	put_extensions(&tbs, p->path_len);
	put(&all, SEQUENCE, wbuf_slice(&tbs));
	signature[0] = 0; /* no unused bits */
	tbs.len = sign(by, wbuf_slice(&all), signature + 1, false) + 1;
	put_hex(&all, algorithm);
	put(&all, 0x03, slice_of(signature, tbs.len));
	put(&out, SEQUENCE, wbuf_slice(&all));
	must(!tbs.over && !all.over && !out.over, "a certificate");
	p->cert_len = out.len;
}

static void make_key(struct party *p)
{
	br_ec_public_key pub;

	must(br_ec_keygen(&random_ctx.vtable, &br_ec_prime_i31, &p->key, p->key_mem,
	                  BR_EC_secp384r1) > 0,
	     "a key");
	must(br_ec_compute_pub(&br_ec_prime_i31, &pub, p->point, &p->key) == POINT_LEN,
	     "a public key");
}

void chain_make(void)
{
	static const struct {
		const char *name;
		int path_len;
		int64_t life_s;
	} plan[CHAIN_CERTS] = {
		{ "casemate.simulated-enclaves", -1, 10 * 365 * 86400L },
		{ "region.casemate.simulated-enclaves", 2, 20 * 86400L },
		{ "zonal.casemate.simulated-enclaves", 1, 7 * 86400L },
		{ "instance.casemate.simulated-enclaves", 0, 86400L },
		{ "i-0-enc-simulated", -2, CHAIN_LEAF_S },
	};
	uint8_t seed[32];
	int64_t now_s = time(NULL);

	must(getrandom(seed, sizeof seed, 0) == sizeof seed, "getrandom");
	br_hmac_drbg_init(&random_ctx, &br_sha384_vtable, seed, sizeof seed);
	for (size_t i = 0; i < CHAIN_CERTS; i++) {
		struct party *p = &parties[i];

		p->name = plan[i].name;
		p->path_len = plan[i].path_len;
		p->before_s = now_s - 60;
		p->after_s = p->before_s + plan[i].life_s;
		make_key(p);
		certify(p, i == 0 ? p : p - 1);
	}
}

struct slice chain_cert(size_t i)
{
	return slice_of(parties[i].cert, parties[i].cert_len);
}

void chain_sign(struct slice data, uint8_t out[CHAIN_SIGNATURE_LEN])
{
	must(sign(&parties[CHAIN_CERTS - 1], data, out, true) == CHAIN_SIGNATURE_LEN, "signing");
}

void chain_root_pem(char out[CHAIN_PEM_MAX])
{
	size_t n = br_pem_encode(NULL, parties[0].cert, parties[0].cert_len, "CERTIFICATE", 0);

	must(n < CHAIN_PEM_MAX, "PEM");
	br_pem_encode(out, parties[0].cert, parties[0].cert_len, "CERTIFICATE", 0);
}
