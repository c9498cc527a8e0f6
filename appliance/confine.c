#include "appliance/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What root in the app's root can do. Not here, each for what it would open:
 * SYS_ADMIN (mounts over what PID 1 set up), SYS_CHROOT (a second root under
 * a program that trusts it), SYS_PTRACE (other processes' memory, PID 1's
 * descriptors), MKNOD and SYS_RAWIO (the security module's device, memory),
 * DAC_READ_SEARCH (files by handle, outside the root), NET_ADMIN and NET_RAW
 * (the measured egress policy), SYS_MODULE, SYS_BOOT, SYS_TIME, SYS_RESOURCE,
 * and the rest that programs do not need. */
static const uint64_t app_caps =
	CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | /* files of any user */
	CAP(SETUID) | CAP(SETGID) | /* programs that give up root, exec -u */
	CAP(SETPCAP) |              /* programs that drop capabilities */
	CAP(KILL) |                 /* a supervisor's signals, exec's */
	CAP(NET_BIND_SERVICE);      /* ports below 1024 */

enum rc confine_oom(int score)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof text, "%d", score);
	enum rc rc = fd < 0 ? RC_IO : io_write_full(fd, text, (size_t)n);

	io_close(&fd);
	return rc;
}

static enum rc bound_caps(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return errno == EINVAL ? RC_OK : RC_IO; /* past the kernel's last */
	}
	return RC_OK;
}

static enum rc set_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)keep, (uint32_t)keep, 0 },
		{ (uint32_t)(keep >> 32), (uint32_t)(keep >> 32), 0 },
	};

	return syscall(SYS_capset, &head, data) == 0 ? RC_OK : RC_IO;
}

static enum rc no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? RC_OK : RC_IO;
}

static enum rc become(uid_t id)
{
	if (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 ||
	    setresuid(id, id, UID_SAVED) != 0)
		return RC_IO;
	return RC_OK;
}

enum rc confine_init(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
	    setresuid(UID_INIT, UID_INIT, UID_SAVED) == 0 &&
	    syscall(SYS_capget, &head, data) == 0 &&
	    set_caps((uint64_t)data[1].permitted << 32 | data[0].permitted) == RC_OK)
		return RC_OK;
	log_line("cannot become another user than root: %m");
	return RC_IO;
}

enum rc confine_role(int root_fd, uid_t id)
{
	enum rc rc = RC_OK;

	if (fchdir(root_fd) != 0 || chroot(".") != 0 || signal(SIGTERM, SIG_IGN) == SIG_ERR)
		rc = RC_IO;
	io_close(&root_fd);
	if (rc == RC_OK)
		rc = bound_caps(0);
	if (rc == RC_OK)
		rc = become(id);
	if (rc == RC_OK)
		rc = set_caps(0);
	if (rc == RC_OK)
		rc = no_new_privs();
	if (rc == RC_OK && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		rc = RC_IO;
	if (rc != RC_OK)
		log_line("cannot give up rights: %m");
	return rc;
}

enum rc confine_app(void)
{
	/* First, and until the next execution: no command may trace a session,
	 * take its connection, or reach the console and this executable through
	 * it. */
	enum rc rc = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? RC_OK : RC_IO;

	if (rc == RC_OK)
		rc = bound_caps(app_caps);
	if (rc == RC_OK)
		rc = set_caps(app_caps);
	if (rc == RC_OK)
		rc = no_new_privs();
	if (rc != RC_OK)
		log_line("cannot give up rights: %m");
	return rc;
}
