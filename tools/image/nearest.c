#include "tools/image/nearest.h"

struct nearest nearest_of(struct slice word)
{
	return (struct nearest){ .word = word, .distance = NEAREST_MAX };
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Row i holds the distances of a's first i bytes to each beginning of b; three are
 * needed at a time. */
static size_t distance(struct slice a, struct slice b)
{
	size_t rows[3][NEAREST_MAX + 1];

	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			uint8_t x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);

			row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && y == lower(a.p[i - 2]))
				row[j] = least(row[j], twice[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

void nearest_try(struct nearest *n, struct slice candidate)
{
	size_t longer = n->word.len > candidate.len ? n->word.len : candidate.len;
	size_t d;

	if (longer > NEAREST_MAX || candidate.len == 0)
		return;
	d = distance(n->word, candidate);
	if (d * 3 > longer || d >= n->distance)
		return;
	n->best = candidate;
	n->distance = d;
}
