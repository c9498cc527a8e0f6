/* The chain of certificates from the pinned root to the one that signed a
 * document. Part of attest/verify.h; pure, its input hostile.
 */
#ifndef ATTEST_VERIFY_CHAIN_H
#define ATTEST_VERIFY_CHAIN_H

#include "attest/verify.h"
#include "attest/x509.h"

enum { CHAIN_MAX = DOCUMENT_CERTS + 1 };

struct chain {
	size_t last; /* index of the document's own; the root is 0 */
	struct x509 cert[CHAIN_MAX];
	int64_t valid_until_s; /* when the first of them expires */
};

/* Takes d's cabundle and certificate apart into *c and checks all that costs
 * little, at now_s. The result is a set of verify_reason; *c is empty when
 * VERIFY_CERTIFICATE is among them. */
uint32_t verify_chain(const struct document *d, const uint8_t root[SHA256_LEN], int64_t now_s,
                      struct chain *c);

/* Is each signed by the one before it? */
bool verify_chain_signatures(const struct chain *c);

#endif
