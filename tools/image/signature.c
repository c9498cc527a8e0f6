#include "tools/image/signature.h"

#include "appliance/base/dcbor.h"

/* An array of integers 0..255 appended to w. */
static struct slice take_bytes(struct dcbor *d, struct wbuf *w)
{
	size_t n = dcbor_array(d, w->max - w->len);
	const uint8_t *start = w->p + w->len;

	for (size_t i = 0; i < n; i++)
		wbuf_u8(w, (uint8_t)dcbor_uint(d, 0xff));
	return slice_of(start, n);
}

static bool parse_section(struct slice in, struct wbuf *bytes, struct slice *pem,
                          struct slice *cose)
{
	struct dcbor d = dcbor_of(in);
	bool have_pem = false, have_cose = false;
	size_t pairs;

	if (dcbor_array(&d, 1) != 1)
		return false;
	pairs = dcbor_map(&d, 2);
	for (; pairs > 0 && d.rc == RC_OK; pairs--) {
		struct slice key = dcbor_text(&d, 32);

		if (slice_is(key, "signing_certificate") && !have_pem) {
			*pem = take_bytes(&d, bytes);
			have_pem = true;
		} else if (slice_is(key, "signature") && !have_cose) {
			*cose = take_bytes(&d, bytes);
			have_cose = true;
		} else {
			return false;
		}
	}
	return dcbor_end(&d) == RC_OK && have_pem && have_cose && !bytes->over;
}

static bool parse_protected(struct slice in, int64_t *algorithm)
{
	struct dcbor d = dcbor_of(in);

	dcbor_record(&d);
	*algorithm = dcbor_int(dcbor_need(&d, 1));
	return dcbor_end(&d) == RC_OK;
}

static bool parse_cose(struct slice in, struct signature *s)
{
	struct dcbor d = dcbor_of(in);

	if (dcbor_array(&d, 4) != 4)
		return false;
	s->protected_header = dcbor_bytes(&d, SIGNATURE_COSE_MAX);
	dcbor_map(&d, 0);
	s->payload = dcbor_bytes(&d, SIGNATURE_PAYLOAD_MAX);
	s->sig = dcbor_bytes(&d, SIGNATURE_COSE_MAX);
	return dcbor_end(&d) == RC_OK && parse_protected(s->protected_header, &s->algorithm);
}

static bool parse_payload(struct slice in, uint8_t pcr0[SHA384_LEN])
{
	struct dcbor d = dcbor_of(in);
	struct wbuf value = wbuf_of(pcr0, SHA384_LEN);

	if (dcbor_map(&d, 2) != 2 || !slice_is(dcbor_text(&d, 32), "register_index"))
		return false;
	if (dcbor_uint(&d, 0) != 0 || !slice_is(dcbor_text(&d, 32), "register_value"))
		return false;
	take_bytes(&d, &value);
	return dcbor_end(&d) == RC_OK && value.len == SHA384_LEN;
}

enum rc signature_parse(struct slice in, struct signature *s, const char **why)
{
	struct wbuf bytes = wbuf_of(s->bytes, sizeof s->bytes);
	struct slice cose = { NULL, 0 };

	*why = "";
	if (in.len > EIF_SIGNATURE_MAX) {
		*why = "longer than 32768 bytes";
		return RC_LIMIT;
	}
	if (!parse_section(in, &bytes, &s->pem, &cose)) {
		*why = "it is not one certificate and one signature in CBOR";
		return RC_BAD;
	}
	if (!parse_cose(cose, s)) {
		*why = "its COSE_Sign1 is malformed";
		return RC_BAD;
	}
	if (!parse_payload(s->payload, s->pcr0)) {
		*why = "what it signs is not one value of PCR0";
		return RC_BAD;
	}
	return RC_OK;
}

static void put_ints(struct wbuf *w, struct slice s)
{
	dcbor_put_array(w, s.len);
	for (size_t i = 0; i < s.len; i++)
		dcbor_put_uint(w, s.p[i]);
}

void signature_put_protected(struct wbuf *w, int64_t algorithm)
{
	dcbor_put_map(w, 1);
	dcbor_put_uint(w, 1);
	dcbor_put_int(w, algorithm);
}

void signature_put_payload(struct wbuf *w, const uint8_t pcr0[SHA384_LEN])
{
	dcbor_put_map(w, 2);
	dcbor_put_text(w, slice_str("register_index"));
	dcbor_put_uint(w, 0);
	dcbor_put_text(w, slice_str("register_value"));
	put_ints(w, slice_of(pcr0, SHA384_LEN));
}

void signature_put_tbs(struct wbuf *w, struct slice protected_header, struct slice payload)
{
	dcbor_put_array(w, 4);
	dcbor_put_text(w, slice_str("Signature1"));
	dcbor_put_bytes(w, protected_header);
	dcbor_put_bytes(w, slice_of(NULL, 0));
	dcbor_put_bytes(w, payload);
}

void signature_put_cose(struct wbuf *w, struct slice protected_header, struct slice payload,
                        struct slice sig)
{
	dcbor_put_array(w, 4);
	dcbor_put_bytes(w, protected_header);
	dcbor_put_map(w, 0);
	dcbor_put_bytes(w, payload);
	dcbor_put_bytes(w, sig);
}

void signature_put_section(struct wbuf *w, struct slice pem, struct slice cose)
{
	dcbor_put_array(w, 1);
	dcbor_put_map(w, 2);
	dcbor_put_text(w, slice_str("signing_certificate"));
	put_ints(w, pem);
	dcbor_put_text(w, slice_str("signature"));
	put_ints(w, cose);
}
