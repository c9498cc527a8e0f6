#include "tools/casemate/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tools/casemate/report_json.h"
#include "tools/casemate/text.h"

enum { HEX_MAX = 2 * DOCUMENT_FIELD_MAX + 1, WHEN_MAX = 48 };

static const char row[] = "%-12s %s\n";

static void when(char out[WHEN_MAX], int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(out, WHEN_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(out, WHEN_MAX, "second %" PRId64, s);
}

static void banner(const struct report *r)
{
	if (r->result->emulated)
		printf("*****************************************************************\n"
		       "***  EMULATED: NOBODY SIGNED THIS. IT PROVES NOTHING AT ALL.  ***\n"
		       "*****************************************************************\n");
	if (!r->accepted)
		printf("What it says is not to be believed:\n");
}

static void print_made(const struct report *r)
{
	const struct verify_result *v = r->result;
	int64_t made_s = (int64_t)(v->document.timestamp_ms / 1000);
	char at[WHEN_MAX], until[WHEN_MAX], line[2 * WHEN_MAX + 64];

	printf("%-12s %.*s\n", "module", (int)v->document.module_id.len,
	       (const char *)v->document.module_id.p);
	when(at, made_s);
	printf(row, "made", at);
	when(until, v->valid_until_s);
	if (v->valid_until_s != 0) {
		snprintf(line, sizeof line, "%zu certificates, valid until %s",
		         v->document.certs + 1, until);
		printf(row, "chain", line);
	}
}

static bool is_zero(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != 0)
			return false;
	return true;
}

static const char *pcr_mark(const struct report *r, unsigned i)
{
	if (r->result->wrong_pcrs >> i & 1)
		return r->policy->pcrs >> i & 1 ? "  NOT AS EXPECTED" : "  MISSING";
	return r->policy->pcrs >> i & 1 ? "  as expected" : "";
}

/* Zero ones are left out, but for those that must not be, or were compared. */
static void print_pcrs(const struct report *r)
{
	const struct document *d = &r->result->document;

	for (unsigned i = 0; i < DOCUMENT_PCRS; i++) {
		char hex[2 * SHA384_LEN + 1] = "-", name[8];
		bool there = d->pcrs >> i & 1, wanted = (r->policy->pcrs | 7) >> i & 1;

		if (!wanted && (!there || is_zero(d->pcr[i])))
			continue;
		snprintf(name, sizeof name, "PCR%u", i);
		if (there)
			hex_put(hex, d->pcr[i]);
		printf("%-12s %s%s\n", name, hex, pcr_mark(r, i));
	}
}

static bool refused_for(const struct report *r, enum verify_reason reason)
{
	return r->result->reasons >> reason & 1;
}

static void print_bytes(const char *name, struct slice s, const char *mark)
{
	char hex[HEX_MAX] = "none";

	if (s.len > 0)
		hex_put(hex, s);
	printf("%-12s %s%s\n", name, hex, mark);
}

static void print_fields(const struct report *r)
{
	const struct document *d = &r->result->document;
	const char *key = r->policy->public_key == NULL       ? ""
	                  : refused_for(r, VERIFY_PUBLIC_KEY) ? "  NOT AS EXPECTED"
	                                                      : "  as expected";

	if (r->connection)
		printf(row, "TLS key",
		       refused_for(r, VERIFY_PUBLIC_KEY) ? "NOT THE ATTESTED ONE"
		                                         : "of this connection: attested");
	else
		print_bytes("public key", d->public_key, key);
	print_bytes("nonce", d->nonce,
	            r->policy->nonce == NULL       ? ""
	            : refused_for(r, VERIFY_NONCE) ? "  NOT AS EXPECTED"
	                                           : "  as expected");
	if (r->result->has_claims)
		printf(row, "purpose", claims_purpose(r->result->claims.purpose));
	else
		print_bytes("user data", d->user_data, "");
}

static void print_operation(struct slice record)
{
	struct touch_record t;
	char at[WHEN_MAX];

	if (touch_parse(record, &t) != RC_OK)
		return;
	when(at, (int64_t)t.time_s);
	printf("%-12s #%" PRIu64 " %s %.*s by %.*s: %.*s\n", "", t.number, at, (int)t.operation.len,
	       (const char *)t.operation.p, (int)t.user.len, (const char *)t.user.p,
	       (int)t.summary.len, (const char *)t.summary.p);
}

/* Behind the number of touches, and below it the last of them. */
static void print_log(const struct report *r)
{
	uint64_t touches = r->result->claims.touches, shown;

	if (r->log == NULL || refused_for(r, VERIFY_TOUCH_LOG)) {
		printf("%s\n", r->log == NULL ? "" : "; THE LOG IT SHOWS IS NOT THAT ONE");
		return;
	}
	printf("; the log agrees, ");
	if (r->log->first > 1)
		printf("the first %" PRIu64 " are not shown any more, ", r->log->first - 1);
	printf("it ends with\n");
	shown = r->log->records < REPORT_OPERATIONS ? r->log->records : REPORT_OPERATIONS;
	for (; shown > 0; shown--) {
		uint64_t at = (touches - shown + 1) % REPORT_OPERATIONS;

		print_operation(slice_of(r->log->last[at].bytes, r->log->last[at].len));
	}
}

static void print_touches(const struct report *r)
{
	const struct verify_result *v = r->result;
	uint64_t touches = v->claims.touches;

	if (!v->has_claims) {
		printf(row, "touches", "unknown: its user data is not that of this appliance");
	} else if (v->touch == VERIFY_TOUCH_NONE) {
		printf(row, "touches", "none since it booted");
	} else if (v->touch == VERIFY_TOUCH_SOME) {
		printf("%-12s %" PRIu64 " since it booted", "touches", touches);
		print_log(r);
	} else {
		printf("%-12s unknown: it claims %" PRIu64
		       ", but which code says so is not known (--measurements)",
		       "touches", touches);
		print_log(r);
	}
}

static void print_accepted(const struct report *r)
{
	if (r->result->emulated)
		printf(row, "verdict",
		       "accepted AS AN EMULATED ONE, because --allow-emulated says so");
	else
		printf("%-12s ACCEPTED: %s%s\n", "verdict",
		       r->policy->root == NULL ? "genuine hardware"
		                               : "what the root of --root vouches for",
		       r->result->code_known
		               ? " runs the expected image"
		               : "; WHICH CODE runs there was NOT compared (--measurements)");
}

static void print_verdict(const struct report *r)
{
	if (r->accepted) {
		print_accepted(r);
		return;
	}
	printf(row, "verdict", "REFUSED:");
	for (unsigned i = 0; i < VERIFY_REASONS; i++)
		if (refused_for(r, (enum verify_reason)i))
			printf("%-12s %s: %s\n", "", verify_name((enum verify_reason)i),
			       verify_sentence((enum verify_reason)i));
	if (r->result->document.foreign.len > 0) {
		char name[64];

		text_clean(name, sizeof name, (const char *)r->result->document.foreign.p,
		           r->result->document.foreign.len, false);
		printf("%-12s the field is %s\n", "", name);
	}
}

bool report_print(const struct report *r)
{
	bool parsed = r->result->rc == RC_OK;

	if (r->json) {
		report_json(r);
	} else {
		if (parsed) {
			banner(r);
			print_made(r);
			print_pcrs(r);
			print_fields(r);
			print_touches(r);
		}
		print_verdict(r);
	}
	if (fflush(stdout) == 0)
		return true;
	say("cannot write the result: %m");
	return false;
}
