/* attest/verify.h: the first byte chooses the policy, the rest is the document.
 * Nothing is accepted but the emulator's where that is allowed: no fuzzer signs.
 * The root is taken from the document, so that the chain is reached. */
#include <stdlib.h>

#include "attest/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EMULATED = 1, DEBUG = 2, UNTOUCHED = 4, CLAIMS = 8, FULL = 16, CODE = 32, NOW = 1700000000 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Those of the corpus are signed, by the forge's keys. */
static bool signed_by_us(const struct verify_result *r)
{
	return slice_is(r->document.module_id, "i-0123456789abcdef0-enc0123456789abcdef");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verify_policy p = { .now_s = NOW, .max_age_s = VERIFY_MAX_AGE_S };
	struct verify_result r;
	uint8_t root[SHA256_LEN];
	struct slice in;
	struct document d;
	bool accepted;

	if (size == 0)
		return 0;
	in = slice_of(data + 1, size - 1);
	if (document_parse(in, &d) == RC_OK) {
		sha256_of(d.cabundle[0], root);
		p.root = root;
		for (unsigned i = 0; i <= 2 && data[0] & CODE && d.pcrs >> i & 1; i++) {
			memcpy(p.pcr[i], d.pcr[i].p, SHA384_LEN);
			p.pcrs |= 1u << i;
		}
	}
	p.allow_emulated = data[0] & EMULATED;
	p.allow_debug = data[0] & DEBUG;
	p.untouched = data[0] & UNTOUCHED;
	p.claims = data[0] & CLAIMS;
	p.brief = !(data[0] & FULL);
	accepted = verify_document(in, &p, &r);
	must(accepted == (r.reasons == 0) && r.reasons >> VERIFY_REASONS == 0);
	must(!accepted || (r.emulated && p.allow_emulated) || signed_by_us(&r));
	must(r.touch == VERIFY_TOUCH_UNKNOWN || (r.has_claims && r.code_known && p.pcrs == 7));
	must(!accepted || !p.untouched || r.touch == VERIFY_TOUCH_NONE);
	must((r.rc == RC_OK) == ((r.reasons & (1u << VERIFY_MALFORMED | 1u << VERIFY_FIELD |
	                                       1u << VERIFY_NITROTPM)) == 0));
	return 0;
}
