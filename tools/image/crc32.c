#include "tools/image/crc32.h"

void crc32_init(struct crc32 *c)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ ((v & 1) ? 0xEDB88320u : 0);
		c->table[0][i] = v;
	}
	for (int t = 1; t < 8; t++)
		for (int i = 0; i < 256; i++) {
			uint32_t v = c->table[t - 1][i];

			c->table[t][i] = v >> 8 ^ c->table[0][v & 0xff];
		}
	c->state = 0xFFFFFFFFu;
}

static uint32_t step8(const struct crc32 *c, uint32_t v, const uint8_t *p)
{
	v ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return c->table[7][v & 0xff] ^ c->table[6][v >> 8 & 0xff] ^ c->table[5][v >> 16 & 0xff] ^
	       c->table[4][v >> 24] ^ c->table[3][p[4]] ^ c->table[2][p[5]] ^ c->table[1][p[6]] ^
	       c->table[0][p[7]];
}

void crc32_update(struct crc32 *c, struct slice s)
{
	uint32_t v = c->state;

	for (; s.len >= 8; s.p += 8, s.len -= 8)
		v = step8(c, v, s.p);
	for (; s.len > 0; s.p++, s.len--)
		v = v >> 8 ^ c->table[0][(v ^ *s.p) & 0xff];
	c->state = v;
}

uint32_t crc32_value(const struct crc32 *c)
{
	return c->state ^ 0xFFFFFFFFu;
}
