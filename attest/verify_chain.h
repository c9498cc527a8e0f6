/* The chain of certificates from the pinned root to the one that signed a
 * document. Part of attest/verify.h; pure, its input hostile.
 */
#ifndef ATTEST_VERIFY_CHAIN_H
#define ATTEST_VERIFY_CHAIN_H

#include "attest/verify.h"
#include "attest/x509.h"

/* Checks d's cabundle and certificate at now_s. The result is a set of
 * verify_reason; *leaf is the parsed certificate unless VERIFY_CERTIFICATE is
 * among them, *valid_until_s when the first of the chain expires. */
uint32_t verify_chain(const struct document *d, const uint8_t root[SHA256_LEN], int64_t now_s,
                      struct x509 *leaf, int64_t *valid_until_s);

#endif
