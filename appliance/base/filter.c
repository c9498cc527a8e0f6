#include "appliance/base/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#define LOAD(field)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define ANSWER(what)       BPF_STMT(BPF_RET | BPF_K, (what))

/* The kernel answers listed to these calls, others to all others. */
static enum rc install(const int *calls, size_t count, uint32_t listed, uint32_t others)
{
	/* The same number is another call for another architecture; x32's
	 * numbers have a bit of their own and so are on no list. */
	struct sock_filter code[FILTER_CALLS_MAX + 6] = {
		LOAD(arch),
		IF(OUR_ARCH, 1, 0),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
	};
	struct sock_fprog prog = { (unsigned short)(count + 6), code };

	if (count > FILTER_CALLS_MAX)
		return RC_LIMIT;
	for (size_t i = 0; i < count; i++)
		code[4 + i] = (struct sock_filter)IF((uint32_t)calls[i], (uint8_t)(count - i), 0);
	code[4 + count] = (struct sock_filter)ANSWER(others);
	code[5 + count] = (struct sock_filter)ANSWER(listed);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0 ? RC_OK : RC_IO;
}

enum rc filter_allow(const int *calls, size_t count)
{
	return install(calls, count, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
}

enum rc filter_refuse(int call)
{
	return install(&call, 1, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ALLOW);
}
