/* attest/der.h, attest/x509.h, attest/ecdsa.h. */
#include <time.h>

#include "attest/der.h"
#include "attest/sha256.h"
#include "attest/x509.h"
#include "tests/unit/forge.h"
#include "tests/unit/test.h"

static struct der reader(const void *p, size_t n)
{
	return der_of(slice_of(p, n));
}

/* Elements of one tag and 128, 255, 256 and 65535 bytes; and their heads written
 * otherwise than they must be. */
static void lengths(void)
{
	static uint8_t big[65536 + 8];
	static const size_t good[] = { 0, 1, 127, 128, 255, 256, 65535 };
	struct der d;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t n = good[i], head = n < 128 ? 2 : n < 256 ? 3 : 4;
		struct slice s;

		big[0] = DER_OCTET_STRING;
		big[1] = n < 128 ? (uint8_t)n : n < 256 ? 0x81 : 0x82;
		big[2] = n < 256 ? (uint8_t)n : (uint8_t)(n >> 8);
		big[3] = (uint8_t)n;
		s = test_guard(slice_of(big, head + n));
		d = der_of(s);
		CHECK(der_take(&d, DER_OCTET_STRING).len == n && der_end(&d) == RC_OK);
		d = der_of(s);
		CHECK(slice_eq(der_whole(&d, DER_OCTET_STRING), s) && der_end(&d) == RC_OK);
		for (size_t k = 0; k < head; k++) {
			d = der_of(slice_of(s.p, k));
			CHECK(der_take(&d, DER_OCTET_STRING).p == NULL && d.rc == RC_EOF);
		}
		d = der_of(slice_of(s.p, head + n - 1));
		CHECK(der_take(&d, DER_OCTET_STRING).len == 0 && d.rc == RC_EOF);
		test_unguard(s);
	}
}

static void wrong_lengths(void)
{
	static const struct {
		enum rc rc;
		size_t len;
		uint8_t bytes[8];
	} cases[] = {
		{ RC_BAD, 2, { 4, 0x80 } },                   /* indefinite */
		{ RC_BAD, 4, { 4, 0x81, 1, 0 } },             /* longer than needed */
		{ RC_BAD, 3, { 4, 0x81, 0x7f } },             /* likewise */
		{ RC_BAD, 4, { 4, 0x82, 0, 0xff } },          /* likewise */
		{ RC_BAD, 6, { 4, 0x83, 1, 0, 0, 0 } },       /* over 65535 */
		{ RC_BAD, 8, { 4, 0x84, 0, 0, 0, 1, 0, 0 } }, /* likewise */
		{ RC_BAD, 2, { 4, 0xff } },
		{ RC_BAD, 2, { 5, 0 } }, /* another tag */
		{ RC_EOF, 0, { 0 } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct der d = reader(cases[i].bytes, cases[i].len);

		CHECK(der_take(&d, 4).len == 0 && d.rc == cases[i].rc);
		CHECK(der_take(&d, 4).len == 0 && der_end(&d) == cases[i].rc); /* latched */
	}
}

static void integers(void)
{
	static const struct {
		const char *what;
		enum rc rc;
		uint32_t v;
		size_t len;
		uint8_t bytes[8];
	} cases[] = {
		{ "0", RC_OK, 0, 3, { 2, 1, 0 } },
		{ "127", RC_OK, 127, 3, { 2, 1, 127 } },
		{ "128", RC_OK, 128, 4, { 2, 2, 0, 0x80 } },
		{ "70000", RC_OK, 70000, 5, { 2, 3, 1, 0x11, 0x70 } },
		{ "2^32-1", RC_OK, UINT32_MAX, 7, { 2, 5, 0, 0xff, 0xff, 0xff, 0xff } },
		{ "2^32", RC_BAD, 0, 7, { 2, 5, 1, 0, 0, 0, 0 } },
		{ "negative", RC_BAD, 0, 3, { 2, 1, 0x80 } },
		{ "zeros in front", RC_BAD, 0, 4, { 2, 2, 0, 1 } },
		{ "empty", RC_BAD, 0, 2, { 2, 0 } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct der d = reader(cases[i].bytes, cases[i].len);

		if (!CHECK(der_uint(&d, UINT32_MAX) == cases[i].v && der_end(&d) == cases[i].rc))
			printf("  %s\n", cases[i].what);
	}
}

static void flags_and_bools(void)
{
	static const uint8_t flags[] = { 3, 2, 5, 0xa0 }, nine[] = { 3, 3, 7, 0x80, 0x80 };
	static const uint8_t unused_set[] = { 3, 2, 5, 0xb0 }, last_zero[] = { 3, 2, 4, 0xa0 };
	static const uint8_t none[] = { 3, 1, 0 }, yes[] = { 1, 1, 0xff }, one[] = { 1, 1, 1 };
	static const uint8_t no[] = { 1, 1, 0 }, bits[] = { 3, 2, 0, 9 }, part[] = { 3, 2, 1, 8 };
	struct der d = reader(flags, sizeof flags);

	CHECK(der_flags(&d) == 5 && der_end(&d) == RC_OK);
	d = reader(nine, sizeof nine);
	CHECK(der_flags(&d) == 0x101 && der_end(&d) == RC_OK);
	d = reader(unused_set, sizeof unused_set);
	CHECK(der_flags(&d) == 0 && d.rc == RC_BAD);
	d = reader(last_zero, sizeof last_zero);
	CHECK(der_flags(&d) == 0 && d.rc == RC_BAD);
	d = reader(none, sizeof none);
	CHECK(der_flags(&d) == 0 && d.rc == RC_BAD);
	d = reader(yes, sizeof yes);
	CHECK(der_bool(&d) && d.rc == RC_OK);
	d = reader(no, sizeof no);
	CHECK(!der_bool(&d) && d.rc == RC_OK);
	d = reader(one, sizeof one);
	CHECK(!der_bool(&d) && d.rc == RC_BAD);
	d = reader(bits, sizeof bits);
	CHECK(der_bits(&d).len == 1 && d.rc == RC_OK);
	d = reader(part, sizeof part);
	CHECK(der_bits(&d).len == 0 && d.rc == RC_BAD);
}

static int64_t time_of(const char *s, enum rc *rc)
{
	uint8_t buf[64] = { strlen(s) == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME,
		            (uint8_t)strlen(s) };
	struct der d = reader(buf, 2 + strlen(s));
	int64_t t;

	memcpy(buf + 2, s, strlen(s));
	t = der_time(&d);
	*rc = der_end(&d);
	return t;
}

static void times(void)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {
		{ "700101000000Z", 0 },
		{ "691231235959Z", -1 },
		{ "491231235959Z", 2524607999 },
		{ "500101000000Z", -631152000 },
		{ "20500101000000Z", 2524608000 },
		{ "000229000000Z", 951782400 },
		{ "99991231235959Z", INT64_C(253402300799) },
		{ "231114221320Z", 1700000000 },
	};
	static const char *const bad[] = {
		"230229000000Z",   "21000229000000Z", "230001000000Z", "231301000000Z",
		"230100000000Z",   "230132000000Z",   "230131240000Z", "230131006000Z",
		"230131000060Z",   "230131000000 ",   "23013100000Z",  "2301310000000",
		"2301310000+0000", "23013100000aZ",   "-30131000000Z", "",
	};
	enum rc rc;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CHECK(time_of(good[i].text, &rc) == good[i].s && rc == RC_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (!CHECK(time_of(bad[i], &rc) == 0 && rc == RC_BAD))
			printf("  %s\n", bad[i]);
}

/* Every day of four centuries against the C library. */
static void calendar(void)
{
	char text[16];
	struct tm tm;
	enum rc rc;

	for (time_t t = -2208988800; t < 10413792000; t += 86400 * 5 + 3661) {
		gmtime_r(&t, &tm);
		strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
		CHECK(time_of(text, &rc) == (int64_t)t && rc == RC_OK);
	}
}

static void certificate(void)
{
	uint8_t der[FORGE_CERT_MAX + 1];
	struct forge f;
	struct x509 x;
	size_t n;

	forge_init(&f);
	n = forge_cert(&f.cert[1], der);
	CHECK(x509_parse(slice_of(der, n), &x) == RC_OK);
	CHECK(x.not_before_s == 1699920000 && x.not_after_s == 1700006400);
	CHECK(x.ca && x.path_len == 1 && x.key_usage == X509_KEY_CERT_SIGN);
	CHECK(x.curve == ECDSA_P384 && x.point.len == 97 && x.spki.len == 120);
	CHECK(x.signed_by == ECDSA_P384 && !slice_eq(x.issuer, x.subject));
	for (size_t k = 0; k < n; k++) {
		struct slice s = test_guard(slice_of(der, k));

		CHECK(x509_parse(s, &x) != RC_OK);
		test_unguard(s);
	}
	der[n] = 0;
	CHECK(x509_parse(slice_of(der, n + 1), &x) == RC_BAD);
	n = forge_cert(&f.cert[FORGE_LEAF], der);
	CHECK(x509_parse(slice_of(der, n), &x) == RC_OK);
	CHECK(!x.ca && x.path_len == X509_PATH_ANY && x.key_usage == X509_DIGITAL_SIGNATURE);
	f.cert[0].key = FORGE_P256;
	n = forge_cert(&f.cert[0], der);
	CHECK(x509_parse(slice_of(der, n), &x) == RC_OK && x.curve == ECDSA_P256);
	CHECK(x.point.len == 65 && x.not_after_s == 2619302400);
	CHECK(x509_point(slice_of(x.spki.p, x.spki.len - 1), &x.curve).len == 0);
}

/* Every byte of a certificate changed: it is refused, or its signature is, or
 * the byte is of the signature and that one is refused. */
static void bytes(void)
{
	uint8_t der[FORGE_CERT_MAX];
	struct x509 x, issuer;
	struct forge f;
	size_t n;
	uint8_t copy[FORGE_CERT_MAX];

	forge_init(&f);
	n = forge_cert(&f.cert[0], copy);
	CHECK(x509_parse(slice_of(copy, n), &issuer) == RC_OK);
	n = forge_cert(&f.cert[1], der);
	CHECK(x509_parse(slice_of(der, n), &x) == RC_OK);
	CHECK(ecdsa_verify_der(ECDSA_P384, issuer.point, x.tbs, x.signature));
	for (size_t i = 0; i < n; i++) {
		struct slice s;

		der[i] ^= (uint8_t)(1u << i % 8);
		s = test_guard(slice_of(der, n));
		if (x509_parse(s, &x) == RC_OK)
			CHECK(!ecdsa_verify_der(x.signed_by, issuer.point, x.tbs, x.signature));
		test_unguard(s);
		der[i] ^= (uint8_t)(1u << i % 8);
	}
}

/* RFC 6979 A.2.5 and A.2.6, "sample": deterministic signatures of known keys. */
static struct slice unhex(const char *s, uint8_t *out)
{
	size_t n = strlen(s) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;

		sscanf(s + 2 * i, "%2x", &v);
		out[i] = (uint8_t)v;
	}
	return slice_of(out, n);
}

static void ecdsa(void)
{
	uint8_t p[97], s[96], p2[65], s2[64];
	struct slice point =
		unhex("04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"
	              "DEF8F0EA9055866064A254515480BC138015D9B72D7D57244EA8EF9AC0C621896708"
	              "A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
	              p);
	struct slice sig =
		unhex("94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A6"
	              "48152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F130E740A"
	              "19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
	              s);
	struct slice point2 =
		unhex("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
	              "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
	              p2);
	struct slice sig2 =
		unhex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
	              "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
	              s2);
	struct slice m = slice_str("sample");

	CHECK(ecdsa_verify(ECDSA_P384, point, m, sig));
	CHECK(ecdsa_verify(ECDSA_P256, point2, m, sig2));
	CHECK(!ecdsa_verify(ECDSA_P384, point, slice_str("Sample"), sig));
	CHECK(!ecdsa_verify(ECDSA_P256, point, m, sig));
	CHECK(!ecdsa_verify(ECDSA_P384, point2, m, sig2));
	CHECK(!ecdsa_verify(ECDSA_NONE, point, m, sig));
	CHECK(!ecdsa_verify(ECDSA_P384, point, m, slice_of(s, 94)));
	CHECK(!ecdsa_verify(ECDSA_P384, slice_of(p, 96), m, sig));
	p[96] ^= 1; /* not on the curve */
	CHECK(!ecdsa_verify(ECDSA_P384, point, m, sig));
	memset(p, 0, sizeof p);
	CHECK(!ecdsa_verify(ECDSA_P384, point, m, sig));
}

static void digests(void)
{
	static const uint8_t abc[4] = { 0xba, 0x78, 0x16, 0xbf };
	uint8_t out[SHA256_LEN];

	sha256_of(slice_str("abc"), out);
	CHECK(memcmp(out, abc, sizeof abc) == 0);
}

int main(void)
{
	lengths();
	wrong_lengths();
	integers();
	flags_and_bools();
	times();
	calendar();
	certificate();
	bytes();
	ecdsa();
	digests();
	return test_end();
}
