/* A folder's /etc/passwd and /etc/group, as its programs will find them in the
 * enclave: symbolic links lead to where they will lead there, and not out of it.
 */
#ifndef IMAGE_USERS_H
#define IMAGE_USERS_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

struct users {
	struct slice passwd, group; /* empty where there is no such file */
	uint8_t *text[2];           /* their memory */
};

/* Prints its errors: a file that cannot be read, that is none or is longer than 4
 * MiB. u is all zeros before, and is to be freed in any case. */
RC_CHECK enum rc users_read(struct users *u, const char *folder);
void users_free(struct users *u);

/* Opens a path as a program of the enclave would, with open(2)'s flags: a descriptor, or -1
 * and errno. */
int users_open_in(int folder, const char *path, int flags);

#endif
