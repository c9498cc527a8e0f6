/* Whatever a security module answers to any of the requests, and lcbor_skip,
 * over any bytes: the device is this file. */
#include <stdlib.h>

#include "appliance/base/log.h"
#include "attest/lcbor.h"
#include "attest/nsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice answer;

/* A result that claims success must be within its bounds. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Refusals are not worth a line each. */
void log_line(const char *fmt, ...)
{
	(void)fmt;
}

enum rc nsm_open(const char *path, int *fd)
{
	(void)path;
	*fd = 0;
	return RC_OK;
}

enum rc nsm_exchange(int fd, struct slice request, struct wbuf *w)
{
	(void)fd;
	must(request.len > 0);
	wbuf_put(w, answer.p, answer.len);
	return RC_OK;
}

/* As the reader's input lies, so that what is read beyond it shows. */
static void parse(struct slice in)
{
	static const char *const names[] = { "DescribePCR", "Attestation", "LockPCR" };
	char reason[NSM_ERROR_MAX + 1];
	struct slice bytes = { 0 }, fields = { 0 };

	for (size_t i = 0; i < 3; i++) {
		struct dcbor c = lcbor_of(slice_of(NULL, 0));
		enum rc rc = nsm_parse(in, names[i], i < 2 ? &fields : NULL, reason);

		must(strlen(reason) <= NSM_ERROR_MAX && (reason[0] == '\0' || rc == RC_DENIED));
		if (rc == RC_OK && i < 2)
			bytes = dcbor_bytes(lcbor_at(&c, fields, "document"), 4096);
		must(rc != RC_OK || bytes.len == 0 ||
		     (bytes.p > in.p && bytes.p + bytes.len <= in.p + in.len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice none = { 0 }, document;
	uint8_t bytes[SHA384_LEN];
	struct nsm_description d;
	struct nsm_pcr p;
	struct dcbor c = lcbor_of(slice_of(data, size));

	answer = slice_of(data, size < NSM_RESPONSE_MAX ? size : NSM_RESPONSE_MAX);
	if (nsm_describe(0, &d) == RC_OK)
		must(d.pcrs <= NSM_PCRS_MAX && strlen(d.id) <= NSM_ID_MAX);
	if (nsm_attest(0, none, none, none, &document) == RC_OK)
		must(document.len > 0 && document.len < size);
	(void)!nsm_random(0, bytes, sizeof bytes);
	(void)!nsm_read_pcr(0, 1, &p);
	(void)!nsm_extend_pcr(0, 1, slice_str("x"), bytes);
	(void)!nsm_seal_pcr(0, 1, bytes, &p);
	(void)!nsm_lock_pcr(0, 1);
	parse(slice_of(data, size));
	lcbor_skip(&c);
	must(c.rc != RC_OK || c.in.len < size);
	return 0;
}
