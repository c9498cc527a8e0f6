#include "boot/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

/* An enclave has one; a few more are looked at, in case. */
enum { PTP_MAX = 8 };

/* The file's only line into out; empty when it cannot be read. */
static void read_word(const char *path, char *out, size_t max)
{
	size_t len;

	if (io_read_file(path, out, max - 1, &len) != RC_OK)
		len = 0;
	out[len] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int clock_find_ptp(const char *dir)
{
	char path[128], name[64];

	for (int n = 0; n < PTP_MAX; n++) {
		snprintf(path, sizeof path, "%s/ptp%d/clock_name", dir, n);
		read_word(path, name, sizeof name);
		if (strcmp(name, "KVM virtual PTP") == 0)
			return n;
	}
	return -1;
}

/* A clock id made from a descriptor, as clock_getres(2) has it. */
static clockid_t clock_of_fd(int fd)
{
	return (clockid_t)(~(unsigned)fd << 3 | 3);
}

static void say_time(const char *from, const struct timespec *t)
{
	struct tm tm;

	gmtime_r(&t->tv_sec, &tm);
	log_line("clock: %04d-%02d-%02dT%02d:%02d:%02dZ from %s", tm.tm_year + 1900, tm.tm_mon + 1,
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, from);
}

static enum rc set_from_ptp(int n)
{
	struct timespec t;
	char path[32];
	enum rc rc = RC_IO;
	int fd;

	snprintf(path, sizeof path, "/dev/ptp%d", n);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && clock_gettime(clock_of_fd(fd), &t) == 0 &&
	    clock_settime(CLOCK_REALTIME, &t) == 0)
		rc = RC_OK;
	if (rc != RC_OK)
		log_line("clock: %s: %m", path);
	else
		say_time("the hypervisor (KVM virtual PTP)", &t);
	io_close(&fd);
	return rc;
}

enum rc clock_step(void)
{
	static const char source[] =
		"/sys/devices/system/clocksource/clocksource0/current_clocksource";
	char name[48], from[96];
	struct timespec t;
	int n = clock_find_ptp("/sys/class/ptp");

	if (n >= 0)
		return set_from_ptp(n);
	read_word(source, name, sizeof name);
	snprintf(from, sizeof from, "the kernel (%s), no PTP device", name);
	clock_gettime(CLOCK_REALTIME, &t);
	say_time(from, &t);
	return RC_OK;
}
