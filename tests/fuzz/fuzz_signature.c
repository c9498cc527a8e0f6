/* The signature section of an EIF and the certificate in it. */
#include <stdlib.h>

#include "tools/image/ecsign.h"
#include "tools/image/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void use_certificate(struct slice pem)
{
	static struct ecsign_cert c;
	const char *why = NULL;

	if (ecsign_cert(pem, &c, &why) == RC_OK)
		must(c.der_len <= sizeof c.der && c.pub_len <= sizeof c.pub &&
		     ecsign_algorithm(&c) < 0);
	else
		must(why != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[EIF_SIGNATURE_MAX];
	static struct signature s;
	struct slice in = slice_of(data, size);
	const char *why = NULL;

	use_certificate(in);
	if (signature_parse(in, &s, &why) == RC_OK) {
		uint8_t buf[SIGNATURE_TBS_MAX], head[16];
		struct wbuf tbs = wbuf_of(buf, sizeof buf), h = wbuf_of(head, sizeof head);
		struct wbuf w = wbuf_of(again, sizeof again);

		must(s.pem.len + s.sig.len <= size && s.payload.len <= SIGNATURE_PAYLOAD_MAX);
		signature_put_tbs(&tbs, s.protected_header, s.payload);
		signature_put_protected(&h, s.algorithm);
		must(!tbs.over && !h.over && slice_eq(wbuf_slice(&h), s.protected_header));
		signature_put_section(&w, s.pem, slice_of(s.pem.p, 0));
		must(!w.over);
		use_certificate(s.pem);
	} else {
		must(why != NULL && *why != '\0');
	}
	return 0;
}
