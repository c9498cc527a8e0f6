/* Starts another program. */
#ifndef TOOL_CHILD_H
#define TOOL_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

enum { CHILD_ARGS_MAX = 48 };

struct child {
	const char *argv[CHILD_ARGS_MAX + 1]; /* NULL-terminated; argv[0] is searched in PATH
	                                       * unless it has a slash */
	const char *dir;                      /* working directory, or NULL */
	int in, out, err;                     /* -1: /dev/null */
	int extra;                            /* becomes descriptor 3, or -1 */
	bool die_with_us;                     /* SIGKILL when the thread that starts it ends */
};

/* A child with nothing but a command's name. */
struct child child_of(const char *program);

/* Appends an argument; more than CHILD_ARGS_MAX end the process, since no
 * input decides how many there are. */
void child_arg(struct child *c, const char *arg);

/* -1 with errno when there is no process. A program that cannot be executed
 * says so on err and ends with 127. */
pid_t child_start(const struct child *c);

/* Waits for the end; the exit status, 128 and the signal, -1 with errno. */
int child_wait(pid_t pid);

/* A descriptor that is readable when pid has ended; -1 with errno. */
int child_fd(pid_t pid);

#endif
