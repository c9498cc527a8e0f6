#include "appliance/base/sha384.h"

void sha384_init(struct sha384 *h)
{
	br_sha384_init(&h->br);
}

void sha384_update(struct sha384 *h, const void *p, size_t n)
{
	br_sha384_update(&h->br, p, n);
}

void sha384_final(const struct sha384 *h, uint8_t out[SHA384_LEN])
{
	br_sha384_out(&h->br, out);
}

void sha384_of(const void *p, size_t n, uint8_t out[SHA384_LEN])
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, p, n);
	sha384_final(&h, out);
}

void sha384_extend(uint8_t value[SHA384_LEN], const void *p, size_t n)
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, value, SHA384_LEN);
	sha384_update(&h, p, n);
	sha384_final(&h, value);
}
