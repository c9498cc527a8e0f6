#include "tools/image/seal.h"

#include <stdlib.h>

#include "appliance/base/dcbor.h"
#include "tools/image/fail.h"
#include "tools/image/signature.h"

static const char content_type[] = "application/vnd.in-toto+json";

enum { LABEL_ALG = 1, LABEL_CONTENT_TYPE = 3, LABEL_X5CHAIN = 33 };

static void put_protected(struct wbuf *w, const struct ecsign_cert *c)
{
	dcbor_put_map(w, 3);
	dcbor_put_uint(w, LABEL_ALG);
	dcbor_put_int(w, ecsign_algorithm(c));
	dcbor_put_uint(w, LABEL_CONTENT_TYPE);
	dcbor_put_text(w, slice_str(content_type));
	dcbor_put_uint(w, LABEL_X5CHAIN);
	dcbor_put_bytes(w, slice_of(c->der, c->der_len));
}

enum rc seal_make(const struct signer *s, struct slice payload, uint8_t **out, size_t *len)
{
	size_t max = payload.len + SEAL_FRAME_MAX;
	uint8_t head[ECSIGN_DER_MAX + 64], sig[ECSIGN_SIG_MAX];
	uint8_t *tbs = malloc(max);
	struct wbuf h = wbuf_of(head, sizeof head), t = wbuf_of(tbs, max), c;
	size_t n = 0;

	*out = malloc(max);
	c = wbuf_of(*out, max);
	if (tbs != NULL && *out != NULL && payload.len <= SEAL_PAYLOAD_MAX) {
		put_protected(&h, &s->cert);
		signature_put_tbs(&t, wbuf_slice(&h), payload);
		n = h.over || t.over ? 0 : ecsign_sign(&s->key, wbuf_slice(&t), sig);
		signature_put_cose(&c, wbuf_slice(&h), payload, slice_of(sig, n));
	}
	free(tbs);
	*len = c.len;
	if (n > 0 && !c.over)
		return RC_OK;
	free(*out);
	*out = NULL;
	return fail(RC_LIMIT, "signing the provenance failed: it is too long, or memory is out");
}

struct parts {
	struct slice head, payload, sig, cert;
	int64_t algorithm;
};

static bool take_head(struct slice in, struct parts *s)
{
	struct dcbor d = dcbor_of(in);
	struct slice type;

	dcbor_record(&d);
	s->algorithm = dcbor_int(dcbor_need(&d, LABEL_ALG));
	type = dcbor_text(dcbor_need(&d, LABEL_CONTENT_TYPE), sizeof content_type);
	s->cert = dcbor_bytes(dcbor_need(&d, LABEL_X5CHAIN), ECSIGN_DER_MAX);
	return dcbor_end(&d) == RC_OK && slice_is(type, content_type);
}

static bool take_parts(struct slice in, struct parts *s)
{
	struct dcbor d = dcbor_of(in);

	if (dcbor_array(&d, 4) != 4)
		return false;
	s->head = dcbor_bytes(&d, SEAL_FRAME_MAX);
	dcbor_map(&d, 0);
	s->payload = dcbor_bytes(&d, SEAL_PAYLOAD_MAX);
	s->sig = dcbor_bytes(&d, ECSIGN_SIG_MAX);
	return dcbor_end(&d) == RC_OK && take_head(s->head, s);
}

static enum rc verify(const struct parts *s, const struct ecsign_cert *c, const char **why)
{
	size_t max = s->payload.len + SEAL_FRAME_MAX;
	uint8_t *buf = malloc(max);
	struct wbuf tbs = wbuf_of(buf, max);
	bool good = false;

	*why = "memory is out";
	if (buf == NULL)
		return RC_LIMIT;
	signature_put_tbs(&tbs, s->head, s->payload);
	if (!tbs.over)
		good = ecsign_verify(c, wbuf_slice(&tbs), s->sig);
	free(buf);
	*why = good ? "" : "its signature does not verify";
	return good ? RC_OK : RC_MISMATCH;
}

enum rc seal_open(struct slice in, const struct ecsign_cert *c, struct slice *payload,
                  const char **why)
{
	struct parts s = { 0 };

	*why = "it is no signed statement (COSE_Sign1 of application/vnd.in-toto+json)";
	if (in.len > SEAL_MAX || !take_parts(in, &s))
		return RC_BAD;
	*why = "it carries another certificate";
	if (!slice_eq(s.cert, slice_of(c->der, c->der_len)))
		return RC_BAD;
	*why = "its algorithm does not go with its certificate's key";
	if (s.algorithm != ecsign_algorithm(c))
		return RC_BAD;
	*payload = s.payload;
	return verify(&s, c, why);
}
