#include "tools/casemate/lines.h"

bool lines_next(struct lines *l, struct slice *piece, uint64_t time_ns, struct slice *line)
{
	const uint8_t *newline;
	size_t n, room;

	if (l->given)
		l->len = 0;
	l->given = false;
	if (piece->len == 0)
		return false;
	if (l->len == 0)
		l->time_ns = time_ns;
	newline = memchr(piece->p, '\n', piece->len);
	n = newline != NULL ? (size_t)(newline - piece->p) + 1 : piece->len;
	room = LINES_MAX - l->len;
	if (n > room)
		n = room;
	memcpy(l->text + l->len, piece->p, n);
	l->len += n;
	*piece = slice_of(piece->p + n, piece->len - n);
	l->given = l->len == LINES_MAX || l->text[l->len - 1] == '\n';
	*line = slice_of(l->text, l->len);
	return l->given;
}

bool lines_rest(struct lines *l, struct slice *line)
{
	*line = slice_of(l->text, l->given ? 0 : l->len);
	l->given = true;
	return line->len > 0;
}
