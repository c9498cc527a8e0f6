/* The signed statement: every byte of it changed, every prefix, another certificate. */
#include <bearssl.h>

#include "appliance/base/dcbor.h"
#include "tests/unit/test.h"
#include "tools/image/seal.h"
#include "tools/image/signature.h"

static const char statement[] = "{\"_type\": \"https://in-toto.io/Statement/v1\"}\n";

/* Of small numbers; of the certificate only key and bytes matter. */
static void make_signer(struct signer *s, int curve, size_t priv_len)
{
	br_ec_private_key sk = { curve, s->key.priv, priv_len };

	memset(s, 0, sizeof *s);
	s->key.curve = s->cert.curve = curve;
	s->key.priv_len = priv_len;
	for (size_t i = 1; i < priv_len; i++)
		s->key.priv[i] = (uint8_t)i;
	s->cert.pub_len = br_ec_compute_pub(&br_ec_all_m31, NULL, s->cert.pub, &sk);
	s->cert.der_len = 300;
	memset(s->cert.der, 0x5a, s->cert.der_len);
}

static enum rc open_seal(struct slice in, const struct signer *s, struct slice *payload)
{
	const char *why = NULL;
	enum rc rc = seal_open(in, &s->cert, payload, &why);

	CHECK(why != NULL && (*why == '\0') == (rc == RC_OK));
	return rc;
}

static void test_curve(int curve, size_t priv_len)
{
	static struct signer s, other;
	struct slice payload;
	uint8_t *cose, *again;
	size_t len, again_len;

	make_signer(&s, curve, priv_len);
	if (!CHECK(seal_make(&s, slice_str(statement), &cose, &len) == RC_OK))
		return;
	CHECK(open_seal(slice_of(cose, len), &s, &payload) == RC_OK);
	CHECK(slice_is(payload, statement));
	CHECK(seal_make(&s, slice_str(statement), &again, &again_len) == RC_OK);
	CHECK(slice_eq(slice_of(cose, len), slice_of(again, again_len)));
	for (size_t n = 0; n < len; n++) {
		struct slice cut = test_guard(slice_of(cose, n));

		CHECK(open_seal(cut, &s, &payload) != RC_OK);
		test_unguard(cut);
	}
	other = s;
	other.cert.der[299] ^= 1;
	CHECK(open_seal(slice_of(cose, len), &other, &payload) == RC_BAD);
	other = s;
	make_signer(&other, BR_EC_secp384r1, 48);
	other.cert.der[0] ^= 1;
	CHECK(open_seal(slice_of(cose, len), &other, &payload) == RC_BAD);
	free(again);
	free(cose);
}

static void test_tampered(void)
{
	static struct signer s;
	struct slice payload;
	uint8_t *cose;
	size_t len;

	make_signer(&s, BR_EC_secp256r1, 32);
	if (!CHECK(seal_make(&s, slice_str(statement), &cose, &len) == RC_OK))
		return;
	for (size_t i = 0; i < len; i++) {
		cose[i] ^= 0x04;
		CHECK(open_seal(slice_of(cose, len), &s, &payload) != RC_OK);
		cose[i] ^= 0x04;
	}
	CHECK(open_seal(slice_of(cose, len), &s, &payload) == RC_OK);
	free(cose);
}

/* What is written, item by item. */
static void test_layout(void)
{
	static struct signer s;
	struct slice head;
	struct dcbor d;
	uint8_t *cose;
	size_t len;

	make_signer(&s, BR_EC_secp384r1, 48);
	if (!CHECK(seal_make(&s, slice_str(statement), &cose, &len) == RC_OK))
		return;
	d = dcbor_of(slice_of(cose, len));
	CHECK(dcbor_array(&d, 4) == 4);
	head = dcbor_bytes(&d, 1024);
	CHECK(dcbor_map(&d, 0) == 0 && slice_is(dcbor_bytes(&d, 1024), statement));
	CHECK(dcbor_bytes(&d, 1024).len == 96 && dcbor_end(&d) == RC_OK);
	d = dcbor_of(head);
	dcbor_record(&d);
	CHECK(dcbor_int(dcbor_need(&d, 1)) == COSE_ES384);
	CHECK(slice_is(dcbor_text(dcbor_need(&d, 3), 64), "application/vnd.in-toto+json"));
	CHECK(slice_eq(dcbor_bytes(dcbor_need(&d, 33), 1024), slice_of(s.cert.der, 300)));
	CHECK(dcbor_end(&d) == RC_OK);
	free(cose);
}

static void test_bounds(void)
{
	static struct signer s;
	static uint8_t payload[SEAL_PAYLOAD_MAX + 1];
	struct slice out;
	uint8_t *cose;
	size_t len;

	make_signer(&s, BR_EC_secp521r1, 66);
	s.cert.der_len = ECSIGN_DER_MAX;
	CHECK(seal_make(&s, slice_of(payload, SEAL_PAYLOAD_MAX + 1), &cose, &len) == RC_LIMIT);
	CHECK(cose == NULL);
	if (!CHECK(seal_make(&s, slice_of(payload, SEAL_PAYLOAD_MAX), &cose, &len) == RC_OK))
		return;
	CHECK(len <= SEAL_MAX && open_seal(slice_of(cose, len), &s, &out) == RC_OK);
	CHECK(out.len == SEAL_PAYLOAD_MAX);
	free(cose);
}

int main(void)
{
	test_curve(BR_EC_secp256r1, 32);
	test_curve(BR_EC_secp384r1, 48);
	test_curve(BR_EC_secp521r1, 66);
	test_tampered();
	test_layout();
	test_bounds();
	return test_end();
}
