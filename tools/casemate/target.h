/* TARGET: which enclave is meant, as it is written on the command line.
 *
 *   NAME          of `casemate run`
 *   vsock:CID     AF_VSOCK
 *   unix:PATH     the hybrid socket of vhost-device-vsock, Firecracker, …
 *
 * With a path behind it TARGET:PATH; a unix:PATH then ends at the next colon.
 */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "appliance/base/rc.h"

enum { TARGET_MAX = 128 }; /* bytes: sun_path has 108 */

enum target_kind { TARGET_NAME, TARGET_VSOCK, TARGET_UNIX };

struct target {
	enum target_kind kind;
	uint32_t cid;          /* vsock */
	char text[TARGET_MAX]; /* as written: for messages, and NAME itself */
};

/* False, after saying why, when s is no TARGET. */
bool target_parse(const char *s, struct target *t);

/* Splits TARGET:PATH; *path points into s and is never empty. */
bool target_parse_path(const char *s, struct target *t, const char **path);

bool target_equal(const struct target *a, const struct target *b);

/* Connects to a port of it, silently: as dial.h, and RC_ABSENT when there is no
 * enclave of that name. */
RC_CHECK enum rc target_connect(const struct target *t, uint32_t port, int *fd);

/* Of target_connect, errno as it left it: there is somebody's machine, and nobody in
 * it takes connections there. */
bool target_nobody(enum rc rc);

/* Says why target_connect() did not. */
void target_say_failure(const struct target *t, uint32_t port, enum rc rc);

/* Both; -1 after saying why not. */
int target_dial(const struct target *t, uint32_t port);

#endif
