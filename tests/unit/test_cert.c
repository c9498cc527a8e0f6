/* The certificate, as openssl's command line reads it. */
#include "tests/unit/test.h"

#include "attest/cert.h"
#include "attest/tls.h"
#include "attest/x509.h"

_Static_assert((int)CERT_MAX <= (int)X509_MAX, "our own client reads it");

static char path[] = "/tmp/casemate-cert-XXXXXX";

/* What `openssl ARGS` prints about der; its result into *rc. */
static const char *openssl(const char *args, struct slice der, int *rc)
{
	static char out[65536], command[512];
	FILE *f = fopen(path, "wb");
	size_t n = 0;

	*rc = -1;
	if (!CHECK(f))
		return "";
	fwrite(der.p, 1, der.len, f);
	fclose(f);
	(void)snprintf(command, sizeof command, "F=%s; exec <$F 2>&1; openssl %s", path, args);
	f = popen(command, "r");
	if (CHECK(f)) {
		n = fread(out, 1, sizeof out - 1, f);
		*rc = pclose(f);
	}
	out[n] = '\0';
	return out;
}

static void test_text(void)
{
	static const char *const says[] = { "Version: 3 (0x2)",
		                            "Signature Algorithm: ecdsa-with-SHA256",
		                            "Issuer: CN = casemate",
		                            "Subject: CN = casemate",
		                            "Not Before: Sep 21 12:13:20 2026 GMT",
		                            "Not After : Sep 22 14:13:20 2026 GMT",
		                            "NIST CURVE: P-256",
		                            "CA:FALSE",
		                            "Digital Signature",
		                            "TLS Web Server Authentication",
		                            "DNS:casemate" };
	static const int64_t now_s = 1790000000 - 3600;
	static uint8_t bad[CERT_MAX];
	struct slice der;
	const char *text;
	int rc;

	CHECK((der = cert_renew(slice_of(NULL, 0), now_s)).len > 0);
	text = openssl("x509 -inform der -noout -text", der, &rc);
	CHECK(rc == 0);
	for (size_t i = 0; i < sizeof says / sizeof *says; i++)
		if (!CHECK(strstr(text, says[i])))
			printf("  no \"%s\" in\n%s\n", says[i], text);
	CHECK(!strstr(text, "2.23.133.5.4.9"));
	/* Its own signature holds, and another one does not. */
	CHECK(strstr(openssl("x509 -inform der -out $F.pem; openssl verify -attime 1790000000 "
	                     "-check_ss_sig -CAfile $F.pem $F.pem; rm -f $F.pem",
	                     der, &rc),
	             ": OK"));
	memcpy(bad, der.p, der.len);
	bad[der.len - 1] ^= 1;
	CHECK(!strstr(openssl("x509 -inform der -out $F.pem; openssl verify -attime 1790000000 "
	                      "-check_ss_sig -CAfile $F.pem $F.pem; rm -f $F.pem",
	                      slice_of(bad, der.len), &rc),
	              ": OK"));
}

/* Documents of lengths around every form of DER's, to the longest. */
static void test_lengths(void)
{
	static const size_t lens[] = { 1,   2,   126, 127, 128,  200,
		                       254, 255, 256, 257, 4396, CERT_MAX - 512 };
	static uint8_t document[CERT_MAX] = { 0x84 };
	struct slice der;
	char want[64];
	int rc;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		CHECK((der = cert_renew(slice_of(document, lens[i]), 1790000000)).len > 0);
		CHECK(der.len <= CERT_MAX);
		(void)snprintf(want, sizeof want, "l=%4zu prim: OCTET STRING      [HEX DUMP]:D284",
		               lens[i] + 1);
		if (!CHECK(strstr(openssl("asn1parse -inform der", der, &rc), want) && rc == 0))
			printf("  %s\n", want);
	}
}

static void test_dates(void)
{
	static const struct {
		int64_t now_s;
		const char *before, *after;
	} cases[] = {
		{ 2524604400, "UTCTIME           :491231220000Z",
		  "GENERALIZEDTIME   :20500102000000Z" },
		{ 2524611600, "GENERALIZEDTIME   :20500101000000Z",
		  "GENERALIZEDTIME   :20500102020000Z" },
		{ 1709164800, "UTCTIME           :240228230000Z",
		  "UTCTIME           :240301010000Z" },
	};
	struct slice der;
	int rc;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text;

		CHECK((der = cert_renew(slice_of(NULL, 0), cases[i].now_s)).len > 0);
		text = openssl("asn1parse -inform der", der, &rc);
		if (!CHECK(strstr(text, cases[i].before) && strstr(text, cases[i].after)))
			printf("%s\n", text);
	}
	CHECK(cert_renew(slice_of(NULL, 0), INT64_MAX / 2).len == 0);
	CHECK(cert_renew(slice_of(NULL, 0), -1000000000).len == 0);
}

/* Random, positive and in the shortest form (RFC 5280 §4.1.2.2). */
static void test_serials(void)
{
	static const uint8_t before[] = { 0xA0, 3, 2, 1, 2, 2, 16 };
	struct slice der;
	uint8_t last = 0, differ = 0;

	for (int i = 0; i < 32; i++) {
		const uint8_t *at;

		CHECK((der = cert_renew(slice_of(NULL, 0), 1790000000)).len > 0);
		at = memmem(der.p, der.len, before, sizeof before);
		if (!CHECK(at))
			return;
		at += sizeof before;
		CHECK((at[0] & 0xC0) == 0x40);
		differ |= at[15] ^ last;
		last = at[15];
	}
	CHECK(differ != 0);
}

/* A document that has its tag already gets no second one. */
static void test_tag(void)
{
	struct slice der;
	int rc;

	CHECK((der = cert_renew(slice_of("\xD2\x84", 2), 1790000000)).len > 0);
	CHECK(strstr(openssl("asn1parse -inform der", der, &rc), "[HEX DUMP]:D284\n"));
}

/* A certificate lives through the next call, and a failed one. */
static void test_lives(void)
{
	static uint8_t big[CERT_MAX], copy[CERT_MAX];
	struct slice first, second;

	CHECK((first = cert_renew(slice_of("\x84", 1), 1790000000)).len > 0 &&
	      first.len < sizeof copy);
	memcpy(copy, first.p, first.len);
	CHECK((second = cert_renew(slice_of("\x84", 1), 1790000001)).len > 0);
	CHECK(!slice_eq(first, second) && memcmp(copy, first.p, first.len) == 0);
	memcpy(copy, second.p, second.len);
	CHECK(cert_renew(slice_of(big, sizeof big), 1790000000).len == 0);
	CHECK(cert_renew(slice_of(big, sizeof big - 400), 1790000000).len == 0);
	CHECK(memcmp(copy, second.p, second.len) == 0);
}

int main(void)
{
	uint8_t seed[TLS_SEED_LEN] = { 9 };
	int fd = mkstemp(path);

	if (fd < 0 || system("openssl version >/dev/null 2>&1") != 0) {
		printf("skipped: no openssl\n");
		return test_end();
	}
	close(fd);
	tls_init(seed);
	test_text();
	test_lengths();
	test_dates();
	test_serials();
	test_tag();
	test_lives();
	unlink(path);
	return test_end();
}
