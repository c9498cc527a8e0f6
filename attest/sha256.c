#include "attest/sha256.h"

#include <bearssl.h>

void sha256_of(struct slice s, uint8_t out[SHA256_LEN])
{
	br_sha256_context h;

	br_sha256_init(&h);
	br_sha256_update(&h, s.p, s.len);
	br_sha256_out(&h, out);
}
