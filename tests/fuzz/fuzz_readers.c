/* The readers of what `casemate attest` fetches and people hand it: JSON,
 * measurements, pages of the touch log, HTTP responses, base64, PEM, URLs. */
#include <stdlib.h>
#include <string.h>

#include "tools/casemate/base64.h"
#include "tools/casemate/http_reply.h"
#include "tools/casemate/jsonread.h"
#include "tools/casemate/measurements.h"
#include "tools/casemate/pem.h"
#include "tools/casemate/touchpage.h"
#include "tools/casemate/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void text(const uint8_t *data, size_t size)
{
	char s[512];
	const char *why;
	struct url u;

	if (size >= sizeof s)
		return;
	memcpy(s, data, size);
	s[size] = '\0';
	if (url_parse(s, &u, &why))
		must(u.port > 0 && u.host[0] != '\0' && strlen(u.host) < sizeof u.host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct touchpage page;
	struct slice in = slice_of(data, size);
	struct jsonread j = jsonread_of(in);
	uint8_t buf[256];
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct measurements m;
	struct http_reply r;

	jsonread_skip(&j);
	must(j.rc != RC_OK || j.in.len < size);
	if (measurements_parse(in, &m) == RC_OK)
		must((m.pcrs & 7) == 7);
	if (touchpage_parse(in, &page) == RC_OK)
		must(page.records <= TOUCHPAGE_RECORDS);
	if (http_reply_parse(in, 1000, &r) == RC_OK)
		must(r.head_len <= size && r.body_len <= 1000 && r.status >= 100);
	if (base64_read(in, &w) == RC_OK)
		must(w.len <= size / 4 * 3 && w.len + 2 >= size / 4 * 3);
	w = wbuf_of(buf, sizeof buf);
	if (hex_read(in, &w) == RC_OK)
		must(w.len == size / 2);
	w = wbuf_of(buf, sizeof buf);
	(void)!pem_read(in, "CERTIFICATE", &w);
	text(data, size);
	return 0;
}
