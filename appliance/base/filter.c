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

enum rc filter_allow(const int *calls, size_t count)
{
	/* The same number is another call for another architecture; x32's
	 * numbers have a bit of their own and so are on no list. */
	struct sock_filter code[2 * FILTER_CALLS_MAX + 5] = {
		LOAD(arch),
		IF(OUR_ARCH, 1, 0),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
	};
	size_t at = 4;
	struct sock_fprog prog;

	if (count > FILTER_CALLS_MAX)
		return RC_LIMIT;
	for (size_t i = 0; i < count; i++) {
		code[at++] = (struct sock_filter)IF((uint32_t)calls[i], 0, 1);
		code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	}
	code[at++] = (struct sock_filter)ANSWER(SECCOMP_RET_KILL_PROCESS);
	prog = (struct sock_fprog){ (unsigned short)at, code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0 ? RC_OK : RC_IO;
}

enum rc filter_refuse(int call)
{
	struct sock_filter code[] = {
		LOAD(nr),
		IF((uint32_t)call, 0, 1),
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof code / sizeof code[0], code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0 ? RC_OK : RC_IO;
}
