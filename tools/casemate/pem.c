#include "tools/casemate/pem.h"

#include <stdio.h>

#include "tools/casemate/base64.h"

enum { LABEL_MAX = 64, BASE64_MAX = 16384 };

/* Behind the first line that is word; false when there is none. *before, if
 * not NULL, is what lies in front of it. */
static bool find(struct slice *text, const char *word, struct slice *before)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text->len; i++) {
		if ((i > 0 && text->p[i - 1] != '\n') || memcmp(text->p + i, word, n) != 0)
			continue;
		if (before != NULL)
			*before = slice_of(text->p, i);
		*text = slice_of(text->p + i + n, text->len - i - n);
		return true;
	}
	return false;
}

enum rc pem_read(struct slice text, const char *label, struct wbuf *w)
{
	char begin[LABEL_MAX], end[LABEL_MAX];
	uint8_t buf[BASE64_MAX];
	struct wbuf letters = wbuf_of(buf, sizeof buf);
	struct slice body;

	snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
	snprintf(end, sizeof end, "-----END %s-----", label);
	if (!find(&text, begin, NULL))
		return RC_ABSENT;
	if (!find(&text, end, &body))
		return RC_BAD;
	for (size_t i = 0; i < body.len; i++)
		if (body.p[i] == '\0' || strchr(" \t\r\n", body.p[i]) == NULL)
			wbuf_u8(&letters, body.p[i]);
	return letters.over ? RC_LIMIT : base64_read(wbuf_slice(&letters), w);
}
