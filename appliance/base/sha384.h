/* SHA-384 (FIPS 180-4), the one digest of the project: the NSM's registers
 * use it, and on 64-bit processors it is faster than SHA-256 in portable C.
 * Wraps BearSSL.
 */
#ifndef BASE_SHA384_H
#define BASE_SHA384_H

#include <stddef.h>
#include <stdint.h>

#include <bearssl.h>

enum { SHA384_LEN = 48 };

struct sha384 {
	br_sha384_context br;
};

void sha384_init(struct sha384 *h);
void sha384_update(struct sha384 *h, const void *p, size_t n);
/* May be called at any time; h can go on afterwards. */
void sha384_final(const struct sha384 *h, uint8_t out[SHA384_LEN]);

/* Of n bytes at once. */
void sha384_of(const void *p, size_t n, uint8_t out[SHA384_LEN]);

/* value becomes SHA-384(value ‖ n bytes at p): an extension, as of a register. */
void sha384_extend(uint8_t value[SHA384_LEN], const void *p, size_t n);

#endif
