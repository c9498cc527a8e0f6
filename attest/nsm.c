#include "attest/nsm.h"

#include "appliance/base/io.h"
#include "appliance/base/log.h"

/* One request at a time, as in the driver; slices of the answer point here and
 * live until the next request. */
static uint8_t request[NSM_REQUEST_MAX];
static uint8_t response[NSM_RESPONSE_MAX];

static enum rc ask(int fd, const char *name, const struct nsm_field *question,
                   const struct nsm_field *answer)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct wbuf got = wbuf_of(response, sizeof response);
	char reason[NSM_ERROR_MAX + 1];
	enum rc rc;

	nsm_put(&w, name, question);
	rc = w.over ? RC_LIMIT : nsm_exchange(fd, wbuf_slice(&w), &got);
	if (rc == RC_OK)
		rc = nsm_parse(wbuf_slice(&got), name, answer, reason);
	if (rc == RC_DENIED)
		log_line("nsm: %s refused: %s", name, reason);
	return rc;
}

enum rc nsm_describe(int fd, struct nsm_description *d)
{
	struct slice id = { 0 }, digest = { 0 };
	const struct nsm_field answer[] = {
		{ "version_major", NSM_NUMBER, &d->major, UINT16_MAX },
		{ "version_minor", NSM_NUMBER, &d->minor, UINT16_MAX },
		{ "version_patch", NSM_NUMBER, &d->patch, UINT16_MAX },
		{ "module_id", NSM_TEXT, &id, NSM_ID_MAX },
		{ "max_pcrs", NSM_NUMBER, &d->pcrs, NSM_PCRS_MAX },
		{ "digest", NSM_TEXT, &digest, 64 },
		{ 0 },
	};
	enum rc rc = ask(fd, "DescribeNSM", NULL, answer);

	if (rc == RC_OK && !slice_is(digest, "SHA384"))
		rc = RC_BAD;
	nsm_printable(d->id, rc == RC_OK ? id : slice_of(NULL, 0));
	return rc;
}

enum rc nsm_read_pcr(int fd, uint32_t index, struct nsm_pcr *p)
{
	const struct nsm_field question[] = { { "index", NSM_NUMBER, &index, 0 }, { 0 } };
	const struct nsm_field answer[] = { { "data", NSM_DIGEST, p->value, 0 },
		                            { "lock", NSM_FLAG, &p->locked, 0 },
		                            { 0 } };

	memset(p, 0, sizeof *p);
	return ask(fd, "DescribePCR", question, answer);
}

enum rc nsm_lock_pcr(int fd, uint32_t index)
{
	const struct nsm_field question[] = { { "index", NSM_NUMBER, &index, 0 }, { 0 } };

	return ask(fd, "LockPCR", question, NULL);
}

enum rc nsm_extend_pcr(int fd, uint32_t index, struct slice data, uint8_t value[SHA384_LEN])
{
	const struct nsm_field question[] = { { "index", NSM_NUMBER, &index, 0 },
		                              { "data", NSM_BYTES, &data, 0 },
		                              { 0 } };
	const struct nsm_field answer[] = { { "data", NSM_DIGEST, value, 0 }, { 0 } };

	if (data.len > NSM_EXTEND_MAX)
		return RC_LIMIT;
	return ask(fd, "ExtendPCR", question, answer);
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
	const struct nsm_field question[] = { { "user_data", NSM_BYTES, &user_data, 0 },
		                              { "nonce", NSM_BYTES, &nonce, 0 },
		                              { "public_key", NSM_BYTES, &public_key, 0 },
		                              { 0 } };
	const struct nsm_field answer[] = { { "document", NSM_BYTES, document, NSM_RESPONSE_MAX },
		                            { 0 } };
	enum rc rc;

	*document = slice_of(NULL, 0);
	if (user_data.len > NSM_USER_DATA_MAX || nonce.len > NSM_NONCE_MAX ||
	    public_key.len > NSM_KEY_MAX)
		return RC_LIMIT;
	rc = ask(fd, "Attestation", question, answer);
	return rc == RC_OK && document->len == 0 ? RC_BAD : rc;
}

enum rc nsm_random(int fd, uint8_t *out, size_t n)
{
	struct slice random = { 0 };
	const struct nsm_field answer[] = { { "random", NSM_BYTES, &random, NSM_RANDOM_MAX },
		                            { 0 } };
	enum rc rc = ask(fd, "GetRandom", NULL, answer);

	if (rc == RC_OK && random.len < n)
		rc = RC_EOF;
	if (rc == RC_OK)
		memcpy(out, random.p, n);
	wipe(response, sizeof response);
	return rc;
}
