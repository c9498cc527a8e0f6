#include "appliance/measure.h"

#include "appliance/base/log.h"
#include "attest/nsm.h"

enum { IMAGE_PCRS = 3 };

static enum rc print_image(int nsm)
{
	char hex[2 * SHA384_LEN + 1];
	struct nsm_pcr p;

	for (unsigned i = 0; i < IMAGE_PCRS; i++) {
		enum rc rc = nsm_read_pcr(nsm, i, &p);

		if (rc == RC_OK && !p.locked)
			rc = RC_MISMATCH;
		if (rc != RC_OK) {
			log_line("nsm: PCR%u: %s", i, rc_str(rc));
			return rc;
		}
		hex_put(hex, slice_of(p.value, sizeof p.value));
		log_line("PCR%u %s", i, hex);
	}
	return RC_OK;
}

/* A register's value after one extension from zero. */
static void extended(struct slice data, uint8_t out[SHA384_LEN])
{
	static const uint8_t zero[SHA384_LEN];
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, zero, sizeof zero);
	sha384_update(&h, data.p, data.len);
	sha384_final(&h, out);
}

static enum rc seal_manifest(int nsm, struct slice manifest)
{
	uint8_t digest[SHA384_LEN], want[SHA384_LEN], got[SHA384_LEN];
	struct nsm_pcr p;
	struct sha384 h;
	enum rc rc;

	sha384_init(&h);
	sha384_update(&h, manifest.p, manifest.len);
	sha384_final(&h, digest);
	extended(slice_of(digest, sizeof digest), want);
	rc = nsm_extend_pcr(nsm, PCR_MANIFEST, slice_of(digest, sizeof digest), got);
	if (rc == RC_OK && memcmp(got, want, sizeof want) != 0)
		rc = RC_MISMATCH;
	if (rc == RC_OK)
		rc = nsm_lock_pcr(nsm, PCR_MANIFEST);
	if (rc == RC_OK)
		rc = nsm_read_pcr(nsm, PCR_MANIFEST, &p);
	if (rc == RC_OK && (!p.locked || memcmp(p.value, want, sizeof want) != 0))
		rc = RC_MISMATCH;
	if (rc != RC_OK)
		log_line("nsm: PCR%d: %s", PCR_MANIFEST, rc_str(rc));
	return rc;
}

enum rc measure(int nsm, struct slice manifest)
{
	struct nsm_description d;
	enum rc rc = nsm_describe(nsm, &d);

	if (rc == RC_OK && d.pcrs <= PCR_MANIFEST)
		rc = RC_MISMATCH;
	if (rc != RC_OK) {
		log_line("nsm: %s", rc_str(rc));
		return rc;
	}
	rc = print_image(nsm);
	if (rc == RC_OK)
		rc = seal_manifest(nsm, manifest);
	if (rc == RC_OK)
		log_line("nsm: %s, version %u.%u.%u; PCR%d holds the manifest and is locked", d.id,
		         d.major, d.minor, d.patch, PCR_MANIFEST);
	return rc;
}
