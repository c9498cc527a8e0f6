/* What is wrong with a file that people write, each thing with its place, so that
 * one run tells all of it.
 *
 * A value of the file in a message is anybody's: SHOW() bounds it, whoever prints
 * the notes takes control bytes out (fail.h does).
 */
#ifndef IMAGE_NOTES_H
#define IMAGE_NOTES_H

#include <stdarg.h>

#include "appliance/base/slice.h"

enum {
	NOTES_MAX = 20,  /* further ones are only counted */
	NOTE_MAX = 1024, /* bytes of one, with its NUL; what is longer is cut */
	SHOW_MAX = 80,   /* bytes of a value that are shown */
};

struct notes {
	const char *file;               /* its name, kept by pointer */
	size_t n;                       /* how many there were */
	char text[NOTES_MAX][NOTE_MAX]; /* FILE:LINE:COLUMN: what */
};

/* line 0: without a place, and without the file. */
void notes_add(struct notes *n, unsigned line, unsigned column, const char *fmt, va_list ap);

/* Prints all of them with fail(), and how many were left out. */
void notes_print(const struct notes *n);

/* For "%.*s". */
#define SHOW(s) (int)((s).len < SHOW_MAX ? (s).len : SHOW_MAX), (const char *)(s).p

#endif
