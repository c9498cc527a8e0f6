/* casemate attest: asks an enclave who it is, over HTTPS, and judges the answer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "appliance/base/io.h"
#include "attest/https.h"
#include "tools/casemate/expect.h"
#include "tools/casemate/fetch.h"
#include "tools/casemate/link_dial.h"
#include "tools/casemate/replace.h"
#include "tools/casemate/report.h"
#include "tools/casemate/tcp.h"
#include "tools/casemate/text.h"
#include "tools/casemate/tls_client.h"
#include "tools/casemate/touchpage.h"
#include "tools/casemate/url.h"

enum {
	OPT_SAVE = 256,
	NONCE_LEN = 32,
	DEADLINE_MS = 60000, /* for all of it */
	HOST_MAX = URL_HOST_MAX + 16,
	LOG_MAX = 100000, /* records; who has more is not followed */
};

struct session {
	const char *what; /* the argument, for messages */
	char host[HOST_MAX];
	const char *save; /* NULL: nowhere */
	struct expect e;
	uint8_t document[DOCUMENT_MAX];
	size_t len;
	struct verify_log chain;
	struct report_log log;
	struct verify_result result;
};

static int dial_url(struct session *s, const char **name)
{
	static struct url u; /* *name lives in it */
	const char *why;

	if (!url_parse(s->what, &u, &why)) {
		say("%s: not a URL of an appliance: %s", s->what, why);
		return -1;
	}
	if (strchr(u.host, ':') != NULL)
		snprintf(s->host, sizeof s->host, "[%s]:%u", u.host, (unsigned)u.port);
	else
		snprintf(s->host, sizeof s->host, "%s:%u", u.host, (unsigned)u.port);
	*name = u.is_name ? u.host : NULL;
	return tcp_dial(u.host, u.port);
}

static int dial(struct session *s, const char **name)
{
	struct target t;

	*name = NULL;
	if (url_looks_like(s->what))
		return dial_url(s, name);
	snprintf(s->host, sizeof s->host, "casemate");
	if (target_parse(s->what, &t))
		return link_dial(&t, HTTPS_PORT);
	say("a URL would begin with https://");
	return -1;
}

static bool make_nonce(struct expect *e)
{
	if (e->policy.nonce != NULL)
		return true;
	if (getrandom(e->nonce_bytes, NONCE_LEN, 0) != NONCE_LEN) {
		say("the kernel gives no random numbers: %m");
		return false;
	}
	e->nonce = slice_of(e->nonce_bytes, NONCE_LEN);
	e->policy.nonce = &e->nonce;
	return true;
}

static bool fetch_document(struct session *s)
{
	char hex[2 * HTTPS_NONCE_MAX + 1], path[sizeof hex + 32];
	struct slice body;

	hex_put(hex, s->e.nonce);
	snprintf(path, sizeof path, "/attestation?nonce=%s", hex);
	if (!fetch_get(s->host, path, s->what, &body))
		return false;
	if (body.len > sizeof s->document) {
		say("%s: its document is too long: %zu bytes", s->what, body.len);
		return false;
	}
	memcpy(s->document, body.p, body.len);
	s->len = body.len;
	return true;
}

/* Adds the page's records to the chain, up to the last that the document
 * knows: there may be new ones. False when one does not fit, or none is there. */
static bool add_page(struct session *s, const struct touchpage *p)
{
	for (size_t i = 0; i < p->records && s->chain.next <= s->result.claims.touches; i++) {
		struct slice record = slice_of(p->record[i].bytes, p->record[i].len);
		uint64_t at = s->chain.next % REPORT_OPERATIONS;

		if (verify_log_add(&s->chain, record) != RC_OK)
			return false;
		memcpy(s->log.last[at].bytes, record.p, record.len);
		s->log.last[at].len = record.len;
		s->log.records++;
	}
	return p->records > 0;
}

/* Reads the log as far as the document knows it. False, after saying why, when
 * it cannot be had; one that makes no sense is judged with the document. */
static bool fetch_log(struct session *s)
{
	static const uint8_t zeros[SHA384_LEN];
	static struct touchpage page;
	char path[48];
	struct slice body;

	verify_log_begin(&s->chain, 1, zeros);
	do {
		snprintf(path, sizeof path, "/touch?from=%" PRIu64, s->chain.next);
		if (!fetch_get(s->host, path, s->what, &body))
			return false;
		if (touchpage_parse(body, &page) != RC_OK || s->log.records > LOG_MAX) {
			say("%s: its touch log is malformed or has no end", s->what);
			return true;
		}
		if (s->log.records == 0) {
			verify_log_begin(&s->chain, page.first, page.base);
			s->log.first = page.first;
		}
	} while (add_page(s, &page) && s->chain.next <= s->result.claims.touches);
	return true;
}

/* Judged once without the log, to learn how much of it there is, and again. Of
 * who is not believed in the first place the log is not asked. False when all
 * depends on a log that cannot be had. */
static bool judge(struct session *s, struct report *r)
{
	struct slice document = slice_of(s->document, s->len);
	uint32_t others;

	r->accepted = verify_document(document, &s->e.policy, &s->result);
	others = s->result.reasons &
	         ~(UINT32_C(1) << VERIFY_TOUCHED | UINT32_C(1) << VERIFY_TOUCH_UNPROVED);
	if (others != 0 || !s->result.has_claims || s->result.claims.touches == 0)
		return true;
	if (!fetch_log(s))
		return !r->accepted;
	s->e.policy.log = &s->chain;
	r->log = &s->log;
	r->accepted = verify_document(document, &s->e.policy, &s->result);
	return true;
}

static int attest(struct session *s)
{
	struct report report = { .connection = true };
	const char *name, *why;
	int fd = dial(s, &name), status = STATUS_USAGE;

	if (fd < 0 || !make_nonce(&s->e))
		goto out;
	if (tls_client_open(fd, name, clock_mono_ms() + DEADLINE_MS, &why) != RC_OK) {
		say("%s: no TLS connection: %s", s->what, why);
		goto out;
	}
	s->e.public_key = tls_client_spki();
	s->e.policy.public_key = &s->e.public_key;
	s->e.policy.claims = true;
	s->e.policy.purpose = PURPOSE_TLS;
	if (!fetch_document(s) ||
	    (s->save != NULL && !replace_file(s->save, slice_of(s->document, s->len))))
		goto out;
	report.json = s->e.json;
	report.policy = &s->e.policy;
	report.result = &s->result;
	if (judge(s, &report) && report_print(&report))
		status = report.accepted ? STATUS_OK : STATUS_FAILED;
out:
	io_close(&fd);
	return status;
}

static int attest_main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "save", required_argument, NULL, OPT_SAVE },
		{ "help", no_argument, NULL, 'h' },
		EXPECT_OPTIONS,
		{ 0 },
	};
	static struct session s;
	size_t nonce_len;
	int c;

	expect_init(&s.e);
	while ((c = verb_option(&verb_attest, argc, argv, ":h", longs)) != -1) {
		if (c == OPT_SAVE)
			s.save = optarg;
		else
			expect_option(&verb_attest, &s.e, c, optarg);
	}
	nonce_len = s.e.nonce.len;
	if (nonce_len != 0 && (nonce_len < HTTPS_NONCE_MIN || nonce_len > HTTPS_NONCE_MAX))
		verb_misuse(&verb_attest, "--nonce needs %d to %d bytes, twice as many hex digits",
		            HTTPS_NONCE_MIN, HTTPS_NONCE_MAX);
	if (optind != argc - 1)
		verb_misuse(&verb_attest, "needs one URL or TARGET");
	s.what = argv[optind];
	return attest(&s);
}

static const char help_text[] =
	"Asks an enclave for an attestation document over HTTPS and verifies it: its chain\n"
	"to the AWS Nitro root (G1) and its signature, that it answers a nonce that was\n"
	"just made, that it names the key of this very connection, and what it says about\n"
	"touches, which the log that the enclave shows must confirm. Exit status: 0\n"
	"accepted; 1 refused, with every reason; 2 it could not be done.\n"
	"\n"
	"URL is https://HOST[:PORT]; with a TARGET no gateway need run. Without\n"
	"--measurements or --pcr this proves genuine hardware and not which code runs\n"
	"there.\n"
	"\n" EXPECT_HELP
	"  --nonce HEX          the nonce to ask with, 16 to 64 bytes (32 random ones)\n"
	"  --save FILE          keep the document, accepted or not\n"
	"\n"
	"examples:\n"
	"  casemate attest https://enclave.example:8443 --measurements app.measurements.json\n"
	"  casemate attest web --allow-emulated\n";

const struct verb verb_attest = {
	.name = "attest",
	.summary = "ask an enclave who it is, and verify the answer",
	.usage = "URL|TARGET [options]",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = attest_main,
};
