/* attest/document.h and attest/cose.h: what is found lies within the input and
 * its bounds. */
#include <stdlib.h>

#include "appliance/base/sha384.h"
#include "attest/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void within(struct slice s, size_t max, const uint8_t *data, size_t size)
{
	must(s.len == 0 || (s.p >= data && s.len <= max && s.p + s.len <= data + size));
}

static void check(const struct document *d, const uint8_t *data, size_t size)
{
	must(d->certs > 0 && d->certs <= DOCUMENT_CERTS && d->pcrs != 0);
	must(d->certificate.len > 0 && d->module_id.len > 0 && d->cose.unprotected == 0);
	within(d->certificate, DOCUMENT_CERT_MAX, data, size);
	within(d->module_id, DOCUMENT_MODULE_MAX, data, size);
	within(d->public_key, DOCUMENT_FIELD_MAX, data, size);
	within(d->user_data, DOCUMENT_FIELD_MAX, data, size);
	within(d->nonce, DOCUMENT_FIELD_MAX, data, size);
	for (size_t i = 0; i < d->certs; i++)
		within(d->cabundle[i], DOCUMENT_CERT_MAX, data, size);
	for (unsigned i = 0; i < DOCUMENT_PCRS; i++) {
		must((d->pcrs >> i & 1) == (d->pcr[i].len == SHA384_LEN));
		within(d->pcr[i], SHA384_LEN, data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document d;
	struct cose_sign1 c;
	int64_t algorithm;
	enum rc rc = document_parse(slice_of(data, size), &d);

	if (rc == RC_OK)
		check(&d, data, size);
	if (rc == RC_DENIED)
		within(d.foreign, size, data, size);
	if (cose_parse(slice_of(data, size), &c) == RC_OK) {
		within(c.protected, COSE_MAX, data, size);
		within(c.payload, COSE_MAX, data, size);
		within(c.signature, COSE_SIGNATURE_MAX, data, size);
		(void)!cose_algorithm(&c, &algorithm);
	}
	return 0;
}
