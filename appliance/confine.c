#include "appliance/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
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

static bool bound_caps(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return errno == EINVAL; /* past the kernel's last */
	}
	return true;
}

static bool set_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)keep, (uint32_t)keep, 0 },
		{ (uint32_t)(keep >> 32), (uint32_t)(keep >> 32), 0 },
	};

	return syscall(SYS_capset, &head, data) == 0;
}

static bool become(uid_t id)
{
	return setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0 &&
	       setresuid(id, id, UID_SAVED) == 0;
}

static bool last_to_be_killed(void)
{
	static const char score[] = "-900";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && io_write_full(fd, score, sizeof score - 1) == RC_OK;

	io_close(&fd);
	return ok;
}

static enum rc logged(bool ok)
{
	if (!ok)
		log_line("cannot give up rights: %m");
	return ok ? RC_OK : RC_IO;
}

enum rc confine_init(void)
{
	/* The change of user leaves capabilities alone, this time. */
	return logged(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0 &&
	              setresuid(UID_INIT, UID_INIT, UID_SAVED) == 0 &&
	              prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0);
}

enum rc confine_role(int root_fd, uid_t id)
{
	bool ok = last_to_be_killed() && fchdir(root_fd) == 0 && chroot(".") == 0;

	io_close(&root_fd);
	return logged(ok && signal(SIGTERM, SIG_IGN) != SIG_ERR && bound_caps(0) && become(id) &&
	              set_caps(0) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	              prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

enum rc confine_launch(void)
{
	const uint64_t keep = app_caps | CAP(SYS_ADMIN);

	/* Its services begin with no signal ignored (start.c). */
	return logged(last_to_be_killed() && signal(SIGTERM, SIG_IGN) != SIG_ERR &&
	              bound_caps(keep) && set_caps(keep) &&
	              prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
}

enum rc confine_service(uint64_t keep)
{
	return logged(bound_caps(app_caps & keep) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

enum rc confine_app(void)
{
	/* First, and until the next execution: no command may trace a session,
	 * take its connection, or reach the console and this executable through
	 * it. */
	return logged(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && bound_caps(app_caps) &&
	              set_caps(app_caps) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}
