/* The verifier's library at work on data that a script hands it:
 *
 *   verifier flips FILE TIME [ROOT]      every bit of the document flipped in turn
 *   verifier prefixes FILE TIME [ROOT]   every prefix of it, the whole included
 *   verifier rate FILE TIME SECONDS      documents verified in a second
 *   verifier ecdsa   lines "CURVE POINT MESSAGE SIGNATURE": 1 or 0 each
 *   verifier cose    lines "CURVE POINT EXTERNAL COSE": ALGORITHM and 1 or 0, or rc
 *   verifier cbor    lines of one item: the enum rc of reading it
 *
 * flips stops at a document's first reason (verify_policy.brief), else it would
 * check five signatures for each bit.
 *
 * ROOT is the root certificate's SHA-256; all bytes are hex, "-" for none. The
 * first two print how many were refused and accepted, and where the latter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attest/lcbor.h"
#include "attest/verify.h"
#include "attest/x509.h"

enum { HEX_MAX = 65536, WORKERS = 2 };

static uint8_t document[DOCUMENT_MAX];
static size_t document_len;
static uint8_t root[SHA256_LEN];
static struct verify_policy policy = { .max_age_s = INT32_MAX, .allow_debug = true };

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static int digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t unhex(const char *s, uint8_t *out, size_t max)
{
	size_t n = 0;

	if (strcmp(s, "-") == 0)
		return 0;
	for (; digit(s[0]) >= 0 && digit(s[1]) >= 0 && n < max; s += 2)
		out[n++] = (uint8_t)(digit(s[0]) << 4 | digit(s[1]));
	if (s[0] != '\0')
		die("not hex, or too much of it");
	return n;
}

static void load(int argc, char **argv)
{
	FILE *f = argc > 3 ? fopen(argv[2], "rb") : NULL;

	if (f == NULL)
		die("cannot open the document");
	document_len = fread(document, 1, sizeof document, f);
	fclose(f);
	policy.now_s = strtoll(argv[3], NULL, 10);
}

static void set_root(int argc, char **argv)
{
	if (argc > 4 && unhex(argv[4], root, sizeof root) == sizeof root)
		policy.root = root;
}

static bool accepted(const uint8_t *p, size_t n)
{
	struct verify_result r;

	return verify_document(slice_of(p, n), &policy, &r);
}

/* Bits number i, i + WORKERS, … ; prints one line, with those accepted. */
static void flip_some(size_t i)
{
	size_t refused = 0, wrong = 0;

	for (; i < document_len * 8; i += WORKERS) {
		uint8_t *byte = &document[i / 8], mask = (uint8_t)(1u << i % 8);

		*byte ^= mask;
		if (accepted(document, document_len)) {
			printf("accepted with bit %zu of byte %zu flipped\n", i % 8, i / 8);
			wrong++;
		} else {
			refused++;
		}
		*byte ^= mask;
	}
	printf("refused %zu accepted %zu\n", refused, wrong);
	fflush(stdout);
}

static int flips(void)
{
	int status, bad = 0;

	policy.brief = true;
	if (!accepted(document, document_len)) {
		printf("the document itself is refused\n");
		return 1;
	}
	fflush(stdout);
	for (size_t i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			flip_some(i);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}

static int prefixes(void)
{
	size_t refused = 0, wrong = 0;

	for (size_t n = 0; n <= document_len; n++) {
		uint8_t *copy = malloc(n + 1); /* so that a sanitizer sees its end */

		if (copy == NULL)
			die("malloc");
		memcpy(copy, document, n);
		if (accepted(copy, n))
			wrong++;
		else
			refused++;
		free(copy);
	}
	printf("refused %zu accepted %zu\n", refused, wrong);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int rate(int argc, char **argv)
{
	double seconds = argc > 4 ? strtod(argv[4], NULL) : 1, begin = now(), spent;
	unsigned n = 0;

	do {
		if (!accepted(document, document_len)) {
			printf("the document is refused\n");
			return 1;
		}
		n++;
		spent = now() - begin;
	} while (spent < seconds);
	printf("%.1f\n", n / spent);
	return 0;
}

static enum ecdsa_curve curve_of(const char *name)
{
	return strcmp(name, "P-384") == 0   ? ECDSA_P384
	       : strcmp(name, "P-256") == 0 ? ECDSA_P256
	                                    : ECDSA_NONE;
}

static void ecdsa_line(char **word, uint8_t (*b)[HEX_MAX / 2])
{
	struct slice s[3];

	for (int i = 0; i < 3; i++)
		s[i] = slice_of(b[i], unhex(word[i + 1], b[i], HEX_MAX / 2));
	printf("%d\n", ecdsa_verify(curve_of(word[0]), s[0], s[1], s[2]));
}

static void cose_line(char **word, uint8_t (*b)[HEX_MAX / 2])
{
	static uint8_t buf[HEX_MAX];
	struct wbuf tbs = wbuf_of(buf, sizeof buf);
	struct cose_sign1 c;
	struct slice s[3];
	int64_t algorithm;
	enum rc rc;

	for (int i = 0; i < 3; i++)
		s[i] = slice_of(b[i], unhex(word[i + 1], b[i], HEX_MAX / 2));
	rc = cose_parse(s[2], &c);
	if (rc == RC_OK)
		rc = cose_algorithm(&c, &algorithm);
	if (rc != RC_OK) {
		printf("rc %d\n", rc);
		return;
	}
	cose_put_tbs(&tbs, &c, s[1]);
	printf("%lld %d\n", (long long)algorithm,
	       ecdsa_verify(curve_of(word[0]), s[0], wbuf_slice(&tbs), c.signature));
}

static void item_line(char **word, uint8_t (*b)[HEX_MAX / 2])
{
	struct dcbor c = dcbor_of(slice_of(b[0], unhex(word[0], b[0], HEX_MAX / 2)));

	lcbor_skip(&c);
	printf("%d\n", dcbor_end(&c));
}

/* Lines of words, answered one by one. */
static int lines(int words, void (*answer)(char **word, uint8_t (*b)[HEX_MAX / 2]))
{
	static char line[4 * HEX_MAX];
	static uint8_t b[3][HEX_MAX / 2];
	char *word[4], *save;

	while (fgets(line, sizeof line, stdin) != NULL) {
		for (int i = 0; i < words; i++) {
			word[i] = strtok_r(i == 0 ? line : NULL, " \n", &save);
			if (word[i] == NULL)
				die("too few words in a line");
		}
		answer(word, b);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "ecdsa") == 0)
		return lines(4, ecdsa_line);
	if (strcmp(verb, "cose") == 0)
		return lines(4, cose_line);
	if (strcmp(verb, "cbor") == 0)
		return lines(1, item_line);
	load(argc, argv);
	if (strcmp(verb, "rate") == 0)
		return rate(argc, argv);
	set_root(argc, argv);
	if (strcmp(verb, "flips") == 0)
		return flips();
	if (strcmp(verb, "prefixes") == 0)
		return prefixes();
	return 2;
}
