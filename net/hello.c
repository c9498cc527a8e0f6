#include "net/hello.h"

#include <ctype.h>

/* Wire layout:
 *
 *   record     22, 3, any, length (2); what they hold, together, is
 *   handshake  1, length (3):
 *     version (2), random (32), session <1>, suites <2>, compressions <1>,
 *     extensions <2>: type (2), data <2>; of type 0
 *       list <2>: 0, name <2>
 *
 * where <n> is n bytes of length and as many bytes. */
enum {
	RECORD_HEAD = 5,
	RECORD_MAX = 16384,
	HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	FIXED = 2 + 32,
	SERVER_NAME = 0,
	LIST_HEADS = 2 + 1 + 2, /* around a name */
};

struct hello {
	struct slice in;
	size_t record; /* left of this record */
	size_t left;   /* of the message */
	enum rc rc;
};

static void fail(struct hello *h, enum rc rc)
{
	if (h->rc == RC_OK)
		h->rc = rc;
}

static void next_record(struct hello *h)
{
	struct slice s;

	if (!slice_take(&h->in, RECORD_HEAD, &s)) {
		fail(h, RC_MORE);
		return;
	}
	h->record = (size_t)s.p[3] << 8 | s.p[4];
	if (s.p[0] != HANDSHAKE || s.p[1] != 3 || h->record == 0 || h->record > RECORD_MAX)
		fail(h, RC_BAD);
}

/* The next n bytes as a number, when it is one; 0 after an error. */
static size_t number(struct hello *h, size_t n)
{
	size_t v = 0;

	while (n-- > 0) {
		if (h->left == 0)
			fail(h, RC_BAD);
		if (h->rc == RC_OK && h->record == 0)
			next_record(h);
		if (h->rc == RC_OK && h->in.len == 0)
			fail(h, RC_MORE);
		if (h->rc != RC_OK)
			return 0;
		v = v << 8 | *h->in.p++;
		h->in.len--;
		h->record--;
		h->left--;
	}
	return v;
}

static void server_name(struct hello *h, size_t n, uint8_t *name, size_t *len)
{
	if (*len > 0 || n <= LIST_HEADS || n > LIST_HEADS + HELLO_NAME_MAX ||
	    number(h, 2) != n - 2 || number(h, 1) != 0 || number(h, 2) != n - LIST_HEADS)
		fail(h, RC_BAD);
	while (h->rc == RC_OK && *len < n - LIST_HEADS)
		name[(*len)++] = (uint8_t)tolower((int)number(h, 1));
}

static void extension(struct hello *h, uint8_t *name, size_t *len)
{
	size_t type = number(h, 2), n = number(h, 2);

	if (type == SERVER_NAME && h->rc == RC_OK)
		server_name(h, n, name, len);
	else
		(void)number(h, n);
}

enum rc hello_name(struct slice in, uint8_t name[HELLO_NAME_MAX], size_t *len)
{
	struct hello h = { .in = in, .left = 4 };

	*len = 0;
	if (number(&h, 1) != CLIENT_HELLO)
		fail(&h, RC_BAD);
	h.left = number(&h, 3);
	(void)number(&h, FIXED);
	for (size_t i = 0; i < 3; i++)
		(void)number(&h, number(&h, i == 1 ? 2 : 1));
	if (number(&h, 2) != h.left)
		fail(&h, RC_BAD);
	while (h.rc == RC_OK && h.left > 0)
		extension(&h, name, len);
	/* No other message begins in its last record: keys may change there. */
	if (*len == 0 || h.record > 0)
		fail(&h, RC_BAD);
	return h.rc;
}
