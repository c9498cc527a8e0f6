/* Every parser of attest/nsm_message.h, and lcbor_skip, over any bytes. */
#include <stdlib.h>

#include "attest/lcbor.h"
#include "attest/nsm_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A result that claims success must be within its bounds. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), random, document;
	uint8_t value[SHA384_LEN];
	char reason[NSM_ERROR_MAX + 1];
	struct nsm_description d;
	struct nsm_pcr p;
	struct dcbor c = dcbor_of(in);

	if (nsm_parse_describe(in, &d) == RC_OK)
		must(d.pcrs <= NSM_PCRS_MAX && strlen(d.id) <= NSM_ID_MAX);
	if (nsm_parse_random(in, &random) == RC_OK)
		must(random.len <= NSM_RANDOM_MAX && random.p >= data &&
		     random.p + random.len <= data + size);
	if (nsm_parse_attest(in, &document) == RC_OK)
		must(document.len > 0 && document.p >= data &&
		     document.p + document.len <= data + size);
	(void)!nsm_parse_pcr(in, &p);
	(void)!nsm_parse_extend(in, value);
	(void)!nsm_parse_lock(in);
	(void)!nsm_parse_lock_range(in);
	nsm_error(in, reason);
	must(strlen(reason) <= NSM_ERROR_MAX);
	lcbor_skip(&c);
	must(c.rc != RC_OK || c.in.len < size);
	return 0;
}
