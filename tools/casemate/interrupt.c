#include "tools/casemate/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
enum { CAUGHT = sizeof caught / sizeof caught[0] };

static struct sigaction before[CAUGHT];
static volatile sig_atomic_t cut_fd, came;

static void cut(int signal)
{
	int saved = errno;

	came = signal;
	shutdown(cut_fd, SHUT_RDWR);
	errno = saved;
}

void interrupt_start(int conn)
{
	struct sigaction a = { .sa_handler = cut, .sa_flags = (int)SA_RESETHAND };

	cut_fd = conn;
	for (size_t i = 0; i < CAUGHT; i++) {
		sigaction(caught[i], NULL, &before[i]);
		/* Who ignores it, as nohup does, goes on ignoring it. */
		if (before[i].sa_handler != SIG_IGN)
			sigaction(caught[i], &a, NULL);
	}
}

bool interrupt_came(void)
{
	return came != 0;
}

void interrupt_end(void)
{
	for (size_t i = 0; i < CAUGHT; i++)
		sigaction(caught[i], &before[i], NULL);
	if (came != 0)
		raise((int)came);
}
