#include "boot/early.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/log.h"

enum rc early_mount(const char *source, const char *path, const char *type, unsigned long flags,
                    const char *options)
{
	struct stat st;

	if ((mkdir(path, 0755) == 0 ||
	     (errno == EEXIST && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))) &&
	    mount(source, path, type, flags, options) == 0)
		return RC_OK;
	log_line("cannot mount %s on %s: %m", type, path);
	return RC_IO;
}

/* Whether the kernel opened a console for us depends on what its built-in
 * ramdisk holds: begin with 0, 1 and 2 free in any case. */
enum rc early_console(void)
{
	enum rc rc = early_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL);

	if (rc != RC_OK)
		return rc;
	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	return open("/dev/null", O_RDWR) == 0 && open("/dev/console", O_WRONLY | O_NOCTTY) == 1 &&
	                       dup(1) == 2
	               ? RC_OK
	               : RC_IO;
}

enum rc early_mounts(void)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	enum rc rc = early_mount("proc", "/proc", "proc", flags, NULL);

	return rc == RC_OK ? early_mount("sysfs", "/sys", "sysfs", flags, NULL) : rc;
}
