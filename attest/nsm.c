#include "attest/nsm.h"

#include "appliance/base/io.h"
#include "appliance/base/log.h"

/* One request at a time, as in the driver; the answer's slice points here and
 * lives until the next request. */
static uint8_t request[NSM_REQUEST_MAX];
static uint8_t response[NSM_RESPONSE_MAX];

static enum rc ask(int fd, const struct wbuf *w, struct slice *answer)
{
	struct wbuf got = wbuf_of(response, sizeof response);
	enum rc rc = w->over ? RC_LIMIT : nsm_exchange(fd, wbuf_slice(w), &got);

	*answer = wbuf_slice(&got);
	return rc;
}

/* Passes rc on; says why when the module refused. */
static enum rc explain(enum rc rc, const char *what, struct slice answer)
{
	if (rc == RC_DENIED) {
		char reason[NSM_ERROR_MAX + 1];

		nsm_error(answer, reason);
		log_line("nsm: %s refused: %s", what, reason);
	}
	return rc;
}

enum rc nsm_describe(int fd, struct nsm_description *d)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_describe(&w);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_describe(answer, d);
	return explain(rc, "DescribeNSM", answer);
}

enum rc nsm_read_pcr(int fd, unsigned index, struct nsm_pcr *p)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_pcr(&w, index);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_pcr(answer, p);
	return explain(rc, "DescribePCR", answer);
}

enum rc nsm_lock_pcr(int fd, unsigned index)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_lock(&w, index);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_lock(answer);
	return explain(rc, "LockPCR", answer);
}

enum rc nsm_lock_pcrs(int fd, unsigned count)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_lock_range(&w, count);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_lock_range(answer);
	return explain(rc, "LockPCRs", answer);
}

enum rc nsm_attest(int fd, struct slice user_data, struct slice nonce, struct slice public_key,
                   struct slice *document)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	*document = slice_of(NULL, 0);
	if (user_data.len > NSM_USER_DATA_MAX || nonce.len > NSM_NONCE_MAX ||
	    public_key.len > NSM_KEY_MAX)
		return RC_LIMIT;
	nsm_put_attest(&w, user_data, nonce, public_key);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_attest(answer, document);
	return explain(rc, "Attestation", answer);
}

enum rc nsm_extend_pcr(int fd, unsigned index, struct slice data, uint8_t value[SHA384_LEN])
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	if (data.len > NSM_EXTEND_MAX)
		return RC_LIMIT;
	nsm_put_extend(&w, index, data);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_extend(answer, value);
	return explain(rc, "ExtendPCR", answer);
}

static enum rc random_once(int fd, uint8_t *out, size_t max, size_t *len)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer, random;
	enum rc rc;

	nsm_put_random(&w);
	rc = ask(fd, &w, &answer);
	if (rc == RC_OK)
		rc = nsm_parse_random(answer, &random);
	if (rc == RC_OK && random.len == 0)
		rc = RC_EOF;
	if (rc == RC_OK) {
		*len = random.len < max ? random.len : max;
		memcpy(out, random.p, *len);
	}
	rc = explain(rc, "GetRandom", answer);
	wipe(response, sizeof response);
	return rc;
}

enum rc nsm_random(int fd, uint8_t *out, size_t n)
{
	size_t at = 0, len = 0;

	while (at < n) {
		enum rc rc = random_once(fd, out + at, n - at, &len);

		if (rc != RC_OK) {
			wipe(out, n);
			return rc;
		}
		at += len;
	}
	return RC_OK;
}
