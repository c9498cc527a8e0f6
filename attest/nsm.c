#include "attest/nsm.h"

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "attest/lcbor.h"

/* One request at a time, as in the driver; slices of the answer point here and
 * live until the next request. */
static uint8_t request[NSM_REQUEST_MAX];
static uint8_t response[NSM_RESPONSE_MAX];

/* A reader of the answer's fields, for lcbor_at; answer NULL: it has none. */
static struct dcbor ask(int fd, const char *name, const struct nsm_field *question,
                        struct slice *answer)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct wbuf got = wbuf_of(response, sizeof response);
	char reason[NSM_ERROR_MAX + 1];
	struct dcbor c = lcbor_of(slice_of(NULL, 0));

	nsm_put(&w, name, question);
	c.rc = w.over ? RC_LIMIT : nsm_exchange(fd, wbuf_slice(&w), &got);
	if (c.rc == RC_OK)
		c.rc = nsm_parse(wbuf_slice(&got), name, answer, reason);
	if (c.rc == RC_DENIED)
		log_line("nsm: %s refused: %s", name, reason);
	return c;
}

static uint32_t number(struct dcbor *c, struct slice answer, const char *name, uint32_t max)
{
	return (uint32_t)dcbor_uint(lcbor_at(c, answer, name), max);
}

enum rc nsm_describe(int fd, struct nsm_description *d)
{
	struct slice answer = { 0 };
	struct dcbor c = ask(fd, "DescribeNSM", NULL, &answer);

	d->major = number(&c, answer, "version_major", UINT16_MAX);
	d->minor = number(&c, answer, "version_minor", UINT16_MAX);
	d->patch = number(&c, answer, "version_patch", UINT16_MAX);
	d->pcrs = number(&c, answer, "max_pcrs", NSM_PCRS_MAX);
	nsm_printable(d->id, dcbor_text(lcbor_at(&c, answer, "module_id"), NSM_ID_MAX));
	if (!slice_is(dcbor_text(lcbor_at(&c, answer, "digest"), NSM_ID_MAX), "SHA384"))
		dcbor_fail(&c, RC_BAD);
	return c.rc;
}

enum rc nsm_read_pcr(int fd, uint32_t index, struct nsm_pcr *p)
{
	const struct nsm_field question[] = { { "index", .number = &index }, { 0 } };
	struct slice answer = { 0 };
	struct dcbor c = ask(fd, "DescribePCR", question, &answer);

	memset(p, 0, sizeof *p);
	dcbor_copy(lcbor_at(&c, answer, "data"), p->value, SHA384_LEN);
	p->locked = dcbor_bool(lcbor_at(&c, answer, "lock"));
	return c.rc;
}

enum rc nsm_lock_pcr(int fd, uint32_t index)
{
	const struct nsm_field question[] = { { "index", .number = &index }, { 0 } };

	return ask(fd, "LockPCR", question, NULL).rc;
}

enum rc nsm_extend_pcr(int fd, uint32_t index, struct slice data, uint8_t value[SHA384_LEN])
{
	const struct nsm_field question[] = { { "index", .number = &index },
		                              { "data", data, NULL },
		                              { 0 } };
	struct slice answer = { 0 };
	struct dcbor c;

	if (data.len > NSM_EXTEND_MAX)
		return RC_LIMIT;
	c = ask(fd, "ExtendPCR", question, &answer);
	dcbor_copy(lcbor_at(&c, answer, "data"), value, SHA384_LEN);
	return c.rc;
}

enum rc nsm_seal_pcr(int fd, uint32_t index, const uint8_t digest[SHA384_LEN], struct nsm_pcr *p)
{
	uint8_t want[SHA384_LEN] = { 0 }, got[SHA384_LEN];
	enum rc rc = nsm_extend_pcr(fd, index, slice_of(digest, SHA384_LEN), got);

	sha384_extend(want, digest, SHA384_LEN);
	if (rc == RC_OK)
		rc = nsm_lock_pcr(fd, index);
	if (rc == RC_OK)
		rc = nsm_read_pcr(fd, index, p);
	if (rc == RC_OK && (!p->locked || memcmp(got, want, sizeof want) != 0 ||
	                    memcmp(p->value, want, sizeof want) != 0))
		rc = RC_MISMATCH;
	return rc;
}

enum rc nsm_attest(int fd, struct slice user_data, struct slice nonce, struct slice public_key,
                   struct slice *document)
{
	const struct nsm_field question[] = { { "user_data", user_data, NULL },
		                              { "nonce", nonce, NULL },
		                              { "public_key", public_key, NULL },
		                              { 0 } };
	struct slice answer = { 0 };
	struct dcbor c;

	*document = slice_of(NULL, 0);
	if (user_data.len > NSM_USER_DATA_MAX || nonce.len > NSM_NONCE_MAX ||
	    public_key.len > NSM_KEY_MAX)
		return RC_LIMIT;
	c = ask(fd, "Attestation", question, &answer);
	*document = dcbor_bytes(lcbor_at(&c, answer, "document"), NSM_RESPONSE_MAX);
	if (document->len == 0)
		dcbor_fail(&c, RC_BAD);
	return c.rc;
}

enum rc nsm_random(int fd, uint8_t *out, size_t n)
{
	struct slice answer = { 0 }, random;
	struct dcbor c = ask(fd, "GetRandom", NULL, &answer);

	random = dcbor_bytes(lcbor_at(&c, answer, "random"), NSM_RANDOM_MAX);
	if (random.len < n)
		dcbor_fail(&c, RC_EOF);
	if (c.rc == RC_OK)
		memcpy(out, random.p, n);
	wipe(response, sizeof response);
	return c.rc;
}
