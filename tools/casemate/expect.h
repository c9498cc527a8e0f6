/* What a document is to be like: the options that `verify` and `attest` share,
 * made into a policy for attest/verify.h.
 */
#ifndef TOOL_EXPECT_H
#define TOOL_EXPECT_H

#include "attest/verify.h"
#include "tools/casemate/verb.h"

enum {
	EXPECT_NONCE = 0x200, /* values of getopt_long(), beyond any letter */
	EXPECT_MEASUREMENTS,
	EXPECT_PCR,
	EXPECT_ROOT,
	EXPECT_MAX_AGE,
	EXPECT_UNTOUCHED,
	EXPECT_ALLOW_DEBUG,
	EXPECT_ALLOW_EMULATED,
	EXPECT_JSON,
};

/* Rows of a verb's table of options. */
#define EXPECT_OPTIONS                                                                             \
	{ "nonce", required_argument, NULL, EXPECT_NONCE },                                        \
		{ "measurements", required_argument, NULL, EXPECT_MEASUREMENTS },                  \
		{ "pcr", required_argument, NULL, EXPECT_PCR },                                    \
		{ "root", required_argument, NULL, EXPECT_ROOT },                                  \
		{ "max-age", required_argument, NULL, EXPECT_MAX_AGE },                            \
		{ "untouched", no_argument, NULL, EXPECT_UNTOUCHED },                              \
		{ "allow-debug", no_argument, NULL, EXPECT_ALLOW_DEBUG },                          \
		{ "allow-emulated", no_argument, NULL, EXPECT_ALLOW_EMULATED },                    \
	{                                                                                          \
		"json", no_argument, NULL, EXPECT_JSON                                             \
	}

/* Their part of the help text. */
#define EXPECT_HELP                                                                                \
	"  --measurements FILE  PCRs that it must have: the .measurements.json beside an\n"        \
	"                       image, or what nitro-cli prints\n"                                 \
	"  --pcr N=HEX          the same for one PCR, 0 to 31; may be given more than once\n"      \
	"  --untouched          refuse when anybody ran a command, moved files or controlled a\n"  \
	"                       service since boot, or nothing proves the contrary: only code\n"   \
	"                       that is known tells the truth, so it needs --measurements, and\n"  \
	"                       no debug mode\n"                                                   \
	"  --root FILE          the root certificate (PEM or DER) instead of AWS's\n"              \
	"  --max-age SECONDS    how old it may be (300)\n"                                         \
	"  --allow-debug        accept debug mode, in which PCR0-2 are zero\n"                     \
	"  --allow-emulated     accept the emulator's, WHICH ARE NOT SIGNED BY ANYBODY\n"          \
	"  --json               the result as one JSON object\n"

struct expect {
	struct verify_policy policy;
	bool json;
	uint8_t root[SHA256_LEN];
	struct slice nonce, public_key; /* with the policy's pointers to them */
	uint8_t nonce_bytes[DOCUMENT_FIELD_MAX];
	uint8_t public_key_bytes[DOCUMENT_FIELD_MAX];
};

/* Anything of the last 300 seconds is as expected. The policy points into *e. */
void expect_init(struct expect *e);

/* Takes the option c, one of the above, with its value. Ends the process when
 * that makes no sense or a file cannot be read, with STATUS_USAGE. */
void expect_option(const struct verb *v, struct expect *e, int c, const char *value);

/* A file's public key: PEM of one or of a certificate; or, of a file without any
 * PEM, the bytes as they are to be in the document. Ends the process likewise. */
void expect_public_key(const struct verb *v, struct expect *e, const char *path);

#endif
