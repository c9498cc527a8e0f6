/* What a service prints arrives in pieces, as it was read; this puts lines
 * together again, those of one stream of one service. Pure.
 *
 * A line longer than LINES_MAX is given out in parts of that size.
 *
 *     while (lines_next(&l, &piece, time_ns, &line)) …
 *     if (lines_rest(&l, &line)) …     what has no newline yet
 */
#ifndef TOOL_LINES_H
#define TOOL_LINES_H

#include "appliance/base/slice.h"

enum { LINES_MAX = 16384 };

struct lines {            /* all zero: empty */
	uint64_t time_ns; /* of the first byte of the line that was given out last */
	size_t len;
	bool given; /* what is in text was given out */
	uint8_t text[LINES_MAX];
};

/* Takes bytes off *piece, which came at time_ns, up to the end of a line. True:
 * *line is whole, with its newline, or LINES_MAX bytes of it; it lives until the
 * next call. False: the piece is used up. */
bool lines_next(struct lines *l, struct slice *piece, uint64_t time_ns, struct slice *line);

/* True: *line is what has come of an unfinished line, which is then forgotten. */
bool lines_rest(struct lines *l, struct slice *line);

#endif
