#include "tools/image/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"

/* An image, the file system that goes into it or the four files beside it, and an
 * archive unpacked. */
enum { OUTFILES_MAX = 6 };

static struct outfile *volatile opened[OUTFILES_MAX];

static void remove_all(void)
{
	for (int i = 0; i < OUTFILES_MAX; i++)
		if (opened[i] != NULL)
			unlink(opened[i]->temporary);
}

static void on_signal(int sig)
{
	static const char changed[] = "casemate-image: a file became shorter while it was read\n";

	remove_all();
	if (sig == SIGBUS) {
		if (write(STDERR_FILENO, changed, sizeof changed - 1) < 0) {
			/* nowhere left to complain */
		}
		_exit(1);
	}
	raise(sig); /* SA_RESETHAND: ends the program as soon as we return */
}

void outfile_init(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGBUS };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &sa, NULL);
	/* A reader of our output that goes away must be an error, not an end. */
	signal(SIGPIPE, SIG_IGN);
}

/* Signals are held back between the file's creation and its registration. */
static int create(struct outfile *of)
{
	sigset_t all, old;
	int slot = 0;

	while (slot < OUTFILES_MAX - 1 && opened[slot] != NULL)
		slot++;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	of->fd = mkostemp(of->temporary, O_CLOEXEC);
	if (of->fd >= 0)
		opened[slot] = of;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return of->fd;
}

enum rc outfile_open(struct outfile *of, const char *path)
{
	enum rc rc = outfile_scratch(of, path);

	of->path = path;
	return rc;
}

enum rc outfile_scratch(struct outfile *of, const char *beside)
{
	*of = (struct outfile){ .fd = -1 };
	if (snprintf(of->temporary, sizeof of->temporary, "%s.XXXXXX", beside) >=
	    (int)sizeof of->temporary) {
		errno = ENAMETOOLONG;
		return fail_errno("output '%s'", beside);
	}
	if (create(of) < 0)
		return fail_errno("output '%s': cannot make a file in its folder", beside);
	return RC_OK;
}

enum rc outfile_commit(struct outfile *of)
{
	mode_t mask = umask(0);

	umask(mask);
	if (fchmod(of->fd, 0666 & ~mask) < 0 || rename(of->temporary, of->path) < 0)
		return fail_errno("output '%s'", of->path);
	for (int i = 0; i < OUTFILES_MAX; i++)
		if (opened[i] == of)
			opened[i] = NULL;
	if (close(of->fd) < 0) {
		of->fd = -1;
		return fail_errno("output '%s'", of->path);
	}
	of->fd = -1;
	return RC_OK;
}

void outfile_close(struct outfile *of)
{
	for (int i = 0; i < OUTFILES_MAX; i++)
		if (opened[i] == of) {
			unlink(of->temporary);
			opened[i] = NULL;
		}
	io_close(&of->fd);
}
