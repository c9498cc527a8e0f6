#include "attest/nsm.h"

#include "appliance/base/io.h"
#include "appliance/base/log.h"

/* One request at a time, as in the driver; the answer's slice points here and
 * lives until the next request. */
static uint8_t request[NSM_REQUEST_MAX];
static uint8_t response[NSM_RESPONSE_MAX];

/* Sends what was put into request; what is refused is logged with the reason. */
static enum rc ask(int fd, const struct wbuf *w, const char *what, struct slice *answer)
{
	struct wbuf got = wbuf_of(response, sizeof response);
	enum rc rc = w->over ? RC_LIMIT : nsm_exchange(fd, wbuf_slice(w), &got);
	char reason[NSM_ERROR_MAX + 1];

	*answer = wbuf_slice(&got);
	nsm_error(*answer, reason);
	if (rc != RC_OK || reason[0] == '\0')
		return rc;
	log_line("nsm: %s refused: %s", what, reason);
	return RC_DENIED;
}

enum rc nsm_describe(int fd, struct nsm_description *d)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_describe(&w);
	rc = ask(fd, &w, "DescribeNSM", &answer);
	return rc == RC_OK ? nsm_parse_describe(answer, d) : rc;
}

enum rc nsm_read_pcr(int fd, unsigned index, struct nsm_pcr *p)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_pcr(&w, index);
	rc = ask(fd, &w, "DescribePCR", &answer);
	return rc == RC_OK ? nsm_parse_pcr(answer, p) : rc;
}

enum rc nsm_lock_pcr(int fd, unsigned index)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_lock(&w, index);
	rc = ask(fd, &w, "LockPCR", &answer);
	return rc == RC_OK ? nsm_parse_lock(answer) : rc;
}

enum rc nsm_lock_pcrs(int fd, unsigned count)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	nsm_put_lock_range(&w, count);
	rc = ask(fd, &w, "LockPCRs", &answer);
	return rc == RC_OK ? nsm_parse_lock_range(answer) : rc;
}

enum rc nsm_extend_pcr(int fd, unsigned index, struct slice data, uint8_t value[SHA384_LEN])
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer;
	enum rc rc;

	if (data.len > NSM_EXTEND_MAX)
		return RC_LIMIT;
	nsm_put_extend(&w, index, data);
	rc = ask(fd, &w, "ExtendPCR", &answer);
	return rc == RC_OK ? nsm_parse_extend(answer, value) : rc;
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
	rc = ask(fd, &w, "Attestation", &answer);
	return rc == RC_OK ? nsm_parse_attest(answer, document) : rc;
}

static enum rc random_once(int fd, uint8_t *out, size_t max, size_t *len)
{
	struct wbuf w = wbuf_of(request, sizeof request);
	struct slice answer, random;
	enum rc rc;

	nsm_put_random(&w);
	rc = ask(fd, &w, "GetRandom", &answer);
	if (rc == RC_OK)
		rc = nsm_parse_random(answer, &random);
	if (rc == RC_OK && random.len == 0)
		rc = RC_EOF;
	if (rc == RC_OK) {
		*len = random.len < max ? random.len : max;
		memcpy(out, random.p, *len);
	}
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
