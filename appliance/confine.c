#include "appliance/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "appliance/base/filter.h"
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

/* Keeps these capabilities for good, as user and group id unless that is 0. Until
 * it has no more than commands have, these may not trace it or open what it has
 * open; from then on it is not dumpable, for the same reason. */
static bool give_up(uid_t id, uint64_t keep)
{
	return bound_caps(keep) &&
	       (id == 0 || (setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0 &&
	                    setresuid(id, id, UID_SAVED) == 0)) &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && set_caps(keep) &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
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

bool confine_spare(bool spared)
{
	return io_put_file(AT_FDCWD, "/proc/self/oom_score_adj", spared ? "-900" : "0") == RC_OK;
}

enum rc confine_role(int root_fd, uid_t id)
{
	bool ok = confine_spare(true) && fchdir(root_fd) == 0 && chroot(".") == 0;

	io_close(&root_fd);
	return logged(ok && signal(SIGTERM, SIG_IGN) != SIG_ERR && give_up(id, 0));
}

enum rc confine_launch(void)
{
	/* Its services begin with no signal ignored (start.c), and are not spared: with
	 * SYS_RESOURCE that is the least they can have from then on. */
	return logged(confine_spare(true) && signal(SIGTERM, SIG_IGN) != SIG_ERR &&
	              setresuid(0, 0, UID_SAVED) == 0 &&
	              give_up(0, app_caps | CAP(SYS_ADMIN) | CAP(SYS_RESOURCE)));
}

enum rc confine_service(uint64_t keep)
{
	/* clone3(2) puts a child of root's into any cgroup that can be opened, however
	 * read-only it is mounted; without it libraries use clone(2). */
	return logged(bound_caps(app_caps & keep) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	              filter_refuse(SYS_clone3) == RC_OK);
}

enum rc confine_app(void)
{
	return logged(give_up(0, app_caps));
}
