#include "appliance/base/port.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

int port_listen(uint32_t port, int backlog)
{
	struct sockaddr_vm at = { .svm_family = AF_VSOCK,
		                  .svm_port = port,
		                  .svm_cid = VMADDR_CID_ANY };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, backlog) != 0))
		io_close(&fd);
	if (fd < 0)
		log_line("cannot listen on vsock port %u: %m", port);
	return fd;
}

int port_accept(int listener)
{
	struct sockaddr_vm peer = { 0 };
	socklen_t len = sizeof peer;
	int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && peer.svm_family == AF_VSOCK && peer.svm_cid == VMADDR_CID_LOCAL) {
		io_close(&fd);
		errno = ECONNABORTED;
	}
	return fd;
}
