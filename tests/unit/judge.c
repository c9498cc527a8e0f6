#include "tests/unit/judge.h"

struct verify_result judge_result;

static uint8_t root[SHA256_LEN];
static uint8_t document[DOCUMENT_MAX];

void judge_init(void)
{
	uint8_t der[FORGE_CERT_MAX];
	struct forge f;

	forge_init(&f);
	sha256_of(slice_of(der, forge_cert(&f.cert[0], der)), root);
}

struct verify_policy judge_policy(void)
{
	return (struct verify_policy){ .now_s = FORGE_NOW,
		                       .max_age_s = VERIFY_MAX_AGE_S,
		                       .root = root };
}

uint32_t judge_forged(const struct forge *f, const struct verify_policy *p)
{
	struct slice s = slice_of(document, forge_document(f, document));

	if (verify_document(s, p, &judge_result) != (judge_result.reasons == 0))
		abort();
	return judge_result.reasons;
}

bool judge_gives(const char *what, const struct forge *f, const struct verify_policy *p,
                 uint32_t reasons)
{
	uint32_t got = judge_forged(f, p);

	if (got == reasons)
		return true;
	printf("  %s:", what);
	for (unsigned i = 0; i < VERIFY_REASONS; i++)
		if (got >> i & 1)
			printf(" %s", verify_name((enum verify_reason)i));
	printf("\n");
	return false;
}
