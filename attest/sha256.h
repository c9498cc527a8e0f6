/* SHA-256 (FIPS 180-4), where others chose it: fingerprints of certificates.
 * Our own digests are base/sha384.h's. Wraps BearSSL.
 */
#ifndef ATTEST_SHA256_H
#define ATTEST_SHA256_H

#include "appliance/base/slice.h"

enum { SHA256_LEN = 32 };

void sha256_of(struct slice s, uint8_t out[SHA256_LEN]);

#endif
