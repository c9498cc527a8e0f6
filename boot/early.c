#include "boot/early.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/log.h"

static enum rc mount_on(const char *type, const char *path, unsigned long flags)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return RC_IO;
	return mount(type, path, type, flags, NULL) == 0 ? RC_OK : RC_IO;
}

/* The app has the console too and may stop its output: our lines go by another
 * open file, which does not wait. 3 to 6 are for others (appliance/spawn.h). */
static enum rc own_log(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (fd >= 0)
		close(fd);
	if (high < 0)
		return RC_IO;
	log_to(high);
	return RC_OK;
}

/* Whether the kernel opened a console for us depends on what its built-in
 * ramdisk holds: begin with 0, 1 and 2 free in any case. */
enum rc early_console(void)
{
	enum rc rc = mount_on("devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC);

	if (rc != RC_OK)
		return rc;
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	if (open("/dev/null", O_RDWR) != 0)
		return RC_IO;
	if (open("/dev/console", O_WRONLY | O_NOCTTY) != 1 || dup(1) != 2)
		return RC_IO;
	return own_log();
}

enum rc early_mounts(void)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	enum rc rc = mount_on("proc", "/proc", flags);

	if (rc == RC_OK)
		rc = mount_on("sysfs", "/sys", flags);
	if (rc != RC_OK)
		log_line("mounts: cannot set up proc and sysfs: %m");
	return rc;
}
