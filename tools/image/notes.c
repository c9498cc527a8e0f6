#include "tools/image/notes.h"

#include <stdio.h>

#include "tools/image/fail.h"

void notes_add(struct notes *n, unsigned line, unsigned column, const char *fmt, va_list ap)
{
	char *text;
	int used = 0;

	if (n->n++ >= NOTES_MAX)
		return;
	text = n->text[n->n - 1];
	if (line > 0)
		used = snprintf(text, NOTE_MAX / 2, "%s:%u:%u: ", n->file, line, column);
	/* A file's name may be as long as a path: its place matters more. */
	if (used >= NOTE_MAX / 2)
		used = snprintf(text, NOTE_MAX / 2, "manifest:%u:%u: ", line, column);
	vsnprintf(text + used, (size_t)(NOTE_MAX - used), fmt, ap);
}

void notes_print(const struct notes *n)
{
	for (size_t i = 0; i < n->n && i < NOTES_MAX; i++)
		fail(RC_BAD, "%s", n->text[i]);
	if (n->n > NOTES_MAX)
		fail(RC_BAD, "%s: %zu more errors are not shown", n->file, n->n - NOTES_MAX);
}
