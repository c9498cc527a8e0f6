/* User and group look-up: a specification, /etc/passwd and /etc/group of
 * anybody's, separated by NUL. */
#include <stdint.h>
#include <stdlib.h>

#include "channel/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes up to the next NUL, or all. */
static struct slice part(struct slice *in)
{
	const uint8_t *nul = in->len > 0 ? memchr(in->p, 0, in->len) : NULL;
	struct slice s = slice_of(in->p, nul ? (size_t)(nul - in->p) : in->len);
	size_t taken = s.len + (nul != NULL);

	*in = slice_of(in->p + taken, in->len - taken);
	return s;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct user *u)
{
	must(u->idc >= 2 && u->idc <= REQUEST_IDS_MAX);
	for (size_t i = 0; i < u->idc; i++)
		must(u->ids[i] <= INT32_MAX);
	must(u->home.len > 0 && u->home.len <= USER_WORD_MAX);
	must(!memchr(u->home.p, 0, u->home.len));
	must(u->name.len <= USER_WORD_MAX);
	must(u->name.len == 0 || !memchr(u->name.p, 0, u->name.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct user u;
	struct slice in = slice_of(data, size), spec = part(&in), passwd = part(&in);
	bool group;

	if (user_numbers(spec, &u)) {
		check(&u);
		must(u.idc == 2);
	}
	if (user_find(spec, passwd, in, &u, &group) == RC_OK) /* a NUL in `in` is part of it */
		check(&u);
	return 0;
}
