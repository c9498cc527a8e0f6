#include "appliance/measure.h"

#include "appliance/base/log.h"
#include "attest/nsm.h"

enum { IMAGE_PCRS = 3 };

static void print_image(const struct nsm_pcr pcr[IMAGE_PCRS])
{
	char hex[2 * SHA384_LEN + 1];

	for (unsigned i = 0; i < IMAGE_PCRS; i++) {
		hex_put(hex, slice_of(pcr[i].value, SHA384_LEN));
		log_line("PCR%u %s", i, hex);
	}
}

/* Every register, and whether those that matter are as a new module has them. */
static enum rc read_all(int nsm, struct touchlog_shared *s)
{
	static const struct nsm_pcr fresh;

	for (unsigned i = 0; i < s->module.pcrs; i++) {
		enum rc rc = nsm_read_pcr(nsm, i, &s->pcr[i]);

		if (rc == RC_OK && i < IMAGE_PCRS && !s->pcr[i].locked)
			rc = RC_MISMATCH;
		if (rc == RC_OK && i == PCR_TOUCH && memcmp(&s->pcr[i], &fresh, sizeof fresh) != 0)
			rc = RC_MISMATCH;
		if (rc != RC_OK) {
			log_line("nsm: PCR%u: %s", i, rc_str(rc));
			return rc;
		}
	}
	return RC_OK;
}

static enum rc seal_manifest(int nsm, struct slice manifest, struct nsm_pcr *p)
{
	uint8_t digest[SHA384_LEN];
	struct sha384 h;
	enum rc rc;

	sha384_init(&h);
	sha384_update(&h, manifest.p, manifest.len);
	sha384_final(&h, digest);
	rc = nsm_seal_pcr(nsm, PCR_MANIFEST, digest, p);
	if (rc != RC_OK)
		log_line("nsm: PCR%d: %s", PCR_MANIFEST, rc_str(rc));
	return rc;
}

enum rc measure(int nsm, struct slice manifest, struct touchlog_shared *s)
{
	struct nsm_description *d = &s->module;
	enum rc rc = nsm_describe(nsm, d);

	if (rc == RC_OK && d->pcrs <= PCR_TOUCH)
		rc = RC_MISMATCH;
	if (rc != RC_OK) {
		log_line("nsm: %s", rc_str(rc));
		return rc;
	}
	rc = read_all(nsm, s);
	if (rc != RC_OK)
		return rc;
	print_image(s->pcr);
	rc = seal_manifest(nsm, manifest, &s->pcr[PCR_MANIFEST]);
	if (rc != RC_OK)
		return rc;
	d->locked |= UINT32_C(1) << PCR_MANIFEST;
	memcpy(s->manifest, manifest.p, manifest.len);
	s->manifest_len = (uint32_t)manifest.len;
	log_line("nsm: %s, version %u.%u.%u; PCR%d holds the manifest and is locked", d->id,
	         d->major, d->minor, d->patch, PCR_MANIFEST);
	return RC_OK;
}
