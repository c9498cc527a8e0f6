/* What a document of ours says in user_data: deterministic CBOR, at most
 * CLAIMS_MAX bytes, put there by PID 1 alone.
 *
 * A map with unsigned keys:
 *
 *   1  version, 1
 *   2  purpose: text, "tls", "file" or "app"
 *   3  number of touches since boot, below 2^63
 *   4  head of the touch log's chain (attest/touch.h), 48 bytes
 *   5  root of the file hash tree, 48 bytes; left out when there is none
 *   6  SHA-384 of what was asked, 48 bytes; only with "file" and "app"
 *
 * This enclave says "tls" and neither 5 nor 6; who verifies reads all of it
 * (attest/claims_read.h).
 */
#ifndef ATTEST_CLAIMS_H
#define ATTEST_CLAIMS_H

#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum { CLAIMS_MAX = 512, CLAIMS_VERSION = 1 };

void claims_put(struct wbuf *w, uint64_t touches, const uint8_t head[SHA384_LEN]);

#endif
