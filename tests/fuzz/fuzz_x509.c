/* attest/x509.h, attest/der.h: what is found lies within the input. */
#include <stdlib.h>

#include "attest/der.h"
#include "attest/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void within(struct slice s, const uint8_t *data, size_t size)
{
	must(s.len > 0 && s.p >= data && s.len <= size && s.p + s.len <= data + size);
}

/* Every reader at every place that the input can be taken apart to. */
static void readers(const uint8_t *data, size_t size)
{
	static const uint8_t tags[] = { DER_BOOLEAN,      DER_INTEGER, DER_BIT_STRING,
		                        DER_OCTET_STRING, DER_OID,     DER_SEQUENCE };
	struct der d = der_of(slice_of(data, size)), in;

	while (d.rc == RC_OK && d.in.len > 0) {
		struct der copy = d;

		der_bool(&copy);
		copy = d;
		must(der_uint(&copy, 1000) <= 1000);
		copy = d;
		der_flags(&copy);
		copy = d;
		der_time(&copy);
		copy = d;
		in = der_of(der_take(&copy, d.in.p[0]));
		must(copy.rc != RC_OK || copy.in.len < d.in.len);
		for (size_t i = 0; i < sizeof tags; i++) {
			struct der inner = in;

			der_whole(&inner, tags[i]);
		}
		d = copy;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct x509 x;

	readers(data, size);
	if (x509_parse(slice_of(data, size), &x) != RC_OK)
		return 0;
	within(x.tbs, data, size);
	within(x.issuer, data, size);
	within(x.subject, data, size);
	within(x.spki, data, size);
	within(x.signature, data, size);
	must((x.curve == ECDSA_NONE) == (x.point.len == 0));
	must(x.path_len >= X509_PATH_ANY && (x.ca || x.path_len == X509_PATH_ANY));
	return 0;
}
