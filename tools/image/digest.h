/* SHA-256 (FIPS 180-4) of what comes in pieces: the digests of container images.
 * Our own are base/sha384.h's. Wraps BearSSL.
 */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include <bearssl.h>

#include "appliance/base/slice.h"

enum {
	DIGEST_LEN = 32,
	DIGEST_TEXT_MAX = 7 + 2 * DIGEST_LEN + 1, /* "sha256:", hex, NUL */
};

struct digest {
	br_sha256_context br;
};

void digest_init(struct digest *d);
void digest_update(struct digest *d, const void *p, size_t n);
/* May be called at any time; d can go on afterwards. */
void digest_final(const struct digest *d, uint8_t out[DIGEST_LEN]);

/* "sha256:" and 64 lower-case hexadecimal digits; nothing else is read. */
bool digest_parse(const char *text, uint8_t out[DIGEST_LEN]);
void digest_print(const uint8_t digest[DIGEST_LEN], char out[DIGEST_TEXT_MAX]);

#endif
