/* Whom `exec -u` means: USER or UID, either with :GROUP or :GID, by the
 * enclave's own /etc/passwd and /etc/group.
 *
 * Pure. The specification is the operator's, the texts are the enclave's, which
 * is not believed: a line that is not well formed is skipped, a text that is
 * empty names nobody.
 *
 * As docker: a name is looked for first, then a number up to 2^31-1, which need
 * not be in a text. Without a group it is the user's own (0 for one that has no
 * line), and the supplementary groups are those whose lines name the user; with
 * one, that alone. Only UID:GID, both numbers, is taken as it is.
 */
#ifndef CHANNEL_USER_H
#define CHANNEL_USER_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"
#include "channel/message.h"

enum { USER_WORD_MAX = 1024 }; /* bytes of a name or a home directory */

struct user {
	size_t idc; /* at least 2 */
	uint32_t ids[REQUEST_IDS_MAX];
	struct slice name; /* len 0: not known */
	struct slice home; /* never empty; both without NUL, 1 to USER_WORD_MAX bytes */
};

/* root, as exec has it without -u. */
void user_root(struct user *u);

/* Is it UID:GID? Then u is set and nothing is to be looked up. */
bool user_numbers(struct slice spec, struct user *u);

/* RC_OK: u is set, its slices point into passwd. RC_ABSENT: no such user or,
 * with *group set, no such group; RC_BAD: spec is malformed; RC_LIMIT: the user
 * is in more groups than a request can name. */
RC_CHECK enum rc user_find(struct slice spec, struct slice passwd, struct slice groups,
                           struct user *u, bool *group);

#endif
