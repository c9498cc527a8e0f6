/* How many attestation documents the verifier judges in a second, on one core.
 *
 *   verify DOCUMENT ROOT SECONDS     ROOT is a certificate, DER
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "appliance/base/io.h"
#include "attest/verify.h"

static struct slice load(const char *path, uint8_t *buf, size_t size)
{
	FILE *f = fopen(path, "rbe");
	size_t n = f ? fread(buf, 1, size, f) : 0;

	if (n == 0 || n == size) {
		fprintf(stderr, "verify: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return slice_of(buf, n);
}

int main(int argc, char **argv)
{
	static uint8_t document_bytes[DOCUMENT_MAX], root_bytes[4096];
	uint8_t root[SHA256_LEN];
	int64_t begin, end;
	unsigned long n = 0;

	if (argc != 4)
		return 2;
	struct slice document = load(argv[1], document_bytes, sizeof document_bytes);
	struct slice der = load(argv[2], root_bytes, sizeof root_bytes);

	sha256_of(der, root);
	struct verify_policy policy = {
		.now_s = time(NULL),
		.max_age_s = VERIFY_MAX_AGE_S,
		.root = root,
		.claims = true,
		.purpose = PURPOSE_TLS,
	};
	begin = clock_mono_ms();
	end = begin + atol(argv[3]) * 1000;
	do {
		struct verify_result r;

		if (!verify_document(document, &policy, &r)) {
			fprintf(stderr, "verify: refused, reasons %#x\n", r.reasons);
			return 1;
		}
		n++;
	} while (clock_mono_ms() < end);
	printf("%.1f\n", (double)n * 1000 / (double)(clock_mono_ms() - begin));
	return 0;
}
