#include "tools/casemate/report_json.h"

#include <inttypes.h>
#include <stdio.h>

static void put_hex(const char *name, struct slice s)
{
	char hex[2 * DOCUMENT_FIELD_MAX + 1] = "";

	hex_put(hex, s);
	printf(",\"%s\":\"%s\"", name, hex);
}

/* Printable ASCII. */
static void put_text(const char *name, struct slice s)
{
	printf("\"%s\":\"", name);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			putchar('\\');
		putchar(s.p[i]);
	}
	putchar('"');
}

static void put_reasons(const struct verify_result *v)
{
	const char *comma = "";

	printf(",\"reasons\":[");
	for (unsigned i = 0; i < VERIFY_REASONS; i++) {
		if (!(v->reasons >> i & 1))
			continue;
		printf("%s\"%s\"", comma, verify_name((enum verify_reason)i));
		comma = ",";
	}
	printf("]");
}

static void put_pcrs(const struct document *d)
{
	char hex[2 * SHA384_LEN + 1];
	const char *comma = "";

	printf(",\"pcrs\":{");
	for (unsigned i = 0; i < DOCUMENT_PCRS; i++) {
		if (!(d->pcrs >> i & 1))
			continue;
		hex_put(hex, d->pcr[i]);
		printf("%s\"%u\":\"%s\"", comma, i, hex);
		comma = ",";
	}
	printf("}");
}

static void put_operation(struct slice record, const char *comma)
{
	struct touch_record t;

	if (touch_parse(record, &t) != RC_OK)
		return;
	printf("%s{\"number\":%" PRIu64 ",\"time\":%" PRIu64 ",", comma, t.number, t.time_s);
	put_text("operation", t.operation);
	printf(",");
	put_text("user", t.user);
	printf(",");
	put_text("summary", t.summary);
	put_hex("digest", t.digest);
	printf("}");
}

static void put_touches(const struct report *r)
{
	static const char *const words[] = { "unknown", "none", "touched" };
	const struct verify_result *v = r->result;
	bool agrees = r->log != NULL && !(v->reasons >> VERIFY_TOUCH_LOG & 1);
	const char *comma = "";
	uint64_t shown = 0;

	printf(",\"touch\":\"%s\"", words[v->touch]);
	if (!v->has_claims) {
		printf(",\"purpose\":null,\"touches\":null");
		return;
	}
	printf(",\"purpose\":\"%s\",\"touches\":%" PRIu64, claims_purpose(v->claims.purpose),
	       v->claims.touches);
	put_hex("head", slice_of(v->claims.head, sizeof v->claims.head));
	if (agrees) {
		printf(",\"first\":%" PRIu64, r->log->first);
		shown = r->log->records < REPORT_OPERATIONS ? r->log->records : REPORT_OPERATIONS;
	} else {
		printf(",\"first\":null");
	}
	printf(",\"operations\":[");
	for (; shown > 0; shown--, comma = ",") {
		uint64_t at = (v->claims.touches - shown + 1) % REPORT_OPERATIONS;

		put_operation(slice_of(r->log->last[at].bytes, r->log->last[at].len), comma);
	}
	printf("]");
}

static void put_document(const struct report *r)
{
	const struct verify_result *v = r->result;
	const struct document *d = &v->document;

	printf(",\"emulated\":%s,\"debug\":%s,\"code\":\"%s\",", v->emulated ? "true" : "false",
	       v->debug ? "true" : "false", v->code_known ? "expected" : "not compared");
	put_text("module_id", d->module_id);
	printf(",\"timestamp_ms\":%" PRIu64, d->timestamp_ms);
	if (v->valid_until_s != 0)
		printf(",\"valid_until\":%" PRId64, v->valid_until_s);
	else
		printf(",\"valid_until\":null");
	put_pcrs(d);
	put_hex("public_key", d->public_key);
	put_hex("nonce", d->nonce);
	put_hex("user_data", d->user_data);
	printf(",\"tls_key\":%s", !r->connection                        ? "null"
	                          : v->reasons >> VERIFY_PUBLIC_KEY & 1 ? "\"other\""
	                                                                : "\"attested\"");
	put_touches(r);
}

void report_json(const struct report *r)
{
	printf("{\"accepted\":%s", r->accepted ? "true" : "false");
	put_reasons(r->result);
	if (r->result->rc == RC_OK)
		put_document(r);
	printf("}\n");
}
