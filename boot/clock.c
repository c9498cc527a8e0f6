#include "boot/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

/* A clock id made from a descriptor, as clock_getres(2) has it. */
static clockid_t clock_of_fd(int fd)
{
	return (clockid_t)(~(unsigned)fd << 3 | 3);
}

enum rc clock_read(const char *path, struct timespec *t)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum rc rc = RC_OK;

	if (fd < 0)
		return errno == ENOENT ? RC_ABSENT : RC_IO;
	if (clock_gettime(clock_of_fd(fd), t) != 0)
		rc = RC_IO;
	io_close(&fd);
	return rc;
}

enum rc clock_step(void)
{
	struct timespec t = { 0 };
	char text[32];
	enum rc rc = clock_read("/dev/ptp0", &t);
	bool ptp = rc != RC_ABSENT;

	if (!ptp)
		rc = clock_gettime(CLOCK_REALTIME, &t) == 0 ? RC_OK : RC_IO;
	else if (rc == RC_OK && clock_settime(CLOCK_REALTIME, &t) != 0)
		rc = RC_IO;
	if (rc != RC_OK) {
		log_line("clock: the hypervisor's (/dev/ptp0) does not work: %m");
		return rc;
	}
	(void)strftime(text, sizeof text, "%FT%TZ", gmtime(&t.tv_sec));
	log_line("clock: %s from the %s", text,
	         ptp ? "hypervisor (PTP)" : "kernel, there is no PTP device");
	return RC_OK;
}
