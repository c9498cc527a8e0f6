/* The hybrid socket's answer, as it grows byte by byte: wanted more of until it
 * is an answer or cannot become one, and then for good. */
#include <stdlib.h>

#include "channel/dial.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The verdict on n bytes that lie in memory of just that size. */
static enum rc verdict(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	enum rc rc;

	must(copy != NULL);
	memcpy(copy, data, n);
	rc = dial_answer(slice_of(copy, n));
	free(copy);
	return rc;
}

/* The longest start of an answer that data has; *whole: its newline is there. */
static size_t expected(const uint8_t *data, size_t size, bool *whole)
{
	size_t n = 0;

	for (*whole = false; n < size && n < DIAL_ANSWER_MAX && !*whole; n++) {
		if (n < 3 ? data[n] == "OK "[n] : data[n] >= '0' && data[n] <= '9')
			continue;
		if (n <= 3 || data[n] != '\n')
			break;
		*whole = true;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t last = size < 2 * DIAL_ANSWER_MAX ? size : 2 * DIAL_ANSWER_MAX;
	bool whole;
	size_t good = expected(data, size, &whole);

	for (size_t n = 0; n <= last; n++) {
		if (n == good && whole)
			must(verdict(data, n) == RC_OK);
		else if (n <= good && n < DIAL_ANSWER_MAX)
			must(verdict(data, n) == RC_MORE);
		else
			must(verdict(data, n) == RC_BAD);
	}
	must(size <= last || verdict(data, size) == RC_BAD);
	return 0;
}
