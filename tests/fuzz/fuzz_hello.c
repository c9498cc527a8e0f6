/* A ClientHello: what is taken for one is one by a reader written a second time,
 * over its bytes without the records' heads; every shorter input is none. */
#include <ctype.h>
#include <stdlib.h>

#include "net/hello.h"

enum { MAX = 65536 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The message in its records; how many bytes of the input they take. */
static size_t join(struct slice in, uint8_t *message, size_t *len)
{
	size_t at = 0, want = 4;

	for (*len = 0; *len < want;) {
		size_t n = (size_t)in.p[at + 3] << 8 | in.p[at + 4];

		must(in.len - at > 5 && in.p[at] == 22 && in.len - at - 5 >= n);
		memcpy(message + *len, in.p + at + 5, n);
		*len += n;
		at += 5 + n;
		if (*len >= 4)
			want = 4 +
			       ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
	}
	must(*len == want);
	return at;
}

/* Where the name stands, once and nowhere else. */
static size_t find(const uint8_t *m, size_t len, size_t *name_len)
{
	size_t at = 4 + 34, found = 0;

	at += 1U + m[at];
	at += 2U + ((size_t)m[at] << 8 | m[at + 1]);
	at += 1U + m[at];
	must(((size_t)m[at] << 8 | m[at + 1]) == len - at - 2);
	for (at += 2; at < len;) {
		size_t n = (size_t)m[at + 2] << 8 | m[at + 3];

		if (m[at] == 0 && m[at + 1] == 0) {
			must(found == 0 && n >= 6 && m[at + 6] == 0);
			found = at + 9;
			*name_len = n - 5;
		}
		at += 4 + n;
	}
	must(at == len && found > 0);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t message[MAX], name[HELLO_NAME_MAX], again[HELLO_NAME_MAX];
	struct slice in = slice_of(data, size < MAX ? size : MAX);
	size_t len = 0, message_len, name_len = 0, used, at, ignored;
	enum rc rc = hello_name(in, name, &len);

	must(rc == RC_OK || rc == RC_MORE || rc == RC_BAD);
	if (rc != RC_OK)
		return 0;
	used = join(in, message, &message_len);
	at = find(message, message_len, &name_len);
	must(len == name_len && len > 0);
	for (size_t i = 0; i < len; i++)
		must(name[i] == (uint8_t)tolower(message[at + i]));
	must(hello_name(slice_of(in.p, used), again, &ignored) == RC_OK);
	must(hello_name(slice_of(in.p, used - 1), again, &ignored) == RC_MORE);
	return 0;
}
