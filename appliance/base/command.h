/* A command on its way to be executed: strings with their NULs, its user, and
 * the search for it in PATH. One a process, since its memory is static.
 *
 * What it is made of may be a peer's, and has been checked for NUL in it. After
 * command_prepare only system calls are made and only this memory is written,
 * so that it may be used between vfork(2) and the execution.
 */
#ifndef BASE_COMMAND_H
#define BASE_COMMAND_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	COMMAND_ARGS_MAX = 256,
	COMMAND_ENV_MAX = 257,       /* a request's and one of ours */
	COMMAND_BYTES_MAX = 1 << 17, /* all strings, each with its NUL */
};

/* argc of 1 to COMMAND_ARGS_MAX, of envc as many as COMMAND_ENV_MAX; an empty
 * cwd is "/". All is copied. RC_LIMIT: too long; RC_BAD: a variable is not
 * NAME=VALUE. */
RC_CHECK enum rc command_prepare(const struct slice *argv, size_t argc, const struct slice *env,
                                 size_t envc, struct slice cwd);

/* Becomes ids[0], of group ids[1] and the further n - 2, or nobody else for n =
 * 0; has the kernel send it end_signal (0: none) when its parent ends; enters its
 * working directory; executes it, looked for in the folders of its last PATH, else
 * the usual ones, unless its name has a slash. As a shell does, a file that is there
 * and may not be executed counts more than none.
 *
 * Returns with errno and what could not be done, as a verb to command_object();
 * NULL: execute it. Then ELIBACC: a file is there, but its interpreter is not. */
const char *command_run(const uint32_t *ids, size_t n, int end_signal);

/* The working directory if that is what failed, else the first argument. */
const char *command_object(void);

#endif
