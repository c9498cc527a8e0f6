/* casemate verify: is an attestation document in a file to be believed? */

#include "appliance/base/io.h"
#include "tools/casemate/expect.h"
#include "tools/casemate/report.h"
#include "tools/casemate/text.h"

enum { OPT_TIME = 256, OPT_PUBLIC_KEY };

/* A byte longer, so that a document that is too long is refused as one. */
static uint8_t document[DOCUMENT_MAX + 1];

static bool load(const char *path, size_t *len)
{
	enum rc rc = io_read_file(path, document, sizeof document, len);

	if (rc == RC_LIMIT) {
		*len = sizeof document;
		return true;
	}
	if (rc != RC_OK)
		say("cannot read %s: %m", path);
	return rc == RC_OK;
}

static void parse(int argc, char **argv, struct expect *e)
{
	static const struct option longs[] = {
		{ "time", required_argument, NULL, OPT_TIME },
		{ "public-key", required_argument, NULL, OPT_PUBLIC_KEY },
		{ "help", no_argument, NULL, 'h' },
		EXPECT_OPTIONS,
		{ 0 },
	};
	uint32_t n;
	int c;

	expect_init(e);
	while ((c = verb_option(&verb_verify, argc, argv, ":h", longs)) != -1) {
		if (c == OPT_PUBLIC_KEY)
			expect_public_key(&verb_verify, e, optarg);
		else if (c != OPT_TIME)
			expect_option(&verb_verify, e, c, optarg);
		else if (text_number(optarg, 0, UINT32_MAX, &n))
			e->policy.now_s = n;
		else
			verb_misuse(&verb_verify, "--time needs seconds since 1970");
	}
	if (optind != argc - 1)
		verb_misuse(&verb_verify, "needs one document");
}

static int verify_main(int argc, char **argv)
{
	static struct expect e;
	static struct verify_result result;
	struct report report = { .policy = &e.policy, .result = &result };
	size_t len;

	parse(argc, argv, &e);
	if (!load(argv[optind], &len))
		return STATUS_USAGE;
	report.json = e.json;
	report.accepted = verify_document(slice_of(document, len), &e.policy, &result);
	if (!report_print(&report))
		return STATUS_USAGE;
	return report.accepted ? STATUS_OK : STATUS_FAILED;
}

static const char help_text[] =
	"Verifies an attestation document, as `casemate attest --save` or anything else\n"
	"that asked a Nitro enclave for one has kept it: COSE_Sign1, not in base64. Its\n"
	"chain must end in the AWS Nitro root (G1) and be valid. Exit status: 0 accepted;\n"
	"1 refused, with every reason; 2 it could not be done.\n"
	"\n"
	"Without --measurements or --pcr this proves genuine hardware and not which code\n"
	"runs there; without --nonce, not that it was made for you.\n"
	"\n" EXPECT_HELP "  --nonce HEX          the nonce that it must have\n"
	"  --public-key FILE    the public key that it must have, PEM (of a certificate, too)\n"
	"                       or the bytes themselves\n"
	"  --time UNIX          verify as of that second since 1970 (now)\n"
	"\n"
	"examples:\n"
	"  casemate verify doc.cbor --measurements app.measurements.json --max-age 3600\n"
	"  casemate verify doc.cbor --time 1766678659 --json\n";

const struct verb verb_verify = {
	.name = "verify",
	.summary = "verify an attestation document in a file",
	.usage = "DOC [options]",
	.help = help_text,
	.usage_status = STATUS_USAGE,
	.run = verify_main,
};
