/* The driver of the security module: one request, one answer, both as bytes. */
#include <fcntl.h>
#include <linux/nsm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attest/nsm.h"

enum rc nsm_open(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? RC_IO : RC_OK;
}

enum rc nsm_exchange(int fd, struct slice request, struct wbuf *answer)
{
	struct nsm_raw raw = {
		.request = { (__u64)(uintptr_t)request.p, request.len },
		.response = { (__u64)(uintptr_t)answer->p, answer->max },
	};

	/* Not ioctl(): the libraries disagree on the type of its number. */
	if (syscall(SYS_ioctl, fd, NSM_IOCTL_RAW, &raw) != 0)
		return RC_IO;
	if (raw.response.len > answer->max)
		return RC_LIMIT;
	answer->len = (size_t)raw.response.len;
	return RC_OK;
}
