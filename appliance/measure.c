#include "appliance/measure.h"

#include "appliance/base/log.h"

enum { IMAGE_PCRS = 3 };

/* A register, and whether it is as a new module has it, if it matters. */
static enum rc read_pcr(int nsm, unsigned index, struct nsm_pcr *p)
{
	static const struct nsm_pcr fresh;
	char hex[2 * SHA384_LEN + 1];
	enum rc rc = nsm_read_pcr(nsm, index, p);

	if (rc == RC_OK && index < IMAGE_PCRS && !p->locked)
		rc = RC_MISMATCH;
	if (rc == RC_OK && index == PCR_TOUCH && memcmp(p, &fresh, sizeof fresh) != 0)
		rc = RC_MISMATCH;
	hex_put(hex, slice_of(p->value, SHA384_LEN));
	if (rc != RC_OK)
		log_line("nsm: PCR%u: %s", index, rc_str(rc));
	else if (index < IMAGE_PCRS)
		log_line("PCR%u %s", index, hex);
	return rc;
}

enum rc measure(int nsm, struct touchlog_shared *s)
{
	struct nsm_description *d = &s->module;
	uint8_t digest[SHA384_LEN];
	enum rc rc = nsm_describe(nsm, d);

	if (rc == RC_OK && d->pcrs <= PCR_TOUCH)
		rc = RC_MISMATCH;
	for (unsigned i = 0; rc == RC_OK && i < d->pcrs; i++)
		rc = read_pcr(nsm, i, &s->pcr[i]);
	sha384_of(s->manifest, s->manifest_len, digest);
	if (rc == RC_OK)
		rc = nsm_seal_pcr(nsm, PCR_MANIFEST, digest, &s->pcr[PCR_MANIFEST]);
	if (rc != RC_OK) {
		log_line("nsm: the boot cannot be measured: %s", rc_str(rc));
		return rc;
	}
	log_line("nsm: %s, version %u.%u.%u; PCR%d holds the manifest and is locked", d->id,
	         d->major, d->minor, d->patch, PCR_MANIFEST);
	return RC_OK;
}
