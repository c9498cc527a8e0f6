#include "tools/image/digest.h"

static const char prefix[] = "sha256:";

void digest_init(struct digest *d)
{
	br_sha256_init(&d->br);
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	br_sha256_update(&d->br, p, n);
}

void digest_final(const struct digest *d, uint8_t out[DIGEST_LEN])
{
	br_sha256_out(&d->br, out);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_parse(const char *text, uint8_t out[DIGEST_LEN])
{
	if (strlen(text) != DIGEST_TEXT_MAX - 1 || strncmp(text, prefix, sizeof prefix - 1) != 0)
		return false;
	text += sizeof prefix - 1;
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void digest_print(const uint8_t digest[DIGEST_LEN], char out[DIGEST_TEXT_MAX])
{
	memcpy(out, prefix, sizeof prefix - 1);
	hex_put(out + sizeof prefix - 1, slice_of(digest, DIGEST_LEN));
}
